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

asio::awaitable<void> Lock(Face& face, Request request, HandleId handle, vfs::LockRange range,
                           bool wait) {
  auto done = co_await face.file_system.Lock(request.context(), handle, range, wait);
  done ? request.Error(0) : request.Error(done.error());
}

void Start(fuse_req_t raw, const fuse_file_info* file, std::optional<vfs::LockRange> range,
           bool wait) {
  Face& face = Face::Of(raw);
  Request request = face.Take(raw, wait ? Interrupts::When::kAtOnce : Interrupts::When::kWhenStuck);
  if (!range) return request.Error(EINVAL);
  face.Spawn(Lock(face, std::move(request), HandleId(file->fh), *range, wait));
}
void OnSetlk(fuse_req_t raw, fuse_ino_t, fuse_file_info* file, struct flock* lock, int wait) {
  Start(raw, file, LockOf(*lock, file->lock_owner), wait != 0);
}
void OnFlock(fuse_req_t raw, fuse_ino_t, fuse_file_info* file, int operation) {
  auto range = WholeLockOf(operation, file->lock_owner);
  if (range) range->pid = static_cast<std::uint32_t>(fuse_req_ctx(raw)->pid);
  Start(raw, file, range, (operation & LOCK_NB) == 0);
}

}  // namespace

void AddLockOperations(fuse_lowlevel_ops& table) {
  table.getlk = OnGetlk;
  table.setlk = OnSetlk;
  table.flock = OnFlock;
}

}  // namespace forebay::fuse
