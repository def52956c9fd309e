// A download as a structured message: the framing of azure/structured_message.h around a body.
//
// One user at a time, as every BodySource. Checksums need the bytes, so what it gives is memory,
// never a span of a file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "async/byte_stream.h"
#include "azure/structured_message.h"

namespace forebay::rest {

class StructuredSource final : public BodySource {
 public:
  // `inner` gives `length` bytes; null for none.
  StructuredSource(std::unique_ptr<BodySource> inner, std::uint64_t length,
                   std::uint64_t segment_bytes = azure::kStructuredSegmentBytes)
      : inner_(std::move(inner)), encoder_(length, segment_bytes) {}
  std::uint64_t message_length() const { return encoder_.message_length(); }
  Task<std::optional<BodyPiece>> Next(bool allow_file) override;

 private:
  enum class Step : std::uint8_t {
    kHeader,
    kSegmentHeader,
    kContent,
    kSegmentFooter,
    kFooter,
    kEnd
  };
  Task<std::optional<BodyPiece>> NextContent();

  std::unique_ptr<BodySource> inner_;
  azure::StructuredMessageEncoder encoder_;
  Step step_ = Step::kHeader;
  std::uint64_t segment_left_ = 0;
  BodyPiece pending_;  // what the inner source gave and did not fit the segment
};

}  // namespace forebay::rest
