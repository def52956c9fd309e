// The state of the server in memory, and what its operations mean. remote.h has the contract.
#include <algorithm>
#include <chrono>

#include "vfs/memory_remote.h"

namespace forebay::vfs {
namespace {

FileTime Now() {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

constexpr std::size_t kMostVersions = 8;

std::unexpected<Error> NotFound(const std::string& what) {
  return Fail(Code::kPathNotFound, what + " is not there.");
}

}  // namespace

RemoteTraits EverythingTraits() {
  RemoteTraits traits;
  traits.description = "a server in memory";
  traits.stable_ids = traits.modes = traits.owners = traits.set_times = true;
  traits.symlinks = traits.hard_links = traits.special_files = traits.xattrs = true;
  traits.rename_flags = traits.partial_commits = traits.unlinked_open_files = true;
  traits.locks = traits.changes = traits.keeps_versions = traits.copies = true;
  return traits;
}

RemoteTraits PlainTraits() {
  RemoteTraits traits;
  traits.description = "a plain server in memory";
  traits.modes = true;
  return traits;
}

MemoryServer::MemoryServer(RemoteTraits traits) : traits_(std::move(traits)) {
  Node& root = nodes_[1];
  root.attributes.id = RemoteId(1);
  root.attributes.kind = FileKind::kDirectory;
  root.attributes.mode = 0755;
  root.attributes.btime = Now();
  root.parent = 1;
  Touch(root, true);
}

std::size_t MemoryServer::nodes() const {
  std::lock_guard lock(mutex_);
  return nodes_.size();
}

void MemoryServer::SetCapacity(std::uint64_t bytes) {
  std::lock_guard lock(mutex_);
  capacity_ = bytes;
}

void MemoryServer::Expire(std::uint64_t session) {
  std::lock_guard lock(mutex_);
  EndSession(session);
}

void MemoryServer::EndSession(std::uint64_t session) {
  sessions_.erase(session);
  std::vector<Id> ids;
  for (auto& [id, node] : nodes_) {
    node.locks.DropSession(session);
    if (node.holders.erase(session) > 0) ids.push_back(id);
  }
  for (const Id id : ids) DropIfGone(nodes_.at(id));
}

Attributes MemoryServer::Shown(const Node& node) const {
  Attributes out = node.attributes;
  out.size = node.content.size();
  out.allocated = node.content.size();
  if (!traits_.stable_ids) out.id = RemoteId();
  return out;
}

void MemoryServer::Touch(Node& node, bool content) {
  const FileTime now = Now();
  node.attributes.ctime = now;
  if (content) node.attributes.mtime = now;
  const ETag before = node.attributes.etag;
  node.attributes.etag = azure::MakeETag(next_etag_++);
  Note(node.attributes.id.value());
  if (!traits_.keeps_versions || !node.attributes.IsFile()) return;
  const auto old = node.versions.find(before.str());
  const bool grown =
      old != node.versions.end() && !old->second.empty() && node.content.starts_with(old->second);
  if (!grown) {
    node.attributes.grown_from = ETag();
  } else if (node.attributes.grown_from.empty()) {
    node.attributes.grown_from = before;
  }
  node.versions[node.attributes.etag.str()] = node.content;
  if (node.versions.size() > kMostVersions) node.versions.erase(node.versions.begin());
}

void MemoryServer::ForgetVersions() {
  std::lock_guard lock(mutex_);
  for (auto& [id, node] : nodes_) node.versions.clear();
}

void MemoryServer::Note(Id id) { changes_.push_back(id); }

Result<MemoryServer::Node*> MemoryServer::Walk(const std::string& path) {
  Node* at = &nodes_.at(1);
  std::size_t begin = 0;
  while (begin < path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (!at->attributes.IsDirectory()) return Fail(Code::kNotADirectory, "Not a directory.");
    FB_ASSIGN_OR_RETURN(at, Child(*at, path.substr(begin, end - begin)));
    begin = end + 1;
  }
  return at;
}

Result<MemoryServer::Node*> MemoryServer::Find(const FileRef& file) {
  if (!traits_.stable_ids || file.id == RemoteId()) return Walk(file.path);
  const auto found = nodes_.find(file.id.value());
  if (found == nodes_.end()) return Fail(Code::kFileGone, "The file is gone.");
  return &found->second;
}

Result<MemoryServer::Node*> MemoryServer::FindDirectory(const FileRef& file) {
  FB_ASSIGN_OR_RETURN(Node * node, Find(file));
  if (!node->attributes.IsDirectory()) return Fail(Code::kNotADirectory, "Not a directory.");
  return node;
}

Result<MemoryServer::Node*> MemoryServer::Child(Node& parent, const std::string& name) {
  const auto found = parent.children.find(name);
  if (found == parent.children.end()) return NotFound(name);
  return &nodes_.at(found->second);
}

Result<Attributes> MemoryServer::Add(const CreateRequest& request) {
  FB_ASSIGN_OR_RETURN(Node * parent, FindDirectory(request.at.parent));
  if (parent->children.contains(request.at.name)) {
    return Fail(Code::kPathAlreadyExists, request.at.name + " exists.");
  }
  const Id id = next_id_++;
  Node& node = nodes_[id];
  Attributes& attributes = node.attributes;
  attributes.id = RemoteId(id);
  attributes.kind = request.kind;
  attributes.mode = request.mode & kModeBits & ~request.umask;
  attributes.uid = request.uid;
  attributes.gid = request.gid;
  attributes.rdev = request.rdev;
  attributes.atime = attributes.btime = Now();
  if ((parent->attributes.mode & 02000) != 0) {
    attributes.gid = parent->attributes.gid;
    if (attributes.IsDirectory()) attributes.mode |= 02000;
  }
  node.content = request.target;
  node.parent = parent->attributes.id.value();
  Touch(node, true);
  parent->children[request.at.name] = id;
  Touch(*parent, true);
  return Shown(node);
}

void MemoryServer::Unname(Node& node) {
  --node.attributes.nlink;
  Touch(node, false);
  DropIfGone(node);
}

void MemoryServer::DropIfGone(Node& node) {
  if (node.attributes.nlink > 0 || !node.holders.empty()) return;
  const Id id = node.attributes.id.value();
  nodes_.erase(id);
}

Result<> MemoryServer::RemoveName(const NameRef& at, bool directory) {
  FB_ASSIGN_OR_RETURN(Node * parent, FindDirectory(at.parent));
  FB_ASSIGN_OR_RETURN(Node * node, Child(*parent, at.name));
  if (directory && !node->attributes.IsDirectory()) {
    return Fail(Code::kNotADirectory, "Not a directory.");
  }
  if (!directory && node->attributes.IsDirectory())
    return Fail(Code::kIsADirectory, "A directory.");
  if (!node->children.empty()) return Fail(Code::kDirectoryNotEmpty, "Not empty.");
  parent->children.erase(at.name);
  Touch(*parent, true);
  Unname(*node);
  return {};
}

bool MemoryServer::IsBelow(const Node& directory, const Node& ancestor) const {
  for (const Node* at = &directory;; at = &nodes_.at(at->parent)) {
    if (at == &ancestor) return true;
    if (at->attributes.id == RemoteId(1)) return false;
  }
}

Result<> MemoryServer::MayReplace(const Node& moving, Node& target) {
  if (target.attributes.IsDirectory()) {
    if (!moving.attributes.IsDirectory()) return Fail(Code::kIsADirectory, "A directory.");
    if (!target.children.empty()) return Fail(Code::kDirectoryNotEmpty, "Not empty.");
    return {};
  }
  if (moving.attributes.IsDirectory()) return Fail(Code::kNotADirectory, "Not a directory.");
  return {};
}

Result<> MemoryServer::Exchange(Node& from, Node& to, const RenameRequest& request) {
  FB_ASSIGN_OR_RETURN(Node * first, Child(from, request.from.name));
  FB_ASSIGN_OR_RETURN(Node * second, Child(to, request.to.name));
  if (IsBelow(to, *first) || IsBelow(from, *second)) {
    return Fail(Code::kInvalidRenameSourcePath, "A directory cannot be moved into itself.");
  }
  std::swap(from.children[request.from.name], to.children[request.to.name]);
  first->parent = to.attributes.id.value();
  second->parent = from.attributes.id.value();
  Touch(*first, false);
  Touch(*second, false);
  return {};
}

Result<Attributes> MemoryServer::Move(const RenameRequest& request) {
  FB_ASSIGN_OR_RETURN(Node * from, FindDirectory(request.from.parent));
  FB_ASSIGN_OR_RETURN(Node * to, FindDirectory(request.to.parent));
  FB_ASSIGN_OR_RETURN(Node * node, Child(*from, request.from.name));
  if (request.mode == RenameMode::kExchange) {
    FB_RETURN_IF_ERROR(Exchange(*from, *to, request));
  } else {
    if (IsBelow(*to, *node)) {
      return Fail(Code::kInvalidRenameSourcePath, "A directory cannot be moved into itself.");
    }
    const auto there = Child(*to, request.to.name);
    if (there && request.mode == RenameMode::kNoReplace) {
      return Fail(Code::kPathAlreadyExists, request.to.name + " exists.");
    }
    if (there && *there == node) return Shown(*node);
    if (there) FB_RETURN_IF_ERROR(MayReplace(*node, **there));
    from->children.erase(request.from.name);
    to->children[request.to.name] = node->attributes.id.value();
    node->parent = to->attributes.id.value();
    Touch(*node, false);
    if (there) Unname(**there);
  }
  Touch(*from, true);
  Touch(*to, true);
  return Shown(*node);
}

Result<std::string> MemoryServer::Compose(Node& node, const CommitRequest& request) {
  std::string out;
  for (const CommitPiece& piece : request.pieces) {
    if (const auto* kept = std::get_if<KeptRange>(&piece)) {
      if (request.base.empty()) return Fail(Code::kInvalidInput, "Kept without a version.");
      if (kept->offset + kept->length > node.content.size()) {
        return Fail(Code::kInvalidRange, "The range is behind the end.");
      }
      out += node.content.substr(kept->offset, kept->length);
    } else if (const auto* copied = std::get_if<CopiedRange>(&piece)) {
      if (!traits_.copies) return Fail(Code::kUnsupported, "Nothing is copied by reference.");
      FB_ASSIGN_OR_RETURN(const Node* source, Find(copied->from));
      if (source->attributes.etag != copied->etag) {
        return Fail(Code::kConditionNotMet, "The file that is copied was changed.");
      }
      if (copied->offset + copied->length > source->content.size()) {
        return Fail(Code::kInvalidRange, "The range is behind the end.");
      }
      out += source->content.substr(copied->offset, copied->length);
    } else if (const auto* staged = std::get_if<StagedBlock>(&piece)) {
      const auto found = node.staged.find(staged->id);
      if (found == node.staged.end() || found->second.size() != staged->length) {
        return Fail(Code::kInvalidBlockList, "A block is not there.");
      }
      out += found->second;
    } else if (const auto* zeros = std::get_if<ZeroRange>(&piece)) {
      out.append(zeros->length, '\0');
    } else {
      out += AsText(std::get<InlineData>(piece).data);
    }
  }
  if (out.size() > capacity_) return Fail(Code::kInsufficientStorage, "No room.");
  return out;
}

}  // namespace forebay::vfs
