#include "engine/get_block_list.h"

#include <iterator>

#include "base/codec.h"
#include "engine/commit.h"
#include "engine/read_gate.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

constexpr std::size_t kCheckEvery = 256;  // records between looks at deadline and cancellation

Result<std::vector<meta::CommittedBlock>> CommittedBlocks(const kv::Reader& reader,
                                                          const OpContext& context,
                                                          const meta::BodyRef& body) {
  std::vector<meta::CommittedBlock> blocks;
  if (!body.has_block_list) return blocks;
  const std::string pages = meta::keys::BlockListPagesOf(body.id);
  const auto it = reader.Scan(pages, PrefixEnd(pages));
  for (; it->Valid(); it->Next()) {
    FB_RETURN_IF_ERROR(context.Check());
    FB_ASSIGN_OR_RETURN(auto page, meta::DecodeBlockListPage(it->value()));
    blocks.insert(blocks.end(), std::make_move_iterator(page.begin()),
                  std::make_move_iterator(page.end()));
  }
  FB_RETURN_IF_ERROR(it->status());
  return blocks;
}

Result<std::vector<meta::CommittedBlock>> StagedBlocks(const kv::Reader& reader,
                                                       const OpContext& context,
                                                       meta::BodyId generation) {
  std::vector<meta::CommittedBlock> blocks;
  const std::string staged = meta::keys::StagedBlocksOf(generation);
  const auto it = reader.Scan(staged, PrefixEnd(staged));
  for (; it->Valid(); it->Next()) {
    if (blocks.size() % kCheckEvery == 0) FB_RETURN_IF_ERROR(context.Check());
    FB_ASSIGN_OR_RETURN(const meta::StagedBlockRecord record, meta::DecodeStagedBlock(it->value()));
    blocks.push_back({std::string(meta::keys::BlockIdOfStagedKey(it->key())), record.size});
  }
  FB_RETURN_IF_ERROR(it->status());
  return blocks;
}

Result<GetBlockListResult> Read(const kv::Reader& reader, const OpContext& context,
                                const GetBlockListRequest& request, WallTime now) {
  FB_ASSIGN_OR_RETURN(Place place, FindPlace(reader, request.target));
  FB_ASSIGN_OR_RETURN(const auto staging,
                      reader.Get(meta::keys::Staging(place.container.id, place.name)));
  if (!place.existing && !staging) {
    return Fail(Code::kBlobNotFound, "The specified blob does not exist.");
  }
  GetBlockListResult result;
  if (place.existing) {
    FB_RETURN_IF_ERROR(meta::CheckLeaseIfGiven(place.existing->lease, request.conditions.lease_id,
                                               meta::LeasedThing::kBlob, now));
    FB_RETURN_IF_ERROR(azure::CheckRead(request.conditions, SubjectOf(*place.existing)));
    if (request.committed) {
      FB_ASSIGN_OR_RETURN(result.committed, CommittedBlocks(reader, context, place.existing->body));
    }
  }
  if (request.uncommitted && staging) {
    FB_ASSIGN_OR_RETURN(const meta::StagingRecord record, meta::DecodeStaging(*staging));
    FB_ASSIGN_OR_RETURN(result.uncommitted, StagedBlocks(reader, context, record.generation));
  }
  result.blob = std::move(place.existing);
  return result;
}

}  // namespace

Task<GetBlockListResult> GetBlockList(Services& services, OpContext context,
                                      GetBlockListRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  // Up to 150,000 blocks: too long a scan for an event loop.
  co_return co_await ReadMetaOnPool(
      services,
      [context = std::move(context), request = std::move(request), now = services.clock.Now()](
          const kv::Reader& reader) { return Read(reader, context, request, now); });
}

}  // namespace forebay::engine
