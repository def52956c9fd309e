// The durable records of the chunk store and their keys: docs/formats/chunk-records.md.
//
// Pure functions and value types, thread safe. Decoders answer kCorruption for what they cannot
// read.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/strong.h"
#include "chunk/chunk_store.h"

namespace forebay::chunk {

using SegmentId = StrongId<struct SegmentIdTag>;
using VolumeNumber = StrongId<struct VolumeNumberTag, std::uint32_t>;

inline constexpr std::uint64_t kAlignment = 4096;

constexpr std::uint64_t AlignUp(std::uint64_t n) {
  return (n + kAlignment - 1) / kAlignment * kAlignment;
}

// Where a chunk's first byte lies. Never given to another chunk, so it names the bytes for ever.
struct Location {
  SegmentId segment;
  std::uint64_t offset = 0;
  friend auto operator<=>(const Location&, const Location&) = default;
};

// Table 'C': what a chunk is and where it lies.
struct ChunkRecord {
  Location location;
  std::uint32_t length = 0;
  std::uint64_t crc64 = 0;
  std::vector<std::uint64_t> block_crcs;  // one for every 64 KiB; a single block's is crc64

  std::string Encode() const;
  static Result<ChunkRecord> Decode(std::string_view value);
  friend bool operator==(const ChunkRecord&, const ChunkRecord&) = default;
};

// Table 'S': which chunk lies at a location.
struct IndexRecord {
  ChunkId chunk;
  std::uint32_t length = 0;

  std::string Encode() const;
  static Result<IndexRecord> Decode(std::string_view value);
};

// Table 'F': bytes that nothing names any more and that are not given back yet.
struct FreeRecord {
  std::uint32_t length = 0;

  std::string Encode() const;
  static Result<FreeRecord> Decode(std::string_view value);
};

// Table 'G': a segment file.
struct SegmentRecord {
  VolumeNumber volume;
  bool sealed = false;
  std::uint64_t size = 0;  // of a sealed one

  std::string Encode() const;
  static Result<SegmentRecord> Decode(std::string_view value);
};

enum class VolumeMode : std::uint8_t {
  kActive = 0,
  kDraining = 1,  // read from, moved away from, never written
  kLost = 2,      // given up by force; what it held answers kVolumeFailed
};

// Table 'V': a data directory.
struct VolumeRecord {
  VolumeNumber number;
  VolumeMode mode = VolumeMode::kActive;
  std::string path;  // where it was last seen

  std::string Encode() const;
  static Result<VolumeRecord> Decode(std::string_view value);
};

// Where the scrub stands (chunk/scrubber.h).
struct ScrubRecord {
  bool running = false;
  WallTime started;
  WallTime finished;  // the last one that was completed
  ChunkId after;      // the last chunk that was read
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;

  std::string Encode() const;
  static Result<ScrubRecord> Decode(std::string_view value);
  friend bool operator==(const ScrubRecord&, const ScrubRecord&) = default;
};

namespace keys {

inline constexpr std::string_view kSession = "C";      // the last session, little-endian 8 bytes
inline constexpr std::string_view kNextSegment = "G";  // the next segment id
inline constexpr std::string_view kStore = "V";        // the store's identity: UUID text
inline constexpr std::string_view kBarrier = "F";      // rewritten before holes are punched
inline constexpr std::string_view kScrub = "S";        // ScrubRecord

std::string Chunk(ChunkId id);
Result<ChunkId> ParseChunk(std::string_view key);
std::string Index(Location location);
std::string IndexOf(SegmentId segment);  // prefix
std::string Free(Location location);
std::string FreeOf(SegmentId segment);  // prefix
// The location in a key of table 'S' or 'F'.
Result<Location> ParseLocation(std::string_view key);
std::string Segment(SegmentId id);
// A counter (kv::Transaction::Add) of the aligned bytes that chunks occupy there.
std::string SegmentLive(SegmentId id);
// The segment and, for the key of a counter, true.
Result<std::pair<SegmentId, bool>> ParseSegment(std::string_view key);
std::string Volume(std::string_view uuid);
Result<std::string> ParseVolume(std::string_view key);
// Prefixes of whole tables, without the single-letter keys above.
std::string TableBegin(char table);
std::string TableEnd(char table);

}  // namespace keys

}  // namespace forebay::chunk
