// Checks that the namespace and the chunk store agree: every byte that a blob names is stored,
// everything stored has a holder, everything shared has its references, files have the names that
// they count, and no record is left of what is gone. The rules are those of
// docs/formats/meta-keys.md and node-records.md; what lies inside the chunk store is
// chunk/fsck.h's.
//
// Reads one snapshot, several times when the store is large: memory is bounded by
// `max_entries_in_memory`, whatever the store holds. Blocks. Without `repair` nothing is written.
// With it, only what follows from the rest of the records is: bytes that nobody names are freed,
// references and tag entries that are missing are put, those of nobody are erased, names are
// counted anew. Bytes are never invented, and a record that cannot be read is left alone, with all
// that it might name. A file that nothing leads to is freed only where no reference was missing and
// nothing has two records, so that its bytes are nobody else's: else a repair after this one frees
// it. Repairing needs the store at rest.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "chunk/chunk_store.h"
#include "kv/store.h"

namespace forebay::engine {

enum class FsckProblem : std::uint8_t {
  kUnreadableRecord,   // does not decode
  kMissingBytes,       // a blob or staged block names a chunk or piece that is not stored
  kWrongLength,        // a blob's extents or blocks do not add up to its length
  kNoContainer,        // a name in a container that does not exist
  kLostDirectory,      // a directory and its record do not name each other
  kOrphan,             // stored bytes that nothing names (repaired: freed)
  kForgottenRecord,    // pages, blocks or counters of nothing that exists (repaired: erased)
  kMissingReference,   // shared, and not every holder has its reference (repaired: put)
  kDanglingReference,  // a reference of somebody who is no holder (repaired: erased)
  kTagIndex,           // differs from the blobs' tags (repaired)
  kLostFile,           // names lead to a file that is not there
  kForgottenFile,      // has no name, and no session holds it (repaired: freed)
  kLinkCount,          // a file has more or fewer names than it counts (repaired)
  kTwoRecords,         // of one file or blob, of which either may be the right one
};
inline constexpr std::size_t kFsckProblems = 14;
std::string_view FsckProblemName(FsckProblem problem);

struct NamespaceFsckOptions {
  bool repair = false;
  std::size_t max_problems = 1'000;                 // reported in words; all are counted
  std::uint64_t max_entries_in_memory = 2'000'000;  // about 100 bytes each
};

struct NamespaceFsckReport {
  std::uint64_t containers = 0;
  std::uint64_t blobs = 0;   // and directories
  std::uint64_t chunks = 0;  // and inline pieces
  std::uint64_t passes = 0;
  std::array<std::uint64_t, kFsckProblems> counts{};  // by FsckProblem
  std::uint64_t problem_count = 0;
  std::uint64_t repaired = 0;
  std::vector<std::string> problems;
  // Blobs longer than their list of committed blocks: their end was appended. No problem.
  std::uint64_t short_block_lists = 0;
  // Bytes that nobody names were not looked for: something could not be read, or changes that wait
  // for a lake hold bytes too.
  bool orphans_skipped = false;

  std::uint64_t count(FsckProblem problem) const {
    return counts[static_cast<std::size_t>(problem)];
  }
};

// An error means that the check could not be made; what it finds is in the report.
Result<NamespaceFsckReport> CheckNamespace(kv::Store& store, chunk::ChunkStore& chunks,
                                           const NamespaceFsckOptions& options);

}  // namespace forebay::engine
