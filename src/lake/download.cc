#include "lake/download.h"

#include <algorithm>

#include "azure/ranges.h"
#include "base/checksum.h"
#include "base/encoding.h"

namespace forebay::lake {

DownloadBody::DownloadBody(AzureSender& sender, LinkShare& link, Accounting& accounting,
                           Start start)
    : sender_(sender),
      link_(link),
      accounting_(accounting),
      start_(std::move(start)),
      length_(start_.length) {}

Task<std::size_t> DownloadBody::ReadOnce(MutableByteView data) {
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), length_ - done_));
  FB_CO_ASSIGN_OR_RETURN(const std::size_t got, co_await start_.body->Read(data.first(most)));
  if (got == 0) co_return Fail(Code::kConnectionClosed, "The lake's answer ended early.");
  accounting_.CountDown(start_.call.cause, got);
  if (start_.crc64) crc64_ = Crc64(data.first(got), crc64_);
  done_ += got;
  FB_CO_RETURN_IF_ERROR(co_await link_.down.Take(got, start_.call.context));
  co_return got;
}

// After the last byte: nothing may follow, and the checksum must fit.
Task<> DownloadBody::Finish() {
  finished_ = true;
  std::byte extra;
  const auto more = co_await start_.body->Read(MutableByteView(&extra, 1));
  start_.body.reset();
  start_.slot.Release();
  if (more && *more > 0) {
    co_return Fail(Code::kCorruption, "The lake's answer is longer than it should be.");
  }
  if (start_.crc64 && *start_.crc64 != crc64_) {
    co_return Fail(Code::kCorruption, "The lake's answer does not match its checksum.");
  }
  co_return Result<>();
}

Task<> DownloadBody::Resume(Error broke) {
  start_.body.reset();
  FB_CO_RETURN_IF_ERROR(start_.call.context.Check());
  const Failure failure = Classify(broke);
  const bool cut = failure == Failure::kUnreachable || failure == Failure::kStopped;
  if (!cut || start_.resumes == 0) {
    // The connection's watch says "deadline" for a peer that stands still; ours has not come.
    if (failure == Failure::kStopped) {
      co_return Fail(Code::kNetwork, "The lake's answer does not go on.");
    }
    co_return Fail(std::move(broke));
  }
  --start_.resumes;
  accounting_.CountFailure(Failure::kUnreachable);
  accounting_.CountRetry();
  LakeSpec spec = start_.spec;
  std::erase_if(spec.headers, [](const auto& header) {
    return EqualsIgnoreCase(header.first, "If-Match") ||
           EqualsIgnoreCase(header.first, "If-None-Match") ||
           EqualsIgnoreCase(header.first, "x-ms-range") ||
           EqualsIgnoreCase(header.first, "x-ms-range-get-content-crc64");
  });
  spec.headers.emplace_back("If-Match", azure::QuoteETag(start_.etag));
  const std::uint64_t offset = start_.offset + done_;
  const std::uint64_t length = length_ - done_;
  AskForRange(spec, offset, length);
  FB_CO_ASSIGN_OR_RETURN(LakeAnswer answer, co_await sender_.Run(start_.call, std::move(spec)));
  if (azure::UnquoteETag(answer.Get("ETag")) != start_.etag) {
    co_return Fail(Code::kConditionNotMet, "The blob changed while it was read.");
  }
  FB_CO_RETURN_IF_ERROR(CheckRange(answer, offset, length, offset + length));
  start_.body = std::move(answer.body);
  co_return Result<>();
}

Task<std::size_t> DownloadBody::Read(MutableByteView data) {
  if (finished_ || data.empty()) co_return std::size_t{0};
  if (done_ == length_) {
    FB_CO_RETURN_IF_ERROR(co_await Finish());
    co_return std::size_t{0};
  }
  for (;;) {
    auto got = co_await ReadOnce(data);
    if (got) {
      // Whoever counts bytes may never ask for the end: a bad checksum must not wait for that.
      if (done_ == length_) FB_CO_RETURN_IF_ERROR(co_await Finish());
      co_return got;
    }
    FB_CO_RETURN_IF_ERROR(co_await Resume(std::move(got.error())));
  }
}

void AskForRange(LakeSpec& spec, std::uint64_t offset, std::optional<std::uint64_t> length) {
  std::string text = "bytes=" + std::to_string(offset) + "-";
  if (length) text += std::to_string(offset + *length - 1);
  spec.headers.emplace_back("x-ms-range", std::move(text));
}

Result<AnsweredRange> CheckRange(const LakeAnswer& answer, std::uint64_t offset,
                                 std::optional<std::uint64_t> length, std::uint64_t size) {
  const auto body = azure::ParseUint(answer.Get("Content-Length"));
  const auto range = azure::ParseContentRange(answer.Get("Content-Range"));
  AnsweredRange out{.offset = 0, .length = size};
  if (range) out = {.offset = range->range.offset, .length = range->range.length};
  const std::uint64_t left = size - std::min(offset, size);
  const AnsweredRange wanted{.offset = offset, .length = std::min(length.value_or(left), left)};
  // Azurite answers bytes from behind the end with a range of its own making.
  if (offset > 0 && left == 0) {
    return Fail(Code::kInvalidRange, "The range begins behind the end of the blob.");
  }
  const bool fits = out.offset == wanted.offset && out.length == wanted.length;
  if (!fits || (body && *body != out.length)) {
    return Fail(Code::kCorruption, "The lake answered another range than was asked for.");
  }
  return out;
}

}  // namespace forebay::lake
