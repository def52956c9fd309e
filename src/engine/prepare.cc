#include "engine/prepare.h"

#include "base/codec.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

constexpr std::size_t kWriteAheadBytes = 512 << 10;
// A page ends here too, so that an overwrite in the middle later replaces little.
constexpr std::uint64_t kPageBytes = 64 << 20;
constexpr std::size_t kBlocksPerPage = 1000;

}  // namespace

std::vector<std::pair<std::string, std::string>> ExtentPages(meta::BodyId body,
                                                             const std::vector<meta::Extent>& all,
                                                             std::uint64_t start) {
  std::vector<std::pair<std::string, std::string>> pages;
  meta::ExtentPage page{.start = start, .extents = {}};
  std::uint64_t end = start;
  auto flush = [&] {
    if (page.extents.empty()) return;
    pages.emplace_back(keys::ExtentPage(body, end), meta::EncodeExtentPage(page));
    page = {.start = end, .extents = {}};
  };
  for (const meta::Extent& extent : all) {
    page.extents.push_back(extent);
    end += extent.length;
    if (page.extents.size() >= meta::kMaxExtentsPerPage || end - page.start >= kPageBytes) flush();
  }
  flush();
  return pages;
}

std::vector<std::pair<std::string, std::string>> BlockListPages(
    meta::BodyId body, const std::vector<meta::CommittedBlock>& blocks) {
  std::vector<std::pair<std::string, std::string>> pages;
  for (std::size_t first = 0; first < blocks.size(); first += kBlocksPerPage) {
    const std::size_t last = std::min(first + kBlocksPerPage, blocks.size());
    std::vector<meta::CommittedBlock> page(blocks.begin() + static_cast<std::ptrdiff_t>(first),
                                           blocks.begin() + static_cast<std::ptrdiff_t>(last));
    pages.emplace_back(keys::BlockListPage(body, first), meta::EncodeBlockListPage(page));
  }
  return pages;
}

void Describe(const StoredBody& stored, meta::BodyId id, meta::BlobRecord& record) {
  record.length = stored.size;
  if (stored.extents.empty()) return;
  record.body.id = id;
  record.body.paged = stored.extents.size() > meta::kMaxDirectExtents;
  if (!record.body.paged) record.body.direct = stored.extents;
}

bool NeedsPreparing(const Services& services, const StoredBody& stored) {
  return stored.chunks.size() > services.limits.chunks_per_transaction;
}

namespace {

Task<> WriteBodyAhead(Services& services, OpContext context, meta::BodyId id,
                      std::shared_ptr<const StoredBody> stored) {
  const std::size_t at_a_time = services.limits.chunks_per_transaction;
  meta::GarbageRecord garbage;
  garbage.kind = meta::GarbageKind::kPreparing;
  garbage.since = services.clock.Now();
  std::vector<std::pair<std::string, std::string>> head = ExtentPages(id, stored->extents);
  // First, so that whatever comes after it is found by the sweeper.
  head.emplace(head.begin(), keys::GarbageBody(id), meta::Encode(garbage));
  FB_CO_RETURN_IF_ERROR(co_await WriteAhead(services, context, std::move(head), nullptr));
  for (std::size_t first = 0; first < stored->chunks.size(); first += at_a_time) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
        [&services, stored, first, at_a_time](kv::Transaction& txn) -> Result<> {
          stored->Link(services.chunks, txn, first, at_a_time);
          return {};
        },
        kv::Durability::kLazy));
    for (std::size_t i = first; i < std::min(first + at_a_time, stored->chunks.size()); ++i) {
      services.chunks.Linked(stored->chunks[i]);
    }
  }
  co_return Result<>{};
}

}  // namespace

Task<> PrepareStoredBody(Services& services, OpContext context, meta::BodyId id,
                         std::shared_ptr<const StoredBody> stored) {
  Result<> done = co_await WriteBodyAhead(services, context, id, std::move(stored));
  if (!done) (void)co_await AbandonPrepared(services, id);
  co_return done;
}

Task<> AbandonPrepared(Services& services, meta::BodyId id) {
  co_return co_await services.store.Transact(
      [id](kv::Transaction& txn) -> Result<> {
        const std::string key = keys::GarbageBody(id);
        FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
        if (!stored) return {};
        FB_ASSIGN_OR_RETURN(meta::GarbageRecord garbage, meta::DecodeGarbage(*stored));
        garbage.kind = meta::AbandonedKind(garbage.kind);
        txn.MakesRoom();
        txn.Put(key, meta::Encode(garbage));
        return {};
      },
      kv::Durability::kLazy);
}

Result<> CheckPreparing(const kv::Reader& reader, meta::BodyId id) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::GarbageBody(id)));
  if (stored) {
    FB_ASSIGN_OR_RETURN(const meta::GarbageRecord garbage, meta::DecodeGarbage(*stored));
    if (meta::IsPreparing(garbage.kind)) return {};
  }
  return Fail(Code::kBusy, "The commit took too long and was undone; try again.");
}

Result<> AdoptPrepared(kv::Transaction& txn, meta::BodyId id) {
  FB_RETURN_IF_ERROR(CheckPreparing(txn, id));
  txn.Erase(keys::GarbageBody(id));
  return {};
}

void LinkWhole(Services& services, kv::Transaction& txn, meta::BodyId id, const StoredBody& stored,
               bool paged) {
  stored.LinkAll(services.chunks, txn);
  if (!paged && stored.extents.size() <= meta::kMaxDirectExtents) return;
  for (const auto& [key, value] : ExtentPages(id, stored.extents)) txn.Put(key, value);
}

Result<> AdoptPreparedChunks(kv::Transaction& txn, meta::BodyId id, const StoredBody& stored) {
  FB_RETURN_IF_ERROR(AdoptPrepared(txn, id));
  for (const auto& [key, value] : ExtentPages(id, stored.extents)) txn.Erase(key);
  return {};
}

Task<> WriteAhead(Services& services, OpContext context,
                  std::vector<std::pair<std::string, std::string>> records,
                  std::function<Result<>(kv::Transaction&)> check) {
  auto shared =
      std::make_shared<const std::vector<std::pair<std::string, std::string>>>(std::move(records));
  const std::size_t at_a_time = services.limits.write_ahead_records;
  std::size_t first = 0;
  while (first < shared->size()) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    std::size_t last = first;
    std::size_t bytes = 0;
    while (last < shared->size() && last - first < at_a_time && bytes < kWriteAheadBytes) {
      bytes += (*shared)[last].first.size() + (*shared)[last].second.size();
      ++last;
    }
    FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
        [shared, first, last, check](kv::Transaction& txn) -> Result<> {
          if (check) FB_RETURN_IF_ERROR(check(txn));
          for (std::size_t i = first; i < last; ++i) {
            txn.Put((*shared)[i].first, (*shared)[i].second);
          }
          return {};
        },
        kv::Durability::kLazy));
    first = last;
  }
  co_return Result<>{};
}

}  // namespace forebay::engine
