// Conflicts: a blob changed here and in the lake, or a name that cannot be here. What is decided
// about them, and the list that people look at.
//
// The rule is pure (DecideConflict, ConflictName); records and their list are stored beside the
// events (docs/formats/lake-events.md). A conflict is named by the blob and the two ETags, so that
// deciding it twice, over a crash, lists it once. Who carries decisions out:
// tier/conflict_settle.h.
//
//                    changed there                    gone there
//   changed here     keep both: ours moves to a       ours goes up anew; lake wins: gone
//                    conflict name, theirs stays
//   deleted here     theirs comes back; local wins:   no conflict
//                    deleted there too
//
// A change of properties, metadata, tags or tier alone has no bytes of ours to keep: theirs stays,
// and ours is written down in the conflict (unless local wins).
//
// Pure functions and functions in a transaction; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "kv/store.h"
#include "meta/lake_records.h"
#include "meta/records.h"

namespace forebay::tier {

// Numbers are stored: append, never renumber.
enum class ConflictKind : std::uint8_t {
  kBothChanged = 1,
  kDeletedThere = 2,  // and changed here
  kDeletedHere = 3,   // and changed there
  kNameTaken = 4,     // hierarchical: a file of the lake where a directory is, or the reverse
};
enum class ConflictOutcome : std::uint8_t {
  kOpen = 0,       // kNameTaken: nothing can be decided here
  kKeptBoth = 1,   // ours is under `kept_as`, theirs under the name
  kLakeWon = 2,    // theirs is there; ours is gone, or was no more than attributes
  kLocalWon = 3,   // ours goes up over theirs
  kRestored = 4,   // theirs came back (deleted here), or ours went up anew (deleted there)
  kDismissed = 5,  // an operator has seen it; not listed any more
};
std::string_view ConflictKindName(ConflictKind kind);           // "both_changed"
std::string_view ConflictOutcomeName(ConflictOutcome outcome);  // "kept_both"

struct ConflictRecord {
  ConflictKind kind = ConflictKind::kBothChanged;
  ConflictOutcome outcome = ConflictOutcome::kOpen;
  std::string name;
  std::string kept_as;      // kKeptBoth: where ours is
  std::string etag_before;  // last seen in the lake before it changed there; empty: nothing
  std::string etag_now;     // what is there; empty: gone
  WallTime at;
  std::uint64_t length_here = 0;
  std::uint64_t length_there = 0;
  WallTime modified_here;
  WallTime modified_there;
  // Our blob record where no blob of ours was kept: its attributes can be read from it.
  std::string record_here;
};
std::string Encode(const ConflictRecord& record);
Result<ConflictRecord> DecodeConflict(std::string_view in);
// Of name and ETags: the same conflict has the same number.
std::uint64_t ConflictId(const ConflictRecord& record);

// In a transaction; false when it was there already, whatever became of it since.
Result<bool> NoteConflict(kv::Transaction& txn, meta::ContainerId container,
                          const ConflictRecord& record);

struct ListedConflict {
  std::uint64_t id = 0;
  ConflictRecord record;
};
struct ConflictPage {
  std::vector<ListedConflict> conflicts;  // by id
  bool more = false;
};
// Those that were not dismissed.
Result<ConflictPage> ListConflicts(const kv::Reader& reader, meta::ContainerId container,
                                   std::uint64_t after, std::size_t max);

// What was done here that has not travelled.
enum class LocalChange : std::uint8_t { kContent, kAttributes, kDelete };
enum class ConflictStep : std::uint8_t {
  kNone,        // both say the same: gone
  kKeepBoth,    // ours to a conflict name, theirs becomes the record
  kTakeTheirs,  // theirs becomes the record (or its absence does)
  kSendOurs,    // over what is there, conditional on it
  kSendAnew,    // it is gone there
};
ConflictStep DecideConflict(meta::ConflictPolicy policy, LocalChange ours, bool there);

// "dir/a (conflict 2026-11-21T10-00-00Z host).txt". `attempt` above 0 adds a number, for a name
// that is taken. Kept within Azure's 1,024 characters by cutting the stem.
std::string ConflictName(std::string_view name, WallTime at, std::string_view host,
                         unsigned attempt);
// One that no blob has, and that nothing is noted of. kServerBusy: too many are taken.
Result<std::string> FreeConflictName(const kv::Reader& reader,
                                     const meta::ContainerRecord& container, std::string_view name,
                                     WallTime at, std::string_view host);

}  // namespace forebay::tier
