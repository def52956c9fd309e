// The locks on one file: POSIX record locks and whole-file locks (flock), which do not see each
// other.
//
// Not thread safe; whoever owns it guards it. Never waits and has no opinion on who should:
// waiting, fairness and time-outs are its users'.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "vfs/types.h"

namespace forebay::vfs {

class FileLocks {
 public:
  // Sessions tell apart the mounts of a server, whose lock owners are numbers of their own.
  struct Held {
    std::uint64_t session = 0;
    LockRange range;
  };

  // Somebody else's lock that `range` (kShared or kExclusive) would collide with.
  std::optional<Held> Conflict(std::uint64_t session, const LockRange& range) const;
  // Takes, changes or drops the owner's locks in the range; false and nothing changed on a
  // conflict.
  bool Set(std::uint64_t session, const LockRange& range);
  // All locks of one owner in one of the two families; of a whole session.
  void DropOwner(std::uint64_t session, LockOwner owner, bool whole_file);
  void DropSession(std::uint64_t session);
  bool empty() const { return held_.empty(); }
  const std::vector<Held>& held() const { return held_; }

 private:
  void Cut(std::uint64_t session, const LockRange& range);
  void Merge();

  std::vector<Held> held_;
};

}  // namespace forebay::vfs
