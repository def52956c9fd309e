// The engine's tests' chunk store: chunks in memory, named by records in the key-value store as the
// real one does, so that transactions that fail or run twice count exactly once.
//
// Thread safe. Bytes are kept for ever; what is alive is what has a record, which is what Pin looks
// at and the tests count. Writes and syncs can be made to fail.
#pragma once

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "base/codec.h"
#include "chunk/chunk_store.h"
#include "chunk/records.h"

namespace forebay::engine {

class ChunksForTest final : public chunk::ChunkStore {
 public:
  // The next `times` writes or syncs fail with `code`.
  void FailNextWrites(Code code, int times = 1) {
    failing_code_ = code;
    failing_writes_ = times;
  }
  void FailNextSyncs(Code code, int times = 1) {
    failing_code_ = code;
    failing_syncs_ = times;
  }
  void FailNextReads(Code code, int times = 1) {
    failing_code_ = code;
    failing_reads_ = times;
  }
  // Chunks that were written and neither linked nor dropped.
  int staged() const { return staged_; }
  // Chunks that something names.
  static std::size_t LinkedChunks(const kv::Reader& reader) {
    std::size_t count = 0;
    const auto it = reader.Scan(chunk::keys::TableBegin('C'), chunk::keys::TableEnd('C'));
    for (; it->Valid(); it->Next()) ++count;
    return count;
  }

  Task<chunk::StagedChunkPtr> Write(OpContext context, ByteView data) override {
    FB_CO_RETURN_IF_ERROR(context.Check());
    if (failing_writes_ > 0 && failing_writes_-- > 0) {
      co_return Fail(failing_code_, "A write that was made to fail.");
    }
    auto bytes = std::make_shared<const std::string>(AsText(data));
    const std::lock_guard lock(mutex_);
    const chunk::ChunkId id{7, ++last_};
    chunks_[id.sequence] = bytes;
    co_return std::make_shared<Staged>(staged_, id, *bytes);
  }
  Task<> Sync(OpContext context, std::vector<chunk::StagedChunkPtr>) override {
    if (failing_syncs_ > 0 && failing_syncs_-- > 0) {
      co_return Fail(failing_code_, "A sync that was made to fail.");
    }
    co_return context.Check();
  }

  void Link(kv::Transaction& txn, const chunk::StagedChunk& chunk) override {
    txn.Put(Key(chunk.id()), Encoder().U32(chunk.size()).str());
  }
  void Linked(const chunk::StagedChunkPtr&) override {}
  Result<> Unlink(kv::Transaction& txn, chunk::ChunkId id) override {
    FB_ASSIGN_OR_RETURN(const auto record, txn.Get(Key(id)));
    if (!record) return Fail(Code::kNotFound, "Nothing names the chunk.");
    txn.Erase(Key(id));
    return {};
  }

  Result<chunk::ReadPinPtr> Pin(const kv::Reader& latest, chunk::ChunkId id) override {
    FB_ASSIGN_OR_RETURN(const auto record, latest.Get(Key(id)));
    if (!record) return Fail(Code::kNotFound, "The chunk is freed.");
    const std::lock_guard lock(mutex_);
    return std::make_shared<const MemoryPin>(chunks_.at(id.sequence), *this);
  }

 private:
  static std::string Key(chunk::ChunkId id) { return chunk::keys::Chunk(id); }

  class Staged final : public chunk::StagedChunk {
   public:
    Staged(std::atomic<int>& staged, chunk::ChunkId id, std::string_view bytes)
        : staged_(staged),
          id_(id),
          size_(static_cast<std::uint32_t>(bytes.size())),
          crc64_(Crc64(AsBytes(bytes))) {
      ++staged_;
    }
    ~Staged() override { --staged_; }
    chunk::ChunkId id() const override { return id_; }
    std::uint32_t size() const override { return size_; }
    std::uint64_t crc64() const override { return crc64_; }

   private:
    std::atomic<int>& staged_;
    chunk::ChunkId id_;
    std::uint32_t size_;
    std::uint64_t crc64_;
  };

  class MemoryPin final : public chunk::ReadPin {
   public:
    MemoryPin(std::shared_ptr<const std::string> bytes, ChunksForTest& store)
        : bytes_(std::move(bytes)), store_(store) {}
    std::uint32_t size() const override { return static_cast<std::uint32_t>(bytes_->size()); }
    std::uint64_t crc64() const override { return Crc64(AsBytes(*bytes_)); }
    Result<> ReadBlocking(MutableByteView data, std::uint32_t offset) const override {
      if (store_.failing_reads_ > 0 && store_.failing_reads_-- > 0) {
        return Fail(store_.failing_code_, "A read that was made to fail.");
      }
      if (offset > bytes_->size() || data.size() > bytes_->size() - offset) {
        return Fail(Code::kInternal, "A read beyond the end of a chunk.");
      }
      std::memcpy(data.data(), bytes_->data() + offset, data.size());
      return {};
    }
    bool ReadyToSend(std::uint32_t, std::uint32_t) const override { return false; }
    Result<> Prepare(std::uint32_t, std::uint32_t) const override { return {}; }
    int descriptor() const override { return -1; }
    std::uint64_t file_offset() const override { return 0; }

   private:
    std::shared_ptr<const std::string> bytes_;
    ChunksForTest& store_;
  };

  std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<const std::string>> chunks_;
  std::uint64_t last_ = 0;
  std::atomic<int> staged_ = 0;
  std::atomic<int> failing_writes_ = 0;
  std::atomic<int> failing_syncs_ = 0;
  std::atomic<int> failing_reads_ = 0;
  std::atomic<Code> failing_code_ = Code::kIo;
};

}  // namespace forebay::engine
