// `forebay backup` and `forebay restore`: a copy of a store in a folder of its own.
//
//   BACKUP/metadata        a checkpoint of the key-value store
//   BACKUP/volumes/UUID/   each data directory's identity and segments
//   BACKUP/manifest        which segments are complete, so that the next backup copies only what is
//   new
//
// Online: records are fixed first, then segments are copied under a pin that keeps every byte they
// name where it is. Segments never change once sealed, so a second backup into the same folder
// copies new and unsealed ones only. Format: docs/formats/backup.md. Everything blocks; not for an
// event loop.
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/node.h"

namespace forebay::cli {

struct BackupReport {
  std::uint64_t segments_copied = 0;
  std::uint64_t segments_kept = 0;
  std::uint64_t bytes_copied = 0;
};

// Into `directory`, which is empty, missing, or holds an earlier backup of the same store. A backup
// that fails or is stopped (kCancelled) half-way leaves the earlier one's metadata in place.
Result<BackupReport> Backup(Node& node, const std::string& directory, std::stop_token stop = {});

// From a backup into data directories that are empty or missing, one for each volume of the backup
// (kInvalidConfig when their number differs; kAlreadyExists when one is not empty).
Result<> Restore(const std::string& backup, const std::vector<std::string>& directories);

}  // namespace forebay::cli
