#include "engine/staging.h"

#include "engine/get_container.h"
#include "engine/put_block.h"
#include "engine/references.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// The week of an uncommitted block counts from here; written seldom, so that parallel blocks of one
// blob touch no common record.
constexpr std::chrono::hours kTouchInterval{1};

Error LengthDiffers() {
  return Error(Code::kInvalidBlobOrBlock,
               "The specified blob or block content is invalid: every block id of a blob has the "
               "same length.");
}

// What is staged for a blob while a copy into it is pending belongs to that copy.
Result<> CheckMayStage(const Place& place, std::string_view copy_id) {
  if (copy_id.empty()) return CheckReplaceable(place);
  const bool pending = place.existing &&
                       place.existing->copy.status == azure::CopyStatus::kPending &&
                       place.existing->copy.id == copy_id;
  if (pending) return {};
  return Fail(Code::kNoPendingCopyOperation, "There is currently no pending copy operation.");
}

// The id length of the committed blob's blocks; 0 when it has none.
Result<std::size_t> CommittedIdBytes(const kv::Reader& reader, const Place& place) {
  if (!place.existing || !place.existing->body.has_block_list) return 0;
  FB_ASSIGN_OR_RETURN(auto page, reader.Get(keys::BlockListPage(place.existing->body.id, 0)));
  if (!page) return 0;
  FB_ASSIGN_OR_RETURN(auto blocks, meta::DecodeBlockListPage(*page));
  return blocks.empty() ? 0 : blocks.front().id.size();
}

Result<meta::StagingRecord> OpenStaging(kv::Transaction& txn, const Place& place,
                                        const StageRequest& request) {
  const std::string key = keys::Staging(place.container.id, place.name);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (stored) {
    FB_ASSIGN_OR_RETURN(meta::StagingRecord staging, meta::DecodeStaging(*stored));
    if (staging.id_bytes != request.block_id.size()) return Fail(LengthDiffers());
    if (staging.last_block + kTouchInterval < request.now) {
      staging.last_block = request.now;
      txn.Put(key, meta::Encode(staging));
    }
    return staging;
  }
  FB_ASSIGN_OR_RETURN(std::size_t committed, CommittedIdBytes(txn, place));
  if (committed != 0 && committed != request.block_id.size()) return Fail(LengthDiffers());
  meta::StagingRecord staging;
  staging.generation = request.fresh;
  staging.created = request.now;
  staging.last_block = request.now;
  staging.id_bytes = static_cast<std::uint32_t>(request.block_id.size());
  txn.Put(key, meta::Encode(staging));
  return staging;
}

}  // namespace

Result<Staged> StageBlock(Services& services, kv::Transaction& txn, const StageRequest& request) {
  FB_ASSIGN_OR_RETURN(Place place, FindPlace(txn, request.target));
  if (place.existing && place.existing->directory) {
    return Fail(Code::kPathConflict, "A directory has this name; it cannot have blocks.");
  }
  FB_RETURN_IF_ERROR(CheckMayStage(place, request.copy_id));
  FB_RETURN_IF_ERROR(CheckLeaseAt(place, request.lease_id, request.now));
  FB_ASSIGN_OR_RETURN(meta::StagingRecord staging, OpenStaging(txn, place, request));
  FB_RETURN_IF_ERROR(StoreStagedBlock(services, txn, staging.generation, request.block_id,
                                      request.block, request.now));
  return Staged{staging.generation};
}

Result<> StoreStagedBlock(Services& services, kv::Transaction& txn, meta::BodyId generation,
                          const azure::BlockId& block_id, const meta::StagedBlockRecord& block,
                          WallTime now) {
  const std::string key = keys::StagedBlock(generation, block_id.view());
  FB_ASSIGN_OR_RETURN(auto old, txn.Get(key));
  if (old) {
    FB_ASSIGN_OR_RETURN(meta::StagedBlockRecord replaced, meta::DecodeStagedBlock(*old));
    // A block may have a thousand chunks; releasing goes through a list of its own when it is long,
    // because the new block may need up to 600 keys (shared extents, linked chunks) and each extent
    // that is freed five.
    if (replaced.extents.size() <= 50) {
      FB_RETURN_IF_ERROR(ReleaseExtents(
          services.chunks, txn, replaced.holder.value_or(meta::BodyId(0)), replaced.extents));
    } else {
      FB_ASSIGN_OR_RETURN(std::uint64_t list, services.ids.Next());
      meta::GarbageRecord garbage;
      garbage.kind = meta::GarbageKind::kReleaseList;
      garbage.since = now;
      txn.Put(keys::GarbageBody(meta::BodyId(list)), meta::Encode(garbage));
      txn.Put(keys::ReleasePage(meta::BodyId(list), 0),
              meta::EncodeReleasePage(
                  {{replaced.holder.value_or(meta::BodyId(0)), std::move(replaced.extents)}}));
    }
    txn.Add(keys::ReplacedCount(generation), 1);
  } else {
    txn.Add(keys::StagedCount(generation), 1);
  }
  txn.Put(key, meta::Encode(block));
  return {};
}

Result<> CheckRoomForBlock(const kv::Reader& reader, const BlobTarget& target,
                           std::string_view copy_id) {
  FB_ASSIGN_OR_RETURN(Place place, FindPlace(reader, target));
  FB_RETURN_IF_ERROR(CheckMayChange(place.container));
  FB_RETURN_IF_ERROR(CheckMayStage(place, copy_id));
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Staging(place.container.id, place.name)));
  if (!stored) return {};
  FB_ASSIGN_OR_RETURN(meta::StagingRecord staging, meta::DecodeStaging(*stored));
  FB_ASSIGN_OR_RETURN(auto count, reader.Get(keys::StagedCount(staging.generation)));
  if (kv::CounterValue(count) >= static_cast<std::int64_t>(kMaxUncommittedBlocks)) {
    return Fail(Code::kUncommittedBlockCountExceedsLimit,
                "The uncommitted block count cannot exceed the maximum limit of 100,000 blocks.");
  }
  return {};
}

}  // namespace forebay::engine
