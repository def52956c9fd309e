#include "lake/upload.h"

#include <algorithm>

#include "base/checksum.h"

namespace forebay::lake {

namespace {
// So that a limited link is used evenly.
constexpr std::size_t kSlice = 128_KiB;
}  // namespace

Task<std::optional<BodyPiece>> UploadSource::Next(bool) {
  if (rest_.memory.empty()) {
    FB_CO_ASSIGN_OR_RETURN(auto piece, co_await inside_->Next(false));
    if (!piece) co_return std::nullopt;
    if (piece->file) co_return Fail(Code::kInternal, "An upload gave a file instead of memory.");
    rest_ = std::move(*piece);
  }
  BodyPiece out = rest_;
  if (bucket_.limited()) out.memory = out.memory.first(std::min(kSlice, out.memory.size()));
  rest_.memory = rest_.memory.subspan(out.memory.size());
  if (rest_.memory.empty()) rest_.keep_alive.reset();
  FB_CO_RETURN_IF_ERROR(co_await bucket_.Take(out.memory.size(), call_.context));
  crc64_ = Crc64(out.memory, crc64_);
  accounting_.CountUp(call_.cause, out.memory.size());
  co_return out;
}

}  // namespace forebay::lake
