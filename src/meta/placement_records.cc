#include "meta/placement_records.h"

#include "base/codec.h"

namespace forebay::meta {
namespace {

constexpr std::uint8_t kVersion = 1;

Result<> CheckVersion(Decoder& in, std::string_view what) {
  if (const std::uint8_t version = in.U8(); in.ok() && version != kVersion) {
    return Fail(Code::kCorruption, std::string(what) + " of version " + std::to_string(version) +
                                       " was written by a newer Forebay; run that version.");
  }
  return {};
}

}  // namespace

std::string Encode(const BodyHomeRecord& r) {
  return Encoder().U8(kVersion).Varint(r.container.value()).String(r.name).Take();
}

Result<BodyHomeRecord> DecodeBodyHome(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "The home of a body"));
  BodyHomeRecord r;
  r.container = ContainerId(in.Varint());
  r.name = in.String();
  FB_RETURN_IF_ERROR(in.Finish("the home of a body"));
  return r;
}

std::string Encode(const LakeObjectRecord& r) {
  return Encoder()
      .U8(kVersion)
      .Varint(r.container.value())
      .Varint(r.length)
      .U8(r.lost ? 1 : 0)
      .Take();
}

Result<LakeObjectRecord> DecodeLakeObject(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "An object of a lake"));
  LakeObjectRecord r;
  r.container = ContainerId(in.Varint());
  r.length = in.Varint();
  r.lost = in.U8() != 0;
  FB_RETURN_IF_ERROR(in.Finish("an object of a lake"));
  return r;
}

std::string Encode(const EvictionHintsRecord& r) {
  std::string_view hints = r.hints;
  while (!hints.empty() && hints.back() == '\0') hints.remove_suffix(1);
  return Encoder().U8(kVersion).String(hints).Take();
}

Result<EvictionHintsRecord> DecodeEvictionHints(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A page of eviction hints"));
  EvictionHintsRecord r;
  r.hints = in.String();
  FB_RETURN_IF_ERROR(in.Finish("a page of eviction hints"));
  if (r.hints.size() > kEvictionHintsPerPage) {
    return Fail(Code::kCorruption, "A page of eviction hints is too long.");
  }
  return r;
}

std::string Encode(const PinsRecord& r) {
  Encoder out;
  out.U8(kVersion).Varint(r.pins.size());
  for (const PinEntry& pin : r.pins) {
    out.String(pin.pattern).Signed(pin.since.ticks).U8(pin.hydrate ? 1 : 0);
  }
  return out.Take();
}

Result<PinsRecord> DecodePins(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A list of pins"));
  PinsRecord r;
  const std::uint64_t count = in.Varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    PinEntry& pin = r.pins.emplace_back();
    pin.pattern = in.String();
    pin.since.ticks = in.Signed();
    pin.hydrate = in.U8() != 0;
  }
  FB_RETURN_IF_ERROR(in.Finish("a list of pins"));
  return r;
}

std::string Encode(const PrefetchRecord& r) {
  Encoder out;
  out.U8(kVersion).Varint(r.id).String(r.pattern).U8(static_cast<std::uint8_t>(r.state));
  out.String(r.position).Signed(r.created.ticks).Signed(r.finished.ticks);
  out.Varint(r.matched).Varint(r.done).Varint(r.failed).Varint(r.bytes).Varint(r.fetched);
  out.String(r.last_error);
  return out.Take();
}

Result<PrefetchRecord> DecodePrefetch(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A prefetch job"));
  PrefetchRecord r;
  r.id = in.Varint();
  r.pattern = in.String();
  r.state = static_cast<PrefetchState>(in.U8());
  r.position = in.String();
  r.created.ticks = in.Signed();
  r.finished.ticks = in.Signed();
  r.matched = in.Varint();
  r.done = in.Varint();
  r.failed = in.Varint();
  r.bytes = in.Varint();
  r.fetched = in.Varint();
  r.last_error = in.String();
  FB_RETURN_IF_ERROR(in.Finish("a prefetch job"));
  if (r.state < PrefetchState::kRunning || r.state > PrefetchState::kFailed) {
    return Fail(Code::kCorruption, "A prefetch job in a state that nobody knows.");
  }
  return r;
}

}  // namespace forebay::meta
