// Every key of the namespace, in one place. Encodings: base/codec.h; the page is
// docs/formats/meta-keys.md. The first byte is the table. Upper-case letters belong to chunk/.
//
//   a  account text, container text           → container record
//   n  container, name                        → blob record            (flat layout)
//   h  container, parent inode, component     → blob or directory record (hierarchical layout)
//   d  inode                                  → directory's parent and name (hierarchical layout)
//   s  container, name                        → staging record: a blob's uncommitted generation
//   t  body, block id                         → staged block
//   k  body, letter                        → counters of a staging: blocks staged, blocks replaced;
//                                               of a body that the lake holds: how much is here,
//                                               whose it is, what eviction remembers of it
//   p  body, end offset                       → page of extents
//   l  body, first block number               → page of the committed block list
//   r  body, blob                             → reference: this blob holds a *shared* body
//   q  chunk session, chunk sequence, body    → reference: this body holds a *shared* chunk
//   i  container, tag key, tag value, name    → tag index
//   g  body                                   → garbage: a body to take apart
//   w  body, page number                      → page of a release list (with a `g` record)
//   x  container                              → garbage: a deleted container to empty
//   y  account                                → service properties
//   o  copy id                                → a pending copy from another server
//   u  blob                                   → staging record: what was appended to a file and not
//                                               flushed yet
//   z  inode                                  → directory record: a deleted directory to empty
//   f  time, container, parent inode, component → a file that expires then
//   c  container, letter                      → its lake: attachment, import, counters of the log,
//                                               pins, prefetch jobs
//   b  body, end offset                       → run: resident bytes of a body that the lake holds
//   j  container, commit order                → change log: what has not travelled to the lake
//   v  container, name                        → a name that has no record here, and why
//   e  container, letter, …                   → its lake: events, conflicts, the walk beside it,
//                                               blobs that are wanted here
//   m  name                                   → settings and counters of the store itself
//
// Pure functions, thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "chunk/chunk_id.h"
#include "meta/ids.h"

namespace forebay::meta::keys {

std::string Container(std::string_view account, std::string_view container);
std::string ContainersOf(std::string_view account);  // prefix

std::string FlatName(ContainerId container, std::string_view name);
std::string FlatNames(ContainerId container);  // prefix
std::string_view NameOfFlatKey(std::string_view key);

std::string Entry(ContainerId container, InodeId parent, std::string_view component);
std::string EntriesOf(ContainerId container, InodeId parent);  // prefix
std::string EntriesOfContainer(ContainerId container);         // prefix
std::string_view ComponentOfEntryKey(std::string_view key);
std::string Directory(InodeId inode);

std::string Staging(ContainerId container, std::string_view name);
std::string StagingsOf(ContainerId container);  // prefix
std::string AllStagings();                      // prefix
std::string_view NameOfStagingKey(std::string_view key);
std::string StagedBlock(BodyId generation, std::string_view block_id);
std::string StagedBlocksOf(BodyId generation);  // prefix
std::string_view BlockIdOfStagedKey(std::string_view key);

std::string Appends(BlobId file);
std::string AllAppends();  // prefix

// How many blocks were staged, and how many replaced one of the same id: kv counters.
std::string StagedCount(BodyId generation);
std::string ReplacedCount(BodyId generation);

std::string ExtentPage(BodyId body, std::uint64_t end_offset);
std::string ExtentPagesOf(BodyId body);  // prefix
std::string BlockListPage(BodyId body, std::uint64_t first_block);
std::string BlockListPagesOf(BodyId body);  // prefix

std::string BodyRef(BodyId body, BlobId holder);
std::string BodyRefsOf(BodyId body);  // prefix
std::string ChunkRef(chunk::ChunkId chunk, BodyId holder);
std::string ChunkRefsOf(chunk::ChunkId chunk);  // prefix

std::string Tag(ContainerId container, std::string_view key, std::string_view value,
                std::string_view name);
std::string TagsOf(ContainerId container);                             // prefix
std::string TagValuesOf(ContainerId container, std::string_view key);  // prefix
std::string TagNamesOf(ContainerId container, std::string_view key,
                       std::string_view value);  // prefix
struct TagKeyParts {
  std::string key, value, name;
};
TagKeyParts PartsOfTagKey(std::string_view key);

std::string GarbageBody(BodyId body);
std::string GarbageBodies();  // prefix
BodyId BodyOfGarbageKey(std::string_view key);
std::string ReleasePage(BodyId list, std::uint64_t page);
std::string ReleasePagesOf(BodyId list);  // prefix
std::string GarbageContainer(ContainerId container);
std::string GarbageContainers();  // prefix

std::string GarbageDirectory(InodeId inode);
std::string GarbageDirectories();  // prefix
InodeId InodeOfGarbageKey(std::string_view key);

// The entry at (container, parent, component) expires at `ticks` (WallTime, not negative).
std::string Expiry(std::uint64_t ticks, std::string_view entry_key);
std::string Expiries();                          // prefix
std::string ExpiriesUntil(std::uint64_t ticks);  // end of a scan: all that expire before
std::string_view EntryOfExpiryKey(std::string_view key);

std::string ServiceProperties(std::string_view account);
std::string PendingCopy(std::string_view copy_id);
std::string PendingCopies();  // prefix
std::string Setting(std::string_view name);

// What a container has to do with a lake (meta/lake_records.h).
std::string Attachment(ContainerId container);
std::string Attachments();  // prefix: all of table c, of which attachments are the letter 'a'
// The container of an attachment's key; nullopt for other keys of the table.
std::optional<ContainerId> ContainerOfAttachmentKey(std::string_view key);
std::string LakeTable(ContainerId container);  // prefix: all of table c of a container
std::string ImportProgress(ContainerId container);
std::string ChangesNoted(ContainerId container);   // kv counter: entries ever appended
std::string ChangesErased(ContainerId container);  // kv counter: entries ever erased
std::string ChangedBytes(ContainerId container);   // kv counter: bytes that its entries hold
std::string DeleteGuard(ContainerId container);    // what the guard of deletes must not forget
// A directory that was moved or deleted here and not yet there, by the entry of the log.
std::string PendingTree(ContainerId container, BlobId holder);
std::string PendingTrees(ContainerId container);  // prefix
std::uint64_t HolderOfTreeKey(std::string_view key);
// Of a directory that was deleted so: itself and those in it, until it is noted by name what the
// lake has of what is in them; and those notes.
std::string DetachedDirectory(ContainerId container, InodeId inode);
std::string DetachedDirectories(ContainerId container);  // prefix
InodeId InodeOfDetachedKey(std::string_view key);
std::string GoneName(ContainerId container, BlobId holder, std::string_view name);
std::string GoneNames(ContainerId container, BlobId holder);  // prefix
std::string GoneNamesOf(ContainerId container);               // prefix: of all entries
std::string Changes(ContainerId container);                   // prefix for kv Append, and to scan
std::string Run(BodyId body, std::uint64_t end_offset);
std::string RunsOf(BodyId body);         // prefix
std::string ResidentBytes(BodyId body);  // kv counter
// What is known of a body that the lake holds beside its runs (meta/placement_records.h).
std::string BodyHome(BodyId body);
std::string EvictionHints(BodyId body, std::uint32_t page);
std::string EvictionHintsOf(BodyId body);  // prefix
std::string Pins(ContainerId container);
// Objects of the lake that hold bodies of a container of ours (engine/lake_objects.h).
std::string LakeObject(BodyId body);
std::string LakeObjects(ContainerId container);      // kv counter: that a body owns
std::string LakeObjectBytes(ContainerId container);  // kv counter: in them
std::string DoomedObject(ContainerId container, BodyId body);
std::string DoomedObjects(ContainerId container);  // prefix
BodyId BodyOfDoomedKey(std::string_view key);
std::string PrefetchJob(ContainerId container, std::uint64_t job);
std::string PrefetchJobsOf(ContainerId container);  // prefix
std::string NameNote(ContainerId container, std::string_view name);
std::string NameNotesOf(ContainerId container);  // prefix
std::string_view NameOfNoteKey(std::string_view key);

// What was decided about bytes that are here and in a lake (docs/formats/lake-events.md).
std::string LakeEvents(ContainerId container);  // prefix for kv Append, and to scan
std::string LakeConflict(ContainerId container, std::uint64_t id);
std::string LakeConflicts(ContainerId container);  // prefix
std::string LakeWalk(ContainerId container);       // position of the walk along its listing
// A blob whose bytes are wanted here, though they are in the lake (Set Blob Tier to Hot).
std::string Hydration(ContainerId container, std::string_view name);
std::string HydrationsOf(ContainerId container);  // prefix
std::string_view NameOfHydrationKey(std::string_view key);
std::string LakeDecisions(ContainerId container);  // prefix: all of these
std::string AllLakeDecisions();                    // prefix: of all containers

// Bytes of a small body or block, in kv::Space::kInline. `piece` is an id of the IdSource.
std::string InlinePiece(std::uint64_t piece);

}  // namespace forebay::meta::keys
