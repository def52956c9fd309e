// The bytes of a committed body as a stream: extents looked up as it goes, chunks pinned while they
// are sent, nothing held beyond one piece.
//
// On plain HTTP a piece is a span of the segment file, verified and in the page cache, for
// sendfile; on TLS it is a buffer of 512 KiB. One user at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async/byte_stream.h"
#include "async/context.h"
#include "engine/services.h"
#include "meta/extent.h"

namespace forebay::engine {

// Where a stream begins, as the record's reader found it.
struct BodyStart {
  meta::BodyRef body;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::vector<meta::Extent> extents;     // the first ones of the range
  std::vector<chunk::ReadPinPtr> pins;   // of `extents`, for bodies that are freed at once
  std::shared_ptr<const void> body_pin;  // for bodies that the sweeper frees
  std::vector<std::string> inline_data;  // the same, for their inline pieces
};

std::unique_ptr<BodySource> MakeBodySource(Services& services, OpContext context, BodyStart start);

}  // namespace forebay::engine
