// Open files: create, open, read, write, flush, sync, holes, copies.
#include <fcntl.h>

#include <algorithm>
#include <cerrno>

#include "fuse/face.h"
#include "fuse/translate.h"

namespace forebay::fuse {
namespace {

namespace asio = boost::asio;
using vfs::HandleId;
using vfs::InodeNumber;

// What the kernel is told about an open file. Writers that do not read bypass the page cache.
fuse_file_info FileInfo(const Face& face, const vfs::OpenAnswer& open, int flags) {
  fuse_file_info out{};
  out.flags = flags;
  out.fh = open.handle.value();
  out.keep_cache = open.keep_cache;
  out.direct_io = face.options.direct_writes && (flags & O_ACCMODE) == O_WRONLY;
  return out;
}

// The kernel would ask for CAP_FSETID, which it does not tell.
bool IsUnprivileged(const Request& request) { return request.caller().uid != 0; }

asio::awaitable<void> Create(Face& face, Request request, InodeNumber parent, std::string name,
                             std::uint32_t mode, int flags) {
  const vfs::Caller caller = request.caller();
  auto created = co_await face.file_system.Create(request.context(), caller, parent,
                                                  std::move(name), mode, flags);
  if (!created) {
    request.Error(created.error());
    co_return;
  }
  if (request.Created(created->entry, FileInfo(face, created->open, flags))) co_return;
  // The caller is gone: nobody will close what was opened for it.
  (void)co_await face.file_system.Release({}, created->open.handle, std::nullopt);
  face.file_system.Forget(created->entry.attributes.inode, 1);
}
void OnCreate(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode,
              fuse_file_info* file) {
  Face& face = Face::Of(raw);
  face.Spawn(
      Create(face, face.Take(raw), InodeNumber(parent), name, mode & vfs::kModeBits, file->flags));
}

asio::awaitable<void> Open(Face& face, Request request, InodeNumber inode, int flags) {
  auto open =
      co_await face.file_system.Open(request.context(), inode, flags, IsUnprivileged(request));
  if (!open) {
    request.Error(open.error());
    co_return;
  }
  // Close-to-open: somebody else may have made it longer, and the kernel reads up to the length
  // that it knows. Without content to drop this call waits for nobody.
  if (!open->keep_cache) fuse_lowlevel_notify_inval_inode(face.session, inode.value(), -1, 0);
  request.Opened(FileInfo(face, *open, flags));
}
void OnOpen(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file) {
  Face& face = Face::Of(raw);
  face.Spawn(Open(face, face.Take(raw), InodeNumber(inode), file->flags));
}

asio::awaitable<void> Read(Face& face, Request request, HandleId handle, std::uint64_t offset,
                           std::size_t size) {
  Buffers::Lease buffer = face.buffers.Get();
  const MutableByteView into{buffer.data(), std::min(size, face.buffers.size())};
  auto bytes = co_await face.file_system.Read(request.context(), handle, offset, into);
  if (bytes) {
    request.Bytes(into.first(*bytes));
  } else {
    request.Error(bytes.error());
  }
}
void OnRead(fuse_req_t raw, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info* file) {
  Face& face = Face::Of(raw);
  face.Spawn(
      Read(face, face.Take(raw), HandleId(file->fh), static_cast<std::uint64_t>(offset), size));
}

// `data` lies in `buffer`, which the request came in and which nobody else uses meanwhile.
asio::awaitable<void> Write(Face& face, Request request, [[maybe_unused]] Buffers::Lease buffer,
                            HandleId handle, std::uint64_t offset, ByteView data) {
  auto done = co_await face.file_system.Write(request.context(), handle, offset, data,
                                              IsUnprivileged(request));
  done ? request.Written(data.size()) : request.Error(done.error());
}
void OnWrite(fuse_req_t raw, fuse_ino_t, const char* data, std::size_t size, off_t offset,
             fuse_file_info* file) {
  Face& face = Face::Of(raw);
  Buffers::Lease buffer = std::move(*Face::request_buffer);
  face.Spawn(Write(face, face.Take(raw), std::move(buffer), HandleId(file->fh),
                   static_cast<std::uint64_t>(offset), AsBytes({data, size})));
}

asio::awaitable<void> Flush(Face& face, Request request, HandleId handle, vfs::LockOwner owner) {
  auto done = co_await face.file_system.Flush(request.context(), handle, owner);
  done ? request.Error(0) : request.Error(done.error());
}
void OnFlush(fuse_req_t raw, fuse_ino_t, fuse_file_info* file) {
  Face& face = Face::Of(raw);
  face.Spawn(Flush(face, face.Take(raw), HandleId(file->fh), vfs::LockOwner(file->lock_owner)));
}

asio::awaitable<void> Sync(Face& face, Request request, HandleId handle, bool data_only) {
  auto done = co_await face.file_system.Sync(request.context(), handle, data_only);
  done ? request.Error(0) : request.Error(done.error());
}
void OnFsync(fuse_req_t raw, fuse_ino_t, int data_only, fuse_file_info* file) {
  Face& face = Face::Of(raw);
  face.Spawn(Sync(face, face.Take(raw), HandleId(file->fh), data_only != 0));
}

asio::awaitable<void> Release(Face& face, Request request, HandleId handle,
                              std::optional<vfs::LockOwner> owner) {
  auto done = co_await face.file_system.Release(request.context(), handle, owner);
  done ? request.Error(0) : request.Error(done.error());
}
void OnRelease(fuse_req_t raw, fuse_ino_t, fuse_file_info* file) {
  Face& face = Face::Of(raw);
  std::optional<vfs::LockOwner> owner;
  if (file->flock_release) owner = vfs::LockOwner(file->lock_owner);
  face.Spawn(Release(face, face.Take(raw), HandleId(file->fh), owner));
}

asio::awaitable<void> Allocate(Face& face, Request request, HandleId handle, int mode,
                               std::uint64_t offset, std::uint64_t length) {
  auto done = co_await face.file_system.Allocate(request.context(), handle, mode, offset, length);
  done ? request.Error(0) : request.Error(done.error());
}
void OnFallocate(fuse_req_t raw, fuse_ino_t, int mode, off_t offset, off_t length,
                 fuse_file_info* file) {
  Face& face = Face::Of(raw);
  face.Spawn(Allocate(face, face.Take(raw), HandleId(file->fh), mode,
                      static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(length)));
}

asio::awaitable<void> Seek(Face& face, Request request, HandleId handle, std::uint64_t offset,
                           bool data) {
  auto found = co_await face.file_system.Seek(request.context(), handle, offset, data);
  found ? request.Offset(*found) : request.Error(found.error());
}
void OnLseek(fuse_req_t raw, fuse_ino_t, off_t offset, int whence, fuse_file_info* file) {
  Face& face = Face::Of(raw);
  Request request = face.Take(raw);
  if (whence != SEEK_DATA && whence != SEEK_HOLE) return request.Error(EINVAL);
  if (offset < 0) return request.Error(ENXIO);
  face.Spawn(Seek(face, std::move(request), HandleId(file->fh), static_cast<std::uint64_t>(offset),
                  whence == SEEK_DATA));
}

asio::awaitable<void> CopyRange(Face& face, Request request, HandleId from,
                                std::uint64_t from_offset, HandleId to, std::uint64_t to_offset,
                                std::size_t length) {
  auto copied = co_await face.file_system.CopyRange(request.context(), from, from_offset, to,
                                                    to_offset, length);
  copied ? request.Written(*copied) : request.Error(copied.error());
}
void OnCopyFileRange(fuse_req_t raw, fuse_ino_t, off_t from_offset, fuse_file_info* from,
                     fuse_ino_t, off_t to_offset, fuse_file_info* to, std::size_t length,
                     int flags) {
  Face& face = Face::Of(raw);
  Request request = face.Take(raw);
  if (flags != 0) return request.Error(EINVAL);
  // The kernel's count of bytes written has 32 bits.
  length = std::min<std::size_t>(length, 1u << 30);
  face.Spawn(CopyRange(face, std::move(request), HandleId(from->fh),
                       static_cast<std::uint64_t>(from_offset), HandleId(to->fh),
                       static_cast<std::uint64_t>(to_offset), length));
}

}  // namespace

void AddFileOperations(fuse_lowlevel_ops& table) {
  table.create = OnCreate;
  table.open = OnOpen;
  table.read = OnRead;
  table.write = OnWrite;
  table.flush = OnFlush;
  table.fsync = OnFsync;
  table.release = OnRelease;
  table.fallocate = OnFallocate;
  table.lseek = OnLseek;
  table.copy_file_range = OnCopyFileRange;
}

}  // namespace forebay::fuse
