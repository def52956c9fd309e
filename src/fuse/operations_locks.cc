// Locks: fcntl(2) and flock(2). One that waits ends at once when its caller is interrupted.
#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "fuse/face.h"
#include "fuse/translate.h"

namespace forebay::fuse {
namespace {

namespace asio = boost::asio;
using vfs::HandleId;

asio::awaitable<void> TestLock(Face& face, Request request, HandleId handle, vfs::LockRange range) {
  auto other = co_await face.file_system.TestLock(request.context(), handle, range);
  other ? request.Lock(FlockOf(*other)) : request.Error(other.error());
}
void OnGetlk(fuse_req_t raw, fuse_ino_t, fuse_file_info* file, struct flock* lock) {
  Face& face = Face::Of(raw);
  Request request = face.Take(raw);
  const auto range = LockOf(*lock, file->lock_owner);
  if (!range) return request.Error(EINVAL);
  face.Spawn(TestLock(face, std::move(request), HandleId(file->fh), *range));
}

asio::awaitable<void> Lock(Face& face, Request request, fuse_ino_t inode, HandleId handle,
                           vfs::LockRange range, bool wait) {
  auto done = co_await face.file_system.Lock(request.context(), handle, range, wait);
  // What others wrote under the lock before: the kernel asks for the attributes with its next read,
  // and drops its pages when the file has changed.
  if (done && range.kind != vfs::LockKind::kUnlock) {
    fuse_lowlevel_notify_inval_inode(face.session, inode, -1, 0);
  }
  done ? request.Error(0) : request.Error(done.error());
}

void Start(fuse_req_t raw, fuse_ino_t inode, const fuse_file_info* file,
           std::optional<vfs::LockRange> range, bool wait) {
  Face& face = Face::Of(raw);
  Request request = face.Take(raw, wait ? Interrupts::When::kAtOnce : Interrupts::When::kWhenStuck);
  if (!range) return request.Error(EINVAL);
  face.Spawn(Lock(face, std::move(request), inode, HandleId(file->fh), *range, wait));
}
void OnSetlk(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file, struct flock* lock, int wait) {
  Start(raw, inode, file, LockOf(*lock, file->lock_owner), wait != 0);
}
void OnFlock(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file, int operation) {
  auto range = WholeLockOf(operation, file->lock_owner);
  if (range) range->pid = static_cast<std::uint32_t>(fuse_req_ctx(raw)->pid);
  Start(raw, inode, file, range, (operation & LOCK_NB) == 0);
}

}  // namespace

void AddLockOperations(fuse_lowlevel_ops& table) {
  table.getlk = OnGetlk;
  table.setlk = OnSetlk;
  table.flock = OnFlock;
}

}  // namespace forebay::fuse
