#include "rest/blob/sas_cache.h"

#include <algorithm>
#include <cstring>
#include <functional>

#include "base/encoding.h"

namespace forebay::rest {
namespace {

// Parameters of operations, which no token has and no signature covers, and which differ from one
// request to the next. What decides which operation it is (comp, restype) stays: a listing's prefix
// is what a directory's token is held against.
constexpr auto kNotOfTokens = std::to_array<std::string_view>(
    {"blockid", "timeout", "marker", "maxresults", "delimiter", "include"});

// What the token says it is for, as far as that decides how much of the target is signed.
struct Shape {
  bool has_signature = false;
  bool account = false;        // ss or srt: an account SAS, whatever it is used on
  bool container_only = true;  // sr=c, once
  unsigned resources = 0;
};

void Note(std::string_view name, std::string_view value, Shape& shape) {
  if (EqualsIgnoreCase(name, "sig")) shape.has_signature = true;
  if (EqualsIgnoreCase(name, "ss") || EqualsIgnoreCase(name, "srt")) shape.account = true;
  if (EqualsIgnoreCase(name, "sr")) {
    ++shape.resources;
    shape.container_only &= value == "c";
  }
}

// Takes as long for any texts of the same length.
bool SameInConstantTime(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  std::uint64_t differs = 0;
  std::size_t at = 0;
  for (; a.size() - at >= sizeof differs; at += sizeof differs) {
    std::uint64_t x = 0;
    std::uint64_t y = 0;
    std::memcpy(&x, a.data() + at, sizeof x);
    std::memcpy(&y, b.data() + at, sizeof y);
    differs |= x ^ y;
  }
  for (; at < a.size(); ++at) differs |= static_cast<unsigned char>(a[at] ^ b[at]);
  return differs == 0;
}

}  // namespace

std::optional<std::string> SasCache::KeyOf(const AccountEntry& account,
                                           const azure::RequestTarget& target) {
  std::string_view query = target.raw_query;
  if (query.size() > kMaxTextBytes) return std::nullopt;
  std::string key;
  key.reserve(query.size() + 128);
  key.append(reinterpret_cast<const char*>(&account.generation), sizeof account.generation);
  Shape shape;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(part.find('='), part.size());
    const std::string_view name = part.substr(0, equals);
    // An encoded name could be any parameter: left to the real parser.
    if (name.find_first_of("%+") != std::string_view::npos) return std::nullopt;
    if (name.size() > 3 && std::ranges::find(kNotOfTokens, name) != kNotOfTokens.end()) {
      continue;
    }
    if (name.size() <= 3) Note(name, part.substr(std::min(equals + 1, part.size())), shape);
    key.append(part).push_back('&');
  }
  if (!shape.has_signature) return std::nullopt;
  if (shape.account) return key;
  // A line feed is in no query and in no container's name.
  if (target.container) key.append("\n").append(target.container->view());
  if (shape.resources == 1 && shape.container_only) return key;
  if (target.blob) key.append("\n").append(target.blob->view());
  return key;
}

VerifiedSasPtr SasCache::Find(const std::string& key) const {
  const std::size_t hash = std::hash<std::string>{}(key);
  const std::lock_guard lock(LockOf(hash));
  const Slot& slot = slots_[hash % kSlots];
  if (slot.hash != hash || !SameInConstantTime(slot.key, key)) return nullptr;
  return slot.sas;
}

void SasCache::Keep(std::string key, VerifiedSasPtr sas) {
  if (key.size() > kMaxTextBytes) return;
  const std::size_t hash = std::hash<std::string>{}(key);
  const std::lock_guard lock(LockOf(hash));
  slots_[hash % kSlots] = {hash, std::move(key), std::move(sas)};
}

}  // namespace forebay::rest
