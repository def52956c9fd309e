// What the tests of chunk/ share: bytes that can be told apart, and the store's steps run to their
// end.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "async/run_sync.h"
#include "chunk/chunk_store.h"
#include "kv/store.h"

namespace forebay::chunk::testing {

inline std::vector<std::byte> Bytes(std::size_t n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::byte> out(n);
  for (std::byte& b : out) b = static_cast<std::byte>(random());
  return out;
}

inline Result<StagedChunkPtr> Write(ChunkStore& store, ByteView data) {
  return RunSync(store.Write({}, data));
}

inline Result<> Sync(ChunkStore& store, std::vector<StagedChunkPtr> chunks) {
  return RunSync(store.Sync({}, std::move(chunks)));
}

inline Result<> LinkAll(ChunkStore& store, kv::Store& kv, const std::vector<StagedChunkPtr>& chunks,
                        kv::Durability durability = kv::Durability::kSync) {
  FB_RETURN_IF_ERROR(kv.TransactBlocking(
      [&](kv::Transaction& txn) -> Result<> {
        for (const auto& chunk : chunks) store.Link(txn, *chunk);
        return {};
      },
      durability));
  for (const auto& chunk : chunks) store.Linked(chunk);
  return {};
}

// Write, sync and link, as an operation that stores a blob does.
inline Result<ChunkId> Store(ChunkStore& store, kv::Store& kv, ByteView data) {
  FB_ASSIGN_OR_RETURN(StagedChunkPtr chunk, Write(store, data));
  FB_RETURN_IF_ERROR(Sync(store, {chunk}));
  FB_RETURN_IF_ERROR(LinkAll(store, kv, {chunk}));
  return chunk->id();
}

inline Result<> Unlink(ChunkStore& store, kv::Store& kv, ChunkId id,
                       kv::Durability durability = kv::Durability::kSync) {
  return kv.TransactBlocking([&](kv::Transaction& txn) { return store.Unlink(txn, id); },
                             durability);
}

inline Result<std::vector<std::byte>> Read(const ReadPin& pin) {
  std::vector<std::byte> data(pin.size());
  FB_RETURN_IF_ERROR(pin.ReadBlocking(data, 0));
  return data;
}

inline Result<std::vector<std::byte>> Read(ChunkStore& store, kv::Store& kv, ChunkId id) {
  auto now = kv.GetSnapshot();
  FB_ASSIGN_OR_RETURN(ReadPinPtr pin, store.Pin(*now, id));
  return Read(*pin);
}

inline Code CodeOf(const auto& result) { return result ? Code{} : result.error().code(); }

}  // namespace forebay::chunk::testing
