// Losses that fsync has to tell of: each open file and directory once, as Linux tells of failed
// write-back. What was lost before it was opened, and nobody was told of yet, counts.
//
// Thread safe.
#pragma once

#include <cstdint>
#include <mutex>

namespace forebay::vfs {

class Losses {
 public:
  // What one handle has been told of.
  class Told {
    friend class Losses;
    std::uint64_t number_ = 0;
  };

  void Note() {
    std::lock_guard lock(mutex_);
    ++number_;
  }
  Told Open() const {
    std::lock_guard lock(mutex_);
    Told out;
    out.number_ = told_;
    return out;
  }
  // True where there is something to tell, which it then has been.
  bool Tell(Told& handle) {
    std::lock_guard lock(mutex_);
    if (handle.number_ == number_) return false;
    handle.number_ = told_ = number_;
    return true;
  }

 private:
  mutable std::mutex mutex_;  // guards also what is in a Told
  std::uint64_t number_ = 0;
  std::uint64_t told_ = 0;  // somebody was told of so many
};

}  // namespace forebay::vfs
