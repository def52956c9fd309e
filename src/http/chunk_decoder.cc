#include "http/chunk_decoder.h"

namespace forebay::http {
namespace {

constexpr std::uint32_t kMaxDigits = 16;
constexpr std::uint32_t kMaxOverhead = 16 << 10;

int HexValue(unsigned char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Bytes that may stand in an extension or a trailer: no controls but tab, so no bare LF and no NUL.
bool IsLineByte(unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); }

}  // namespace

ChunkDecoder::State ChunkDecoder::state() const {
  switch (step_) {
    case Step::kPayload:
      return State::kData;
    case Step::kEnd:
      return State::kEnd;
    case Step::kBad:
      return State::kBad;
    default:
      return State::kFraming;
  }
}

void ChunkDecoder::Consumed(std::uint64_t bytes) {
  left_ -= bytes;
  if (left_ == 0) step_ = Step::kPayloadCr;
}

std::size_t ChunkDecoder::Feed(std::string_view bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && state() == State::kFraming) {
    step_ = Advance(static_cast<unsigned char>(bytes[used++]));
  }
  return used;
}

ChunkDecoder::Step ChunkDecoder::Advance(unsigned char c) {
  switch (step_) {
    case Step::kSize: {
      const int digit = HexValue(c);
      if (digit >= 0) {
        if (++digits_ > kMaxDigits || (left_ >> 60) != 0) return Step::kBad;
        left_ = left_ << 4 | static_cast<unsigned>(digit);
        return Step::kSize;
      }
      if (digits_ == 0) return Step::kBad;
      if (c == '\r') return Step::kSizeLf;
      overhead_ = 0;
      return c == ';' || c == ' ' || c == '\t' ? Step::kExtension : Step::kBad;
    }
    case Step::kExtension:
      if (c == '\r') return Step::kSizeLf;
      return IsLineByte(c) && ++overhead_ <= kMaxOverhead ? Step::kExtension : Step::kBad;
    case Step::kSizeLf:
      if (c != '\n') return Step::kBad;
      overhead_ = 0;
      digits_ = 0;
      return left_ == 0 ? Step::kTrailerStart : Step::kPayload;
    case Step::kPayloadCr:
      return c == '\r' ? Step::kPayloadLf : Step::kBad;
    case Step::kPayloadLf:
      return c == '\n' ? Step::kSize : Step::kBad;
    case Step::kTrailerStart:
      if (c == '\r') return Step::kFinalLf;
      [[fallthrough]];
    case Step::kTrailer:
      if (c == '\r') return Step::kTrailerLf;
      return IsLineByte(c) && ++overhead_ <= kMaxOverhead ? Step::kTrailer : Step::kBad;
    case Step::kTrailerLf:
      return c == '\n' ? Step::kTrailerStart : Step::kBad;
    case Step::kFinalLf:
      return c == '\n' ? Step::kEnd : Step::kBad;
    case Step::kPayload:
    case Step::kEnd:
    case Step::kBad:
      break;
  }
  return Step::kBad;
}

}  // namespace forebay::http
