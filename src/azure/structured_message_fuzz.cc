// Structured messages cut anywhere: memory stays bounded, progress is made, and content equals
// content.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "azure/structured_message.h"

using namespace forebay;         // NOLINT
using namespace forebay::azure;  // NOLINT

namespace {

bool Decode(std::string_view wire, std::size_t step_bytes, std::string& content) {
  StructuredMessageDecoder decoder;
  std::vector<std::byte> buffer(step_bytes);
  while (!wire.empty()) {
    std::string_view piece = wire.substr(0, step_bytes);
    auto step = decoder.Decode(AsBytes(piece), buffer);
    if (!step) return false;
    if (step->consumed == 0) std::abort();
    content += AsText(ByteView(buffer).first(step->produced));
    wire.remove_prefix(step->consumed);
  }
  return decoder.Finish(content.size()).has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  std::size_t step = data[0] + 1u;
  std::string one;
  std::string other;
  bool accepted = Decode(text, step, one);
  if (accepted != Decode(text, 4096, other) || (accepted && one != other)) std::abort();

  StructuredMessageEncoder encoder(text.size(), data[1] + 1u);
  std::string wire = encoder.Header();
  std::string_view rest = text;
  while (encoder.HasSegment()) {
    auto length = static_cast<std::size_t>(encoder.NextSegmentLength());
    wire += encoder.SegmentHeader();
    encoder.Content(AsBytes(rest.substr(0, length)));
    wire += rest.substr(0, length);
    rest.remove_prefix(length);
    wire += encoder.SegmentFooter();
  }
  wire += encoder.Footer();
  std::string back;
  if (wire.size() != encoder.message_length() || !Decode(wire, step, back) || back != text) {
    std::abort();
  }
  return 0;
}
