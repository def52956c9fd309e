// Structured-message bodies: `x-ms-structured-body: XSM/1.0; properties=crc64`.
//
// A message is a header {version 1, message length, flags, segment count}, then segments {number
// from 1, length, content, CRC-64 of the content}, then a CRC-64 of all content; integers are
// little-endian, the checksums are there when flag bit 0 is set. Current SDKs send uploads so, and
// ask for downloads so. Incremental: memory does not grow with the body. One thread at a time; safe
// on hostile input (fuzzed: structured_message_fuzz.cc).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace forebay::azure {

inline constexpr std::string_view kStructuredBodyCrc64 = "XSM/1.0; properties=crc64";

// True for the header value that we take; kInvalidHeaderValue for any other.
Result<> CheckStructuredBodyHeader(std::string_view value);

// Length of the whole message for `content` bytes in segments of `segment` bytes, with checksums.
std::uint64_t StructuredMessageLength(std::uint64_t content, std::uint64_t segment);
inline constexpr std::uint64_t kStructuredSegmentBytes = 4ull << 20;

// Feeds on wire bytes, gives content bytes.
class StructuredMessageDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;  // of the input
    std::size_t produced = 0;  // of the output
  };
  // Decodes from `in` into `out` until one of them is used up or the message ends. kCrc64Mismatch
  // (a checksum is wrong), kInvalidInput (malformed). After an error the decoder must not be used
  // again. Decoding in place (out.data() == in.data()) is allowed.
  Result<Step> Decode(ByteView in, MutableByteView out);

  // True when the whole message has been read and verified. Input behind it is an error of Decode.
  bool finished() const { return state_ == State::kDone; }
  // kInvalidInput when the body ended early, or its content was not `expected` bytes long
  // (x-ms-structured-content-length).
  Result<> Finish(std::uint64_t expected) const;
  std::uint64_t content_bytes() const { return content_bytes_; }
  // CRC-64 of the content of all whole segments; with finished() that is all of it, verified.
  std::uint64_t content_crc() const { return message_crc_; }

 private:
  enum class State : std::uint8_t {
    kHeader,
    kSegmentHeader,
    kContent,
    kSegmentFooter,
    kFooter,
    kDone
  };
  Result<> TakeFixed();
  void NextAfterSegment();
  std::size_t FixedLength() const;

  State state_ = State::kHeader;
  std::string fixed_;  // a header or footer that is not whole yet
  bool checksums_ = false;
  std::uint64_t message_length_ = 0;
  std::uint64_t consumed_total_ = 0;
  std::uint32_t segment_count_ = 0;
  std::uint32_t segment_ = 0;
  std::uint64_t segment_left_ = 0;
  std::uint64_t segment_crc_ = 0;
  std::uint64_t message_crc_ = 0;
  std::uint64_t content_bytes_ = 0;
  std::uint64_t segment_begin_ = 0;  // content bytes before the segment under way
};

// Makes the framing around content that the caller sends itself: header, then for each segment
// SegmentHeader, content (told to Content), SegmentFooter; then Footer.
class StructuredMessageEncoder {
 public:
  explicit StructuredMessageEncoder(std::uint64_t content_length,
                                    std::uint64_t segment_bytes = kStructuredSegmentBytes);
  std::uint64_t message_length() const;
  std::string Header();
  // False when all segments are done. An empty content has one empty segment.
  bool HasSegment() const;
  // Content bytes of the next segment.
  std::uint64_t NextSegmentLength() const;
  std::string SegmentHeader();
  void Content(ByteView data);  // a part of the segment's content, in order
  std::string SegmentFooter();
  std::string Footer();

 private:
  std::uint64_t content_length_;
  std::uint64_t segment_bytes_;
  std::uint64_t left_;
  std::uint32_t segment_ = 0;
  std::uint64_t segment_done_ = 0;
  std::uint64_t segment_crc_ = 0;
  std::uint64_t message_crc_ = 0;
};

}  // namespace forebay::azure
