#include "engine/lake_objects.h"

#include <algorithm>
#include <charconv>

#include "base/codec.h"
#include "meta/keys.h"
#include "meta/placement_records.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

constexpr std::size_t kNameDigits = 16;
constexpr std::string_view kDigits = "0123456789abcdef";

Result<std::optional<meta::LakeObjectRecord>> Find(const kv::Reader& reader, meta::BodyId body) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::LakeObject(body)));
  if (!stored) return std::nullopt;
  FB_ASSIGN_OR_RETURN(meta::LakeObjectRecord record, meta::DecodeLakeObject(*stored));
  return record;
}

std::uint64_t NotNegative(std::int64_t count) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

}  // namespace

std::string LakeObjectName(meta::BodyId body) {
  std::string name(kNameDigits, '0');
  std::uint64_t rest = body.value();
  for (std::size_t i = kNameDigits; i > 0; rest /= 16) name[--i] = kDigits[rest % 16];
  return name;
}

std::optional<meta::BodyId> BodyOfLakeObject(std::string_view name) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), value, 16);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  const meta::BodyId body(value);
  if (value == 0 || LakeObjectName(body) != name) return std::nullopt;
  return body;
}

void OwnLakeObject(kv::Transaction& txn, meta::ContainerId container, meta::BodyId body,
                   std::uint64_t length) {
  txn.Put(keys::LakeObject(body),
          meta::Encode(meta::LakeObjectRecord{.container = container, .length = length}));
  txn.Add(keys::LakeObjects(container), 1);
  txn.Add(keys::LakeObjectBytes(container), static_cast<std::int64_t>(length));
}

Result<bool> IsLakeObjectOwned(const kv::Reader& reader, meta::BodyId body) {
  FB_ASSIGN_OR_RETURN(const auto record, Find(reader, body));
  return record.has_value();
}

Result<> ReleaseLakeObject(kv::Transaction& txn, meta::BodyId body) {
  FB_ASSIGN_OR_RETURN(const auto record, Find(txn, body));
  if (!record) return {};
  txn.Erase(keys::LakeObject(body));
  txn.Add(keys::LakeObjects(record->container), -1);
  txn.Add(keys::LakeObjectBytes(record->container), -static_cast<std::int64_t>(record->length));
  txn.Put(keys::DoomedObject(record->container, body), "");
  return {};
}

Result<> DoomLakeObject(kv::Transaction& txn, meta::ContainerId container, meta::BodyId body) {
  FB_ASSIGN_OR_RETURN(const bool owned, IsLakeObjectOwned(txn, body));
  if (!owned) txn.Put(keys::DoomedObject(container, body), "");
  return {};
}

Result<bool> IsLakeObjectLost(const kv::Reader& reader, meta::BodyId body) {
  FB_ASSIGN_OR_RETURN(const auto record, Find(reader, body));
  return record && record->lost;
}

Result<bool> MarkLakeObjectLost(kv::Transaction& txn, meta::BodyId body) {
  FB_ASSIGN_OR_RETURN(auto record, Find(txn, body));
  if (!record || record->lost) return false;
  record->lost = true;
  txn.Put(keys::LakeObject(body), meta::Encode(*record));
  return true;
}

Result<std::vector<meta::BodyId>> DoomedLakeObjects(const kv::Reader& reader,
                                                    meta::ContainerId container, std::size_t max,
                                                    meta::BodyId after) {
  std::vector<meta::BodyId> bodies;
  const std::string prefix = keys::DoomedObjects(container);
  auto it = reader.Scan(keys::DoomedObject(container, meta::BodyId(after.value() + 1)),
                        PrefixEnd(prefix));
  for (; it->Valid() && bodies.size() < max; it->Next()) {
    bodies.push_back(keys::BodyOfDoomedKey(it->key()));
  }
  FB_RETURN_IF_ERROR(it->status());
  return bodies;
}

Result<bool> IsLakeObjectDoomed(const kv::Reader& reader, meta::ContainerId container,
                                meta::BodyId body) {
  FB_ASSIGN_OR_RETURN(const auto stored, reader.Get(keys::DoomedObject(container, body)));
  return stored.has_value();
}

Result<LakeObjectCounts> CountLakeObjects(const kv::Reader& reader, meta::ContainerId container) {
  FB_ASSIGN_OR_RETURN(auto objects, reader.Get(keys::LakeObjects(container)));
  FB_ASSIGN_OR_RETURN(auto bytes, reader.Get(keys::LakeObjectBytes(container)));
  return LakeObjectCounts{.objects = NotNegative(kv::CounterValue(objects)),
                          .bytes = NotNegative(kv::CounterValue(bytes))};
}

}  // namespace forebay::engine
