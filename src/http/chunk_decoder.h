// Decodes the framing of a chunked body (RFC 9112, section 7.1), strictly: extensions and trailers
// are skipped, their size bounded, anything malformed is refused.
//
// A state machine without I/O. The payload itself never passes through it: after kData the caller
// takes up to `available()` payload bytes from wherever they are and reports them by `Consumed`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace forebay::http {

class ChunkDecoder {
 public:
  enum class State : std::uint8_t {
    kFraming,  // wants more framing bytes
    kData,     // payload comes next
    kEnd,      // the body and its trailers are over
    kBad,      // not chunked coding; stays so
  };

  // Reads framing from the front of `bytes` until payload, the end, or the input's end; returns how
  // many bytes it used.
  std::size_t Feed(std::string_view bytes);
  State state() const;
  // Payload bytes left in this chunk; 0 unless kData.
  std::uint64_t available() const { return step_ == Step::kPayload ? left_ : 0; }
  void Consumed(std::uint64_t bytes);

 private:
  enum class Step : std::uint8_t {
    kSize,       // hexadecimal digits
    kExtension,  // to the CR
    kSizeLf,     // LF after the size line
    kPayload,    // left_ bytes
    kPayloadCr,  // CRLF after the payload
    kPayloadLf,
    kTrailerStart,  // first byte of a trailer line, or of the final CRLF
    kTrailer,       // to the CR
    kTrailerLf,
    kFinalLf,
    kEnd,
    kBad,
  };
  // One byte of framing; the step that follows.
  Step Advance(unsigned char c);

  Step step_ = Step::kSize;
  std::uint64_t left_ = 0;
  std::uint32_t digits_ = 0;
  std::uint32_t overhead_ = 0;  // extension bytes of this chunk, or trailer bytes
};

}  // namespace forebay::http
