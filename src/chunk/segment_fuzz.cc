// Records and segment files as bit rot and hostile disks leave them: reading ends, what decodes is
// what its encoding says, and bytes that do not fit their checksums are never handed out.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/checksum.h"
#include "chunk/read_pin.h"
#include "chunk/records.h"
#include "chunk/segment.h"
#include "io/memory.h"
#include "kv/memory.h"

using namespace forebay;         // NOLINT
using namespace forebay::chunk;  // NOLINT

namespace {

constexpr std::string_view kVolumeUuid = "01234567-89ab-cdef-0123-456789abcdef";
constexpr SegmentId kSegment{7};

// A record that decodes says the same when it is written again.
template <class Record>
void Reencode(std::string_view text) {
  const auto record = Record::Decode(text);
  if (!record) return;
  const std::string written = record->Encode();
  const auto again = Record::Decode(written);
  if (!again || again->Encode() != written) std::abort();
}

void ReadRecords(std::string_view text) {
  Reencode<ChunkRecord>(text);
  Reencode<IndexRecord>(text);
  Reencode<FreeRecord>(text);
  Reencode<SegmentRecord>(text);
  Reencode<VolumeRecord>(text);
  Reencode<ScrubRecord>(text);
  if (const auto record = ChunkRecord::Decode(text)) {
    if (record->length == 0 || record->length > kMaxChunkBytes) std::abort();
    const std::size_t blocks = (record->length + kChecksumBlockBytes - 1) / kChecksumBlockBytes;
    if (record->block_crcs.size() != blocks) std::abort();
    // Offset 0 is the header's, and a location wraps around nowhere.
    if (record->location.offset % kAlignment != 0) std::abort();
    if (record->location.offset + record->length < record->location.offset) std::abort();
  }
  for (const auto* parse : {"C", "S", "F"}) {
    const std::string key = parse + std::string(text);
    if (const auto id = keys::ParseChunk(key); id && keys::Chunk(*id).substr(1) != text) {
      std::abort();
    }
    if (const auto at = keys::ParseLocation(key); at && keys::Index(*at).substr(1) != text) {
      std::abort();
    }
  }
  if (const auto parsed = keys::ParseSegment("G" + std::string(text))) {
    const auto& [id, live] = *parsed;
    if ((live ? keys::SegmentLive(id) : keys::Segment(id)).substr(1) != text) std::abort();
  }
}

// The store that a pin reads through, on a disk that holds `contents` as its only segment.
struct Disk {
  explicit Disk(std::string_view contents)
      : volume(std::make_shared<Volume>(fs, std::string(kVolumeUuid), VolumeNumber(1), "/v",
                                        VolumeState::kActive)),
        segment(
            std::make_shared<Segment>(fs, kSegment, volume, SegmentPhase::kSealed, kSpan, kSpan)),
        core(std::make_shared<Core>(kv, fs, Options{})) {
    if (!fs.MakeDirs(volume->SegmentsPath())) std::abort();
    auto file = fs.Open(segment->path(), io::OpenMode::kCreate);
    if (!file || !(*file)->WriteAt(AsBytes(contents), 0)) std::abort();
  }
  static constexpr std::uint64_t kSpan = 1 << 20;

  io::MemoryFileSystem fs;
  kv::MemoryStore kv;
  VolumePtr volume;
  SegmentPtr segment;
  CorePtr core;
};

// Reads a piece, then all; every answer must be what the checksums were made of.
void ReadPinned(Disk& disk, const ChunkRecord& record, std::uint32_t from, std::uint32_t bytes) {
  if (!disk.core->pins.Acquire(*disk.segment, record.location.offset)) return;
  const SegmentReadPin pin(disk.core, disk.segment, record);
  std::vector<std::byte> piece(bytes);
  const bool got_piece = pin.ReadBlocking(piece, from).has_value();
  if (got_piece && std::uint64_t{from} + bytes > record.length) std::abort();
  (void)pin.Prepare(from, bytes);
  (void)pin.ReadyToSend(from, bytes);
  std::vector<std::byte> all(record.length);
  if (!pin.ReadBlocking(all, 0)) return;
  for (std::size_t n = 0; n < record.block_crcs.size(); ++n) {
    const std::size_t begin = n * kChecksumBlockBytes;
    const ByteView block = ByteView(all).subspan(
        begin, std::min<std::size_t>(kChecksumBlockBytes, all.size() - begin));
    if (Crc64(block) != record.block_crcs[n]) std::abort();
  }
  if (got_piece && !std::ranges::equal(piece, ByteView(all).subspan(from, bytes))) std::abort();
}

// Any file as a segment, any record as a chunk of it.
void ReadAnyFile(std::string_view record_text, std::string_view file, std::uint32_t from,
                 std::uint32_t bytes) {
  const auto record = ChunkRecord::Decode(record_text);
  if (!record || record->location.offset >= Disk::kSpan ||
      record->length > Disk::kSpan - record->location.offset) {
    return;
  }
  Disk disk(file);
  if (disk.segment->OpenFile() &&
      file.substr(0, kAlignment) != EncodeSegmentHeader(kSegment, kVolumeUuid)) {
    std::abort();
  }
  ReadPinned(disk, *record, from, bytes);
}

// A segment as the store writes it, one byte of which the disk changes.
void ReadDamagedFile(std::string_view body, std::uint32_t length, std::uint32_t damage,
                     std::uint8_t flip) {
  if (body.empty()) return;
  std::string bytes;
  while (bytes.size() < length) bytes += body;
  bytes.resize(length);
  ChunkRecord record;
  record.location = {kSegment, kAlignment};
  record.length = length;
  record.crc64 = Crc64(AsBytes(bytes));
  for (std::size_t at = 0; at < length; at += kChecksumBlockBytes) {
    record.block_crcs.push_back(
        Crc64(AsBytes(std::string_view(bytes).substr(at, kChecksumBlockBytes))));
  }
  std::string file = EncodeSegmentHeader(kSegment, kVolumeUuid) + bytes;
  const std::size_t at = damage % file.size();
  file[at] = static_cast<char>(file[at] ^ flip);
  Disk disk(file);
  if (!disk.core->pins.Acquire(*disk.segment, record.location.offset)) std::abort();
  const SegmentReadPin pin(disk.core, disk.segment, record);
  std::vector<std::byte> all(length);
  const auto read = pin.ReadBlocking(all, 0);
  if (read.has_value() != (flip == 0)) std::abort();
  if (read && AsText(ByteView(all)) != bytes) std::abort();
  if (!read && read.error().code() != Code::kCorruption) std::abort();
}

std::uint32_t U32(std::string_view text) {
  std::uint32_t value = 0;
  for (const char c : text.substr(0, 4)) value = value << 8 | static_cast<std::uint8_t>(c);
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  ReadRecords(text);
  (void)CheckSegmentHeader(text, kSegment, kVolumeUuid);
  if (size < 12) return 0;
  const std::uint32_t first = U32(text), second = U32(text.substr(4));
  // Big enough for three checksum blocks, small enough to be quick.
  ReadDamagedFile(text.substr(9), 1 + first % 150'000, second, static_cast<std::uint8_t>(text[8]));
  const std::size_t record_bytes = static_cast<std::uint8_t>(text[8]);
  const std::string_view rest = text.substr(9);
  if (record_bytes <= rest.size()) {
    const std::string_view contents = rest.substr(record_bytes);
    const std::uint32_t from = first % 200'000, bytes = second % 200'000;
    ReadAnyFile(rest.substr(0, record_bytes), contents, from, bytes);
    ReadAnyFile(rest.substr(0, record_bytes),
                EncodeSegmentHeader(kSegment, kVolumeUuid) + std::string(contents), from, bytes);
  }
  return 0;
}
