// The durable records of a container that stands in front of a lake: where the lake is, how far its
// names have come in, what has not gone out yet, and names that have no blob record.
//
// Format: docs/formats/tier-records.md. Value types. Decoders answer kCorruption for what they
// cannot read. Never a secret in any of them: an attachment names where its credential is kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "meta/ids.h"
#include "meta/records.h"

namespace forebay::meta {

enum class Ordering : std::uint8_t { kCommit = 0, kRelaxed = 1 };
enum class Acknowledge : std::uint8_t { kLocal = 0, kLake = 1 };
enum class ConflictPolicy : std::uint8_t { kKeepBoth = 0, kLakeWins = 1, kLocalWins = 2 };

struct AttachRecord {
  LakeMode mode = LakeMode::kReadOnly;
  // The container's place in the namespace: jobs start from here.
  std::string account;
  std::string container;
  std::string endpoint;    // "https://acct.blob.core.windows.net/datasets"
  std::string credential;  // a reference: "sas:@/etc/forebay/lake.sas", "managed-identity"
  std::string prefix;      // the part of the lake that is meant; capacity: that is ours alone
  Ordering ordering = Ordering::kCommit;
  Acknowledge acknowledge = Acknowledge::kLocal;
  ConflictPolicy conflicts = ConflictPolicy::kKeepBoth;
  WallTime attached;
  std::uint64_t generation = 0;  // an id: tells this attachment from an earlier one
  bool lake_hierarchical = false;
};

struct ImportRecord {
  std::string marker;  // the lake's, of the next page; empty before the first
  std::string last;    // the last name that came in: those up to it need no look-up (flat layout)
  std::uint64_t names = 0;
  std::uint64_t bytes = 0;
  WallTime started;
  WallTime finished;  // 0: not yet
};

enum class NoteKind : std::uint8_t {
  kAbsent = 1,     // asked and not there, while an import runs
  kTombstone = 2,  // deleted here, or moved away; the lake has not confirmed
  // Beside a record that was moved here and whose bytes the lake still has under another name
  // (LakeCopy::name): what the lake has under this one until the move has travelled.
  kReplaced = 3,
};
struct NameNote {
  NoteKind kind = NoteKind::kAbsent;
  WallTime since;
  std::string lake_name;  // tombstone: the name there; empty: the same
  std::string lake_etag;  // tombstone: last seen there
  // tombstone: holder id of the newest change of the name; 0: it has travelled, and the tombstone
  // stays until the import is past
  std::uint64_t unsent = 0;
};

enum class ChangeKind : std::uint8_t {
  kContent = 1,  // new bytes, with all attributes
  kHeaders = 2,  // HTTP headers
  kMetadata = 3,
  kTags = 4,
  kTier = 5,
  kDelete = 6,
  kRename = 7,         // the file `from` is `name` now; what was there is replaced
  kMakeDirectory = 8,  // hierarchical
  kRenameTree = 9,     // hierarchical: the directory `from` is `name` now, with all that is in it
  kDeleteTree = 10,    // hierarchical: the directory went, with all that was in it
  kAccess = 11,        // owner, group, permissions, ACL
  kDone = 12,          // is in the lake, and waits for those before it; nothing else is set
};
// One entry of the change log.
struct ChangeRecord {
  ChangeKind kind = ChangeKind::kContent;
  std::string name;
  std::uint64_t mark = 0;  // entries that the log ever had when the request arrived
  BlobId holder;           // holds the body, and names the entry
  BlobRecord blob;         // as it became; kDelete, kDeleteTree: as it was
  std::string from;        // kRename, kRenameTree: the name it had
};

// A directory that was moved (or deleted, with all that was in it) here and not yet there.
struct TreeRecord {
  std::string from;
  std::string name;  // empty: deleted
};

// A directory of a deleted tree: what the lake has of what is in it is still to be noted by name.
struct DetachedRecord {
  BlobId holder;      // the entry of the log that deletes the tree there
  std::string name;   // the directory's, when it was deleted
  std::string after;  // entries up to this component are noted
};

std::string Encode(const DetachedRecord& record);
Result<DetachedRecord> DecodeDetached(std::string_view in);
std::string Encode(const TreeRecord& record);
Result<TreeRecord> DecodeTree(std::string_view in);
std::string Encode(const AttachRecord& record);
std::string Encode(const ImportRecord& record);
std::string Encode(const NameNote& record);
std::string Encode(const ChangeRecord& record);
Result<AttachRecord> DecodeAttach(std::string_view in);
Result<ImportRecord> DecodeImport(std::string_view in);
Result<NameNote> DecodeNameNote(std::string_view in);
Result<ChangeRecord> DecodeChange(std::string_view in);

}  // namespace forebay::meta
