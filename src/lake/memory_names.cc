// Names in a MemoryLake: listings, and what hierarchical lakes do with paths.
#include <algorithm>
#include <iterator>

#include "base/encoding.h"
#include "lake/memory_state.h"

namespace forebay::lake::internal {

namespace {

// A marker is the first key that the next page may hold.
Result<std::string> KeyFromMarker(const std::string& marker) {
  const auto key = Base64Decode(marker);
  if (!key) return Fail(Code::kOutOfRangeInput, "The marker is none of this lake.");
  return *key;
}

}  // namespace

Result<ListPage> MemoryState::List(const ListRequest& request) {
  const std::lock_guard lock(mutex_);
  FB_RETURN_IF_ERROR(CheckContainer());
  if (!request.delimiter.empty() && options_.hierarchical && request.delimiter != "/") {
    return Fail(Code::kInvalidQueryParameterValue, "The delimiter of a hierarchical lake is '/'.");
  }
  const std::string prefix = KeyOf(request.prefix);
  const std::string delimiter = KeyOf(request.delimiter);
  std::string from = std::max(prefix, KeyOf(request.start_from));
  if (!request.marker.empty()) {
    FB_ASSIGN_OR_RETURN(from, KeyFromMarker(request.marker));
  }
  ListPage page;
  auto it = slots_.lower_bound(from);
  while (it != slots_.end() && it->first.starts_with(prefix)) {
    if (!it->second.blob) {
      ++it;
      continue;
    }
    if (page.blobs.size() + page.prefixes.size() >= request.max_results) {
      page.next_marker = Base64Encode(AsBytes(it->first));
      break;
    }
    const std::string& key = it->first;
    const std::size_t cut =
        delimiter.empty() ? std::string::npos : key.find(delimiter, prefix.size());
    // With a delimiter a directory shows as its prefix, whether there is something in it or not.
    const bool directory = it->second.blob->directory && !delimiter.empty();
    if (cut == std::string::npos && !directory) {
      Settle(*it->second.blob);
      page.blobs.push_back(Describe(key, *it->second.blob, request.tags));
      if (!request.metadata) page.blobs.back().metadata.clear();
      ++it;
      continue;
    }
    const std::string group =
        cut == std::string::npos ? key + delimiter : key.substr(0, cut + delimiter.size());
    page.prefixes.push_back(NameOf(group));
    if (directory) ++it;
    while (it != slots_.end() && it->first.starts_with(group)) ++it;
  }
  return page;
}

bool MemoryState::HasChildren(const std::string& key) const {
  const std::string below = key + '\0';
  const auto it = slots_.lower_bound(below);
  return options_.hierarchical && it != slots_.end() && it->first.starts_with(below);
}

// In a hierarchical lake every element above a name is a directory, and no directory becomes a
// file.
Result<> MemoryState::CheckPath(const BlobName& name, bool directory) {
  if (!options_.hierarchical) return {};
  const std::string key = KeyOf(name.view());
  for (std::size_t cut = key.find('\0'); cut != std::string::npos; cut = key.find('\0', cut + 1)) {
    const auto above = slots_.find(key.substr(0, cut));
    if (above != slots_.end() && above->second.blob && !above->second.blob->directory) {
      return Fail(Code::kPathConflict, "A file stands where a directory is needed.");
    }
  }
  const auto here = slots_.find(key);
  if (here != slots_.end() && here->second.blob && here->second.blob->directory &&
      (!directory || HasChildren(key))) {
    return Fail(Code::kPathConflict, "A directory stands there.");
  }
  return {};
}

MemoryState::Blob MemoryState::NewDirectory() {
  Blob out;
  out.directory = true;
  out.properties.created = Now();
  out.metadata = {{"hdi_isfolder", "true"}};
  out.control = {.owner = "$superuser",
                 .group = "$superuser",
                 .permissions = "rwxr-x---",
                 .acl = "user::rwx,group::r-x,other::---"};
  Touch(out);
  return out;
}

void MemoryState::MakeParents(const BlobName& name) {
  if (!options_.hierarchical) return;
  const std::string key = KeyOf(name.view());
  for (std::size_t cut = key.find('\0'); cut != std::string::npos; cut = key.find('\0', cut + 1)) {
    Slot& above = slots_[key.substr(0, cut)];
    if (!above.blob) above.blob = NewDirectory();
  }
}

Result<WriteAnswer> MemoryState::MakeDirectory(const MakeDirectoryRequest& request) {
  const std::lock_guard lock(mutex_);
  if (!options_.hierarchical) return Fail(Code::kUnsupported, "The lake is flat.");
  FB_RETURN_IF_ERROR(CheckContainer());
  FB_RETURN_IF_ERROR(CheckPath(request.name, /*directory=*/true));
  if (Blob* old = Find(request.name)) {
    if (request.conditions.absent) {
      return Fail(Code::kPathAlreadyExists, "The specified path already exists.");
    }
    if (!old->directory) return Fail(Code::kPathConflict, "A file stands there.");
  }
  MakeParents(request.name);
  Blob next = NewDirectory();
  next.metadata.insert(next.metadata.end(), request.metadata.begin(), request.metadata.end());
  Slot& slot = slots_[KeyOf(request.name.view())];
  slot.blob = std::move(next);
  return WriteAnswer{.etag = slot.blob->properties.etag,
                     .modified = slot.blob->properties.last_modified,
                     .content_md5 = {},
                     .version_id = {}};
}

Result<WriteAnswer> MemoryState::Rename(const RenameRequest& request) {
  const std::lock_guard lock(mutex_);
  if (!options_.hierarchical) return Fail(Code::kUnsupported, "The lake is flat.");
  FB_RETURN_IF_ERROR(CheckContainer());
  Blob* source = Find(request.source);
  if (source == nullptr) return Fail(Code::kSourcePathNotFound, "The source does not exist.");
  if (!request.source_match.empty() && source->properties.etag != request.source_match) {
    return Fail(Code::kSourceConditionNotMet, "The source is not what was asked for.");
  }
  const std::string from = KeyOf(request.source.view());
  const std::string to = KeyOf(request.destination.view());
  if (to == from || to.starts_with(from + '\0')) {
    return Fail(Code::kInvalidRenameSourcePath, "A directory cannot move into itself.");
  }
  const Blob* old = Find(request.destination);
  if (request.conditions.absent && old != nullptr) {
    return Fail(Code::kPathAlreadyExists, "The specified path already exists.");
  }
  if (!request.conditions.match.empty() &&
      (old == nullptr || old->properties.etag != request.conditions.match)) {
    return Fail(Code::kConditionNotMet, "The condition specified is not met.");
  }
  if (old != nullptr && old->directory != source->directory) {
    return Fail(Code::kInvalidSourceOrDestinationResourceType, "A file and a directory.");
  }
  if (old != nullptr && old->directory && HasChildren(to)) {
    return Fail(Code::kPathAlreadyExists, "The destination is not empty.");
  }
  const std::size_t last = to.rfind('\0');
  if (last != std::string::npos && Find(BlobName(NameOf(to.substr(0, last)))) == nullptr) {
    return Fail(Code::kRenameDestinationParentPathNotFound, "The parent does not exist.");
  }
  FB_RETURN_IF_ERROR(CheckPath(request.destination, source->directory));
  Slots moved;
  const std::string below = from + '\0';
  for (auto it = slots_.lower_bound(below); it != slots_.end() && it->first.starts_with(below);) {
    auto node = slots_.extract(it++);
    node.key() = to + node.key().substr(from.size());
    moved.insert(std::move(node));
  }
  auto node = slots_.extract(from);
  slots_.erase(to);
  node.key() = to;
  // A rename keeps the file as it is: its ETag changes with its Last-Modified, its content does
  // not.
  const WriteAnswer out = Touch(*node.mapped().blob);
  slots_.insert(std::move(node));
  // What was only staged for a name that a file moves to goes, as with any other write of it.
  for (auto& [key, slot] : moved) {
    if (slot.blob) slots_.insert_or_assign(key, std::move(slot));
  }
  return out;
}

Result<AccessControl> MemoryState::GetAcl(const BlobName& name) {
  const std::lock_guard lock(mutex_);
  if (!options_.hierarchical) return Fail(Code::kUnsupported, "The lake is flat.");
  FB_ASSIGN_OR_RETURN(const Blob* blob, Existing(name));
  AccessControl out = blob->control;
  if (out.permissions.empty()) out.permissions = "rw-r-----";
  if (out.acl.empty()) out.acl = "user::rw-,group::r--,other::---";
  if (out.owner.empty()) out.owner = "$superuser";
  if (out.group.empty()) out.group = "$superuser";
  return out;
}

Result<> MemoryState::SetAcl(const SetAclRequest& request) {
  const std::lock_guard lock(mutex_);
  if (!options_.hierarchical) return Fail(Code::kUnsupported, "The lake is flat.");
  FB_ASSIGN_OR_RETURN(Blob * blob, Existing(request.name));
  if (!request.conditions.match.empty() && blob->properties.etag != request.conditions.match) {
    return Fail(Code::kConditionNotMet, "The condition specified is not met.");
  }
  if (!request.control.acl.empty() && !request.control.permissions.empty()) {
    return Fail(Code::kInvalidInput, "Give permissions or a list, not both.");
  }
  const auto take = [](std::string& into, const std::string& from) {
    if (!from.empty()) into = from;
  };
  take(blob->control.owner, request.control.owner);
  take(blob->control.group, request.control.group);
  take(blob->control.permissions, request.control.permissions);
  take(blob->control.acl, request.control.acl);
  Touch(*blob);
  return {};
}

}  // namespace forebay::lake::internal
