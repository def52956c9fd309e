// Names: look up, create, link, rename, remove.
#include <cerrno>
#include <cstdio>

#include "fuse/face.h"
#include "fuse/translate.h"

namespace forebay::fuse {
namespace {

namespace asio = boost::asio;
using vfs::InodeNumber;

// Answers with an entry; what the kernel did not take is not looked up.
void AnswerEntry(Face& face, Request& request, const Result<vfs::Entry>& entry) {
  if (!entry) {
    request.Error(entry.error());
  } else if (!request.Entry(*entry) && entry->Exists()) {
    face.file_system.Forget(entry->attributes.inode, 1);
  }
}

asio::awaitable<void> LookUp(Face& face, Request request, InodeNumber parent, std::string name) {
  AnswerEntry(face, request,
              co_await face.file_system.Lookup(request.context(), parent, std::move(name)));
}
void OnLookup(fuse_req_t raw, fuse_ino_t parent, const char* name) {
  Face& face = Face::Of(raw);
  face.Spawn(LookUp(face, face.Take(raw), InodeNumber(parent), name));
}

void OnForget(fuse_req_t raw, fuse_ino_t inode, std::uint64_t lookups) {
  Face::Of(raw).file_system.Forget(InodeNumber(inode), lookups);
  fuse_reply_none(raw);
}
void OnForgetMulti(fuse_req_t raw, std::size_t count, fuse_forget_data* data) {
  for (std::size_t i = 0; i < count; ++i) {
    Face::Of(raw).file_system.Forget(InodeNumber(data[i].ino), data[i].nlookup);
  }
  fuse_reply_none(raw);
}

asio::awaitable<void> MakeDirectory(Face& face, Request request, InodeNumber parent,
                                    std::string name, std::uint32_t mode) {
  const vfs::Caller caller = request.caller();
  AnswerEntry(face, request,
              co_await face.file_system.MakeDirectory(request.context(), caller, parent,
                                                      std::move(name), mode));
}
void OnMkdir(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode) {
  Face& face = Face::Of(raw);
  face.Spawn(MakeDirectory(face, face.Take(raw), InodeNumber(parent), name, mode & vfs::kModeBits));
}

asio::awaitable<void> MakeNode(Face& face, Request request, InodeNumber parent, std::string name,
                               vfs::FileKind kind, std::uint32_t mode, std::uint32_t rdev) {
  const vfs::Caller caller = request.caller();
  AnswerEntry(face, request,
              co_await face.file_system.MakeNode(request.context(), caller, parent, std::move(name),
                                                 kind, mode, rdev));
}
void OnMknod(fuse_req_t raw, fuse_ino_t parent, const char* name, mode_t mode, dev_t rdev) {
  Face& face = Face::Of(raw);
  Request request = face.Take(raw);
  const auto kind = KindOf(mode);
  if (!kind) return request.Error(EINVAL);
  face.Spawn(MakeNode(face, std::move(request), InodeNumber(parent), name, *kind,
                      mode & vfs::kModeBits, static_cast<std::uint32_t>(rdev)));
}

asio::awaitable<void> MakeSymlink(Face& face, Request request, InodeNumber parent, std::string name,
                                  std::string target) {
  const vfs::Caller caller = request.caller();
  AnswerEntry(face, request,
              co_await face.file_system.MakeSymlink(request.context(), caller, parent,
                                                    std::move(name), std::move(target)));
}
void OnSymlink(fuse_req_t raw, const char* target, fuse_ino_t parent, const char* name) {
  Face& face = Face::Of(raw);
  face.Spawn(MakeSymlink(face, face.Take(raw), InodeNumber(parent), name, target));
}

asio::awaitable<void> Link(Face& face, Request request, InodeNumber inode, InodeNumber parent,
                           std::string name) {
  AnswerEntry(face, request,
              co_await face.file_system.Link(request.context(), inode, parent, std::move(name)));
}
void OnLink(fuse_req_t raw, fuse_ino_t inode, fuse_ino_t parent, const char* name) {
  Face& face = Face::Of(raw);
  face.Spawn(Link(face, face.Take(raw), InodeNumber(inode), InodeNumber(parent), name));
}

asio::awaitable<void> ReadLink(Face& face, Request request, InodeNumber inode) {
  auto target = co_await face.file_system.ReadLink(request.context(), inode);
  target ? request.Link(*target) : request.Error(target.error());
}
void OnReadlink(fuse_req_t raw, fuse_ino_t inode) {
  Face& face = Face::Of(raw);
  face.Spawn(ReadLink(face, face.Take(raw), InodeNumber(inode)));
}

asio::awaitable<void> Remove(Face& face, Request request, InodeNumber parent, std::string name,
                             bool directory) {
  auto done =
      directory
          ? co_await face.file_system.RemoveDirectory(request.context(), parent, std::move(name))
          : co_await face.file_system.Unlink(request.context(), parent, std::move(name));
  done ? request.Error(0) : request.Error(done.error());
}
void OnUnlink(fuse_req_t raw, fuse_ino_t parent, const char* name) {
  Face& face = Face::Of(raw);
  face.Spawn(Remove(face, face.Take(raw), InodeNumber(parent), name, false));
}
void OnRmdir(fuse_req_t raw, fuse_ino_t parent, const char* name) {
  Face& face = Face::Of(raw);
  face.Spawn(Remove(face, face.Take(raw), InodeNumber(parent), name, true));
}

asio::awaitable<void> Rename(Face& face, Request request, InodeNumber parent, std::string name,
                             InodeNumber new_parent, std::string new_name, vfs::RenameMode mode) {
  auto done = co_await face.file_system.Rename(request.context(), parent, std::move(name),
                                               new_parent, std::move(new_name), mode);
  done ? request.Error(0) : request.Error(done.error());
}
void OnRename(fuse_req_t raw, fuse_ino_t parent, const char* name, fuse_ino_t new_parent,
              const char* new_name, unsigned flags) {
  Face& face = Face::Of(raw);
  Request request = face.Take(raw);
  vfs::RenameMode mode = vfs::RenameMode::kReplace;
  if (flags == RENAME_NOREPLACE) {
    mode = vfs::RenameMode::kNoReplace;
  } else if (flags == RENAME_EXCHANGE) {
    mode = vfs::RenameMode::kExchange;
  } else if (flags != 0) {
    return request.Error(EINVAL);  // RENAME_WHITEOUT: overlayfs on top of us
  }
  face.Spawn(Rename(face, std::move(request), InodeNumber(parent), name, InodeNumber(new_parent),
                    new_name, mode));
}

}  // namespace

void AddNameOperations(fuse_lowlevel_ops& table) {
  table.lookup = OnLookup;
  table.forget = OnForget;
  table.forget_multi = OnForgetMulti;
  table.mkdir = OnMkdir;
  table.mknod = OnMknod;
  table.symlink = OnSymlink;
  table.link = OnLink;
  table.readlink = OnReadlink;
  table.unlink = OnUnlink;
  table.rmdir = OnRmdir;
  table.rename = OnRename;
}

}  // namespace forebay::fuse
