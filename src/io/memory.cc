#include "io/memory.h"

#include <map>
#include <mutex>
#include <random>
#include <set>

#include "io/memory_content.h"

namespace forebay::io {
namespace {

struct Inode {
  internal::MemoryContent content;
  int links = 0;  // in directories as seen
};
using InodePtr = std::shared_ptr<Inode>;

// A directory's files: as seen, as stored, and the changes between the two. A rename within a
// directory is one change, as journalling file systems keep it.
struct Directory {
  using Entries = std::map<std::string, InodePtr>;
  struct Change {
    std::vector<std::pair<std::string, InodePtr>> set;  // null: the entry goes
  };
  Entries seen;
  Entries stored;
  std::vector<Change> changes;

  static void Apply(Entries& entries, const Change& change) {
    for (const auto& [name, inode] : change.set) {
      if (inode) {
        entries[name] = inode;
      } else {
        entries.erase(name);
      }
    }
  }
};

// "/a//b/" and "/a/b" are one directory.
std::string Normal(const std::string& path) {
  std::string out;
  for (char c : path) {
    if (c == '/' && !out.empty() && out.back() == '/') continue;
    out.push_back(c);
  }
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out.empty() ? "." : out;
}

std::pair<std::string, std::string> Split(const std::string& path) {
  std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

struct MemoryFileSystem::State {
  mutable std::mutex mutex;
  std::map<std::string, Directory> directories{{"/", {}}, {".", {}}};
  std::set<std::string> locks;
  std::uint64_t capacity = 0;
  std::uint64_t generation = 0;  // power cuts so far

  Directory* FindDirectory(const std::string& path) {
    auto it = directories.find(path);
    return it == directories.end() ? nullptr : &it->second;
  }
  InodePtr FindFile(const std::string& path) {
    auto [parent, name] = Split(path);
    Directory* directory = FindDirectory(parent);
    if (directory == nullptr) return nullptr;
    auto it = directory->seen.find(name);
    return it == directory->seen.end() ? nullptr : it->second;
  }
  static void Change(Directory& directory, Directory::Change change) {
    for (const auto& [name, inode] : change.set) {
      auto it = directory.seen.find(name);
      if (it != directory.seen.end()) --it->second->links;
      if (inode) ++inode->links;
    }
    Directory::Apply(directory.seen, change);
    directory.changes.push_back(std::move(change));
  }
  std::uint64_t Used() const {
    std::set<const Inode*> seen;
    std::uint64_t used = 0;
    for (const auto& [path, directory] : directories) {
      for (const auto& [name, inode] : directory.seen) {
        if (seen.insert(inode.get()).second) used += inode->content.seen().allocated();
      }
    }
    return used;
  }
};

namespace {

using StatePtr = std::shared_ptr<MemoryFileSystem::State>;

std::unexpected<Error> Missing(const std::string& path) {
  return Fail(Code::kNotFound, path + ": no such file or directory");
}

class MemoryFile final : public File {
 public:
  MemoryFile(StatePtr state, InodePtr inode, std::string path, bool writable)
      : state_(std::move(state)),
        inode_(std::move(inode)),
        path_(std::move(path)),
        writable_(writable),
        generation_(state_->generation) {}

  Result<std::size_t> ReadAt(MutableByteView data, std::uint64_t offset) const override {
    std::lock_guard lock(state_->mutex);
    FB_RETURN_IF_ERROR(Alive());
    return inode_->content.seen().Read(data, offset);
  }

  Result<> WriteAt(ByteView data, std::uint64_t offset) override {
    std::lock_guard lock(state_->mutex);
    return WriteLocked(data, offset);
  }

  Result<> WriteVectorAt(std::vector<ByteView> data, std::uint64_t offset) override {
    std::lock_guard lock(state_->mutex);
    for (ByteView part : data) {
      FB_RETURN_IF_ERROR(WriteLocked(part, offset));
      offset += part.size();
    }
    return {};
  }

  Result<> Sync() override {
    std::lock_guard lock(state_->mutex);
    FB_RETURN_IF_ERROR(Alive());
    inode_->content.Sync();
    return {};
  }

  Result<> PunchHole(std::uint64_t offset, std::uint64_t length) override {
    std::lock_guard lock(state_->mutex);
    FB_RETURN_IF_ERROR(Writable());
    inode_->content.Punch(offset, length);
    return {};
  }

  Result<> Truncate(std::uint64_t size) override {
    std::lock_guard lock(state_->mutex);
    FB_RETURN_IF_ERROR(Writable());
    inode_->content.Truncate(size);
    return {};
  }

  Result<std::uint64_t> Size() const override {
    std::lock_guard lock(state_->mutex);
    FB_RETURN_IF_ERROR(Alive());
    return inode_->content.seen().size();
  }

  Result<std::uint64_t> AllocatedBytes() const override {
    std::lock_guard lock(state_->mutex);
    FB_RETURN_IF_ERROR(Alive());
    return inode_->content.seen().allocated();
  }

  bool Resident(std::uint64_t, std::uint64_t) const override { return true; }
  void StartWriteback(std::uint64_t, std::uint64_t) override {}
  int descriptor() const override { return -1; }

 private:
  Result<> Alive() const {
    if (generation_ == state_->generation) return {};
    return Fail(Code::kIo, path_ + ": opened before the power cut");
  }
  Result<> Writable() const {
    FB_RETURN_IF_ERROR(Alive());
    if (!writable_) return Fail(Code::kIo, path_ + ": opened for reading only");
    return {};
  }
  Result<> WriteLocked(ByteView data, std::uint64_t offset) {
    FB_RETURN_IF_ERROR(Writable());
    std::uint64_t more = inode_->content.seen().NewlyAllocated(offset, data.size());
    if (inode_->links > 0 && more > 0 && state_->Used() + more > state_->capacity) {
      return Fail(Code::kNoSpace, "write " + path_ + ": no space left");
    }
    inode_->content.Write(data, offset);
    return {};
  }

  StatePtr state_;
  InodePtr inode_;
  std::string path_;
  bool writable_;
  std::uint64_t generation_;
};

class MemoryLock final : public FileLock {
 public:
  MemoryLock(StatePtr state, std::string path)
      : state_(std::move(state)), path_(std::move(path)), generation_(state_->generation) {}
  ~MemoryLock() override {
    std::lock_guard lock(state_->mutex);
    if (generation_ == state_->generation) state_->locks.erase(path_);
  }

 private:
  StatePtr state_;
  std::string path_;
  std::uint64_t generation_;
};

}  // namespace

MemoryFileSystem::MemoryFileSystem(Options options) : state_(std::make_shared<State>()) {
  state_->capacity = options.capacity_bytes;
}

MemoryFileSystem::~MemoryFileSystem() = default;

void MemoryFileSystem::DropUnsynced(std::optional<std::uint64_t> seed) {
  std::lock_guard lock(state_->mutex);
  std::mt19937_64 random(seed.value_or(0));
  ++state_->generation;
  state_->locks.clear();
  std::set<Inode*> cut;
  for (auto& [path, directory] : state_->directories) {
    std::size_t kept = seed ? random() % (directory.changes.size() + 1) : 0;
    for (std::size_t i = 0; i < kept; ++i) {
      Directory::Apply(directory.stored, directory.changes[i]);
    }
    directory.changes.clear();
    directory.seen = directory.stored;
    for (auto& [name, inode] : directory.stored) inode->links = 0;
  }
  for (auto& [path, directory] : state_->directories) {
    for (auto& [name, inode] : directory.stored) {
      ++inode->links;
      if (cut.insert(inode.get()).second) inode->content.PowerCut(seed ? &random : nullptr);
    }
  }
}

void MemoryFileSystem::SetCapacity(std::uint64_t bytes) {
  std::lock_guard lock(state_->mutex);
  state_->capacity = bytes;
}

Result<> MemoryFileSystem::CorruptByte(const std::string& path, std::uint64_t offset) {
  std::lock_guard lock(state_->mutex);
  InodePtr inode = state_->FindFile(Normal(path));
  if (!inode) return Missing(path);
  inode->content.FlipByte(offset);
  return {};
}

Result<std::unique_ptr<File>> MemoryFileSystem::Open(const std::string& path, OpenMode mode) {
  std::lock_guard lock(state_->mutex);
  std::string normal = Normal(path);
  auto [parent, name] = Split(normal);
  Directory* directory = state_->FindDirectory(parent);
  if (directory == nullptr) return Missing(path);
  if (state_->FindDirectory(normal) != nullptr) return Fail(Code::kIo, path + ": is a directory");
  InodePtr inode = state_->FindFile(normal);
  if (inode && mode == OpenMode::kCreate) return Fail(Code::kAlreadyExists, path + ": exists");
  if (!inode) {
    if (mode == OpenMode::kRead || mode == OpenMode::kReadWrite) return Missing(path);
    inode = std::make_shared<Inode>();
    State::Change(*directory, {{{name, inode}}});
  }
  return std::make_unique<MemoryFile>(state_, std::move(inode), path, mode != OpenMode::kRead);
}

Result<> MemoryFileSystem::MakeDirs(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  std::string normal = Normal(path);
  for (std::size_t end = 1; end <= normal.size(); ++end) {
    if (end != normal.size() && normal[end] != '/') continue;
    std::string part = normal.substr(0, end);
    if (state_->FindFile(part)) return Fail(Code::kIo, part + ": not a directory");
    state_->directories.try_emplace(part);
  }
  return {};
}

Result<> MemoryFileSystem::Remove(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  std::string normal = Normal(path);
  auto it = state_->directories.find(normal);
  if (it != state_->directories.end()) {
    auto below = state_->directories.lower_bound(normal + "/");
    bool has_directories =
        below != state_->directories.end() && below->first.starts_with(normal + "/");
    if (!it->second.seen.empty() || has_directories) {
      return Fail(Code::kIo, path + ": directory not empty");
    }
    state_->directories.erase(it);
    return {};
  }
  if (!state_->FindFile(normal)) return Missing(path);
  auto [parent, name] = Split(normal);
  State::Change(*state_->FindDirectory(parent), {{{name, nullptr}}});
  return {};
}

Result<> MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  std::lock_guard lock(state_->mutex);
  auto [from_parent, from_name] = Split(Normal(from));
  auto [to_parent, to_name] = Split(Normal(to));
  InodePtr inode = state_->FindFile(Normal(from));
  Directory* source = state_->FindDirectory(from_parent);
  Directory* target = state_->FindDirectory(to_parent);
  if (!inode || source == nullptr) return Missing(from);
  if (target == nullptr) return Missing(to);
  if (state_->FindDirectory(Normal(to)) != nullptr) return Fail(Code::kIo, to + ": is a directory");
  if (source == target && from_name == to_name) return {};
  if (source == target) {
    State::Change(*source, {{{to_name, inode}, {from_name, nullptr}}});
  } else {
    State::Change(*target, {{{to_name, inode}}});
    State::Change(*source, {{{from_name, nullptr}}});
  }
  return {};
}

Result<> MemoryFileSystem::Link(const std::string& from, const std::string& to) {
  std::lock_guard lock(state_->mutex);
  InodePtr inode = state_->FindFile(Normal(from));
  if (!inode) return Missing(from);
  auto [parent, name] = Split(Normal(to));
  Directory* target = state_->FindDirectory(parent);
  if (target == nullptr) return Missing(to);
  if (state_->FindFile(Normal(to))) return Fail(Code::kAlreadyExists, to + ": exists");
  State::Change(*target, {{{name, inode}}});
  return {};
}

Result<> MemoryFileSystem::SyncDir(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  Directory* directory = state_->FindDirectory(Normal(path));
  if (directory == nullptr) return Missing(path);
  for (const auto& change : directory->changes) Directory::Apply(directory->stored, change);
  directory->changes.clear();
  return {};
}

Result<std::vector<DirEntry>> MemoryFileSystem::List(const std::string& path) const {
  std::lock_guard lock(state_->mutex);
  std::string normal = Normal(path);
  Directory* directory = state_->FindDirectory(normal);
  if (directory == nullptr) return Missing(path);
  std::vector<DirEntry> entries;
  for (const auto& [name, inode] : directory->seen) {
    entries.push_back({name, false, inode->content.seen().size()});
  }
  for (const auto& [name, ignored] : state_->directories) {
    auto [parent, leaf] = Split(name);
    if (parent == normal && name != normal && name != ".") entries.push_back({leaf, true, 0});
  }
  std::ranges::sort(entries, {}, &DirEntry::name);
  return entries;
}

Result<bool> MemoryFileSystem::Exists(const std::string& path) const {
  std::lock_guard lock(state_->mutex);
  std::string normal = Normal(path);
  return state_->FindDirectory(normal) != nullptr || state_->FindFile(normal) != nullptr;
}

Result<SpaceInfo> MemoryFileSystem::Space(const std::string& path) const {
  std::lock_guard lock(state_->mutex);
  if (state_->FindDirectory(Normal(path)) == nullptr) return Missing(path);
  std::uint64_t used = state_->Used();
  return SpaceInfo{.total_bytes = state_->capacity,
                   .available_bytes = used < state_->capacity ? state_->capacity - used : 0};
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::Lock(const std::string& path) {
  std::lock_guard lock(state_->mutex);
  std::string normal = Normal(path);
  if (!state_->locks.insert(normal).second) {
    return Fail(Code::kLocked, path + " is locked by another process");
  }
  return std::make_unique<MemoryLock>(state_, normal);
}

}  // namespace forebay::io
