// Whether there is room for more on the disk of the metadata, where small bodies lie too.
//
// Three lines, so that a full disk never stops what would empty it. Below the reserve no bytes are
// taken, below half of it nothing that adds records (copies, commits, containers); changes of what
// is there go on down to the store's own line, deletes below that (kv::RocksDbOptions), and reads
// always. The chunk store keeps the same reserve on each of its volumes. What the store has taken
// into memory and has yet to write into files counts as used: a flush that finds the disk full
// would stop everything, deletes too. Looks anew at every call, so writing resumes by itself when
// there is room. Thread safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "io/file_system.h"

namespace forebay::engine {

enum class Growth : std::uint8_t {
  kBytes,    // a body among the records
  kRecords,  // records only
};

class DiskRoom {
 public:
  // Bytes that the store holds in memory and will write to this disk.
  using BufferedBytes = std::function<std::uint64_t()>;

  // `fs` must outlive it.
  DiskRoom(const io::FileSystem& fs, std::string path, std::uint64_t reserve_bytes,
           BufferedBytes buffered)
      : fs_(fs),
        path_(std::move(path)),
        reserve_bytes_(reserve_bytes),
        buffered_(std::move(buffered)) {}

  // kNoSpace.
  Result<> Check(Growth growth) const;
  // Of the disk, less the reserve: what statfs tells. Asks the operating system.
  struct DiskSpace {
    std::uint64_t total = 0;
    std::uint64_t free = 0;
  };
  Result<DiskSpace> Space() const;

 private:
  const io::FileSystem& fs_;
  const std::string path_;
  const std::uint64_t reserve_bytes_;
  const BufferedBytes buffered_;
};

}  // namespace forebay::engine
