// The change log as the offload sees it: entries with their numbers, what of a name the lake has,
// and the transaction that stores what has become visible there.
//
// An entry's number is the count of erased entries plus its place in the log, so entries leave the
// log from its front only; one that is visible before those in front of it becomes a "done" mark.
// Functions of a reader or a transaction; value types.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/services.h"
#include "kv/store.h"
#include "meta/lake_records.h"
#include "meta/records.h"
#include "tier/change_order.h"

namespace forebay::tier {

struct LoggedChange {
  ChangeNumber number = 0;
  std::string key;
  meta::ChangeRecord record;

  bool done() const { return record.kind == meta::ChangeKind::kDone; }
};
using LoggedChangePtr = std::shared_ptr<const LoggedChange>;

// The change in the words of ChangeOrder; not for one that is done.
Change OrderedChange(const LoggedChange& change);
// True where the entry holds the body of its blob.
bool HoldsBody(const meta::ChangeRecord& change);

// Up to `max` entries behind the key `after`, the first of which has the number `next`.
struct LogPage {
  std::vector<LoggedChangePtr> entries;
  bool end = false;  // there were no more
};
Result<LogPage> ReadLog(const kv::Reader& reader, meta::ContainerId container,
                        const std::string& after, ChangeNumber next, std::size_t max);

struct LogCounts {
  std::uint64_t noted = 0;
  std::uint64_t erased = 0;
  std::uint64_t bytes = 0;  // of content, of entries in the log

  std::uint64_t backlog() const { return noted - erased; }
};
Result<LogCounts> ReadCounts(const kv::Reader& reader, meta::ContainerId container);

// `holder`, here and below: the entry that says `name`. A directory above it may have been moved
// since, and what is stored of the name is under another one then.

// What the lake has under the name, as far as it is stored here.
struct KnownUnder {
  std::string etag;  // empty: nothing
  // A directory above it has been deleted since; the ETag is that of its note (tier/tree_delete.h).
  bool gone = false;
};
Result<KnownUnder> UnderName(const kv::Reader& reader, const meta::ContainerRecord& container,
                             const std::string& name, std::uint64_t holder);

// Of a body that only the lake had, where what has its name there now is not known to be the same:
// no blob has this ETag, so the next read, and change detection, make it what the lake has.
inline constexpr std::string_view kUnboundETag = "0x0";

// What a piece of work has made of the lake.
struct FinishedWork {
  ChangeWork work;
  std::vector<LoggedChangePtr> changes;  // all that it stands for, ascending
  // Under the work's name now; empty: nothing.
  std::string etag;
  // Set where the lake's bytes there are now those of this body (0: none).
  std::optional<meta::BodyId> body;
  // A move: nobody knows that what is under the name there is what moved here (kUnboundETag).
  bool unbound = false;
  // The work's name went with its directory: nothing was done to what the lake has under it, and
  // nothing learned.
  bool left = false;
  // Of a name that the file was moved on to meanwhile, while the log still has that move.
  std::string moved_on_to;
  std::size_t released = 0;  // of `changes`, from the front: ReleaseHeld was stored
};

// Stores it: the lake copies of the names that it touched, `unsent` and tombstones where the newest
// change of a name is among its changes, and what its entries held. The entries themselves are the
// caller's (EraseEntries, MarkDone). Once: nothing happens where the last of them is done already.
Result<> StoreFinished(engine::Services& services, kv::Transaction& txn,
                       const meta::ContainerRecord& container, const FinishedWork& finished,
                       WallTime now);
// Entries of this work that are superseded by its last one: gives up what they held, ahead of
// StoreFinished, where there are many.
Result<> ReleaseHeld(engine::Services& services, kv::Transaction& txn,
                     const meta::ContainerRecord& container, const LoggedChange& change,
                     WallTime now);
Result<> MarkDone(kv::Transaction& txn, const std::string& key);
// False where the change is done, or erased.
Result<bool> IsWaiting(const kv::Reader& reader, const LoggedChange& change);
// These changes leave the log, and what the lake has under the name is known without them. The name
// is the one of now.
Result<> SettleName(engine::Services& services, kv::Transaction& txn,
                    const meta::ContainerRecord& container, const std::string& name,
                    const std::vector<LoggedChangePtr>& changes);
// Entries at the front of the log; those that are gone already are not counted again.
Result<std::size_t> EraseEntries(kv::Transaction& txn, meta::ContainerId container,
                                 const std::vector<std::string>& entries);
// It was decided that the lake has this under the name.
Result<> StoreUnder(engine::Services& services, kv::Transaction& txn,
                    const meta::ContainerRecord& container, const std::string& name,
                    std::uint64_t holder, const std::string& etag);
// What is moved has another ETag in the lake now, where it was, and has not moved yet.
Result<> StoreSource(engine::Services& services, kv::Transaction& txn,
                     const meta::ContainerRecord& container, const ChangeWork& work,
                     std::uint64_t holder, const std::string& etag);
// The entry of the newest change of the name; 0: none.
Result<std::uint64_t> NewestOf(const kv::Reader& reader, const meta::ContainerRecord& container,
                               const std::string& name, std::uint64_t holder);

}  // namespace forebay::tier
