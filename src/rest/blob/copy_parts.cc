#include "rest/blob/copy_parts.h"

#include <fmt/format.h>

#include <algorithm>

#include "azure/names.h"
#include "engine/get_block_list.h"
#include "engine/put_block.h"
#include "engine/put_block_list.h"

namespace forebay::rest {
namespace {

// The next `length` bytes of a source's body, as the body of one block.
class PartReader final : public BodyReader {
 public:
  PartReader(BodyReader& source, std::uint64_t length, std::atomic<std::uint64_t>& count)
      : source_(source), length_(length), left_(length), count_(count) {}
  std::optional<std::uint64_t> content_length() const override { return length_; }
  Task<std::size_t> Read(MutableByteView data) override {
    if (left_ == 0 || data.empty()) co_return std::size_t{0};
    const auto room = static_cast<std::size_t>(std::min<std::uint64_t>(data.size(), left_));
    FB_CO_ASSIGN_OR_RETURN(const std::size_t size, co_await source_.Read(data.first(room)));
    if (size == 0) co_return Fail(SourceError(500, "", "The copy source ended early."));
    left_ -= size;
    count_ += size;
    co_return size;
  }

 private:
  BodyReader& source_;
  const std::uint64_t length_;
  std::uint64_t left_;
  std::atomic<std::uint64_t>& count_;
};

azure::BlockId IdOf(std::uint64_t part) { return azure::BlockId(fmt::format("copy{:08}", part)); }

std::uint64_t CountOf(const CopyParts& parts) {
  return (parts.total + parts.part_bytes - 1) / parts.part_bytes;
}

Task<FetchedSource> FetchRest(SourceFetcher& fetcher, OpContext context, const PendingCopy& copy,
                              CopyParts& parts) {
  FetchRequest fetch;
  fetch.url = copy.url;
  if (copy.source_etag.empty()) {
    // Without an ETag nobody knows whether the rest belongs to the parts that are here.
    parts.staged = 0;
  } else {
    fetch.headers.Add("If-Match", copy.source_etag);
  }
  const std::uint64_t offset = parts.staged * parts.part_bytes;
  if (offset > 0) fetch.range = FetchRequest::Range{offset, parts.total - 1};
  auto source = co_await fetcher.Fetch(std::move(context), std::move(fetch));
  if (!source && SourceStatusOf(source.error()) == 416) parts.staged = 0;
  if (source && source->length != parts.total - offset) {
    co_return Fail(SourceError(412, "", "The copy source changed its length."));
  }
  co_return source;
}

Task<> StageParts(engine::Services& services, OpContext context, const PendingCopy& copy,
                  BodyReader& body, CopyParts& parts, std::atomic<std::uint64_t>& fetched) {
  for (const std::uint64_t count = CountOf(parts); parts.staged < count; ++parts.staged) {
    const std::uint64_t offset = parts.staged * parts.part_bytes;
    fetched = offset;
    PartReader reader(body, std::min(parts.part_bytes, parts.total - offset), fetched);
    engine::PutBlockRequest block;
    block.target = copy.target;
    block.block_id = IdOf(parts.staged);
    block.body = &reader;
    block.copy_id = copy.copy.id;
    FB_CO_RETURN_IF_ERROR(co_await engine::PutBlock(services, context, std::move(block)));
  }
  co_return Result<>();
}

Task<> Commit(engine::Services& services, OpContext context, const PendingCopy& copy,
              const meta::BlobRecord& pending, const CopyParts& parts) {
  engine::PutBlockListRequest list;
  list.target = copy.target;
  list.conditions.if_match =
      azure::ETagCondition{.any = false, .etags = {azure::MakeETag(pending.etag.value())}};
  list.attributes = copy.attributes;
  list.copy = copy.copy;
  list.copy.status = azure::CopyStatus::kSuccess;
  list.copy.bytes_copied = list.copy.bytes_total = parts.total;
  list.copy.completed = services.clock.Now();
  for (std::uint64_t part = 0; part < CountOf(parts); ++part) {
    list.blocks.push_back({engine::BlockSource::kUncommitted, IdOf(part)});
  }
  FB_CO_RETURN_IF_ERROR(
      co_await engine::PutBlockList(services, std::move(context), std::move(list)));
  co_return Result<>();
}

}  // namespace

CopyParts DivideCopy(std::uint64_t total, std::uint64_t least) {
  const std::uint64_t even = (total + engine::kMaxBlocks - 1) / engine::kMaxBlocks;
  return {.part_bytes = std::max({least, even, std::uint64_t{1}}), .total = total, .staged = 0};
}

Task<std::uint64_t> CountStagedParts(engine::Services& services, OpContext context,
                                     engine::BlobTarget target, CopyParts parts) {
  engine::GetBlockListRequest request{.target = std::move(target)};
  request.committed = false;
  request.uncommitted = true;
  FB_CO_ASSIGN_OR_RETURN(
      const engine::GetBlockListResult blocks,
      co_await engine::GetBlockList(services, std::move(context), std::move(request)));
  std::uint64_t staged = 0;
  for (const meta::CommittedBlock& block : blocks.uncommitted) {  // in the order of their ids
    if (staged == CountOf(parts) || block.id != IdOf(staged).view()) break;
    const std::uint64_t left = parts.total - staged * parts.part_bytes;
    if (block.size != std::min(parts.part_bytes, left)) break;
    ++staged;
  }
  co_return staged;
}

Task<> CopyAsParts(engine::Services& services, SourceFetcher& fetcher, OpContext context,
                   const PendingCopy& copy, const meta::BlobRecord& pending, CopyParts& parts,
                   std::atomic<std::uint64_t>& fetched) {
  if (parts.part_bytes > engine::kMaxBlockBytes) {
    co_return Fail(Code::kSourceTooLarge, "The source is larger than a blob can be.");
  }
  if (parts.staged < CountOf(parts)) {
    FB_CO_ASSIGN_OR_RETURN(const FetchedSource source,
                           co_await FetchRest(fetcher, context, copy, parts));
    FB_CO_RETURN_IF_ERROR(
        co_await StageParts(services, context, copy, *source.body, parts, fetched));
  }
  co_return co_await Commit(services, std::move(context), copy, pending, parts);
}

}  // namespace forebay::rest
