// Checks that the records of the chunk store agree with one another, and with the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chunk/chunk_store.h"

namespace forebay::chunk {

struct Core;

struct FsckOptions {
  bool verify_checksums = false;     // reads everything
  std::size_t max_problems = 1'000;  // reported in words; all are counted
};

struct FsckReport {
  std::uint64_t chunks = 0;
  std::uint64_t chunk_bytes = 0;
  std::uint64_t free_records = 0;
  std::uint64_t segments = 0;
  std::uint64_t problem_count = 0;
  std::vector<std::string> problems;
  std::vector<ChunkId> corrupt;  // only with verify_checksums
};

// Over one snapshot of the records, so the store may be in use meanwhile. Blocks. An error means
// that the check could not be made; what it finds is in the report.
Result<FsckReport> CheckChunkStore(const std::shared_ptr<Core>& core, const FsckOptions& options);

}  // namespace forebay::chunk
