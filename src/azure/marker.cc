#include "azure/marker.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/checksum.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

// '1', CRC-32C of scope, NUL and position, then the position.
constexpr char kMarkerVersion = '1';
constexpr std::size_t kHeaderBytes = 5;
constexpr std::size_t kMaxMarkerBytes = 16 * 1024;

std::uint32_t Check(std::string_view scope, std::string_view position) {
  std::uint32_t crc = Crc32c(AsBytes(scope));
  crc = Crc32c(AsBytes(std::string_view("\0", 1)), crc);
  return Crc32c(AsBytes(position), crc);
}

}  // namespace

std::string EncodeMarker(std::string_view scope, std::string_view position) {
  std::string raw(1, kMarkerVersion);
  std::uint32_t crc = Check(scope, position);
  for (int shift = 0; shift < 32; shift += 8) raw.push_back(static_cast<char>(crc >> shift & 0xFF));
  raw += position;
  std::string out = Base64Encode(AsBytes(raw));
  while (out.ends_with('=')) out.pop_back();
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  return out;
}

Result<std::string> DecodeMarker(std::string_view scope, std::string_view marker) {
  auto bad = [] {
    return Fail(Code::kOutOfRangeInput, "The marker is not one of this listing's.");
  };
  if (marker.empty() || marker.size() > kMaxMarkerBytes) return bad();
  std::string text(marker);
  if (text.find_first_of("+/=") != std::string::npos) return bad();
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  auto raw = Base64Decode(text);
  if (!raw || raw->size() < kHeaderBytes || raw->front() != kMarkerVersion) return bad();
  std::uint32_t crc = 0;
  for (std::size_t i = 4; i > 0; --i) crc = crc << 8 | static_cast<unsigned char>((*raw)[i]);
  std::string position = raw->substr(kHeaderBytes);
  if (crc != Check(scope, position)) return bad();
  return position;
}

}  // namespace forebay::azure
