#include "meta/garbage.h"

#include "base/codec.h"

namespace forebay::meta {
namespace {

constexpr std::uint8_t kVersion = 1;

Result<> CheckVersion(Decoder& in) {
  if (const std::uint8_t version = in.U8(); in.ok() && version != kVersion) {
    return Fail(Code::kCorruption, "A garbage record of version " + std::to_string(version) +
                                       " was written by a newer Forebay; run that version.");
  }
  return {};
}

}  // namespace

bool IsPreparing(GarbageKind kind) { return AbandonedKind(kind) != kind; }

GarbageKind AbandonedKind(GarbageKind kind) {
  switch (kind) {
    case GarbageKind::kPreparing:
      return GarbageKind::kBody;
    case GarbageKind::kPreparingList:
      return GarbageKind::kForgetList;
    case GarbageKind::kPreparingShared:
      return GarbageKind::kForgetShared;
    default:
      return kind;
  }
}

std::string Encode(const GarbageRecord& record) {
  Encoder out;
  out.U8(kVersion).U8(static_cast<std::uint8_t>(record.kind)).Signed(record.since.ticks);
  out.Raw(EncodeExtents(record.direct));
  return out.Take();
}

Result<GarbageRecord> DecodeGarbage(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in));
  GarbageRecord record;
  record.kind = static_cast<GarbageKind>(in.U8());
  record.since.ticks = in.Signed();
  FB_RETURN_IF_ERROR(in.Finish("a garbage record"));
  FB_ASSIGN_OR_RETURN(record.direct, DecodeExtents(in.Rest()));
  return record;
}

std::string EncodeReleasePage(const std::vector<ReleaseEntry>& entries) {
  Encoder out;
  out.U8(kVersion).Varint(entries.size());
  for (const ReleaseEntry& entry : entries) {
    out.Varint(entry.holder.value()).String(EncodeExtents(entry.extents));
  }
  return out.Take();
}

Result<std::vector<ReleaseEntry>> DecodeReleasePage(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in));
  std::vector<ReleaseEntry> entries;
  const std::uint64_t count = in.Varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    ReleaseEntry entry;
    entry.holder = BodyId(in.Varint());
    FB_ASSIGN_OR_RETURN(entry.extents, DecodeExtents(in.StringView()));
    entries.push_back(std::move(entry));
  }
  FB_RETURN_IF_ERROR(in.Finish("a release page"));
  return entries;
}

}  // namespace forebay::meta
