// MemoryChunkStore: the ChunkStore without disks, for tests of the layers above.
//
// Same contract; bytes are gone with the process, records live in the key-value store under the
// same key of table 'C'. Space of unlinked chunks comes back in CollectGarbage. Sync costs nothing.
// FailWrites makes Write answer an error, as a full disk would. Thread safe. descriptor() is -1.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "chunk/chunk_store.h"
#include "kv/store.h"

namespace forebay::chunk {

class MemoryChunkStore final : public ChunkStore {
 public:
  MemoryChunkStore();
  ~MemoryChunkStore() override;

  Task<StagedChunkPtr> Write(OpContext context, ByteView data) override;
  Task<> Sync(OpContext context, std::vector<StagedChunkPtr> chunks) override;
  void Link(kv::Transaction& txn, const StagedChunk& chunk) override;
  void Linked(const StagedChunkPtr& chunk) override;
  Result<> Unlink(kv::Transaction& txn, ChunkId id) override;
  Result<ReadPinPtr> Pin(const kv::Reader& latest, ChunkId id) override;

  // Forgets bytes that `latest` does not name and nobody has staged or pinned.
  Result<> CollectGarbage(const kv::Reader& latest);
  void FailWrites(std::optional<Error> error);
  std::size_t chunks_held() const;

  struct State;  // internal to memory_chunk_store.cc

 private:
  std::shared_ptr<State> state_;
};

}  // namespace forebay::chunk
