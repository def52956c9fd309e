// Tells the kernel what it must no longer believe, on a thread of its own: the kernel may make the
// caller wait for a lock whose holder waits for an answer of ours.
//
// Thread safe. At most kMost notes wait; beyond that the oldest are dropped, since what the kernel
// believes ends with its time-outs anyway, and content is checked at every open.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "fuse/lowlevel.h"
#include "vfs/file_system.h"

namespace forebay::fuse {

class Notifier : public vfs::KernelCaches {
 public:
  static constexpr std::size_t kMost = 65'536;

  explicit Notifier(fuse_session* session);
  ~Notifier() override;  // drops what waits

  void ForgetAttributes(vfs::InodeNumber inode, bool and_content) override;
  void ForgetEntry(vfs::InodeNumber parent, std::string name) override;
  // Nothing is told from now on; returns when nothing is being told.
  void Stop();

 private:
  struct Note {
    vfs::InodeNumber inode;
    bool content = false;
    std::string name;  // of an entry; empty: attributes
  };
  void Add(Note note);
  void Work();

  fuse_session* const session_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Note> notes_;  // guarded by mutex_
  bool stop_ = false;       // guarded by mutex_
  std::thread thread_;
};

}  // namespace forebay::fuse
