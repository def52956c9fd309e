// One session on the server in memory.
#include "vfs/memory_remote.h"

#include <algorithm>

#include "async/sleep.h"
#include "azure/wire.h"

namespace forebay::vfs {
namespace {

constexpr std::chrono::milliseconds kPoll{2};
constexpr std::size_t kMaxXattrTotal = 1 << 20;  // of a file, names and values

}  // namespace

MemoryRemote::MemoryRemote(MemoryServer& server) : server_(server) {
  std::lock_guard lock(server_.mutex_);
  session_ = server_.next_session_++;
  server_.sessions_.insert(session_);
}

MemoryRemote::~MemoryRemote() {
  std::lock_guard lock(server_.mutex_);
  server_.EndSession(session_);
}

Task<RemoteTraits> MemoryRemote::Probe(OpContext /*context*/) { co_return server_.traits_; }

Task<Attributes> MemoryRemote::Stat(OpContext /*context*/, FileRef file) {
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(const MemoryServer::Node* node, server_.Find(file));
  co_return server_.Shown(*node);
}

Task<Attributes> MemoryRemote::Lookup(OpContext /*context*/, NameRef at) {
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * parent, server_.FindDirectory(at.parent));
  FB_CO_ASSIGN_OR_RETURN(const MemoryServer::Node* node, server_.Child(*parent, at.name));
  co_return server_.Shown(*node);
}

Task<ListPage> MemoryRemote::List(OpContext /*context*/, ListRequest request) {
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.FindDirectory(request.directory));
  ListPage page;
  for (auto at = node->children.upper_bound(request.marker); at != node->children.end(); ++at) {
    if (page.entries.size() == request.limit) {
      page.next = page.entries.back().name;
      break;
    }
    page.entries.push_back({at->first, 0, server_.Shown(server_.nodes_.at(at->second))});
  }
  co_return page;
}

Task<NameChange> MemoryRemote::Create(OpContext /*context*/, CreateRequest request) {
  const RemoteTraits& traits = server_.traits_;
  const bool special = request.kind != FileKind::kFile && request.kind != FileKind::kDirectory &&
                       request.kind != FileKind::kSymlink;
  if ((request.kind == FileKind::kSymlink && !traits.symlinks) ||
      (special && !traits.special_files)) {
    co_return Fail(Code::kUnsupported, "This server has no such files.");
  }
  std::lock_guard lock(server_.mutex_);
  co_return server_.Add(request);
}

Task<NameChange> MemoryRemote::Link(OpContext /*context*/, FileRef file, NameRef at) {
  if (!server_.traits_.hard_links) co_return Fail(Code::kUnsupported, "No hard links here.");
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * parent, server_.FindDirectory(at.parent));
  if (node->attributes.IsDirectory()) {
    co_return Fail(Code::kOperationNotPermitted, "Directories have one name.");
  }
  if (node->attributes.nlink == 0) co_return Fail(Code::kFileGone, "The file has no name left.");
  if (!parent->children.emplace(at.name, node->attributes.id.value()).second) {
    co_return Fail(Code::kPathAlreadyExists, at.name + " exists.");
  }
  ++node->attributes.nlink;
  server_.Touch(*node, false);
  server_.Touch(*parent, true);
  co_return server_.Shown(*node);
}

Task<std::string> MemoryRemote::ReadLink(OpContext /*context*/, FileRef file) {
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  if (node->attributes.kind != FileKind::kSymlink) {
    co_return Fail(Code::kInvalidInput, "Not a symbolic link.");
  }
  co_return node->content;
}

Task<std::optional<FileTime>> MemoryRemote::Remove(OpContext /*context*/, NameRef at,
                                                   bool directory) {
  std::lock_guard lock(server_.mutex_);
  FB_CO_RETURN_IF_ERROR(server_.RemoveName(at, directory));
  co_return std::nullopt;
}

Task<NameChange> MemoryRemote::Rename(OpContext /*context*/, RenameRequest request) {
  if (request.mode != RenameMode::kReplace && !server_.traits_.rename_flags) {
    co_return Fail(Code::kUnsupported, "This server renames without flags only.");
  }
  std::lock_guard lock(server_.mutex_);
  co_return server_.Move(request);
}

Task<Attributes> MemoryRemote::SetAttributes(OpContext /*context*/, FileRef file,
                                             AttributeChanges changes) {
  const RemoteTraits& traits = server_.traits_;
  if ((changes.uid || changes.gid) && !traits.owners) {
    co_return Fail(Code::kUnsupported, "This server keeps no owners.");
  }
  if ((changes.atime || changes.mtime) && !traits.set_times) {
    co_return Fail(Code::kUnsupported, "This server keeps no times.");
  }
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  server_.Touch(*node, false);
  Attributes& now = node->attributes;
  if (changes.mode) now.mode = *changes.mode & kModeBits;
  if (changes.uid) now.uid = *changes.uid;
  if (changes.gid) now.gid = *changes.gid;
  if (changes.atime) now.atime = *changes.atime;
  if (changes.mtime) now.mtime = *changes.mtime;
  if (changes.atime_now) now.atime = now.ctime;
  if (changes.mtime_now) now.mtime = now.ctime;
  co_return server_.Shown(*node);
}

Task<std::string> MemoryRemote::GetXattr(OpContext /*context*/, FileRef file, std::string name) {
  if (!server_.traits_.xattrs) co_return Fail(Code::kUnsupported, "No extended attributes here.");
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  const auto found = node->xattrs.find(name);
  if (found == node->xattrs.end()) co_return Fail(Code::kAttributeNotFound, "No such attribute.");
  co_return found->second;
}

Task<std::vector<std::string>> MemoryRemote::ListXattrs(OpContext /*context*/, FileRef file) {
  if (!server_.traits_.xattrs) co_return Fail(Code::kUnsupported, "No extended attributes here.");
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  std::vector<std::string> names;
  for (const auto& [name, value] : node->xattrs) names.push_back(name);
  co_return names;
}

Task<> MemoryRemote::SetXattr(OpContext /*context*/, FileRef file, std::string name,
                              std::string value, XattrMode mode) {
  if (!server_.traits_.xattrs) co_return Fail(Code::kUnsupported, "No extended attributes here.");
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  const bool there = node->xattrs.contains(name);
  if (there && mode == XattrMode::kCreate) {
    co_return Fail(Code::kResourceAlreadyExists, "The attribute exists.");
  }
  if (!there && mode == XattrMode::kReplace) {
    co_return Fail(Code::kAttributeNotFound, "No such attribute.");
  }
  std::size_t bytes = name.size() + value.size();
  for (const auto& [other, kept] : node->xattrs) {
    if (other != name) bytes += other.size() + kept.size();
  }
  if (bytes > kMaxXattrTotal) co_return Fail(Code::kAttributeTooLarge, "They are 1 MiB at most.");
  node->xattrs[name] = std::move(value);
  server_.Touch(*node, false);
  co_return Result<>();
}

Task<> MemoryRemote::RemoveXattr(OpContext /*context*/, FileRef file, std::string name) {
  if (!server_.traits_.xattrs) co_return Fail(Code::kUnsupported, "No extended attributes here.");
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  if (node->xattrs.erase(name) == 0) {
    co_return Fail(Code::kAttributeNotFound, "No such attribute.");
  }
  server_.Touch(*node, false);
  co_return Result<>();
}

Task<ReadAnswer> MemoryRemote::Read(OpContext /*context*/, ReadRequest request) {
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(request.file));
  if (node->attributes.IsDirectory()) co_return Fail(Code::kIsADirectory, "A directory.");
  const std::string* content = &node->content;
  ReadAnswer answer;
  answer.etag = node->attributes.etag;
  if (!request.etag.empty() && request.etag != node->attributes.etag) {
    const auto kept = node->versions.find(request.etag.str());
    if (kept == node->versions.end()) {
      co_return Fail(Code::kConditionNotMet, "Another version is there.");
    }
    content = &kept->second;
    answer.etag = request.etag;
  }
  answer.file_size = content->size();
  if (request.offset < content->size()) {
    answer.bytes = std::min<std::uint64_t>(request.into.size(), content->size() - request.offset);
    std::ranges::copy(AsBytes(*content).subspan(request.offset, answer.bytes),
                      request.into.begin());
  }
  co_return answer;
}

Task<StagedBlock> MemoryRemote::StageBlock(OpContext /*context*/, FileRef file, ByteView data) {
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  if (data.empty() || data.size() > server_.traits_.max_block_bytes) {
    co_return Fail(Code::kRequestBodyTooLarge, "No block may be of that size.");
  }
  StagedBlock block{StagedPrefix() + std::to_string(server_.next_block_++), data.size()};
  node->staged[block.id] = AsText(data);
  co_return block;
}

Task<CommitAnswer> MemoryRemote::Commit(OpContext /*context*/, CommitRequest request) {
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(request.file));
  if (node->attributes.IsDirectory()) co_return Fail(Code::kIsADirectory, "A directory.");
  if (!request.base.empty() && request.base != node->attributes.etag) {
    co_return Fail(Code::kConditionNotMet, "Another version is there.");
  }
  FB_CO_ASSIGN_OR_RETURN(node->content, server_.Compose(*node, request));
  std::erase_if(node->staged,
                [&](const auto& block) { return block.first.starts_with(StagedPrefix()); });
  server_.Touch(*node, true);
  if (request.mtime && server_.traits_.set_times) node->attributes.mtime = *request.mtime;
  co_return CommitAnswer{node->attributes.etag, node->content.size(), node->attributes.mtime};
}

Task<std::uint64_t> MemoryRemote::SeekData(OpContext /*context*/, FileRef file,
                                           std::uint64_t offset, bool data) {
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  const std::uint64_t size = node->content.size();
  if (offset >= size) co_return Fail(Code::kNoSuchOffset, "Behind the end.");
  co_return data ? offset : size;
}

Task<> MemoryRemote::KeepAlive(OpContext /*context*/) {
  std::lock_guard lock(server_.mutex_);
  if (server_.sessions_.contains(session_)) co_return Result<>();
  server_.sessions_.insert(session_);
  co_return Fail(Code::kSessionExpired, "The session was over; it begins anew.");
}

Task<> MemoryRemote::End(OpContext /*context*/) {
  std::lock_guard lock(server_.mutex_);
  server_.EndSession(session_);
  co_return Result<>();
}

Task<> MemoryRemote::Hold(OpContext /*context*/, FileRef file) {
  if (!server_.traits_.unlinked_open_files) co_return Fail(Code::kUnsupported, "No holds here.");
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  node->holders.insert(session_);
  co_return Result<>();
}

Task<> MemoryRemote::Release(OpContext /*context*/, FileRef file) {
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  node->holders.erase(session_);
  server_.DropIfGone(*node);
  co_return Result<>();
}

Task<> MemoryRemote::Lock(OpContext context, FileRef file, LockRange range,
                          std::chrono::milliseconds wait) {
  if (!server_.traits_.locks) co_return Fail(Code::kUnsupported, "No locks here.");
  const SteadyTime until = std::chrono::steady_clock::now() + wait;
  for (;;) {
    {
      std::lock_guard lock(server_.mutex_);
      FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
      if (node->locks.Set(session_, range)) co_return Result<>();
    }
    if (std::chrono::steady_clock::now() >= until) break;
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(kPoll, context));
  }
  co_return Fail(Code::kLockConflict, "Somebody else holds the lock.");
}

Task<std::optional<LockRange>> MemoryRemote::TestLock(OpContext /*context*/, FileRef file,
                                                      LockRange range) {
  if (!server_.traits_.locks) co_return Fail(Code::kUnsupported, "No locks here.");
  std::lock_guard lock(server_.mutex_);
  FB_CO_ASSIGN_OR_RETURN(MemoryServer::Node * node, server_.Find(file));
  const auto held = node->locks.Conflict(session_, range);
  if (!held) co_return std::optional<LockRange>();
  co_return std::optional<LockRange>(held->range);
}

Task<ChangesPage> MemoryRemote::Changes(OpContext context, std::string cursor) {
  if (!server_.traits_.changes) co_return Fail(Code::kUnsupported, "No changes here.");
  for (;;) {
    {
      std::lock_guard lock(server_.mutex_);
      const std::size_t size = server_.changes_.size();
      const std::size_t from = azure::ParseUint(cursor).value_or(size);
      if (cursor.empty() || from < size || !context.Check()) {
        ChangesPage page;
        for (std::size_t i = from; i < size; ++i) {
          page.changed.push_back({"", RemoteId(server_.changes_[i])});
        }
        page.next = std::to_string(size);
        co_return page;
      }
    }
    // Its end is the page's, not a failure.
    (void)co_await SleepFor(kPoll, context);
  }
}

Task<StatFs> MemoryRemote::GetStatFs(OpContext /*context*/) {
  std::lock_guard lock(server_.mutex_);
  StatFs out;
  out.total_bytes = server_.capacity_;
  out.free_bytes = server_.capacity_;
  for (const auto& [id, node] : server_.nodes_) {
    out.free_bytes -= std::min<std::uint64_t>(out.free_bytes, node.content.size());
  }
  out.total_inodes = 1u << 30;
  out.free_inodes = out.total_inodes - server_.nodes_.size();
  co_return out;
}

}  // namespace forebay::vfs
