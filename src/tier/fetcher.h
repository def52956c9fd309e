// Brings ranges of lake-held bodies here, each once, and stores them behind the readers.
//
// A table by body and offset finds the fetch that brings a byte, from when it is planned until its
// run can be seen in the store, so that two readers never ask the lake for the same byte. Ranges
// lie on a grid of 64 KiB, are at most 4 MiB, and never cross a multiple of 4 MiB.
//
// Thread safe. Fetches run on the worker loop and outlive the requests that began them. What fails
// to be stored (a full disk, a blob replaced meanwhile) was served all the same.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "engine/services.h"
#include "lake/types.h"
#include "tier/attachments.h"
#include "tier/evict_book.h"
#include "tier/fetch.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

inline constexpr std::uint64_t kGridBytes = 64 << 10;
inline constexpr std::uint64_t kFetchBytes = 4 << 20;
// Blobs up to this size are fetched whole by whoever touches them.
inline constexpr std::uint64_t kWholeBytes = 256 << 10;

// What is fetched from.
struct FetchTarget {
  AttachmentPtr attachment;
  std::string name;       // here, as the namespace stores it
  std::string lake_name;  // there
  std::string etag;       // what the bytes are bound to
  meta::BodyId body;
  std::uint64_t length = 0;  // of the blob
};
using FetchTargetPtr = std::shared_ptr<const FetchTarget>;

struct FetchRequest {
  std::uint64_t offset = 0;    // a byte that is wanted
  Span gap;                    // around it: nothing of it is here, as far as the store says
  std::uint64_t want_end = 0;  // bytes up to here are wanted too
  lake::Cause cause = lake::Cause::kReadThrough;
};

struct FetcherStats {
  std::uint64_t fetches = 0;
  std::uint64_t stored = 0;
  std::uint64_t not_stored = 0;
  std::uint64_t failed = 0;
};

class Fetcher {
 public:
  // `loop` is stopped before the fetcher is destroyed.
  Fetcher(engine::Services& services, WorkerLoop& loop, EvictionBook& book)
      : services_(services), loop_(loop), book_(book) {}

  // The fetch that brings the byte at `offset`: one that is under way, or a new one. Null while
  // stopping.
  FetchPtr Claim(const FetchTargetPtr& target, const FetchRequest& request);

  FetcherStats stats() const;
  std::size_t under_way() const;
  // What is here and how it is used: readers tell it too.
  EvictionBook& book() { return book_; }

 private:
  using ByStart = std::map<std::uint64_t, FetchPtr>;

  // With mutex_ held.
  FetchPtr FindLocked(const ByStart& fetches, std::uint64_t offset) const;
  Span PlanLocked(const ByStart& fetches, const FetchTarget& target,
                  const FetchRequest& request) const;
  void Remove(const Fetch& fetch);

  Task<> Drive(FetchTargetPtr target, FetchPtr fetch, lake::Cause cause);
  Task<> Bring(FetchTargetPtr target, FetchPtr fetch, lake::Cause cause);
  Task<> Receive(FetchPtr fetch, std::unique_ptr<BodyReader> body);
  Task<bool> Store(FetchTargetPtr target, FetchPtr fetch);
  OpContext Context() const;

  engine::Services& services_;
  WorkerLoop& loop_;
  EvictionBook& book_;
  mutable std::mutex mutex_;
  std::unordered_map<meta::BodyId, ByStart> table_;
  std::atomic<std::uint64_t> fetches_{0}, stored_{0}, not_stored_{0}, failed_{0};
};

}  // namespace forebay::tier
