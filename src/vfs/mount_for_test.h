// For tests: a FileSystem over a remote, with calls that wait, and paths instead of numbers.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "async/run_sync.h"
#include "vfs/direct_file.h"
#include "vfs/file_system.h"

namespace forebay::vfs {

class CollectingSink final : public DirectorySink {
 public:
  explicit CollectingSink(std::size_t room = SIZE_MAX) : room_(room) {}
  bool Add(const DirectoryEntry& entry, const Entry& answer) override {
    if (entries.size() >= room_) return false;
    entries.push_back(entry);
    answers.push_back(answer);
    return true;
  }
  std::vector<DirectoryEntry> entries;
  std::vector<Entry> answers;

 private:
  const std::size_t room_;
};

class MountForTest {
 public:
  explicit MountForTest(Remote& remote, FileSystemOptions options = {})
      : files_(remote),
        traits_(*RunSync(remote.Probe({}))),
        fs_(remote, traits_, files_, options) {}
  // With open files of another make.
  MountForTest(Remote& remote, OpenFileMaker& maker, FileSystemOptions options = {})
      : files_(remote), traits_(*RunSync(remote.Probe({}))), fs_(remote, traits_, maker, options) {}

  FileSystem& fs() { return fs_; }
  const RemoteTraits& traits() const { return traits_; }

  // The inode of a path, walked as a kernel walks it; counts of lookups are given back at the end.
  Result<Attributes> Walk(const std::string& path) {
    Attributes at;
    at.inode = kRootInode;
    at.kind = FileKind::kDirectory;
    std::size_t begin = 0;
    while (begin < path.size()) {
      const std::size_t end = std::min(path.find('/', begin), path.size());
      FB_ASSIGN_OR_RETURN(const Entry entry,
                          RunSync(fs_.Lookup({}, at.inode, path.substr(begin, end - begin))));
      if (!entry.Exists()) return Fail(Code::kPathNotFound, path);
      at = entry.attributes;
      begin = end + 1;
    }
    return at;
  }
  Result<InodeNumber> Inode(const std::string& path) {
    FB_ASSIGN_OR_RETURN(const Attributes at, Walk(path));
    return at.inode;
  }
  struct Split {
    InodeNumber parent;
    std::string name;
  };
  Result<Split> Parent(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return Split{kRootInode, path};
    FB_ASSIGN_OR_RETURN(const Attributes parent, Walk(path.substr(0, slash)));
    // Found out while the path is walked, before anything is asked of the file system.
    if (!parent.IsDirectory()) return Fail(Code::kNotADirectory, path);
    return Split{parent.inode, path.substr(slash + 1)};
  }

  Result<Entry> MakeDir(const std::string& path, std::uint32_t mode = 0755) {
    FB_ASSIGN_OR_RETURN(const Split at, Parent(path));
    return RunSync(fs_.MakeDirectory({}, caller, at.parent, at.name, mode));
  }
  Result<> RemoveDir(const std::string& path) {
    FB_ASSIGN_OR_RETURN(const Split at, Parent(path));
    return RunSync(fs_.RemoveDirectory({}, at.parent, at.name));
  }
  Result<> Unlink(const std::string& path) {
    FB_ASSIGN_OR_RETURN(const Split at, Parent(path));
    return RunSync(fs_.Unlink({}, at.parent, at.name));
  }
  Result<> Rename(const std::string& from, const std::string& to,
                  RenameMode mode = RenameMode::kReplace) {
    FB_ASSIGN_OR_RETURN(const Split a, Parent(from));
    FB_ASSIGN_OR_RETURN(const Split b, Parent(to));
    // A kernel knows both names before it renames.
    (void)RunSync(fs_.Lookup({}, a.parent, a.name));
    (void)RunSync(fs_.Lookup({}, b.parent, b.name));
    return RunSync(fs_.Rename({}, a.parent, a.name, b.parent, b.name, mode));
  }
  Result<Entry> Symlink(const std::string& path, const std::string& target) {
    FB_ASSIGN_OR_RETURN(const Split at, Parent(path));
    return RunSync(fs_.MakeSymlink({}, caller, at.parent, at.name, target));
  }
  Result<Entry> Link(const std::string& existing, const std::string& path) {
    FB_ASSIGN_OR_RETURN(const InodeNumber inode, Inode(existing));
    FB_ASSIGN_OR_RETURN(const Split at, Parent(path));
    return RunSync(fs_.Link({}, inode, at.parent, at.name));
  }
  Result<HandleId> Create(const std::string& path, int flags = O_RDWR, std::uint32_t mode = 0644) {
    FB_ASSIGN_OR_RETURN(const Split at, Parent(path));
    FB_ASSIGN_OR_RETURN(const FileSystem::Created made,
                        RunSync(fs_.Create({}, caller, at.parent, at.name, mode, flags)));
    return made.open.handle;
  }
  Result<HandleId> Open(const std::string& path, int flags = O_RDONLY) {
    FB_ASSIGN_OR_RETURN(const InodeNumber inode, Inode(path));
    FB_ASSIGN_OR_RETURN(const OpenAnswer open, RunSync(fs_.Open({}, inode, flags)));
    return open.handle;
  }
  Result<> WriteAt(HandleId handle, std::uint64_t offset, std::string_view data) {
    return RunSync(fs_.Write({}, handle, offset, AsBytes(data)));
  }
  Result<std::string> ReadAt(HandleId handle, std::uint64_t offset, std::size_t length) {
    std::string out(length, '?');
    FB_ASSIGN_OR_RETURN(
        const std::size_t got,
        RunSync(fs_.Read({}, handle, offset, std::as_writable_bytes(std::span(out)))));
    out.resize(got);
    return out;
  }
  Result<> CloseHandle(HandleId handle) {
    auto flushed = RunSync(fs_.Flush({}, handle, LockOwner(7)));
    const auto released = RunSync(fs_.Release({}, handle, std::nullopt));
    return flushed ? released : flushed;
  }
  Result<> Put(const std::string& path, std::string_view data) {
    FB_ASSIGN_OR_RETURN(const Split at, Parent(path));
    FB_ASSIGN_OR_RETURN(
        const FileSystem::Created made,
        RunSync(fs_.Create({}, caller, at.parent, at.name, 0644, O_WRONLY | O_TRUNC)));
    FB_RETURN_IF_ERROR(WriteAt(made.open.handle, 0, data));
    return CloseHandle(made.open.handle);
  }
  Result<std::string> Get(const std::string& path) {
    FB_ASSIGN_OR_RETURN(const HandleId handle, Open(path));
    auto data = ReadAt(handle, 0, 1u << 20);
    FB_RETURN_IF_ERROR(CloseHandle(handle));
    return data;
  }
  // Names and attributes of a directory, without "." and "..".
  Result<std::map<std::string, Attributes>> List(const std::string& path) {
    FB_ASSIGN_OR_RETURN(const InodeNumber inode, Inode(path));
    FB_ASSIGN_OR_RETURN(const HandleId handle, RunSync(fs_.OpenDirectory({}, inode)));
    CollectingSink sink;
    const auto read = RunSync(fs_.ReadDirectory({}, handle, 0, true, sink));
    fs_.ReleaseDirectory(handle);
    FB_RETURN_IF_ERROR(read);
    std::map<std::string, Attributes> out;
    for (std::size_t i = 2; i < sink.entries.size(); ++i) {
      const DirectoryEntry& entry = sink.entries[i];
      EXPECT_TRUE(out.emplace(entry.name, entry.attributes).second) << entry.name << " told twice";
      fs_.Forget(entry.attributes.inode, 1);
    }
    return out;
  }

  Caller caller{1000, 1000, 1, 0};

 private:
  DirectFiles files_;
  RemoteTraits traits_;
  FileSystem fs_;
};

}  // namespace forebay::vfs
