// Whether there is room for more on the disk of the metadata, where small bodies lie too.
//
// Three lines, so that a full disk never stops what would empty it. Below the reserve no bytes are
// taken, below half of it nothing that adds records (copies, commits, containers); changes of what
// is there go on down to the store's own line, deletes below that (kv::RocksDbOptions), and reads
// always. The chunk store keeps the same reserve on each of its volumes. What the store has taken
// into memory and has yet to write into files counts as used: a flush that finds the disk full
// would stop everything, deletes too. The log that tells of it counts as well, and so does what a
// flush has written already: several times what it takes in the end, so a request that this alone
// keeps out has the store flush, and waits for it. Looks anew at every call, so writing resumes by
// itself when there is room. Thread safe.
#pragma once

#include <cstdint>
#include <string>

#include "async/context.h"
#include "async/task.h"
#include "base/result.h"
#include "io/file_system.h"
#include "kv/buffers.h"

namespace forebay::engine {

enum class Growth : std::uint8_t {
  kBytes,    // a body among the records
  kRecords,  // records only
};

class DiskRoom {
 public:
  // Both must outlive it; `buffers` are those of the store whose files lie at `path`.
  DiskRoom(const io::FileSystem& fs, std::string path, std::uint64_t reserve_bytes,
           kv::Buffers& buffers)
      : fs_(fs), path_(std::move(path)), reserve_bytes_(reserve_bytes), buffers_(buffers) {}

  // kNoSpace; as of now.
  Result<> Check(Growth growth) const;
  // kNoSpace, once it is not the store's buffers alone that leave no room, or after some seconds.
  Task<> Await(Growth growth, OpContext context) const;
  // Of the disk, less the reserve: what statfs tells. Asks the operating system.
  struct DiskSpace {
    std::uint64_t total = 0;
    std::uint64_t free = 0;
  };
  Result<DiskSpace> Space() const;

 private:
  enum class Room : std::uint8_t { kEnough, kSoon, kNone };
  Result<Room> Look(Growth growth) const;

  const io::FileSystem& fs_;
  const std::string path_;
  const std::uint64_t reserve_bytes_;
  kv::Buffers& buffers_;
};

}  // namespace forebay::engine
