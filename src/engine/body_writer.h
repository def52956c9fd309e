// From a request's body to durable bytes that nothing names yet.
//
// Small bodies stay in memory and become one inline piece of the transaction that names them;
// larger ones are cut into chunks of at most 4 MiB, written while the next bytes arrive, and synced
// once at the end. Memory: one transfer buffer (two while the first 64 KiB move into a larger one),
// whatever the size, and no large one before 64 KiB have arrived. Dropping a StoredBody
// before its transaction committed gives its space back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/byte_stream.h"
#include "async/context.h"
#include "engine/put_blob.h"
#include "engine/services.h"
#include "meta/extent.h"

namespace forebay::engine {

struct StoredBody {
  std::uint64_t size = 0;
  std::uint64_t crc64 = 0;
  std::string md5;  // 16 raw bytes when asked for, else empty
  std::vector<meta::Extent> extents;
  std::vector<chunk::StagedChunkPtr> chunks;
  std::string inline_data;  // of the one inline extent, when there is one

  // Makes chunks [first, first + count) and the inline piece part of the transaction. Idempotent.
  void Link(chunk::ChunkStore& store, kv::Transaction& txn, std::size_t first,
            std::size_t count) const;
  void LinkAll(chunk::ChunkStore& store, kv::Transaction& txn) const {
    Link(store, txn, 0, chunks.size());
  }
  // Once the transaction has committed.
  void Linked(chunk::ChunkStore& store) const;
};

struct StoreBodyOptions {
  std::uint64_t max_bytes = 0;  // kRequestBodyTooLarge above it
  ExpectedChecksums expected;   // kMd5Mismatch, kCrc64Mismatch
  bool want_md5 = false;
};

// Reads `body` (null: empty) to its end and stores it. Errors: the body's, kNoSpace, kServerBusy
// (no buffer for too long), and as above.
Task<StoredBody> StoreBody(Services& services, OpContext context, BodyReader* body,
                           StoreBodyOptions options);

}  // namespace forebay::engine
