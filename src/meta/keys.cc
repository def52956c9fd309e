#include "meta/keys.h"

#include "base/codec.h"

namespace forebay::meta::keys {
namespace {

constexpr std::size_t kIdBytes = 8;

std::string WithId(char table, std::uint64_t id) { return KeyBuilder(table).U64(id).Take(); }

}  // namespace

std::string Container(std::string_view account, std::string_view container) {
  return KeyBuilder('a').Text(account).Text(container).Take();
}
std::string ContainersOf(std::string_view account) { return KeyBuilder('a').Text(account).Take(); }

std::string FlatName(ContainerId container, std::string_view name) {
  return KeyBuilder('n').U64(container.value()).Tail(name).Take();
}
std::string FlatNames(ContainerId container) { return WithId('n', container.value()); }
std::string_view NameOfFlatKey(std::string_view key) { return key.substr(1 + kIdBytes); }

std::string Entry(ContainerId container, InodeId parent, std::string_view component) {
  return KeyBuilder('h').U64(container.value()).U64(parent.value()).Tail(component).Take();
}
std::string EntriesOf(ContainerId container, InodeId parent) {
  return KeyBuilder('h').U64(container.value()).U64(parent.value()).Take();
}
std::string EntriesOfContainer(ContainerId container) { return WithId('h', container.value()); }
std::string_view ComponentOfEntryKey(std::string_view key) { return key.substr(1 + 2 * kIdBytes); }
std::string Directory(InodeId inode) { return WithId('d', inode.value()); }

std::string Staging(ContainerId container, std::string_view name) {
  return KeyBuilder('s').U64(container.value()).Tail(name).Take();
}
std::string StagingsOf(ContainerId container) { return WithId('s', container.value()); }
std::string AllStagings() { return KeyBuilder('s').Take(); }
std::string_view NameOfStagingKey(std::string_view key) { return key.substr(1 + kIdBytes); }
std::string StagedBlock(BodyId generation, std::string_view block_id) {
  return KeyBuilder('t').U64(generation.value()).Tail(block_id).Take();
}
std::string StagedBlocksOf(BodyId generation) { return WithId('t', generation.value()); }
std::string_view BlockIdOfStagedKey(std::string_view key) { return key.substr(1 + kIdBytes); }

std::string Appends(BlobId file) { return WithId('u', file.value()); }
std::string AllAppends() { return KeyBuilder('u').Take(); }

std::string StagedCount(BodyId generation) {
  return KeyBuilder('k').U64(generation.value()).U8('s').Take();
}
std::string ReplacedCount(BodyId generation) {
  return KeyBuilder('k').U64(generation.value()).U8('r').Take();
}

std::string ExtentPage(BodyId body, std::uint64_t end_offset) {
  return KeyBuilder('p').U64(body.value()).U64(end_offset).Take();
}
std::string ExtentPagesOf(BodyId body) { return WithId('p', body.value()); }
std::string BlockListPage(BodyId body, std::uint64_t first_block) {
  return KeyBuilder('l').U64(body.value()).U64(first_block).Take();
}
std::string BlockListPagesOf(BodyId body) { return WithId('l', body.value()); }

std::string BodyRef(BodyId body, BlobId holder) {
  return KeyBuilder('r').U64(body.value()).U64(holder.value()).Take();
}
std::string BodyRefsOf(BodyId body) { return WithId('r', body.value()); }
std::string ChunkRef(chunk::ChunkId chunk, BodyId holder) {
  return KeyBuilder('q').U64(chunk.session).U64(chunk.sequence).U64(holder.value()).Take();
}
std::string ChunkRefsOf(chunk::ChunkId chunk) {
  return KeyBuilder('q').U64(chunk.session).U64(chunk.sequence).Take();
}

std::string Tag(ContainerId container, std::string_view key, std::string_view value,
                std::string_view name) {
  return KeyBuilder('i').U64(container.value()).Text(key).Text(value).Tail(name).Take();
}
std::string TagsOf(ContainerId container) { return WithId('i', container.value()); }
std::string TagValuesOf(ContainerId container, std::string_view key) {
  return KeyBuilder('i').U64(container.value()).Text(key).Take();
}
std::string TagNamesOf(ContainerId container, std::string_view key, std::string_view value) {
  return KeyBuilder('i').U64(container.value()).Text(key).Text(value).Take();
}
TagKeyParts PartsOfTagKey(std::string_view key) {
  KeyReader in(key.substr(1 + kIdBytes));
  TagKeyParts parts;
  parts.key = in.Text();
  parts.value = in.Text();
  parts.name = std::string(in.Tail());
  return parts;
}

std::string GarbageBody(BodyId body) { return WithId('g', body.value()); }
std::string GarbageBodies() { return KeyBuilder('g').Take(); }
BodyId BodyOfGarbageKey(std::string_view key) { return BodyId(KeyReader(key.substr(1)).U64()); }
std::string ReleasePage(BodyId list, std::uint64_t page) {
  return KeyBuilder('w').U64(list.value()).U64(page).Take();
}
std::string ReleasePagesOf(BodyId list) { return WithId('w', list.value()); }
std::string GarbageContainer(ContainerId container) { return WithId('x', container.value()); }
std::string GarbageContainers() { return KeyBuilder('x').Take(); }

std::string GarbageDirectory(InodeId inode) { return WithId('z', inode.value()); }
std::string GarbageDirectories() { return KeyBuilder('z').Take(); }
InodeId InodeOfGarbageKey(std::string_view key) { return InodeId(KeyReader(key.substr(1)).U64()); }

std::string Expiry(std::uint64_t ticks, std::string_view entry_key) {
  return KeyBuilder('f').U64(ticks).Tail(entry_key).Take();
}
std::string Expiries() { return KeyBuilder('f').Take(); }
std::string ExpiriesUntil(std::uint64_t ticks) { return KeyBuilder('f').U64(ticks).Take(); }
std::string_view EntryOfExpiryKey(std::string_view key) { return key.substr(1 + kIdBytes); }

std::string ServiceProperties(std::string_view account) {
  return KeyBuilder('y').Tail(account).Take();
}
std::string PendingCopy(std::string_view copy_id) { return KeyBuilder('o').Tail(copy_id).Take(); }
std::string PendingCopies() { return KeyBuilder('o').Take(); }
std::string Setting(std::string_view name) { return KeyBuilder('m').Tail(name).Take(); }

std::string Attachment(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('a').Take();
}
std::string Attachments() { return KeyBuilder('c').Take(); }
std::optional<ContainerId> ContainerOfAttachmentKey(std::string_view key) {
  if (key.size() != 2 + kIdBytes || key.back() != 'a') return std::nullopt;
  return ContainerId(KeyReader(key.substr(1)).U64());
}
std::string LakeTable(ContainerId container) { return WithId('c', container.value()); }
std::string ImportProgress(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('i').Take();
}
std::string ChangesNoted(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('n').Take();
}
std::string ChangesErased(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('e').Take();
}
std::string ChangedBytes(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('b').Take();
}
std::string DeleteGuard(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('g').Take();
}
std::string PendingTree(ContainerId container, BlobId holder) {
  return KeyBuilder('c').U64(container.value()).U8('t').U64(holder.value()).Take();
}
std::string PendingTrees(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('t').Take();
}
std::uint64_t HolderOfTreeKey(std::string_view key) {
  KeyReader in(key.substr(key.size() - 8));
  return in.U64();
}
std::string DetachedDirectory(ContainerId container, InodeId inode) {
  return KeyBuilder('c').U64(container.value()).U8('h').U64(inode.value()).Take();
}
std::string DetachedDirectories(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('h').Take();
}
InodeId InodeOfDetachedKey(std::string_view key) {
  return InodeId(KeyReader(key.substr(key.size() - kIdBytes)).U64());
}
std::string GoneName(ContainerId container, BlobId holder, std::string_view name) {
  return KeyBuilder('0').U64(container.value()).U64(holder.value()).Tail(name).Take();
}
std::string GoneNames(ContainerId container, BlobId holder) {
  return KeyBuilder('0').U64(container.value()).U64(holder.value()).Take();
}
std::string GoneNamesOf(ContainerId container) { return WithId('0', container.value()); }
std::string Changes(ContainerId container) { return WithId('j', container.value()); }
std::string Run(BodyId body, std::uint64_t end_offset) {
  return KeyBuilder('b').U64(body.value()).U64(end_offset).Take();
}
std::string RunsOf(BodyId body) { return WithId('b', body.value()); }
std::string ResidentBytes(BodyId body) { return KeyBuilder('k').U64(body.value()).U8('f').Take(); }
std::string BodyHome(BodyId body) { return KeyBuilder('k').U64(body.value()).U8('h').Take(); }
std::string EvictionHints(BodyId body, std::uint32_t page) {
  return KeyBuilder('k').U64(body.value()).U8('e').U32(page).Take();
}
std::string EvictionHintsOf(BodyId body) {
  return KeyBuilder('k').U64(body.value()).U8('e').Take();
}
std::string Pins(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('p').Take();
}
std::string LakeObject(BodyId body) { return KeyBuilder('k').U64(body.value()).U8('o').Take(); }
std::string LakeObjects(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('o').Take();
}
std::string LakeObjectBytes(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('w').Take();
}
std::string DoomedObject(ContainerId container, BodyId body) {
  return KeyBuilder('c').U64(container.value()).U8('x').U64(body.value()).Take();
}
std::string DoomedObjects(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('x').Take();
}
BodyId BodyOfDoomedKey(std::string_view key) {
  return BodyId(KeyReader(key.substr(key.size() - 8)).U64());
}
std::string PrefetchJob(ContainerId container, std::uint64_t job) {
  return KeyBuilder('c').U64(container.value()).U8('q').U64(job).Take();
}
std::string PrefetchJobsOf(ContainerId container) {
  return KeyBuilder('c').U64(container.value()).U8('q').Take();
}
std::string NameNote(ContainerId container, std::string_view name) {
  return KeyBuilder('v').U64(container.value()).Tail(name).Take();
}
std::string NameNotesOf(ContainerId container) { return WithId('v', container.value()); }
std::string_view NameOfNoteKey(std::string_view key) { return key.substr(1 + kIdBytes); }

std::string LakeEvents(ContainerId container) {
  return KeyBuilder('e').U64(container.value()).U8('v').Take();
}
std::string LakeConflict(ContainerId container, std::uint64_t id) {
  return KeyBuilder('e').U64(container.value()).U8('c').U64(id).Take();
}
std::string LakeConflicts(ContainerId container) {
  return KeyBuilder('e').U64(container.value()).U8('c').Take();
}
std::string LakeWalk(ContainerId container) {
  return KeyBuilder('e').U64(container.value()).U8('w').Take();
}
std::string Hydration(ContainerId container, std::string_view name) {
  return KeyBuilder('e').U64(container.value()).U8('h').Tail(name).Take();
}
std::string HydrationsOf(ContainerId container) {
  return KeyBuilder('e').U64(container.value()).U8('h').Take();
}
std::string_view NameOfHydrationKey(std::string_view key) { return key.substr(2 + kIdBytes); }
std::string LakeDecisions(ContainerId container) { return WithId('e', container.value()); }
std::string AllLakeDecisions() { return KeyBuilder('e').Take(); }

std::string InlinePiece(std::uint64_t piece) { return KeyBuilder().U64(piece).Take(); }

}  // namespace forebay::meta::keys
