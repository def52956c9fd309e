// For tests: a SegmentChunkStore on disks in memory whose every call may be made to fail.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "chunk/segment_chunk_store.h"
#include "chunk/test_support.h"
#include "io/faulty.h"
#include "io/memory.h"
#include "kv/memory.h"

namespace forebay::chunk::testing {

class SegmentStoreTest : public ::testing::Test {
 protected:
  SegmentStoreTest() {
    options_.segment_bytes = 256 << 10;
    options_.reserve_bytes = 0;
    options_.active_segments = 2;
    options_.write_threads = options_.sync_threads = 2;
    options_.maintenance_interval = std::chrono::milliseconds(20);
    options_.on_fatal = [this](std::string_view) { ++fatal_; };
  }

  Result<> Open(std::vector<std::string> directories = {"/a"}) {
    store_.reset();
    FB_ASSIGN_OR_RETURN(store_, SegmentChunkStore::Open(kv_, fs_, std::move(directories), options_,
                                                        Clock::System()));
    return {};
  }

  Result<ChunkId> Put(ByteView data) { return Store(*store_, kv_, data); }
  Result<ChunkId> Put(std::size_t n, std::uint64_t seed) { return Put(Bytes(n, seed)); }
  Result<std::vector<std::byte>> Get(ChunkId id) { return Read(*store_, kv_, id); }
  Result<> Delete(ChunkId id) { return Unlink(*store_, kv_, id); }
  Result<ReadPinPtr> Pin(ChunkId id) { return store_->Pin(*kv_.GetSnapshot(), id); }

  VolumeStatus StatusOf(const std::string& path) {
    auto volumes = store_->Volumes();
    EXPECT_TRUE(volumes);
    for (const VolumeStatus& status : *volumes) {
      if (status.path == path) return status;
    }
    ADD_FAILURE() << "no volume at " << path;
    return {};
  }
  std::size_t FilesIn(const std::string& directory) {
    return disk_.List(directory + "/segments")->size();
  }
  std::uint64_t AllocatedIn(const std::string& directory) {
    std::uint64_t bytes = 0;
    for (const io::DirEntry& entry : *disk_.List(directory + "/segments")) {
      bytes += *(*disk_.Open(directory + "/segments/" + entry.name, io::OpenMode::kRead))
                    ->AllocatedBytes();
    }
    return bytes;
  }
  void ExpectClean() {
    auto report = store_->Fsck({.verify_checksums = true});
    ASSERT_TRUE(report) << report.error().ToString();
    EXPECT_EQ(report->problem_count, 0u)
        << (report->problems.empty() ? "" : report->problems.front());
  }

  io::MemoryFileSystem disk_;
  io::FaultyFileSystem fs_{disk_};
  kv::MemoryStore kv_;
  Options options_;
  std::unique_ptr<SegmentChunkStore> store_;
  std::atomic<int> fatal_{0};
};

}  // namespace forebay::chunk::testing
