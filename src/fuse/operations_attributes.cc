// Attributes, extended attributes, the file system's use.
#include <sys/xattr.h>

#include <cerrno>

#include "fuse/face.h"
#include "fuse/translate.h"

namespace forebay::fuse {
namespace {

namespace asio = boost::asio;
using vfs::InodeNumber;

void AnswerAttributes(Request& request, const Result<vfs::AttributesAnswer>& answer) {
  answer ? request.Attributes(*answer) : request.Error(answer.error());
}

asio::awaitable<void> GetAttributes(Face& face, Request request, InodeNumber inode) {
  AnswerAttributes(request, co_await face.file_system.GetAttributes(request.context(), inode));
}
void OnGetattr(fuse_req_t raw, fuse_ino_t inode, fuse_file_info*) {
  Face& face = Face::Of(raw);
  face.Spawn(GetAttributes(face, face.Take(raw), InodeNumber(inode)));
}

asio::awaitable<void> SetAttributes(Face& face, Request request, InodeNumber inode,
                                    vfs::AttributeChanges changes,
                                    std::optional<vfs::HandleId> handle) {
  AnswerAttributes(
      request, co_await face.file_system.SetAttributes(request.context(), inode, changes, handle));
}
void OnSetattr(fuse_req_t raw, fuse_ino_t inode, struct stat* attributes, int set,
               fuse_file_info* file) {
  Face& face = Face::Of(raw);
  std::optional<vfs::HandleId> handle;
  if (file) handle = vfs::HandleId(file->fh);
  face.Spawn(
      SetAttributes(face, face.Take(raw), InodeNumber(inode), ChangesOf(*attributes, set), handle));
}

// The caller asks for the size first, or offers room: both ways of getxattr(2) and listxattr(2).
void AnswerValue(Request& request, std::string_view value, std::size_t room) {
  if (room == 0) {
    request.XattrSize(value.size());
  } else if (value.size() > room) {
    request.Error(ERANGE);
  } else {
    request.Bytes(AsBytes(value));
  }
}

asio::awaitable<void> GetXattr(Face& face, Request request, InodeNumber inode, std::string name,
                               std::size_t room) {
  auto value = co_await face.file_system.GetXattr(request.context(), inode, std::move(name));
  value ? AnswerValue(request, *value, room) : request.Error(value.error());
}
void OnGetxattr(fuse_req_t raw, fuse_ino_t inode, const char* name, std::size_t size) {
  Face& face = Face::Of(raw);
  face.Spawn(GetXattr(face, face.Take(raw), InodeNumber(inode), name, size));
}

asio::awaitable<void> ListXattrs(Face& face, Request request, InodeNumber inode, std::size_t room) {
  auto names = co_await face.file_system.ListXattrs(request.context(), inode);
  if (!names) {
    request.Error(names.error());
    co_return;
  }
  std::string list;
  for (const std::string& name : *names) {
    list += name;
    list.push_back('\0');
  }
  AnswerValue(request, list, room);
}
void OnListxattr(fuse_req_t raw, fuse_ino_t inode, std::size_t size) {
  Face& face = Face::Of(raw);
  face.Spawn(ListXattrs(face, face.Take(raw), InodeNumber(inode), size));
}

asio::awaitable<void> SetXattr(Face& face, Request request, InodeNumber inode, std::string name,
                               std::string value, vfs::RemoteNames::XattrMode mode) {
  auto done = co_await face.file_system.SetXattr(request.context(), inode, std::move(name),
                                                 std::move(value), mode);
  done ? request.Error(0) : request.Error(done.error());
}
void OnSetxattr(fuse_req_t raw, fuse_ino_t inode, const char* name, const char* value,
                std::size_t size, int flags) {
  Face& face = Face::Of(raw);
  auto mode = vfs::RemoteNames::XattrMode::kSet;
  if (flags & XATTR_CREATE) mode = vfs::RemoteNames::XattrMode::kCreate;
  if (flags & XATTR_REPLACE) mode = vfs::RemoteNames::XattrMode::kReplace;
  face.Spawn(
      SetXattr(face, face.Take(raw), InodeNumber(inode), name, std::string(value, size), mode));
}

asio::awaitable<void> RemoveXattr(Face& face, Request request, InodeNumber inode,
                                  std::string name) {
  auto done = co_await face.file_system.RemoveXattr(request.context(), inode, std::move(name));
  done ? request.Error(0) : request.Error(done.error());
}
void OnRemovexattr(fuse_req_t raw, fuse_ino_t inode, const char* name) {
  Face& face = Face::Of(raw);
  face.Spawn(RemoveXattr(face, face.Take(raw), InodeNumber(inode), name));
}

asio::awaitable<void> StatFs(Face& face, Request request) {
  auto statfs = co_await face.file_system.GetStatFs(request.context());
  statfs ? request.StatFs(*statfs) : request.Error(statfs.error());
}
void OnStatfs(fuse_req_t raw, fuse_ino_t) {
  Face& face = Face::Of(raw);
  face.Spawn(StatFs(face, face.Take(raw)));
}

}  // namespace

void AddAttributeOperations(fuse_lowlevel_ops& table) {
  table.getattr = OnGetattr;
  table.setattr = OnSetattr;
  table.getxattr = OnGetxattr;
  table.listxattr = OnListxattr;
  table.setxattr = OnSetxattr;
  table.removexattr = OnRemovexattr;
  table.statfs = OnStatfs;
}

}  // namespace forebay::fuse
