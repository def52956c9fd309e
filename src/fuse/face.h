// What the operations of one mount share. Internal to fuse/.
//
// Thread safe; outlives every request. Operations run on the loop whose thread took the request
// from the kernel (session.cc), so that a request and its answer never change threads on their own.
#pragma once

#include "async/task_group.h"
#include "fuse/buffers.h"
#include "fuse/interrupts.h"
#include "fuse/request.h"
#include "vfs/file_system.h"

namespace forebay::fuse {

// The largest read and write that the kernel sends (fs.fuse.max_pages_limit of 256 pages).
inline constexpr std::size_t kMaxTransfer = 1u << 20;
// What libfuse puts in front of a payload.
inline constexpr std::size_t kRequestHeader = 4096;

struct FaceOptions {
  bool posix_acls = true;
  unsigned max_background = 128;  // requests in flight that no thread waits for (read-ahead)
  // Files opened for writing alone bypass the page cache: large sequential writes are half as fast
  // again, and nothing is kept that nobody reads.
  bool direct_writes = true;
};

class Face {
 public:
  Face(vfs::FileSystem& fs, Executor any, FaceOptions what);

  static Face& Of(fuse_req_t raw) { return *static_cast<Face*>(fuse_req_userdata(raw)); }

  // Runs `task` on the loop of the calling thread.
  void Spawn(boost::asio::awaitable<void> task) { group.Spawn(current, std::move(task)); }
  Request Take(fuse_req_t raw, Interrupts::When when = Interrupts::When::kWhenStuck) {
    return Request(interrupts, raw, when);
  }

  vfs::FileSystem& file_system;
  const FaceOptions options;
  Interrupts interrupts;
  TaskGroup group;
  Buffers buffers;
  void* owner = nullptr;  // the session's own, for libfuse's callbacks
  fuse_session* session = nullptr;

  // Set by the loop's thread while it works on requests.
  static thread_local Executor current;
  // The buffer that holds the request at hand. A write that has to wait takes it along.
  static thread_local Buffers::Lease* request_buffer;
};

// One family of operations each: they fill in their part of the table.
void AddNameOperations(fuse_lowlevel_ops& table);
void AddAttributeOperations(fuse_lowlevel_ops& table);
void AddFileOperations(fuse_lowlevel_ops& table);
void AddDirectoryOperations(fuse_lowlevel_ops& table);
void AddLockOperations(fuse_lowlevel_ops& table);

}  // namespace forebay::fuse
