#include "chunk/records.h"

#include "base/codec.h"

namespace forebay::chunk {
namespace {

constexpr std::uint8_t kVersion = 1;

Result<> CheckVersion(std::uint8_t version, std::string_view what) {
  if (version == kVersion) return {};
  return Fail(Code::kCorruption, std::string(what) + ": version " + std::to_string(version) +
                                     " was written by a newer Forebay, or is damaged");
}

// Beyond every disk, and far enough from the end of the numbers that no sum of it wraps around.
constexpr std::uint64_t kMaxOffset = std::uint64_t{1} << 62;

// A number that is stored wider than it is kept: what does not fit is damage, not another number.
Result<std::uint32_t> Narrow(std::uint64_t value, std::string_view what) {
  if (value <= UINT32_MAX) return static_cast<std::uint32_t>(value);
  return Fail(Code::kCorruption, std::string(what) + ": " + std::to_string(value));
}

std::size_t BlockCount(std::uint32_t length) {
  return (length + kChecksumBlockBytes - 1) / kChecksumBlockBytes;
}

}  // namespace

std::string ChunkRecord::Encode() const {
  Encoder out;
  out.U8(kVersion).Varint(location.segment.value()).Varint(location.offset / kAlignment);
  out.Varint(length).U64(crc64);
  if (block_crcs.size() > 1) {
    for (std::uint64_t crc : block_crcs) out.U64(crc);
  }
  return out.Take();
}

Result<ChunkRecord> ChunkRecord::Decode(std::string_view value) {
  Decoder in(value);
  FB_RETURN_IF_ERROR(CheckVersion(in.U8(), "chunk record"));
  ChunkRecord record;
  record.location.segment = SegmentId(in.Varint());
  const std::uint64_t at = in.Varint();
  if (at > kMaxOffset / kAlignment) {
    return Fail(Code::kCorruption, "chunk record: an offset of " + std::to_string(at) + " pages");
  }
  record.location.offset = at * kAlignment;
  std::uint64_t length = in.Varint();
  record.crc64 = in.U64();
  if (length == 0 || length > kMaxChunkBytes) {
    return Fail(Code::kCorruption, "chunk record: a length of " + std::to_string(length));
  }
  record.length = static_cast<std::uint32_t>(length);
  std::size_t blocks = BlockCount(record.length);
  if (blocks == 1) {
    record.block_crcs.push_back(record.crc64);
  } else {
    record.block_crcs.reserve(blocks);
    for (std::size_t i = 0; i < blocks; ++i) record.block_crcs.push_back(in.U64());
  }
  FB_RETURN_IF_ERROR(in.Finish("chunk record"));
  return record;
}

std::string IndexRecord::Encode() const {
  Encoder out;
  out.U8(kVersion).Varint(chunk.session).Varint(chunk.sequence).Varint(length);
  return out.Take();
}

Result<IndexRecord> IndexRecord::Decode(std::string_view value) {
  Decoder in(value);
  FB_RETURN_IF_ERROR(CheckVersion(in.U8(), "chunk index record"));
  IndexRecord record;
  record.chunk.session = in.Varint();
  record.chunk.sequence = in.Varint();
  FB_ASSIGN_OR_RETURN(record.length, Narrow(in.Varint(), "chunk index record: a length"));
  FB_RETURN_IF_ERROR(in.Finish("chunk index record"));
  return record;
}

std::string FreeRecord::Encode() const {
  Encoder out;
  out.U8(kVersion).Varint(length);
  return out.Take();
}

Result<FreeRecord> FreeRecord::Decode(std::string_view value) {
  Decoder in(value);
  FB_RETURN_IF_ERROR(CheckVersion(in.U8(), "free record"));
  FreeRecord record;
  FB_ASSIGN_OR_RETURN(record.length, Narrow(in.Varint(), "free record: a length"));
  FB_RETURN_IF_ERROR(in.Finish("free record"));
  return record;
}

std::string SegmentRecord::Encode() const {
  Encoder out;
  out.U8(kVersion).Varint(volume.value()).U8(sealed ? 1 : 0).Varint(size);
  return out.Take();
}

Result<SegmentRecord> SegmentRecord::Decode(std::string_view value) {
  Decoder in(value);
  FB_RETURN_IF_ERROR(CheckVersion(in.U8(), "segment record"));
  SegmentRecord record;
  FB_ASSIGN_OR_RETURN(const std::uint32_t volume,
                      Narrow(in.Varint(), "segment record: a volume number"));
  record.volume = VolumeNumber(volume);
  record.sealed = in.U8() != 0;
  record.size = in.Varint();
  FB_RETURN_IF_ERROR(in.Finish("segment record"));
  return record;
}

std::string VolumeRecord::Encode() const {
  Encoder out;
  out.U8(kVersion).Varint(number.value()).U8(static_cast<std::uint8_t>(mode)).String(path);
  return out.Take();
}

Result<VolumeRecord> VolumeRecord::Decode(std::string_view value) {
  Decoder in(value);
  FB_RETURN_IF_ERROR(CheckVersion(in.U8(), "volume record"));
  VolumeRecord record;
  FB_ASSIGN_OR_RETURN(const std::uint32_t number, Narrow(in.Varint(), "volume record: a number"));
  record.number = VolumeNumber(number);
  std::uint8_t mode = in.U8();
  record.path = in.String();
  FB_RETURN_IF_ERROR(in.Finish("volume record"));
  if (mode > static_cast<std::uint8_t>(VolumeMode::kLost)) {
    return Fail(Code::kCorruption, "volume record: unknown mode " + std::to_string(mode));
  }
  record.mode = static_cast<VolumeMode>(mode);
  return record;
}

std::string ScrubRecord::Encode() const {
  Encoder out;
  out.U8(kVersion).U8(running ? 1 : 0).Signed(started.ticks).Signed(finished.ticks);
  out.Varint(after.session).Varint(after.sequence).Varint(chunks).Varint(bytes).Varint(damaged);
  return out.Take();
}

Result<ScrubRecord> ScrubRecord::Decode(std::string_view value) {
  Decoder in(value);
  FB_RETURN_IF_ERROR(CheckVersion(in.U8(), "scrub record"));
  ScrubRecord record;
  record.running = in.U8() != 0;
  record.started = {in.Signed()};
  record.finished = {in.Signed()};
  record.after.session = in.Varint();
  record.after.sequence = in.Varint();
  record.chunks = in.Varint();
  record.bytes = in.Varint();
  record.damaged = in.Varint();
  FB_RETURN_IF_ERROR(in.Finish("scrub record"));
  return record;
}

namespace keys {
namespace {

Error BadKey(std::string_view what) {
  return Error(Code::kCorruption, std::string(what) + " key of a wrong shape");
}

}  // namespace

std::string Chunk(ChunkId id) { return KeyBuilder('C').U64(id.session).U64(id.sequence).Take(); }

Result<ChunkId> ParseChunk(std::string_view key) {
  KeyReader in(key);
  in.U8();
  ChunkId id;
  id.session = in.U64();
  id.sequence = in.U64();
  if (!in.ok() || key.size() != 17) return Fail(BadKey("chunk"));
  return id;
}

std::string Index(Location location) {
  return KeyBuilder('S').U64(location.segment.value()).U64(location.offset).Take();
}
std::string IndexOf(SegmentId segment) { return KeyBuilder('S').U64(segment.value()).Take(); }
std::string Free(Location location) {
  return KeyBuilder('F').U64(location.segment.value()).U64(location.offset).Take();
}
std::string FreeOf(SegmentId segment) { return KeyBuilder('F').U64(segment.value()).Take(); }

Result<Location> ParseLocation(std::string_view key) {
  KeyReader in(key);
  in.U8();
  Location location;
  location.segment = SegmentId(in.U64());
  location.offset = in.U64();
  if (!in.ok() || key.size() != 17) return Fail(BadKey("location"));
  return location;
}

std::string Segment(SegmentId id) { return KeyBuilder('G').U64(id.value()).Take(); }
std::string SegmentLive(SegmentId id) { return KeyBuilder('G').U64(id.value()).Tail("l").Take(); }

Result<std::pair<SegmentId, bool>> ParseSegment(std::string_view key) {
  KeyReader in(key);
  in.U8();
  SegmentId id(in.U64());
  if (!in.ok()) return Fail(BadKey("segment"));
  std::string_view tail = in.Tail();
  if (!tail.empty() && tail != "l") return Fail(BadKey("segment"));
  return std::pair{id, !tail.empty()};
}

std::string Volume(std::string_view uuid) { return KeyBuilder('V').Tail(uuid).Take(); }

Result<std::string> ParseVolume(std::string_view key) {
  if (key.size() != 1 + 36) return Fail(BadKey("volume"));
  return std::string(key.substr(1));
}

std::string TableBegin(char table) { return std::string{table, '\0'}; }
std::string TableEnd(char table) { return std::string(1, static_cast<char>(table + 1)); }

}  // namespace keys

}  // namespace forebay::chunk
