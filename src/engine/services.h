// What every operation of the engine works with. References to services that outlive it; thread
// safe.
//
// One operation, one file: engine/put_blob.h, engine/list_blobs.h … each a free function
// `Task<Answer> Operation(Services&, OpContext, Request)`.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "async/semaphore.h"
#include "async/thread_pool.h"
#include "base/clock.h"
#include "chunk/chunk_store.h"
#include "engine/body_pins.h"
#include "engine/buffer_pool.h"
#include "engine/disk_room.h"
#include "engine/read_versions.h"
#include "kv/store.h"
#include "meta/etag_source.h"
#include "meta/id_source.h"

namespace forebay::engine {

class LakeSide;

struct Limits {
  // Bodies and blocks up to this size live in the key-value store, where one sync makes bytes and
  // name durable together. At most kv::kMaxValueBytes.
  std::size_t small_blob_bytes = 64 << 10;
  std::chrono::nanoseconds uncommitted_block_ttl = std::chrono::hours(24 * 7);

  // How bodies are cut and when a commit is prepared ahead (engine/prepare.h). Bounded by
  // chunk::kMaxChunkBytes and kv::kMaxTransactionKeys; smaller in tests, which reach with little
  // data what takes gigabytes otherwise.
  std::size_t chunk_bytes = 4 << 20;
  std::size_t chunks_per_transaction = 200;  // two or three keys each, and the rest of a commit
  std::size_t final_records = 300;           // of a block list, in the transaction of its blob
  std::size_t write_ahead_records = 500;

  // Extents of a body that a block list makes, 4 TiB of whole chunks; above free_plan_extents its
  // memory (some hundred bytes an extent) is waited for: see Services::large_plans.
  std::size_t plan_extents = 1'000'000;
  std::size_t free_plan_extents = 20'000;
};

struct Services {
  // Before a request adds to what is stored (engine/disk_room.h): kNoSpace.
  Task<> AwaitRoom(Growth growth, OpContext context) const {
    if (room) FB_CO_RETURN_IF_ERROR(co_await room->Await(growth, std::move(context)));
    co_return Result<>{};
  }

  kv::Store& store;
  chunk::ChunkStore& chunks;
  Clock& clock;
  ThreadPool& pool;  // blocking reads: cold metadata, file pages that are not in the cache
  meta::IdSource& ids;
  meta::ETagSource& etags;
  BufferPool& buffers;  // transfer buffers, bounded over all requests
  BodyPins& pins;       // bodies that readers are on
  Limits limits;
  const DiskRoom* room = nullptr;  // null: there is always room
  LakeSide* lake = nullptr;        // null: no container has a lake
  WallTime started{};              // of the process: leases of sessions go on from there
  // Block lists whose plans are large take one unit while they are worked out and committed.
  std::shared_ptr<Semaphore> large_plans = std::make_shared<Semaphore>(2);
  // What mounts are reading.
  std::shared_ptr<ReadVersions> versions = std::make_shared<ReadVersions>();
};

}  // namespace forebay::engine
