#include "engine/block_list_plan.h"

#include <unordered_map>

#include "base/codec.h"
#include "chunk/chunk_store.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

struct StagedEntry {
  meta::StagedBlockRecord record;
  bool used = false;
};
using StagedBlocks = std::unordered_map<std::string, StagedEntry>;

struct CommittedEntry {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  bool used = false;
};
using CommittedBlocks = std::unordered_map<std::string, CommittedEntry>;

Error InvalidBlockList() {
  return Error(Code::kInvalidBlockList, "The specified block list is invalid.");
}

Result<std::int64_t> Counter(const kv::Reader& reader, const std::string& key) {
  FB_ASSIGN_OR_RETURN(auto value, reader.Get(key));
  return kv::CounterValue(value);
}

Error TooManyExtents(std::size_t max_extents) {
  return Error(Code::kBlockListTooLong,
               "The blocks are stored in more than " + std::to_string(max_extents) + " pieces.");
}

Result<StagedBlocks> LoadStaged(const kv::Reader& reader, const Place& place, BlockListPlan& plan,
                                std::size_t max_extents) {
  std::size_t extents = 0;
  StagedBlocks staged;
  plan.staging_key = keys::Staging(place.container.id, place.name);
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(plan.staging_key));
  if (!stored) return staged;
  FB_ASSIGN_OR_RETURN(plan.staging, meta::DecodeStaging(*stored));
  const meta::BodyId generation = plan.staging->generation;
  FB_ASSIGN_OR_RETURN(plan.staged_count, Counter(reader, keys::StagedCount(generation)));
  FB_ASSIGN_OR_RETURN(plan.replaced_count, Counter(reader, keys::ReplacedCount(generation)));
  const std::string prefix = keys::StagedBlocksOf(generation);
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    FB_ASSIGN_OR_RETURN(meta::StagedBlockRecord record, meta::DecodeStagedBlock(it->value()));
    extents += record.extents.size();
    if (extents > max_extents) return Fail(TooManyExtents(max_extents));
    staged.emplace(std::string(keys::BlockIdOfStagedKey(it->key())),
                   StagedEntry{std::move(record), false});
    plan.staged_keys.emplace_back(it->key());
  }
  FB_RETURN_IF_ERROR(it->status());
  return staged;
}

Result<CommittedBlocks> LoadCommitted(const kv::Reader& reader, const Place& place) {
  CommittedBlocks committed;
  if (!place.existing || !place.existing->body.has_block_list) return committed;
  const std::string prefix = keys::BlockListPagesOf(place.existing->body.id);
  std::uint64_t offset = 0;
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    FB_ASSIGN_OR_RETURN(auto blocks, meta::DecodeBlockListPage(it->value()));
    for (meta::CommittedBlock& block : blocks) {
      committed.emplace(std::move(block.id), CommittedEntry{offset, block.size, false});
      offset += block.size;
    }
  }
  FB_RETURN_IF_ERROR(it->status());
  return committed;
}

// A block of many extents may be named 50,000 times: what that adds up to is bounded here.
Result<> AppendExtents(BlockListPlan& plan, const std::vector<meta::Extent>& extents,
                       std::size_t max_extents) {
  for (const meta::Extent& extent : extents) {
    if (!plan.extents.empty()) {
      meta::Extent& last = plan.extents.back();
      const std::uint64_t together = std::uint64_t{last.length} + extent.length;
      if (last.chunk == extent.chunk && std::uint64_t{last.offset} + last.length == extent.offset &&
          together <= chunk::kMaxChunkBytes) {
        last.length = static_cast<std::uint32_t>(together);
        continue;
      }
    }
    if (plan.extents.size() == max_extents) return Fail(TooManyExtents(max_extents));
    plan.extents.push_back(extent);
  }
  return {};
}

Result<> UseStaged(BlockListPlan& plan, const std::string& id, StagedEntry& entry,
                   std::size_t max_extents) {
  const meta::StagedBlockRecord& record = entry.record;
  FB_RETURN_IF_ERROR(AppendExtents(plan, record.extents, max_extents));
  plan.blocks.push_back({id, record.size});
  plan.length += record.size;
  // A shared block keeps its own reference until it is dropped like an unused one.
  if (record.holder && !entry.used) plan.shares.push_back({*record.holder, record.extents});
  entry.used = true;
  return {};
}

Result<> UseCommitted(const kv::Reader& reader, const Place& place, BlockListPlan& plan,
                      const std::string& id, CommittedEntry& entry, std::size_t max_extents) {
  if (place.existing->body.in_lake) {
    plan.bring_first = true;
    return {};
  }
  FB_ASSIGN_OR_RETURN(auto extents, meta::ExtentsOf(reader, place.existing->body, entry.offset,
                                                    entry.size, max_extents + 1));
  std::uint64_t size = 0;
  for (const meta::Extent& extent : extents) size += extent.length;
  if (size != entry.size) return Fail(TooManyExtents(max_extents));  // cut off at so many
  plan.old_body = place.existing->body.id;
  FB_RETURN_IF_ERROR(AppendExtents(plan, extents, max_extents));
  if (!entry.used) plan.shares.push_back({plan.old_body, std::move(extents)});
  entry.used = true;
  plan.blocks.push_back({id, entry.size});
  plan.length += entry.size;
  return {};
}

}  // namespace

Result<BlockListPlan> PlanBlockList(const kv::Reader& reader, const Place& place,
                                    const std::vector<BlockListEntry>& list, PlanBounds bounds) {
  BlockListPlan plan;
  FB_ASSIGN_OR_RETURN(StagedBlocks staged, LoadStaged(reader, place, plan, bounds.staged));
  FB_ASSIGN_OR_RETURN(CommittedBlocks committed, LoadCommitted(reader, place));
  for (const BlockListEntry& entry : list) {
    const std::string& id = entry.id.str();
    auto in_staged = entry.source == BlockSource::kCommitted ? staged.end() : staged.find(id);
    if (in_staged != staged.end()) {
      FB_RETURN_IF_ERROR(UseStaged(plan, id, in_staged->second, bounds.extents));
      continue;
    }
    auto in_committed =
        entry.source == BlockSource::kUncommitted ? committed.end() : committed.find(id);
    if (in_committed == committed.end()) return Fail(InvalidBlockList());
    FB_RETURN_IF_ERROR(UseCommitted(reader, place, plan, id, in_committed->second, bounds.extents));
  }
  for (auto& [id, entry] : staged) {
    if (entry.used && !entry.record.holder) continue;  // the new body is their holder now
    plan.dropped.push_back(
        {entry.record.holder.value_or(meta::BodyId(0)), std::move(entry.record.extents)});
  }
  return plan;
}

Result<> VerifyPlan(const kv::Reader& reader, const Place& place, const BlockListPlan& plan) {
  const Error changed(Code::kStale, "The blob's blocks changed during the commit.");
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(plan.staging_key));
  if (stored.has_value() != plan.staging.has_value()) return Fail(changed);
  if (stored) {
    FB_ASSIGN_OR_RETURN(meta::StagingRecord staging, meta::DecodeStaging(*stored));
    if (staging.generation != plan.staging->generation) return Fail(changed);
    FB_ASSIGN_OR_RETURN(std::int64_t count, Counter(reader, keys::StagedCount(staging.generation)));
    FB_ASSIGN_OR_RETURN(std::int64_t replaced,
                        Counter(reader, keys::ReplacedCount(staging.generation)));
    if (count != plan.staged_count || replaced != plan.replaced_count) return Fail(changed);
  }
  if (plan.old_body.value() != 0 && (!place.existing || place.existing->body.id != plan.old_body)) {
    return Fail(changed);
  }
  return {};
}

}  // namespace forebay::engine
