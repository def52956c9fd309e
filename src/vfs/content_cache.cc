#include "vfs/content_cache.h"

#include <algorithm>
#include <cstring>

namespace forebay::vfs {
namespace {

bool Overlaps(const Extent& extent, const std::map<std::uint64_t, std::uint64_t>& ranges) {
  auto at = ranges.lower_bound(extent.offset + extent.length);
  if (at == ranges.begin()) return false;
  --at;  // the last range that begins before the extent's end
  return at->first + at->second > extent.offset;
}

}  // namespace

ContentCache::ContentCache(MemoryPool& pool, std::size_t budget_bytes)
    : pool_(pool), budget_(budget_bytes) {}

std::shared_ptr<CachedVersion> ContentCache::Open(InodeNumber inode, const ETag& etag) {
  if (etag.empty()) return std::make_shared<CachedVersion>(inode, etag);
  std::lock_guard lock(mutex_);
  auto slot = versions_.find(inode);
  if (slot != versions_.end()) {
    if (slot->second->etag == etag) return slot->second;
    EraseAll(*slot->second);
    versions_.erase(slot);
  }
  return std::make_shared<CachedVersion>(inode, etag);
}

std::shared_ptr<Extent> ContentCache::Find(CachedVersion& version, std::uint64_t offset) {
  std::lock_guard lock(mutex_);
  auto at = version.extents_.upper_bound(offset);
  if (at == version.extents_.begin()) return nullptr;
  --at;
  Extent& extent = *at->second.extent;
  if (offset >= extent.offset + extent.length) return nullptr;
  order_.splice(order_.begin(), order_, at->second.place);
  return at->second.extent;
}

bool ContentCache::MakeRoom(std::size_t bytes) {
  auto at = order_.end();
  while (bytes_ + bytes > budget_ && at != order_.begin()) {
    --at;
    auto version = at->first.lock();
    if (!version) {  // its extents went with it
      at = order_.erase(at);
      continue;
    }
    auto entry = version->extents_.find(at->second);
    if (!entry->second.extent->ready.IsSet()) continue;  // somebody waits for it
    bytes_ -= entry->second.extent->memory->capacity();
    version->extents_.erase(entry);
    at = order_.erase(at);
    if (version->extents_.empty()) Forget(*version);
  }
  return bytes_ + bytes <= budget_;
}

std::shared_ptr<Extent> ContentCache::Insert(const std::shared_ptr<CachedVersion>& version,
                                             std::uint64_t offset, std::uint64_t length) {
  auto next = version->extents_.lower_bound(offset);
  if (next != version->extents_.end()) length = std::min(length, next->first - offset);
  if (next != version->extents_.begin()) {
    const Extent& before = *std::prev(next)->second.extent;
    if (before.offset + before.length > offset) return nullptr;  // somebody was faster
  }
  length = std::min<std::uint64_t>(length, MemoryPool::kSizes.back());
  if (length == 0 || !MakeRoom(MemoryPool::SizeFor(length))) return nullptr;
  auto extent = std::make_shared<Extent>();
  extent->offset = offset;
  extent->length = length;
  extent->memory = pool_.Get(length);
  bytes_ += extent->memory->capacity();
  order_.emplace_front(version, offset);
  version->extents_[offset] = {.extent = extent, .place = order_.begin()};
  Remember(version);
  return extent;
}

void ContentCache::Remember(const std::shared_ptr<CachedVersion>& version) {
  if (version->etag.empty()) return;
  auto& slot = versions_[version->inode];
  if (slot == version) return;
  if (slot) EraseAll(*slot);
  slot = version;
}

void ContentCache::Forget(const CachedVersion& version) {
  auto slot = versions_.find(version.inode);
  if (slot != versions_.end() && slot->second.get() == &version) versions_.erase(slot);
}

std::shared_ptr<Extent> ContentCache::Claim(const std::shared_ptr<CachedVersion>& version,
                                            std::uint64_t offset, std::uint64_t length) {
  std::lock_guard lock(mutex_);
  return Insert(version, offset, length);
}

void ContentCache::Filled(Extent& extent, std::size_t bytes) {
  extent.bytes = bytes;
  extent.ready.Set();
}

void ContentCache::Failed(CachedVersion& version, Extent& extent, Error error) {
  {
    std::lock_guard lock(mutex_);
    auto at = version.extents_.find(extent.offset);
    if (at != version.extents_.end() && at->second.extent.get() == &extent) {
      bytes_ -= extent.memory->capacity();
      order_.erase(at->second.place);
      version.extents_.erase(at);
      if (version.extents_.empty()) Forget(version);
    }
  }
  extent.error = std::move(error);
  extent.ready.Set();
}

void ContentCache::Carry(CachedVersion& version, const std::shared_ptr<CachedVersion>& next,
                         const std::map<std::uint64_t, std::uint64_t>& changed,
                         std::uint64_t limit) {
  std::lock_guard lock(mutex_);
  for (auto at = version.extents_.begin(); at != version.extents_.end();) {
    const Extent& extent = *at->second.extent;
    const bool stays = extent.ready.IsSet() && !extent.error && extent.bytes == extent.length &&
                       extent.offset + extent.length <= limit && !Overlaps(extent, changed);
    if (stays && !next->extents_.contains(at->first)) {
      at->second.place->first = next;
      next->extents_[at->first] = std::move(at->second);
    } else {
      bytes_ -= extent.memory->capacity();
      order_.erase(at->second.place);
    }
    at = version.extents_.erase(at);
  }
  Forget(version);
  if (!next->extents_.empty()) Remember(next);
}

void ContentCache::Put(const std::shared_ptr<CachedVersion>& version, std::uint64_t offset,
                       ByteView bytes) {
  std::shared_ptr<Extent> extent = Claim(version, offset, bytes.size());
  if (!extent) return;
  std::memcpy(extent->memory->data(), bytes.data(), extent->length);
  Filled(*extent, extent->length);
}

void ContentCache::EraseAll(CachedVersion& version) {
  for (auto& [offset, entry] : version.extents_) {
    bytes_ -= entry.extent->memory->capacity();
    order_.erase(entry.place);
  }
  version.extents_.clear();
}

void ContentCache::Drop(CachedVersion& version) {
  std::lock_guard lock(mutex_);
  EraseAll(version);
  Forget(version);
}

std::size_t ContentCache::bytes() const {
  std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace forebay::vfs
