// A chunk that is written and not named yet. Internal to chunk/.
//
// Thread safe. Whoever drops the last reference before MarkLinked hands the space to maintenance,
// which looks whether a record names it after all before it frees anything.
#pragma once

#include <atomic>

#include "chunk/chunk_store.h"
#include "chunk/core.h"

namespace forebay::chunk {

class SegmentStagedChunk final : public StagedChunk {
 public:
  SegmentStagedChunk(CorePtr core, SegmentPtr segment, ChunkId id, ChunkRecord record,
                     std::uint64_t ticket)
      : core_(std::move(core)),
        segment_(std::move(segment)),
        id_(id),
        record_(std::move(record)),
        ticket_(ticket) {}
  ~SegmentStagedChunk() override {
    if (!linked_.load()) core_->Drop({segment_, record_.location.offset, record_.length});
  }
  SegmentStagedChunk(const SegmentStagedChunk&) = delete;
  SegmentStagedChunk& operator=(const SegmentStagedChunk&) = delete;

  ChunkId id() const override { return id_; }
  std::uint32_t size() const override { return record_.length; }
  std::uint64_t crc64() const override { return record_.crc64; }

  const ChunkRecord& record() const { return record_; }
  const SegmentPtr& segment() const { return segment_; }
  bool durable() const { return segment_->Durable(ticket_); }
  void MarkLinked() {
    if (linked_.exchange(true)) return;
    segment_->Settle();
    if (segment_->ReadyToSeal()) core_->Wake();
  }

 private:
  CorePtr core_;
  SegmentPtr segment_;
  ChunkId id_;
  ChunkRecord record_;
  std::uint64_t ticket_;
  std::atomic<bool> linked_{false};
};
using SegmentStagedChunkPtr = std::shared_ptr<SegmentStagedChunk>;

}  // namespace forebay::chunk
