// The one way for a name of the lake to become visible: a record, made here, whoever brought the
// name (the importer, a look-up, a listing).
//
// Inside a transaction. What is decided, by name:
//   no record, no tombstone       a record without bytes; a note that it is absent goes
//   tombstone                     stays away: it was deleted here
//   record of the same ETag       tier, archive status and tags follow the lake, unless a change of
//                                 ours is still to travel
//   record of another ETag        the lake's content replaces ours, unless a change of ours is
//                                 still to travel: then it stays, and the offload finds the
//                                 conflict (tier/conflict.h)
//   cannot be here                hierarchical, a file where a directory is: left out, and listed
//   as
//                                 a conflict
//
// What the lake said may be older than what is here by now: our own change may have reached the
// lake between its answer and this transaction. `expected` tells what was here when the lake was
// asked; where something else is here now, nothing happens. Each decision leaves an event
// (tier/events.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/services.h"
#include "kv/store.h"
#include "lake/types.h"
#include "meta/records.h"

namespace forebay::tier {

// What a lake's blob becomes here, with ids drawn for it. Built before the transaction.
struct IncomingName {
  std::string name;
  meta::BlobRecord record;
  // The ETag of the record's lake copy before the lake was asked; empty: no record. Not set: not
  // known, and a record of a container whose changes travel is left alone.
  std::optional<std::string> expected = {};
  bool knows_tags = false;
  bool quiet = false;  // no event: a pass that has left thousands counts the rest
};
// kBusy when no ids are left for the moment.
Result<IncomingName> Incoming(engine::Services& services, const lake::BlobState& state);

struct NamesReport {
  std::uint64_t added = 0;
  std::uint64_t replaced = 0;
  std::uint64_t kept = 0;
  std::uint64_t deleted_here = 0;
  std::uint64_t conflicts = 0;
  std::uint64_t added_bytes = 0;

  void Add(const NamesReport& other);
};

// At most this many names and bytes of records go into one transaction.
inline constexpr std::size_t kNamesPerTransaction = 150;
inline constexpr std::size_t kNameBytesPerTransaction = 256 << 10;

// Errors: the store's.
Result<NamesReport> ApplyName(engine::Services& services, kv::Transaction& txn,
                              const meta::ContainerRecord& container, const IncomingName& incoming);

// A listing's names, most of which are new here: where nothing is here between the first and the
// last of them, which one look tells, they need not be looked up one by one. kLimitExceeded, and
// nothing was done, when something is and they are more than kNamesPerTransaction.
Result<NamesReport> ApplyNames(engine::Services& services, kv::Transaction& txn,
                               const meta::ContainerRecord& container,
                               std::span<const IncomingName> names);
// How many keys a new name writes. As long as nothing else is to be done a transaction has room for
// kKeysOfNewNames of them.
inline constexpr std::size_t kKeysOfNewNames = 900;
std::size_t KeysOfNew(const IncomingName& name);

// The name is gone in the lake: its record goes too, unless a change of ours is still to travel.
// Nothing happens unless the record's lake copy still has `etag`; an empty directory goes too, one
// that is not empty stays. True when it went.
Result<bool> DropName(engine::Services& services, kv::Transaction& txn,
                      const meta::ContainerRecord& container, const std::string& name,
                      const std::string& etag, WallTime now, bool quiet = false);

// What the record of a blob says about the lake's copy is not what the lake says.
bool DiffersInLake(const meta::BlobRecord& ours, const lake::BlobState& theirs);

}  // namespace forebay::tier
