// Pinned bytes of a segment and their verified reading. Internal to chunk/; see chunk_store.h.
#pragma once

#include <mutex>

#include "chunk/chunk_store.h"
#include "chunk/core.h"

namespace forebay::chunk {

// Takes over a pin that was acquired in core->pins for the record's location.
class SegmentReadPin final : public ReadPin {
 public:
  SegmentReadPin(CorePtr core, SegmentPtr segment, ChunkRecord record)
      : core_(std::move(core)), segment_(std::move(segment)), record_(std::move(record)) {}
  ~SegmentReadPin() override { core_->pins.Release(*segment_, record_.location.offset); }
  SegmentReadPin(const SegmentReadPin&) = delete;
  SegmentReadPin& operator=(const SegmentReadPin&) = delete;

  std::uint32_t size() const override { return record_.length; }
  std::uint64_t crc64() const override { return record_.crc64; }
  Result<> ReadBlocking(MutableByteView data, std::uint32_t offset) const override;
  bool ReadyToSend(std::uint32_t offset, std::uint32_t length) const override;
  Result<> Prepare(std::uint32_t offset, std::uint32_t length) const override;
  int descriptor() const override;
  std::uint64_t file_offset() const override { return record_.location.offset; }
  std::optional<LocalPlace> Local() const override;
  bool Resident(std::uint32_t offset, std::uint32_t length) const override;

  const ChunkRecord& record() const { return record_; }
  // Reads all of it and checks every block, verified before or not. For scrub and for moving.
  Result<> ReadAllUnconditionally(MutableByteView data) const;

 private:
  Result<SegmentFilePtr> Open() const;
  SegmentFilePtr OpenedFile() const;
  bool RangeIsValid(std::uint64_t offset, std::uint64_t length) const {
    return offset + length <= record_.length;
  }
  std::uint32_t BlockBytes(std::size_t block) const;
  std::uint64_t BlockBit(std::size_t block) const;
  Result<> ReadExactly(SegmentFile& file, MutableByteView data, std::uint64_t offset) const;
  // Checks a whole block that was read; remembers that it was right.
  Result<> CheckBlock(SegmentFile& file, ByteView data, std::size_t block) const;
  Result<> VerifyBlock(SegmentFile& file, std::size_t block, MutableByteView scratch) const;

  CorePtr core_;
  SegmentPtr segment_;
  ChunkRecord record_;
  mutable std::mutex mutex_;
  mutable SegmentFilePtr file_;  // keeps the descriptor open while the pin lives
};

}  // namespace forebay::chunk
