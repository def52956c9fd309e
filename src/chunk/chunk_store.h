// Immutable, checksummed chunks of blob bytes in segment files on local disks.
//
// A chunk holds 1 byte to 4 MiB, is written once and never changed, and carries a CRC-64/NVME for
// every 64 KiB. Segments are append-only files, 4 KiB aligned, in one of several data directories
// (volumes). Where a chunk lies is a record in the key-value store, written in the caller's own
// transaction, so a chunk exists exactly when something names it. Formats: docs/formats/segment.md
// and chunk-records.md.
//
// Life of a chunk: Write (bytes in the segment, not durable) → Sync (one fdatasync for all that
// wait) → Link in the transaction that names it. A staged chunk that is dropped before Link gives
// its space back. Unlink in the transaction that stops naming it → after that commit, and when no
// ReadPin is left, the hole is punched.
//
// Thread safe. Errors: kNoSpace (before anything breaks), kVolumeFailed and kIo (typed by volume),
// kCorruption (checksum), kNotFound (the chunk is freed: the caller's snapshot is too old, look
// again).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/context.h"
#include "async/task.h"
#include "base/bytes.h"
#include "base/result.h"
#include "chunk/chunk_id.h"
#include "chunk/local_place.h"
#include "kv/store.h"

namespace forebay::chunk {

inline constexpr std::size_t kMaxChunkBytes = 4 << 20;
inline constexpr std::size_t kChecksumBlockBytes = 64 << 10;

// Written bytes that nothing names yet. Movable; destruction before Link hands the space back.
class StagedChunk {
 public:
  virtual ~StagedChunk() = default;
  virtual ChunkId id() const = 0;
  virtual std::uint32_t size() const = 0;
  virtual std::uint64_t crc64() const = 0;  // CRC-64/NVME of the whole chunk
};
using StagedChunkPtr = std::shared_ptr<StagedChunk>;

// Keeps a chunk's bytes where they are until destroyed, and reads them.
class ReadPin {
 public:
  virtual ~ReadPin() = default;
  virtual std::uint32_t size() const = 0;
  virtual std::uint64_t crc64() const = 0;  // CRC-64/NVME of the whole chunk; costs no read
  // Reads and verifies [offset, offset + data.size()) of the chunk; blocks. kCorruption, kIo.
  virtual Result<> ReadBlocking(MutableByteView data, std::uint32_t offset) const = 0;
  // For sendfile: true when these bytes were verified in this process's life and are in the page
  // cache, so that sending them straight from the file neither blocks nor skips a check.
  virtual bool ReadyToSend(std::uint32_t offset, std::uint32_t length) const = 0;
  // Verifies the range if this process has not yet, which also brings it into the page cache.
  // Blocks.
  virtual Result<> Prepare(std::uint32_t offset, std::uint32_t length) const = 0;
  // Where the bytes are, for sendfile; valid while the pin lives. The offset is the file's.
  virtual int descriptor() const = 0;
  virtual std::uint64_t file_offset() const = 0;
  // For another process on this machine; after ReadyToSend or Prepare. nullopt: it may not.
  virtual std::optional<LocalPlace> Local() const { return std::nullopt; }
  // A hint: the bytes are in memory. May open the file.
  virtual bool Resident(std::uint32_t /*offset*/, std::uint32_t /*length*/) const { return true; }
};
using ReadPinPtr = std::shared_ptr<const ReadPin>;

class ChunkStore {
 public:
  virtual ~ChunkStore() = default;

  // Appends `data` (1 byte to 4 MiB; kept alive by the caller until the task ends) to a segment.
  // Runs on the store's own pool. Bounded: waits while too much is in flight.
  virtual Task<StagedChunkPtr> Write(OpContext context, ByteView data) = 0;
  // Makes the chunks durable; concurrent calls share an fdatasync.
  virtual Task<> Sync(OpContext context, std::vector<StagedChunkPtr> chunks) = 0;

  // In the transaction that first names the chunk; once in a transaction (the function may run
  // again, its writes then start afresh). Writes two keys and a counter; Unlink writes three and a
  // counter.
  virtual void Link(kv::Transaction& txn, const StagedChunk& chunk) = 0;
  // Call once the linking transaction has committed, so that dropping the handle frees nothing.
  virtual void Linked(const StagedChunkPtr& chunk) = 0;
  // In the transaction that drops the last name of a chunk. kNotFound when there is none.
  virtual Result<> Unlink(kv::Transaction& txn, ChunkId id) = 0;

  // Pins a chunk for reading. Safe with a reader of any age: what was freed since is answered
  // kNotFound and never read as a hole, and what has moved since is found or answered kNotFound.
  // Either way look again, from a reader taken now. kWouldBlock follows the reader's mode.
  virtual Result<ReadPinPtr> Pin(const kv::Reader& latest, ChunkId id) = 0;
};

}  // namespace forebay::chunk
