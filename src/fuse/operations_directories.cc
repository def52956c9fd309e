// Directories: open, read with and without attributes.
#include <cerrno>
#include <vector>

#include "fuse/face.h"
#include "fuse/translate.h"

namespace forebay::fuse {
namespace {

namespace asio = boost::asio;
using vfs::HandleId;
using vfs::InodeNumber;

// Packs entries into the answer's buffer, and knows which of them count a lookup.
class Packer : public vfs::DirectorySink {
 public:
  Packer(fuse_req_t raw, MutableByteView room, bool plus) : raw_(raw), room_(room), plus_(plus) {}

  bool Add(const vfs::DirectoryEntry& entry, const vfs::Entry& answer) override {
    char* to = reinterpret_cast<char*>(room_.data()) + used_;
    const std::size_t left = room_.size() - used_;
    const auto next = static_cast<off_t>(entry.cursor);
    const bool dots = entry.name == "." || entry.name == "..";
    std::size_t need = 0;
    if (plus_) {
      fuse_entry_param packed = dots ? fuse_entry_param{} : EntryOf(answer);
      // The kernel takes number and kind from here also where it must not count a lookup.
      if (dots) packed.attr = StatOf(entry.attributes);
      need = fuse_add_direntry_plus(raw_, to, left, entry.name.c_str(), &packed, next);
    } else {
      const struct stat kind = StatOf(entry.attributes);
      need = fuse_add_direntry(raw_, to, left, entry.name.c_str(), &kind, next);
    }
    if (need > left) return false;
    used_ += need;
    if (plus_ && !dots && answer.Exists()) counted_.push_back(answer.attributes.inode);
    return true;
  }

  ByteView packed() const { return room_.first(used_); }
  const std::vector<InodeNumber>& counted() const { return counted_; }

 private:
  const fuse_req_t raw_;
  const MutableByteView room_;
  const bool plus_;
  std::size_t used_ = 0;
  std::vector<InodeNumber> counted_;
};

asio::awaitable<void> OpenDirectory(Face& face, Request request, InodeNumber inode, int flags) {
  auto handle = co_await face.file_system.OpenDirectory(request.context(), inode);
  if (!handle) {
    request.Error(handle.error());
    co_return;
  }
  fuse_file_info file{};
  file.flags = flags;
  file.fh = handle->value();
  request.Opened(file);
}
void OnOpendir(fuse_req_t raw, fuse_ino_t inode, fuse_file_info* file) {
  Face& face = Face::Of(raw);
  face.Spawn(OpenDirectory(face, face.Take(raw), InodeNumber(inode), file->flags));
}

asio::awaitable<void> ReadDirectory(Face& face, Request request, fuse_req_t raw, HandleId handle,
                                    std::uint64_t cursor, std::size_t size, bool plus) {
  Buffers::Lease buffer = face.buffers.Get();
  Packer packer(raw, {buffer.data(), std::min(size, face.buffers.size())}, plus);
  auto done =
      co_await face.file_system.ReadDirectory(request.context(), handle, cursor, plus, packer);
  // What was told before the error is told; the error comes with the next call, if it stays.
  if (!done && packer.packed().empty()) {
    request.Error(done.error());
  } else if (!request.Bytes(packer.packed())) {
    for (InodeNumber inode : packer.counted()) face.file_system.Forget(inode, 1);
  }
}
void OnReaddir(fuse_req_t raw, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info* file) {
  Face& face = Face::Of(raw);
  face.Spawn(ReadDirectory(face, face.Take(raw), raw, HandleId(file->fh),
                           static_cast<std::uint64_t>(offset), size, false));
}
void OnReaddirplus(fuse_req_t raw, fuse_ino_t, std::size_t size, off_t offset,
                   fuse_file_info* file) {
  Face& face = Face::Of(raw);
  face.Spawn(ReadDirectory(face, face.Take(raw), raw, HandleId(file->fh),
                           static_cast<std::uint64_t>(offset), size, true));
}

void OnReleasedir(fuse_req_t raw, fuse_ino_t, fuse_file_info* file) {
  Face::Of(raw).file_system.ReleaseDirectory(HandleId(file->fh));
  fuse_reply_err(raw, 0);
}

asio::awaitable<void> SyncDirectory(Face& face, Request request, HandleId handle) {
  auto done = co_await face.file_system.SyncDirectory(request.context(), handle);
  done ? request.Error(0) : request.Error(done.error());
}
void OnFsyncdir(fuse_req_t raw, fuse_ino_t, int, fuse_file_info* file) {
  Face& face = Face::Of(raw);
  face.Spawn(SyncDirectory(face, face.Take(raw), HandleId(file->fh)));
}

}  // namespace

void AddDirectoryOperations(fuse_lowlevel_ops& table) {
  table.opendir = OnOpendir;
  table.readdir = OnReaddir;
  table.readdirplus = OnReaddirplus;
  table.releasedir = OnReleasedir;
  table.fsyncdir = OnFsyncdir;
}

}  // namespace forebay::fuse
