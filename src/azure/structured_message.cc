#include "azure/structured_message.h"

#include <algorithm>
#include <cstring>

#include "azure/error_table.h"
#include "azure/wire.h"
#include "base/checksum.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

constexpr std::size_t kHeaderBytes = 13;         // version, message length, flags, segment count
constexpr std::size_t kSegmentHeaderBytes = 10;  // number, length
constexpr std::size_t kChecksumBytes = 8;
constexpr std::uint8_t kMessageVersion = 1;
constexpr std::uint16_t kFlagCrc64 = 1;

std::uint64_t LittleEndian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return value;
}

void AppendLittleEndian(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(Code::kInvalidInput, "The structured body is malformed: " + std::string(what));
}

std::unexpected<Error> Mismatch() {
  return Fail(Code::kCrc64Mismatch, std::string(WireErrorOf(Code::kCrc64Mismatch).message));
}

std::uint64_t SegmentCount(std::uint64_t content, std::uint64_t segment) {
  return content == 0 ? 1 : (content + segment - 1) / segment;
}

// A segment number has 16 bits: large contents get larger segments.
std::uint64_t FitSegment(std::uint64_t content, std::uint64_t segment) {
  std::uint64_t least = content / 65535 + 1;
  return std::max({segment, least, std::uint64_t{1}});
}

}  // namespace

Result<> CheckStructuredBodyHeader(std::string_view value) {
  std::string_view rest = value;
  auto semicolon = rest.find(';');
  std::string_view version = TrimSpace(rest.substr(0, semicolon));
  std::string_view properties =
      semicolon == std::string_view::npos ? "" : TrimSpace(rest.substr(semicolon + 1));
  if (!EqualsIgnoreCase(version, "XSM/1.0") || !EqualsIgnoreCase(properties, "properties=crc64")) {
    return Fail(InvalidHeaderError("x-ms-structured-body", value));
  }
  return {};
}

std::uint64_t StructuredMessageLength(std::uint64_t content, std::uint64_t segment) {
  segment = FitSegment(content, segment);
  return kHeaderBytes + content + kChecksumBytes +
         SegmentCount(content, segment) * (kSegmentHeaderBytes + kChecksumBytes);
}

std::size_t StructuredMessageDecoder::FixedLength() const {
  switch (state_) {
    case State::kHeader:
      return kHeaderBytes;
    case State::kSegmentHeader:
      return kSegmentHeaderBytes;
    case State::kSegmentFooter:
    case State::kFooter:
      return kChecksumBytes;
    case State::kContent:
    case State::kDone:
      break;
  }
  return 0;
}

void StructuredMessageDecoder::NextAfterSegment() {
  if (segment_ < segment_count_) {
    state_ = State::kSegmentHeader;
  } else {
    state_ = checksums_ ? State::kFooter : State::kDone;
  }
}

// A header or footer is whole: what it says.
Result<> StructuredMessageDecoder::TakeFixed() {
  std::string_view bytes = fixed_;
  switch (state_) {
    case State::kHeader: {
      if (LittleEndian(bytes.substr(0, 1)) != kMessageVersion) return Malformed("unknown version");
      message_length_ = LittleEndian(bytes.substr(1, 8));
      std::uint64_t flags = LittleEndian(bytes.substr(9, 2));
      if ((flags & ~std::uint64_t{kFlagCrc64}) != 0) return Malformed("unknown flags");
      checksums_ = (flags & kFlagCrc64) != 0;
      segment_count_ = static_cast<std::uint32_t>(LittleEndian(bytes.substr(11, 2)));
      NextAfterSegment();
      return {};
    }
    case State::kSegmentHeader:
      if (LittleEndian(bytes.substr(0, 2)) != segment_ + 1)
        return Malformed("segment out of order");
      ++segment_;
      segment_left_ = LittleEndian(bytes.substr(2, 8));
      if (segment_left_ > message_length_ - std::min(message_length_, consumed_total_)) {
        return Malformed("a segment is longer than the message");
      }
      segment_crc_ = 0;
      state_ = State::kContent;
      return {};
    case State::kSegmentFooter:
      if (LittleEndian(bytes) != segment_crc_) return Mismatch();
      NextAfterSegment();
      return {};
    case State::kFooter:
      if (LittleEndian(bytes) != message_crc_) return Mismatch();
      state_ = State::kDone;
      return {};
    case State::kContent:
    case State::kDone:
      break;
  }
  return Malformed("unexpected data");
}

Result<StructuredMessageDecoder::Step> StructuredMessageDecoder::Decode(ByteView in,
                                                                        MutableByteView out) {
  Step step;
  while (true) {
    if (state_ == State::kContent && segment_left_ == 0) {
      if (checksums_) {
        state_ = State::kSegmentFooter;
      } else {
        NextAfterSegment();
      }
      continue;
    }
    if (state_ == State::kDone && message_length_ != consumed_total_) {
      return Malformed("its length is not what the header says");
    }
    if (step.consumed == in.size()) return step;
    if (state_ == State::kDone) return Malformed("data behind the end");
    ByteView rest = in.subspan(step.consumed);
    if (state_ == State::kContent) {
      std::size_t n = static_cast<std::size_t>(
          std::min<std::uint64_t>({rest.size(), out.size() - step.produced, segment_left_}));
      if (n == 0) return step;  // no room
      // In place the output never overtakes the input, but they may overlap.
      std::memmove(out.data() + step.produced, rest.data(), n);
      ByteView content(out.data() + step.produced, n);
      segment_crc_ = Crc64(content, segment_crc_);
      step.consumed += n;
      step.produced += n;
      consumed_total_ += n;
      content_bytes_ += n;
      segment_left_ -= n;
      // The whole is the segments' checksums combined: each byte is summed once.
      if (segment_left_ == 0) {
        message_crc_ = Crc64Combine(message_crc_, segment_crc_, content_bytes_ - segment_begin_);
        segment_begin_ = content_bytes_;
      }
      continue;
    }
    std::size_t n = std::min(FixedLength() - fixed_.size(), rest.size());
    fixed_ += AsText(rest.first(n));
    step.consumed += n;
    consumed_total_ += n;
    if (fixed_.size() < FixedLength()) return step;
    FB_RETURN_IF_ERROR(TakeFixed());
    fixed_.clear();
  }
}

Result<> StructuredMessageDecoder::Finish(std::uint64_t expected) const {
  if (!finished()) return Malformed("it ends early");
  if (content_bytes_ != expected) {
    return Malformed("x-ms-structured-content-length is not the length of its content");
  }
  return {};
}

StructuredMessageEncoder::StructuredMessageEncoder(std::uint64_t content_length,
                                                   std::uint64_t segment_bytes)
    : content_length_(content_length),
      segment_bytes_(FitSegment(content_length, segment_bytes)),
      left_(content_length) {}

std::uint64_t StructuredMessageEncoder::message_length() const {
  return StructuredMessageLength(content_length_, segment_bytes_);
}

std::string StructuredMessageEncoder::Header() {
  std::string out;
  AppendLittleEndian(out, kMessageVersion, 1);
  AppendLittleEndian(out, message_length(), 8);
  AppendLittleEndian(out, kFlagCrc64, 2);
  AppendLittleEndian(out, SegmentCount(content_length_, segment_bytes_), 2);
  return out;
}

bool StructuredMessageEncoder::HasSegment() const { return left_ > 0 || segment_ == 0; }

std::uint64_t StructuredMessageEncoder::NextSegmentLength() const {
  return std::min(left_, segment_bytes_);
}

std::string StructuredMessageEncoder::SegmentHeader() {
  std::string out;
  AppendLittleEndian(out, ++segment_, 2);
  AppendLittleEndian(out, NextSegmentLength(), 8);
  segment_crc_ = 0;
  segment_done_ = 0;
  return out;
}

void StructuredMessageEncoder::Content(ByteView data) {
  segment_crc_ = Crc64(data, segment_crc_);
  segment_done_ += data.size();
  left_ -= std::min<std::uint64_t>(left_, data.size());
}

std::string StructuredMessageEncoder::SegmentFooter() {
  message_crc_ = Crc64Combine(message_crc_, segment_crc_, segment_done_);
  std::string out;
  AppendLittleEndian(out, segment_crc_, kChecksumBytes);
  return out;
}

std::string StructuredMessageEncoder::Footer() {
  std::string out;
  AppendLittleEndian(out, message_crc_, kChecksumBytes);
  return out;
}

}  // namespace forebay::azure
