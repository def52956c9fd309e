// Feeds arbitrary bytes to everything that reads a peer's bytes: heads, framing, URLs.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "http/chunk_decoder.h"
#include "http/client_request.h"
#include "http/request_head.h"

namespace forebay::http {
namespace {

void FuzzHead(std::string_view bytes) {
  // However the bytes are cut, the scanner must come to the same verdict.
  HeadScanner whole(4096);
  const auto at_once = whole.Scan(bytes);
  HeadScanner pieces(4096);
  for (std::size_t size = 1; size <= bytes.size(); size += 7) {
    const auto part = pieces.Scan(bytes.substr(0, size));
    if (!part || part->has_value()) {
      if (part && at_once && *part != *at_once) Panic("the scanner depends on how bytes arrive");
      break;
    }
  }
  if (!at_once || !at_once->has_value()) return;
  const std::string_view head = bytes.substr(0, **at_once);
  Request request;
  const auto parsed = ParseRequestHead(head, request);
  if (parsed && !bytes.contains(request.target)) Panic("the target was changed");
  (void)ParseResponseHead(head);
}

void FuzzChunks(std::string_view bytes) {
  ChunkDecoder decoder;
  while (!bytes.empty()) {
    std::size_t used = 0;
    if (decoder.state() == ChunkDecoder::State::kData) {
      used = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), decoder.available()));
      decoder.Consumed(used);
    } else if (decoder.state() == ChunkDecoder::State::kFraming) {
      used = decoder.Feed(bytes);
    } else {
      return;
    }
    if (used == 0) Panic("the chunk decoder does not move");
    bytes.remove_prefix(used);
  }
}

}  // namespace
}  // namespace forebay::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  forebay::http::FuzzHead(bytes);
  forebay::http::FuzzChunks(bytes);
  (void)forebay::http::ParseUrl(std::string(bytes));
  return 0;
}
