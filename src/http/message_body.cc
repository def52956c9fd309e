#include "http/message_body.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace forebay::http {
namespace {

constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

void MessageBody::Begin(BodyFraming framing, std::uint64_t length, bool owes_continue) {
  mode_ = framing == BodyFraming::kChunked ? Mode::kChunked : Mode::kLength;
  length_ = left_ = framing == BodyFraming::kLength ? length : 0;
  chunks_ = ChunkDecoder();
  done_ = framing == BodyFraming::kNone || (framing == BodyFraming::kLength && length == 0);
  failed_ = false;
  owes_continue_ = owes_continue && !done_;
  may_continue_ = true;
}

void MessageBody::BeginUntilClose() {
  Begin(BodyFraming::kNone, 0, false);
  mode_ = Mode::kUntilClose;
  done_ = false;
}

std::optional<std::uint64_t> MessageBody::content_length() const {
  if (mode_ == Mode::kLength) return length_;
  return std::nullopt;
}

bool MessageBody::LeftMoreThan(std::uint64_t limit) const {
  return !done_ && mode_ == Mode::kLength && left_ > limit;
}

std::unexpected<Error> MessageBody::Broken(Code code, const char* message) {
  failed_ = true;
  return Fail(code, message);
}

Task<std::size_t> MessageBody::Read(MutableByteView data) {
  if (failed_) co_return Fail(Code::kConnectionClosed, "The body was broken off before.");
  if (done_) co_return std::size_t{0};
  if (data.empty()) co_return Fail(Code::kInternal, "A body must be read into a non-empty buffer.");
  if (owes_continue_) {
    if (!may_continue_) co_return Broken(Code::kConnectionClosed, "The answer has begun already.");
    owes_continue_ = false;
    // A client that sends its body unasked does not wait for permission any more.
    if (input_.empty()) {
      auto written = co_await transport_.Write(AsBytes(kContinue));
      if (!written) {
        failed_ = true;
        co_return Fail(std::move(written.error()));
      }
    }
  }
  auto got = mode_ == Mode::kChunked ? co_await ReadChunked(data) : co_await ReadUnframed(data);
  if (!got) failed_ = true;
  co_return got;
}

Task<std::size_t> MessageBody::ReadUnframed(MutableByteView data) {
  const bool counted = mode_ != Mode::kUntilClose;
  if (counted) data = data.first(std::min<std::uint64_t>(data.size(), left_));
  std::size_t got = 0;
  if (!input_.empty()) {
    got = std::min(data.size(), input_.data().size());
    std::memcpy(data.data(), input_.data().data(), got);
    input_.Consume(got);
  } else {
    FB_CO_ASSIGN_OR_RETURN(got, co_await transport_.ReadSome(data));
  }
  if (got == 0) {
    if (counted) co_return Fail(Code::kConnectionClosed, "The body ended before its length.");
    done_ = true;
  }
  if (counted) {
    left_ -= got;
    done_ = left_ == 0;
  }
  co_return got;
}

Task<> MessageBody::Fill() {
  const MutableByteView space = input_.Space();
  FB_CO_ASSIGN_OR_RETURN(const std::size_t got, co_await transport_.ReadSome(space));
  if (got == 0) co_return Fail(Code::kConnectionClosed, "The body ended in the middle.");
  input_.Commit(got);
  co_return Result<>();
}

Task<std::size_t> MessageBody::ReadChunked(MutableByteView data) {
  for (;;) {
    if (!input_.empty()) input_.Consume(chunks_.Feed(input_.data()));
    switch (chunks_.state()) {
      case ChunkDecoder::State::kBad:
        co_return Fail(Code::kBadHttp, "The body is not well-formed chunked coding.");
      case ChunkDecoder::State::kEnd:
        done_ = true;
        co_return std::size_t{0};
      case ChunkDecoder::State::kFraming:
        FB_CO_RETURN_IF_ERROR(co_await Fill());
        continue;
      case ChunkDecoder::State::kData:
        break;
    }
    // Small chunks go through the buffer, so that a chunk does not cost two system calls.
    if (input_.empty() && chunks_.available() < InputBuffer::kSmall) {
      FB_CO_RETURN_IF_ERROR(co_await Fill());
    }
    const auto room = data.first(std::min<std::uint64_t>(data.size(), chunks_.available()));
    std::size_t got = 0;
    if (!input_.empty()) {
      got = std::min(room.size(), input_.data().size());
      std::memcpy(room.data(), input_.data().data(), got);
      input_.Consume(got);
    } else {
      FB_CO_ASSIGN_OR_RETURN(got, co_await transport_.ReadSome(room));
      if (got == 0) co_return Fail(Code::kConnectionClosed, "The body ended in the middle.");
    }
    chunks_.Consumed(got);
    co_return got;
  }
}

Task<bool> MessageBody::Discard(std::uint64_t limit) {
  std::array<std::byte, 2048> scrap;
  std::uint64_t dropped = 0;
  while (!done_) {
    FB_CO_ASSIGN_OR_RETURN(const std::size_t got, co_await Read(scrap));
    dropped += got;
    if (dropped > limit) co_return false;
  }
  co_return true;
}

}  // namespace forebay::http
