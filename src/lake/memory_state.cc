#include "lake/memory_state.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/encoding.h"
#include "base/uuid.h"

namespace forebay::lake::internal {
namespace {

std::unexpected<Error> Missing() {
  return Fail(Code::kBlobNotFound, "The specified blob does not exist.");
}
std::unexpected<Error> NotMet() {
  return Fail(Code::kConditionNotMet, "The condition specified is not met.");
}
std::unexpected<Error> NotOfBlocks() {
  return Fail(Code::kInvalidBlobType, "Blob operation is not supported.");
}
std::unexpected<Error> Archived() {
  return Fail(Code::kBlobArchived, "This operation is not permitted on an archived blob.");
}

Result<> CheckLease(const std::string& held, const std::string& given) {
  if (held == given) return {};
  if (held.empty()) {
    return Fail(Code::kLeaseNotPresentWithBlobOperation, "There is currently no lease.");
  }
  if (given.empty()) return Fail(Code::kLeaseIdMissing, "There is a lease on the blob.");
  return Fail(Code::kLeaseIdMismatchWithBlobOperation, "The lease is another one.");
}

// `etag` null: there is nothing.
Result<> CheckETags(const LakeConditions& conditions, const ETag* etag) {
  if (conditions.absent && etag != nullptr) {
    return Fail(Code::kBlobAlreadyExists, "The specified blob already exists.");
  }
  if (conditions.present && etag == nullptr) return NotMet();
  if (!conditions.match.empty() && (etag == nullptr || *etag != conditions.match)) return NotMet();
  if (!conditions.none_match.empty() && etag != nullptr && *etag == conditions.none_match) {
    return NotMet();
  }
  return {};
}

Result<> CheckReadETags(const LakeConditions& conditions, const ETag& etag) {
  if (!conditions.match.empty() && etag != conditions.match) return NotMet();
  if (!conditions.none_match.empty() && etag == conditions.none_match) {
    return Fail(Code::kNotModified, "The blob is as it was.");
  }
  return {};
}

std::string Md5Of(std::string_view bytes) {
  const Md5Digest digest = Md5::Of(AsBytes(bytes));
  return std::string(AsText(digest));
}

bool Marker(const Metadata& metadata) {
  return std::ranges::any_of(metadata, [](const auto& entry) {
    return EqualsIgnoreCase(entry.first, "hdi_isfolder") && EqualsIgnoreCase(entry.second, "true");
  });
}

}  // namespace

// --- Keys and records.

std::string MemoryState::KeyOf(std::string_view name) const {
  std::string key(name);
  if (options_.hierarchical) std::ranges::replace(key, '/', '\0');
  return key;
}
std::string MemoryState::NameOf(std::string_view key) const {
  std::string name(key);
  if (options_.hierarchical) std::ranges::replace(name, '\0', '/');
  return name;
}

Result<> MemoryState::CheckContainer() const {
  if (!missing_) return {};
  return Fail(Code::kContainerNotFound, "The specified container does not exist.");
}

void MemoryState::Settle(Blob& blob) {
  const WallTime now = Now();
  if (blob.properties.rehydrating_to && now >= blob.rehydrated) {
    blob.properties.tier = *blob.properties.rehydrating_to;
    blob.properties.rehydrating_to.reset();
    blob.properties.tier_changed = blob.rehydrated;
  }
  if (blob.copy && now >= blob.copy->due) {
    blob.data = blob.copy->data;
    blob.blocks = std::move(blob.copy->blocks);
    blob.properties.length = blob.data->size();
    blob.properties.copy.status = CopyStatus::kSuccess;
    blob.properties.copy.completed = blob.copy->due;
    blob.properties.copy.bytes_copied = blob.data->size();
    blob.copy.reset();
    Touch(blob);
  }
}

void MemoryState::ExpireBlocks(Slot& slot) {
  const WallTime now = Now();
  std::erase_if(slot.staged,
                [&](const Block& block) { return block.staged + options_.block_expiry <= now; });
}

void MemoryState::Drop(const std::string& key) {
  slots_[key].blob.reset();
  if (slots_[key].staged.empty()) slots_.erase(key);
}

MemoryState::Blob* MemoryState::Find(const BlobName& name) {
  const auto found = slots_.find(KeyOf(name.view()));
  if (found == slots_.end() || !found->second.blob) return nullptr;
  Settle(*found->second.blob);
  return &*found->second.blob;
}

Result<MemoryState::Blob*> MemoryState::Existing(const BlobName& name) {
  FB_RETURN_IF_ERROR(CheckContainer());
  Blob* blob = Find(name);
  if (blob == nullptr) return Missing();
  return blob;
}

WriteAnswer MemoryState::Touch(Blob& blob) {
  blob.properties.etag = azure::MakeETag(next_etag_++);
  blob.properties.last_modified = Now();
  return {.etag = blob.properties.etag,
          .modified = blob.properties.last_modified,
          .content_md5 = blob.properties.http.content_md5,
          .version_id = {}};
}

BlobState MemoryState::Describe(const std::string& key, const Blob& blob, bool tags) const {
  BlobState out;
  out.name = BlobName(NameOf(key));
  out.properties = blob.properties;
  out.properties.tag_count = blob.tags.size();
  out.metadata = blob.metadata;
  if (tags) out.tags = blob.tags;
  out.directory = blob.directory || Marker(blob.metadata);
  if (options_.hierarchical) out.properties.resource_type = blob.directory ? "directory" : "file";
  return out;
}

// --- Reads.

Result<LakeTraits> MemoryState::Probe() {
  const std::lock_guard lock(mutex_);
  FB_RETURN_IF_ERROR(CheckContainer());
  LakeTraits out;
  out.hierarchical = options_.hierarchical;
  out.account_kind = "StorageV2";
  out.sku = "Standard_LRS";
  out.container_etag = azure::MakeETag(0);
  return out;
}

Result<BlobState> MemoryState::Head(const HeadRequest& request) {
  const std::lock_guard lock(mutex_);
  FB_ASSIGN_OR_RETURN(Blob * blob, Existing(request.name));
  FB_RETURN_IF_ERROR(CheckReadETags(request.conditions, blob->properties.etag));
  return Describe(KeyOf(request.name.view()), *blob, request.tags);
}

Result<MemoryState::Opened> MemoryState::Open(const GetRequest& request) {
  const std::lock_guard lock(mutex_);
  FB_ASSIGN_OR_RETURN(Blob * blob, Existing(request.name));
  FB_RETURN_IF_ERROR(CheckReadETags(request.conditions, blob->properties.etag));
  if (blob->properties.tier == AccessTier::kArchive) return Archived();
  Opened out;
  out.state = Describe(KeyOf(request.name.view()), *blob, false);
  out.data = blob->data;
  out.length = blob->data->size();
  if (request.range) {
    if (request.range->offset >= out.length) {
      return Fail(Code::kInvalidRange, "The range is not satisfiable.");
    }
    out.offset = request.range->offset;
    out.length = std::min(out.length - out.offset, request.range->length.value_or(out.length));
  }
  return out;
}

Result<BlockLists> MemoryState::GetBlockList(const BlobName& name) {
  const std::lock_guard lock(mutex_);
  FB_RETURN_IF_ERROR(CheckContainer());
  const Blob* blob = Find(name);
  const auto slot = slots_.find(KeyOf(name.view()));
  if (slot == slots_.end()) return Missing();
  ExpireBlocks(slot->second);
  if (blob == nullptr && slot->second.staged.empty()) return Missing();
  BlockLists out;
  if (blob != nullptr) {
    out.etag = blob->properties.etag;
    out.modified = blob->properties.last_modified;
    out.length = blob->properties.length;
    for (const Block& block : blob->blocks) {
      out.committed.push_back({.id = block.id, .size = block.data->size()});
    }
  }
  for (const Block& block : slot->second.staged) {
    out.uncommitted.push_back({.id = block.id, .size = block.data->size()});
  }
  return out;
}

// --- Writes.

Result<WriteAnswer> MemoryState::Replace(const BlobName& name, Blob next,
                                         const LakeConditions& conditions) {
  Blob* old = Find(name);
  FB_RETURN_IF_ERROR(CheckETags(conditions, old == nullptr ? nullptr : &old->properties.etag));
  FB_RETURN_IF_ERROR(CheckLease(old == nullptr ? "" : old->lease_id, conditions.lease_id));
  if (old != nullptr && old->copy) {
    return Fail(Code::kPendingCopyOperation, "There is currently a pending copy operation.");
  }
  FB_RETURN_IF_ERROR(CheckPath(name, next.directory));
  MakeParents(name);
  Slot& slot = slots_[KeyOf(name.view())];
  next.properties.created = slot.blob ? slot.blob->properties.created : Now();
  next.properties.length = next.data->size();
  if (slot.blob) {
    next.lease_id = slot.blob->lease_id;
    next.control = slot.blob->control;
  }
  slot.blob = std::move(next);
  slot.staged.clear();
  return Touch(*slot.blob);
}

Result<WriteAnswer> MemoryState::Put(PutRequest request, std::string bytes) {
  const std::lock_guard lock(mutex_);
  FB_RETURN_IF_ERROR(CheckContainer());
  if (bytes.size() > options_.largest_put) {
    return Fail(Code::kRequestBodyTooLarge, "The body is too large.");
  }
  const std::string md5 = Md5Of(bytes);
  if (!request.http.content_md5.empty() && request.http.content_md5 != md5) {
    return Fail(Code::kMd5Mismatch, "The MD5 value given does not match the bytes.");
  }
  Blob next;
  next.data = std::make_shared<const std::string>(std::move(bytes));
  next.properties.http = std::move(request.http);
  next.properties.http.content_md5 = md5;
  if (next.properties.http.content_type.empty()) {
    next.properties.http.content_type = "application/octet-stream";
  }
  next.properties.tier = request.tier.value_or(AccessTier::kHot);
  next.properties.tier_inferred = !request.tier;
  next.metadata = std::move(request.metadata);
  next.tags = std::move(request.tags);
  if (options_.hierarchical && Marker(next.metadata)) next.directory = true;
  return Replace(request.name, std::move(next), request.conditions);
}

Result<> MemoryState::PutBlock(const PutBlockRequest& request, std::string bytes) {
  const std::lock_guard lock(mutex_);
  FB_RETURN_IF_ERROR(CheckContainer());
  if (bytes.empty()) return Fail(Code::kInvalidHeaderValue, "A block is not empty.");
  const Blob* blob = Find(request.name);
  FB_RETURN_IF_ERROR(CheckLease(blob == nullptr ? "" : blob->lease_id, request.lease_id));
  FB_RETURN_IF_ERROR(CheckPath(request.name, /*directory=*/true));  // it makes nothing yet
  if (blob != nullptr && blob->of_path) return NotOfBlocks();
  Slot& slot = slots_[KeyOf(request.name.view())];
  ExpireBlocks(slot);
  for (const Block& block : slot.staged) {
    if (block.id.size() != request.id.size()) {
      return Fail(Code::kInvalidBlobOrBlock, "All block ids of a blob have one length.");
    }
  }
  std::erase_if(slot.staged, [&](const Block& block) { return block.id == request.id; });
  slot.staged.push_back({.id = request.id,
                         .data = std::make_shared<const std::string>(std::move(bytes)),
                         .staged = Now()});
  return {};
}

Result<std::vector<MemoryState::Block>> MemoryState::Assemble(Slot& slot,
                                                              const CommitRequest& request) {
  const std::vector<Block> none;
  const std::vector<Block>& committed = slot.blob ? slot.blob->blocks : none;
  std::vector<Block> out;
  for (const BlockListEntry& entry : request.blocks) {
    const auto in = [&](const std::vector<Block>& list) -> const Block* {
      const auto found = std::ranges::find(list, entry.id, &Block::id);
      return found == list.end() ? nullptr : &*found;
    };
    const Block* block = entry.source == BlockSource::kCommitted ? nullptr : in(slot.staged);
    if (block == nullptr && entry.source != BlockSource::kUncommitted) block = in(committed);
    if (block == nullptr) return Fail(Code::kInvalidBlockList, "A block of the list is not there.");
    out.push_back(*block);
  }
  return out;
}

Result<WriteAnswer> MemoryState::Commit(CommitRequest request) {
  const std::lock_guard lock(mutex_);
  FB_RETURN_IF_ERROR(CheckContainer());
  const Blob* old = Find(request.name);
  FB_RETURN_IF_ERROR(
      CheckETags(request.conditions, old == nullptr ? nullptr : &old->properties.etag));
  if (old != nullptr && old->of_path) return NotOfBlocks();
  Slot scratch;
  const auto found = slots_.find(KeyOf(request.name.view()));
  Slot& slot = found == slots_.end() ? scratch : found->second;
  ExpireBlocks(slot);
  Blob next;
  FB_ASSIGN_OR_RETURN(next.blocks, Assemble(slot, request));
  std::string bytes;
  for (const Block& block : next.blocks) bytes += *block.data;
  next.data = std::make_shared<const std::string>(std::move(bytes));
  next.properties.http = std::move(request.http);
  if (next.properties.http.content_type.empty()) {
    next.properties.http.content_type = "application/octet-stream";
  }
  next.properties.tier = request.tier.value_or(AccessTier::kHot);
  next.properties.tier_inferred = !request.tier;
  next.metadata = std::move(request.metadata);
  next.tags = std::move(request.tags);
  return Replace(request.name, std::move(next), request.conditions);
}

Result<CopyAnswer> MemoryState::Copy(const CopyRequest& request) {
  const std::lock_guard lock(mutex_);
  FB_ASSIGN_OR_RETURN(Blob * source, Existing(request.source));
  if (!request.source_match.empty() && request.source_match != source->properties.etag) {
    return Fail(Code::kSourceConditionNotMet, "The source is not what was asked for.");
  }
  const bool archived = source->properties.tier == AccessTier::kArchive;
  const AccessTier tier = request.tier.value_or(AccessTier::kHot);
  if (archived && (request.synchronous || !request.tier)) return Archived();
  Blob next = *source;
  next.lease_id.clear();
  next.copy.reset();
  next.properties.tier = archived ? AccessTier::kArchive : tier;
  next.properties.tier_inferred = !request.tier;
  next.properties.rehydrating_to.reset();
  if (archived) FB_RETURN_IF_ERROR(ApplyTier(next, {.tier = tier, .priority = request.priority}));
  if (request.metadata) next.metadata = *request.metadata;
  // Azure copies the tags only where it is told to.
  next.tags = request.tags.value_or(Tags());
  next.properties.copy = {};
  next.properties.copy.id = NewUuid();
  next.properties.copy.source = "memory:lake/" + request.source.str();
  next.properties.copy.status = CopyStatus::kSuccess;
  next.properties.copy.bytes_total = source->data->size();
  next.properties.copy.bytes_copied = source->data->size();
  const bool pending = !request.synchronous && options_.copy_takes.count() > 0;
  if (pending) {
    next.copy = Pending{.due = Now() + options_.copy_takes,
                        .data = std::exchange(next.data, std::make_shared<const std::string>()),
                        .blocks = std::exchange(next.blocks, {})};
    next.properties.copy.status = CopyStatus::kPending;
    next.properties.copy.bytes_copied = 0;
  } else {
    next.properties.copy.completed = Now();
  }
  CopyAnswer out;
  out.copy_id = next.properties.copy.id;
  out.status = next.properties.copy.status;
  FB_ASSIGN_OR_RETURN(out.write, Replace(request.destination, std::move(next), request.conditions));
  return out;
}

Result<bool> MemoryState::ApplyTier(Blob& blob, const SetTier& change) {
  BlobProperties& properties = blob.properties;
  if (properties.tier != AccessTier::kArchive || change.tier == AccessTier::kArchive) {
    properties.tier = change.tier;
    properties.tier_inferred = false;
    properties.tier_changed = Now();
    return false;
  }
  if (properties.rehydrating_to && *properties.rehydrating_to != change.tier) {
    return Fail(Code::kBlobBeingRehydrated, "The blob is being rehydrated.");
  }
  properties.rehydrating_to = change.tier;
  properties.rehydrate_priority = change.priority;
  const bool high = change.priority == RehydratePriority::kHigh;
  blob.rehydrated = Now() + options_.rehydration / (high ? 10 : 1);
  return true;
}

Result<UpdateAnswer> MemoryState::Update(const UpdateRequest& request) {
  const std::lock_guard lock(mutex_);
  FB_ASSIGN_OR_RETURN(Blob * blob, Existing(request.name));
  const auto& conditions = request.conditions;
  const bool etags = !conditions.match.empty() || !conditions.none_match.empty() ||
                     conditions.present || conditions.absent;
  const bool rewrites = std::holds_alternative<SetProperties>(request.change) ||
                        std::holds_alternative<SetMetadata>(request.change);
  if (etags && !rewrites) return Fail(Code::kUnsupported, "This change takes no ETag.");
  FB_RETURN_IF_ERROR(CheckETags(conditions, &blob->properties.etag));
  FB_RETURN_IF_ERROR(CheckLease(blob->lease_id, conditions.lease_id));
  UpdateAnswer out;
  if (const auto* tier = std::get_if<SetTier>(&request.change)) {
    FB_ASSIGN_OR_RETURN(out.pending, ApplyTier(*blob, *tier));
    return out;
  }
  if (const auto* tags = std::get_if<SetTags>(&request.change)) {
    blob->tags = tags->tags;
    return out;
  }
  if (const auto* abort = std::get_if<AbortCopy>(&request.change)) {
    if (!blob->copy) return Fail(Code::kNoPendingCopyOperation, "No copy is pending.");
    if (abort->copy_id != blob->properties.copy.id) {
      return Fail(Code::kCopyIdMismatch, "Another copy is pending.");
    }
    blob->copy.reset();
    blob->properties.copy.status = CopyStatus::kAborted;
    return out;
  }
  if (blob->properties.tier == AccessTier::kArchive) return Archived();
  if (const auto* properties = std::get_if<SetProperties>(&request.change)) {
    blob->properties.http = properties->http;
  } else {
    blob->metadata = std::get<SetMetadata>(request.change).metadata;
  }
  const WriteAnswer touched = Touch(*blob);
  out.etag = touched.etag;
  out.modified = touched.modified;
  return out;
}

Result<> MemoryState::Delete(const DeleteRequest& request) {
  const std::lock_guard lock(mutex_);
  FB_ASSIGN_OR_RETURN(Blob * blob, Existing(request.name));
  FB_RETURN_IF_ERROR(CheckETags(request.conditions, &blob->properties.etag));
  FB_RETURN_IF_ERROR(CheckLease(blob->lease_id, request.conditions.lease_id));
  const std::string key = KeyOf(request.name.view());
  if (blob->directory) {
    if (HasChildren(key) && !request.recursive) {
      return Fail(Code::kDirectoryNotEmpty, "The directory is not empty.");
    }
    const std::string below = key + '\0';
    std::erase_if(slots_, [&](const auto& entry) { return entry.first.starts_with(below); });
  }
  slots_[key].staged.clear();
  Drop(key);
  return {};
}

// --- For tests.

std::optional<std::string> MemoryState::Bytes(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const Blob* blob = Find(BlobName(name));
  if (blob == nullptr) return std::nullopt;
  return *blob->data;
}
std::optional<BlobState> MemoryState::State(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const Blob* blob = Find(BlobName(name));
  if (blob == nullptr) return std::nullopt;
  return Describe(KeyOf(name), *blob, true);
}
std::vector<std::string> MemoryState::Names() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [key, slot] : slots_) {
    if (slot.blob) out.push_back(NameOf(key));
  }
  return out;
}
void MemoryState::Plant(const std::string& name, std::string bytes, Metadata metadata,
                        bool of_path) {
  PutRequest request;
  request.name = BlobName(name);
  request.metadata = std::move(metadata);
  {
    const std::lock_guard lock(mutex_);
    if (const Blob* old = Find(request.name)) request.conditions.lease_id = old->lease_id;
  }
  (void)Put(std::move(request), std::move(bytes));
  const std::lock_guard lock(mutex_);
  if (Blob* made = Find(BlobName(name))) made->of_path = of_path;
}
void MemoryState::Remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  slots_.erase(KeyOf(name));
}
void MemoryState::SetLease(const std::string& name, std::string lease_id) {
  const std::lock_guard lock(mutex_);
  if (Blob* blob = Find(BlobName(name))) {
    blob->properties.lease =
        lease_id.empty() ? azure::LeaseState::kAvailable : azure::LeaseState::kLeased;
    blob->lease_id = std::move(lease_id);
  }
}
void MemoryState::SetMissing(bool missing) {
  const std::lock_guard lock(mutex_);
  missing_ = missing;
}

}  // namespace forebay::lake::internal
