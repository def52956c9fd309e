#include "engine/sweep_steps.h"

#include "base/codec.h"
#include "engine/lake_objects.h"
#include "engine/references.h"
#include "engine/release_node.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"
#include "meta/tag_index.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// A released extent writes three or four keys; the store's limit is 1,000 a transaction.
constexpr std::size_t kExtentsPerStep = 150;
constexpr std::size_t kKeysPerStep = 300;
constexpr std::size_t kBlobsPerStep = 40;

// The first record under a prefix.
struct FirstRecord {
  std::string key;
  std::string value;
};
Result<std::optional<FirstRecord>> First(const kv::Reader& reader, const std::string& prefix) {
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  if (it->Valid()) return FirstRecord{std::string(it->key()), std::string(it->value())};
  FB_RETURN_IF_ERROR(it->status());
  return std::nullopt;
}

// Erases up to kKeysPerStep keys under the prefix; true when none are left.
Result<bool> EraseSome(kv::Transaction& txn, const std::string& prefix) {
  std::vector<std::string> doomed;
  {
    auto it = txn.Scan(prefix, PrefixEnd(prefix));
    for (; it->Valid() && doomed.size() < kKeysPerStep; it->Next()) doomed.emplace_back(it->key());
    FB_RETURN_IF_ERROR(it->status());
  }
  for (const std::string& key : doomed) txn.Erase(key);
  return doomed.size() < kKeysPerStep;
}

// Takes up to kExtentsPerStep extents off the front.
std::vector<meta::Extent> TakeSome(std::vector<meta::Extent>& extents) {
  const auto n = static_cast<std::ptrdiff_t>(std::min(extents.size(), kExtentsPerStep));
  std::vector<meta::Extent> some(extents.begin(), extents.begin() + n);
  extents.erase(extents.begin(), extents.begin() + n);
  return some;
}

}  // namespace

Result<std::optional<meta::GarbageKind>> CondemnStep(kv::Transaction& txn, meta::BodyId id) {
  const std::string key = keys::GarbageBody(id);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) return std::nullopt;
  FB_ASSIGN_OR_RETURN(meta::GarbageRecord garbage, meta::DecodeGarbage(*stored));
  if (meta::IsPreparing(garbage.kind)) {
    garbage.kind = meta::AbandonedKind(garbage.kind);
    txn.Put(key, meta::Encode(garbage));
  }
  return garbage.kind;
}

Result<bool> SweepBodyStep(Services& services, kv::Transaction& txn, meta::BodyId body,
                           bool shared) {
  const auto release = shared ? ReleaseReferences : ReleaseExtents;
  const std::string garbage_key = keys::GarbageBody(body);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(garbage_key));
  if (!stored) return true;  // a commit adopted it
  FB_ASSIGN_OR_RETURN(auto page_record, First(txn, keys::ExtentPagesOf(body)));
  // Runs of a body that the lake holds look the same.
  if (!page_record) {
    FB_ASSIGN_OR_RETURN(page_record, First(txn, keys::RunsOf(body)));
  }
  if (page_record) {
    FB_ASSIGN_OR_RETURN(meta::ExtentPage page, meta::DecodeExtentPage(page_record->value));
    FB_RETURN_IF_ERROR(release(services.chunks, txn, body, TakeSome(page.extents)));
    if (page.extents.empty()) {
      txn.Erase(page_record->key);
    } else {
      txn.Put(page_record->key, meta::EncodeExtentPage(page));
    }
    return false;
  }
  FB_ASSIGN_OR_RETURN(bool clean, EraseSome(txn, keys::BlockListPagesOf(body)));
  if (!clean) return false;
  FB_ASSIGN_OR_RETURN(meta::GarbageRecord garbage, meta::DecodeGarbage(*stored));
  FB_ASSIGN_OR_RETURN(clean, EraseSome(txn, keys::EvictionHintsOf(body)));
  if (!clean) return false;
  FB_RETURN_IF_ERROR(release(services.chunks, txn, body, garbage.direct));
  FB_RETURN_IF_ERROR(ReleaseLakeObject(txn, body));
  txn.Erase(keys::ResidentBytes(body));
  txn.Erase(keys::BodyHome(body));
  txn.Erase(garbage_key);
  return true;
}

Result<bool> SweepStagedStep(Services& services, kv::Transaction& txn, meta::BodyId generation,
                             bool release) {
  const std::string prefix = keys::StagedBlocksOf(generation);
  bool clean = true;
  if (!release) {
    FB_ASSIGN_OR_RETURN(clean, EraseSome(txn, prefix));
  } else {
    FB_ASSIGN_OR_RETURN(auto block_record, First(txn, prefix));
    clean = !block_record.has_value();
    if (block_record) {
      FB_ASSIGN_OR_RETURN(meta::StagedBlockRecord block,
                          meta::DecodeStagedBlock(block_record->value));
      FB_RETURN_IF_ERROR(ReleaseExtents(
          services.chunks, txn, block.holder.value_or(meta::BodyId(0)), TakeSome(block.extents)));
      if (block.extents.empty()) {
        txn.Erase(block_record->key);
      } else {
        txn.Put(block_record->key, meta::Encode(block));
      }
    }
  }
  if (!clean) return false;
  txn.Erase(keys::StagedCount(generation));
  txn.Erase(keys::ReplacedCount(generation));
  txn.Erase(keys::GarbageBody(generation));
  return true;
}

Result<bool> ForgetListStep(kv::Transaction& txn, meta::BodyId list) {
  FB_ASSIGN_OR_RETURN(bool clean, EraseSome(txn, keys::ReleasePagesOf(list)));
  if (clean) txn.Erase(keys::GarbageBody(list));
  return clean;
}

Result<bool> SweepReleaseListStep(Services& services, kv::Transaction& txn, meta::BodyId list) {
  const std::string garbage_key = keys::GarbageBody(list);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(garbage_key));
  if (!stored) return true;
  FB_ASSIGN_OR_RETURN(auto page_record, First(txn, keys::ReleasePagesOf(list)));
  if (!page_record) {
    txn.Erase(garbage_key);
    return true;
  }
  FB_ASSIGN_OR_RETURN(auto entries, meta::DecodeReleasePage(page_record->value));
  std::size_t released = 0;
  while (!entries.empty() && released < kExtentsPerStep) {
    meta::ReleaseEntry& entry = entries.back();
    std::vector<meta::Extent> some = TakeSome(entry.extents);
    released += some.size();
    FB_RETURN_IF_ERROR(ReleaseExtents(services.chunks, txn, entry.holder, some));
    if (entry.extents.empty()) entries.pop_back();
  }
  if (entries.empty()) {
    txn.Erase(page_record->key);
  } else {
    txn.Put(page_record->key, meta::EncodeReleasePage(entries));
  }
  return false;
}

namespace {

// The blobs of the next step: name keys with their records, in key order whatever the layout.
struct Doomed {
  std::string key;
  meta::BlobRecord record;
};
Result<std::vector<Doomed>> NextBlobs(const kv::Reader& reader, const std::string& prefix) {
  std::vector<Doomed> doomed;
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid() && doomed.size() < kBlobsPerStep; it->Next()) {
    FB_ASSIGN_OR_RETURN(meta::BlobRecord record, meta::DecodeBlob(it->value()));
    doomed.push_back({std::string(it->key()), std::move(record)});
  }
  FB_RETURN_IF_ERROR(it->status());
  return doomed;
}

}  // namespace

Result<bool> SweepContainerStep(Services& services, kv::Transaction& txn,
                                const meta::ContainerRecord& container, std::uint64_t& removed) {
  removed = 0;
  const WallTime now = services.clock.Now();
  const std::string names = container.hierarchical ? keys::EntriesOfContainer(container.id)
                                                   : keys::FlatNames(container.id);
  FB_ASSIGN_OR_RETURN(std::vector<Doomed> blobs, NextBlobs(txn, names));
  for (const Doomed& blob : blobs) {
    txn.Erase(blob.key);
    FB_RETURN_IF_ERROR(ReleaseBody(services.chunks, txn, blob.record, now));
    if (blob.record.directory) txn.Erase(keys::Directory(*blob.record.directory));
    FB_RETURN_IF_ERROR(DropAppends(txn, blob.record.id, now));
    FB_RETURN_IF_ERROR(DropPieces(txn, meta::InodeOf(blob.record), now));
  }
  removed = blobs.size();
  if (!blobs.empty()) return false;
  for (const char table : std::string_view("012345679")) {
    FB_ASSIGN_OR_RETURN(const bool gone, EraseSome(txn, keys::OfContainer(table, container.id)));
    if (!gone) return false;
  }
  // The tag index needs no names any more: it goes by prefix.
  FB_ASSIGN_OR_RETURN(bool tags_gone, EraseSome(txn, keys::TagsOf(container.id)));
  if (!tags_gone) return false;
  FB_ASSIGN_OR_RETURN(auto staging, First(txn, keys::StagingsOf(container.id)));
  if (staging) {
    FB_RETURN_IF_ERROR(DropStaging(txn, container.id, keys::NameOfStagingKey(staging->key), now));
    return false;
  }
  txn.Erase(keys::GarbageContainer(container.id));
  return true;
}

Result<bool> ExpireStagingStep(kv::Transaction& txn, std::string_view key, WallTime limit,
                               WallTime now) {
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) return true;
  FB_ASSIGN_OR_RETURN(meta::StagingRecord staging, meta::DecodeStaging(*stored));
  if (staging.last_block > limit) return true;
  FB_RETURN_IF_ERROR(DropGeneration(txn, key, now));
  return true;
}

}  // namespace forebay::engine
