#include "azure/properties.h"

#include <algorithm>

#include "azure/error_table.h"
#include "base/bytes.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

template <std::size_t N, class E>
std::optional<E> FindName(const std::array<std::string_view, N>& names, std::string_view text, E) {
  for (std::size_t i = 0; i < N; ++i) {
    if (EqualsIgnoreCase(names[i], text)) return static_cast<E>(i);
  }
  return std::nullopt;
}

constexpr std::array<std::string_view, 3> kBlobTypes = {"BlockBlob", "PageBlob", "AppendBlob"};
constexpr std::array<std::string_view, 5> kTiers = {"Hot", "Cool", "Cold", "Archive", "Smart"};
constexpr std::array<std::string_view, 2> kPriorities = {"Standard", "High"};
constexpr std::array<std::string_view, 5> kLeaseStates = {"available", "leased", "expired",
                                                          "breaking", "broken"};
constexpr std::array<std::string_view, 5> kCopyStatuses = {"", "pending", "success", "aborted",
                                                           "failed"};

template <std::size_t N, class E>
std::string_view NameOf(const std::array<std::string_view, N>& names, E value) {
  return names[static_cast<std::size_t>(value)];
}

}  // namespace

std::string_view BlobTypeName(BlobType type) { return NameOf(kBlobTypes, type); }
std::optional<BlobType> ParseBlobType(std::string_view text) {
  return FindName(kBlobTypes, text, BlobType());
}

std::string_view AccessTierName(AccessTier tier) { return NameOf(kTiers, tier); }
std::optional<AccessTier> ParseAccessTier(std::string_view text) {
  return FindName(kTiers, text, AccessTier());
}

Result<std::optional<AccessTier>> TierFromHeaders(HeaderSpan headers) {
  auto text = FindHeader(headers, "x-ms-access-tier");
  if (!text) return std::optional<AccessTier>();
  auto tier = ParseAccessTier(*text);
  if (!tier) return Fail(InvalidHeaderError("x-ms-access-tier", *text));
  return tier;
}

std::string_view RehydratePriorityName(RehydratePriority priority) {
  return NameOf(kPriorities, priority);
}

Result<RehydratePriority> RehydratePriorityFromHeaders(HeaderSpan headers) {
  auto text = FindHeader(headers, "x-ms-rehydrate-priority");
  if (!text) return RehydratePriority::kStandard;
  auto priority = FindName(kPriorities, *text, RehydratePriority());
  if (!priority) return Fail(InvalidHeaderError("x-ms-rehydrate-priority", *text));
  return *priority;
}

std::string_view LeaseStateName(LeaseState state) { return NameOf(kLeaseStates, state); }
std::string_view LeaseStatusName(LeaseState state) {
  return state == LeaseState::kLeased || state == LeaseState::kBreaking ? "locked" : "unlocked";
}

std::string_view CopyStatusName(CopyStatus status) { return NameOf(kCopyStatuses, status); }

Result<DeleteSnapshots> DeleteSnapshotsFromHeaders(HeaderSpan headers) {
  auto text = FindHeader(headers, "x-ms-delete-snapshots");
  if (!text) return DeleteSnapshots::kUnspecified;
  if (EqualsIgnoreCase(*text, "include")) return DeleteSnapshots::kInclude;
  if (EqualsIgnoreCase(*text, "only")) return DeleteSnapshots::kOnly;
  return Fail(InvalidHeaderError("x-ms-delete-snapshots", *text));
}

Result<BlobHttpHeaders> HttpHeadersFrom(HeaderSpan headers, bool standard_too) {
  auto pick = [&](std::string_view own, std::string_view standard) {
    auto value = FindHeader(headers, own);
    if (!value && standard_too) value = FindHeader(headers, standard);
    return std::string(value.value_or(std::string_view()));
  };
  BlobHttpHeaders out;
  out.content_type = pick("x-ms-blob-content-type", "Content-Type");
  out.content_encoding = pick("x-ms-blob-content-encoding", "Content-Encoding");
  out.content_language = pick("x-ms-blob-content-language", "Content-Language");
  out.cache_control = pick("x-ms-blob-cache-control", "Cache-Control");
  out.content_disposition = std::string(HeaderOr(headers, "x-ms-blob-content-disposition"));
  if (out.content_type.empty() && standard_too) out.content_type = "application/octet-stream";
  // Content-MD5 of the request is no stand-in here: it is verified against the body by whoever
  // reads it.
  auto md5 = FindHeader(headers, "x-ms-blob-content-md5");
  if (md5 && !md5->empty()) {
    FB_ASSIGN_OR_RETURN(out.content_md5, ParseMd5(*md5));
  }
  return out;
}

Result<std::string> ParseMd5(std::string_view base64) {
  auto bytes = Base64Decode(base64);
  if (!bytes || bytes->size() != 16) {
    return Fail(Code::kInvalidMd5, std::string(WireErrorOf(Code::kInvalidMd5).message));
  }
  return std::move(*bytes);
}

Result<std::uint64_t> ParseCrc64(std::string_view base64) {
  auto bytes = Base64Decode(base64);
  if (!bytes || bytes->size() != 8) {
    return Fail(Code::kInvalidCrc64, std::string(WireErrorOf(Code::kInvalidCrc64).message));
  }
  std::uint64_t crc = 0;
  for (std::size_t i = 8; i-- > 0;) crc = crc << 8 | static_cast<unsigned char>((*bytes)[i]);
  return crc;
}

std::string FormatCrc64(std::uint64_t crc) {
  std::array<std::byte, 8> bytes;
  for (std::byte& b : bytes) {
    b = static_cast<std::byte>(crc & 0xFF);
    crc >>= 8;
  }
  return Base64Encode(bytes);
}

}  // namespace forebay::azure
