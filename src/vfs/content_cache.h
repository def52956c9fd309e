// What was read of files, in memory, until room is needed: one cache for a mount, with a budget.
//
// Content is cached by inode and version (ETag): a version's bytes never change, so nothing here is
// ever wrong, only no longer asked for. A file is cut into extents that do not overlap, each of
// which is fetched by one request; whoever wants one that is on its way waits for it (`ready`).
//
// Thread safe; nothing waits inside. Extents that a reader holds stay readable after they have left
// the cache.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "async/event.h"
#include "vfs/memory_pool.h"
#include "vfs/types.h"

namespace forebay::vfs {

class ContentCache;

// A stretch of one version of a file. `bytes`, `error` are set before `ready`, and never change.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;  // asked for; shorter in `bytes` only at the end of the file
  std::shared_ptr<Memory> memory;
  std::size_t bytes = 0;
  std::optional<Error> error;
  Event ready;
};

// One version of a file. Made by ContentCache; its map is guarded by the cache's mutex.
class CachedVersion {
 public:
  CachedVersion(InodeNumber of, ETag version) : inode(of), etag(std::move(version)) {}
  const InodeNumber inode;
  const ETag etag;

 private:
  friend class ContentCache;
  struct Entry {
    std::shared_ptr<Extent> extent;
    std::list<std::pair<std::weak_ptr<CachedVersion>, std::uint64_t>>::iterator place;
  };
  std::map<std::uint64_t, Entry> extents_;
};

class ContentCache {
 public:
  ContentCache(MemoryPool& pool, std::size_t budget_bytes);

  // The version's extents as far as they are still there; an older version of the inode is dropped.
  // Without an ETag a new one that nobody else will find, and that its owner must Drop in the end.
  std::shared_ptr<CachedVersion> Open(InodeNumber inode, const ETag& etag);

  // The extent that has the byte, ready or on its way; null.
  std::shared_ptr<Extent> Find(CachedVersion& version, std::uint64_t offset);
  // A new extent that begins at `offset`, which Find did not find, and ends at `offset + length` or
  // where the next one begins. The caller must fetch it, and then call Filled or Failed. Null when
  // there is no room: everything that could go is being fetched.
  std::shared_ptr<Extent> Claim(const std::shared_ptr<CachedVersion>& version, std::uint64_t offset,
                                std::uint64_t length);
  void Filled(Extent& extent, std::size_t bytes);
  void Failed(CachedVersion& version, Extent& extent, Error error);

  // `next` is `version` with other bytes in `changed` (offset, length) and behind `limit`: takes
  // over all other extents that are ready. `version` has nothing afterwards.
  void Carry(CachedVersion& version, const std::shared_ptr<CachedVersion>& next,
             const std::map<std::uint64_t, std::uint64_t>& changed, std::uint64_t limit);
  // Bytes known without having been fetched. Does nothing where something is already.
  void Put(const std::shared_ptr<CachedVersion>& version, std::uint64_t offset, ByteView bytes);
  void Drop(CachedVersion& version);

  std::size_t bytes() const;
  std::size_t budget() const { return budget_; }

 private:
  bool MakeRoom(std::size_t bytes);  // with mutex_
  std::shared_ptr<Extent> Insert(const std::shared_ptr<CachedVersion>& version,
                                 std::uint64_t offset, std::uint64_t length);  // with mutex_
  void EraseAll(CachedVersion& version);                                       // with mutex_
  void Remember(const std::shared_ptr<CachedVersion>& version);                // with mutex_
  void Forget(const CachedVersion& version);                                   // with mutex_

  MemoryPool& pool_;
  const std::size_t budget_;
  mutable std::mutex mutex_;
  std::size_t bytes_ = 0;
  // The one used last is in front.
  std::list<std::pair<std::weak_ptr<CachedVersion>, std::uint64_t>> order_;
  // The version of an inode that extents are known of, whether or not it is open.
  std::unordered_map<InodeNumber, std::shared_ptr<CachedVersion>> versions_;
};

}  // namespace forebay::vfs
