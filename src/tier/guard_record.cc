#include "tier/guard_record.h"

#include "base/codec.h"
#include "meta/keys.h"

namespace forebay::tier {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

std::string Encode(const DeleteGuard::Saved& saved) {
  Encoder out;
  out.U8(kVersion).Varint(saved.agreed).Varint(saved.in_window).Signed(saved.saved_at.ticks);
  out.U8(saved.paused ? 1 : 0);
  if (saved.paused) {
    out.Signed(saved.paused->since.ticks).String(saved.paused->reason);
    out.Varint(saved.paused->waiting);
  }
  return out.Take();
}

Result<DeleteGuard::Saved> DecodeGuard(std::string_view text) {
  Decoder in(text);
  if (const std::uint8_t version = in.U8(); in.ok() && version != kVersion) {
    return Fail(Code::kCorruption, "A guard of deletes of version " + std::to_string(version) +
                                       " was written by a newer Forebay; run that version.");
  }
  DeleteGuard::Saved saved;
  saved.agreed = in.Varint();
  saved.in_window = in.Varint();
  saved.saved_at.ticks = in.Signed();
  if (in.U8() != 0) {
    saved.paused.emplace();
    saved.paused->since.ticks = in.Signed();
    saved.paused->reason = in.String();
    saved.paused->waiting = in.Varint();
  }
  FB_RETURN_IF_ERROR(in.Finish("a guard of deletes"));
  return saved;
}

Result<std::optional<DeleteGuard::Saved>> LoadGuard(const kv::Reader& reader,
                                                    meta::ContainerId container) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(meta::keys::DeleteGuard(container)));
  if (!stored) return std::nullopt;
  FB_ASSIGN_OR_RETURN(DeleteGuard::Saved saved, DecodeGuard(*stored));
  return saved;
}

}  // namespace forebay::tier
