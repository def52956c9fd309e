#include "chunk/memory_chunk_store.h"

#include <atomic>

#include "base/checksum.h"
#include "base/uuid.h"
#include "chunk/records.h"

namespace forebay::chunk {
namespace {

using Bytes = std::vector<std::byte>;

struct Held {
  std::shared_ptr<const Bytes> bytes;
  bool staged = true;
};

}  // namespace

struct MemoryChunkStore::State {
  mutable std::mutex mutex;
  std::map<ChunkId, Held> chunks;
  std::optional<Error> write_error;
  std::uint64_t next_sequence = 1;
  // Never 0, which layers above use for their own pieces.
  const std::uint64_t session = RandomU64() | 1;
};

namespace {

class MemoryStaged final : public StagedChunk {
 public:
  MemoryStaged(std::shared_ptr<MemoryChunkStore::State> state, ChunkId id, std::uint32_t size,
               std::uint64_t crc64)
      : state_(std::move(state)), id_(id), size_(size), crc64_(crc64) {}
  // CollectGarbage decides: the record may have been committed although nobody said so.
  ~MemoryStaged() override { MarkLinked(); }
  ChunkId id() const override { return id_; }
  std::uint32_t size() const override { return size_; }
  std::uint64_t crc64() const override { return crc64_; }
  void MarkLinked() {
    std::lock_guard lock(state_->mutex);
    if (auto it = state_->chunks.find(id_); it != state_->chunks.end()) it->second.staged = false;
  }

 private:
  std::shared_ptr<MemoryChunkStore::State> state_;
  ChunkId id_;
  std::uint32_t size_;
  std::uint64_t crc64_;
};

class MemoryPin final : public ReadPin {
 public:
  explicit MemoryPin(std::shared_ptr<const Bytes> bytes) : bytes_(std::move(bytes)) {}
  std::uint32_t size() const override { return static_cast<std::uint32_t>(bytes_->size()); }
  std::uint64_t crc64() const override { return Crc64(*bytes_); }
  Result<> ReadBlocking(MutableByteView data, std::uint32_t offset) const override {
    FB_RETURN_IF_ERROR(Prepare(offset, static_cast<std::uint32_t>(data.size())));
    std::copy_n(bytes_->begin() + offset, data.size(), data.begin());
    return {};
  }
  bool ReadyToSend(std::uint32_t, std::uint32_t) const override { return false; }
  Result<> Prepare(std::uint32_t offset, std::uint32_t length) const override {
    if (std::uint64_t{offset} + length <= bytes_->size()) return {};
    return Fail(Code::kInternal, "a read beyond the end of a chunk");
  }
  int descriptor() const override { return -1; }
  std::uint64_t file_offset() const override { return 0; }

 private:
  std::shared_ptr<const Bytes> bytes_;
};

}  // namespace

MemoryChunkStore::MemoryChunkStore() : state_(std::make_shared<State>()) {}
MemoryChunkStore::~MemoryChunkStore() = default;

Task<StagedChunkPtr> MemoryChunkStore::Write(OpContext context, ByteView data) {
  if (data.empty() || data.size() > kMaxChunkBytes) {
    co_return Fail(Code::kInternal, "a chunk holds 1 byte to 4 MiB");
  }
  FB_CO_RETURN_IF_ERROR(context.Check());
  auto bytes = std::make_shared<const Bytes>(data.begin(), data.end());
  std::uint64_t crc = Crc64(data);
  ChunkId id;
  {
    std::lock_guard lock(state_->mutex);
    if (state_->write_error) co_return Fail(Error(*state_->write_error));
    id = {state_->session, state_->next_sequence++};
    state_->chunks[id] = {std::move(bytes), true};
  }
  co_return std::make_shared<MemoryStaged>(state_, id, static_cast<std::uint32_t>(data.size()),
                                           crc);
}

Task<> MemoryChunkStore::Sync(OpContext context, std::vector<StagedChunkPtr>) {
  co_return context.Check();
}

void MemoryChunkStore::Link(kv::Transaction& txn, const StagedChunk& chunk) {
  ChunkRecord record;
  record.length = chunk.size();
  record.crc64 = chunk.crc64();
  record.block_crcs.resize((chunk.size() + kChecksumBlockBytes - 1) / kChecksumBlockBytes);
  txn.Put(keys::Chunk(chunk.id()), record.Encode());
}

void MemoryChunkStore::Linked(const StagedChunkPtr& chunk) {
  static_cast<MemoryStaged&>(*chunk).MarkLinked();
}

Result<> MemoryChunkStore::Unlink(kv::Transaction& txn, ChunkId id) {
  FB_ASSIGN_OR_RETURN(auto value, txn.Get(keys::Chunk(id)));
  if (!value) return Fail(Code::kNotFound, "there is no such chunk (any more)");
  txn.Erase(keys::Chunk(id));
  return {};
}

Result<ReadPinPtr> MemoryChunkStore::Pin(const kv::Reader& latest, ChunkId id) {
  FB_ASSIGN_OR_RETURN(auto value, latest.Get(keys::Chunk(id)));
  std::lock_guard lock(state_->mutex);
  auto it = state_->chunks.find(id);
  if (!value || it == state_->chunks.end()) {
    return Fail(Code::kNotFound, "there is no such chunk (any more)");
  }
  return std::make_shared<MemoryPin>(it->second.bytes);
}

Result<> MemoryChunkStore::CollectGarbage(const kv::Reader& latest) {
  std::lock_guard lock(state_->mutex);
  for (auto it = state_->chunks.begin(); it != state_->chunks.end();) {
    FB_ASSIGN_OR_RETURN(auto value, latest.Get(keys::Chunk(it->first)));
    it = it->second.staged || value ? std::next(it) : state_->chunks.erase(it);
  }
  return {};
}

void MemoryChunkStore::FailWrites(std::optional<Error> error) {
  std::lock_guard lock(state_->mutex);
  state_->write_error = std::move(error);
}

std::size_t MemoryChunkStore::chunks_held() const {
  std::lock_guard lock(state_->mutex);
  return state_->chunks.size();
}

}  // namespace forebay::chunk
