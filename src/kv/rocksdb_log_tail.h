// Looks at the write-ahead log before RocksDB does, to tell what a power cut leaves from damage.
//
// A power cut keeps any part of what was not synced, in any order: records with holes before them
// are normal there. RocksDB's modes either stop at the first hole without a word (and would swallow
// damage to acknowledged transactions too) or refuse it (and would not start after a power cut). So
// every batch that we write says how far the log was synced when it was written. A hole is damage
// exactly when an intact record behind it says that the hole had been synced. See
// docs/formats/kv.md and ADR 0021.
//
// Not thread safe; call it before the database is opened.
#pragma once

#include <rocksdb/file_system.h>
#include <rocksdb/types.h>
#include <rocksdb/wal_filter.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace forebay::kv {

// A place that does not parse, and all up to the next batch that does.
struct LogHole {
  std::uint64_t log = 0;                   // the number of the file that it begins in
  rocksdb::SequenceNumber first_lost = 0;  // batches before it have smaller numbers
};

struct LogCondition {
  bool torn = false;           // something does not parse, or ends in the middle of a record
  bool damaged = false;        // and was synced before
  std::string where;           // of the first such place, for a person
  std::vector<LogHole> holes;  // ascending; without those that a later log shows to be dealt with
};

// Reads every log file in `dir` (none, or no folder: a sound log) and syncs it: what a killed
// process wrote but never synced is about to be read, and answers will rest on it.
Result<LogCondition> ExamineLog(rocksdb::FileSystem& fs, const std::string& dir);

// Ends the replay of the log at its first hole, where that is in a log that still counts: `cut`, as
// if the log ended there, else as a damaged record. RocksDB passes over a hole of zeros that ends
// with a block without a word, in every mode. The database keeps a pointer to it: it outlives the
// database.
std::unique_ptr<rocksdb::WalFilter> EndAtHoles(std::vector<LogHole> holes, bool cut);

// The marker that opens each batch: the last sequence number known to be on stable storage.
std::string EncodeSyncMarker(rocksdb::SequenceNumber durable);

}  // namespace forebay::kv
