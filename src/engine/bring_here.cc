#include "engine/bring_here.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "engine/body_writer.h"
#include "engine/commit.h"
#include "engine/copy_through.h"
#include "engine/get_blob.h"
#include "engine/look_up.h"
#include "engine/prepare.h"
#include "engine/read_gate.h"
#include "engine/references.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;
using Records = std::vector<std::pair<std::string, std::string>>;

// Some 70 KiB each; more of them do not belong into one transaction.
constexpr std::size_t kMaxFinalBlockListPages = 4;

struct Commit {
  BlobTarget blob;
  std::optional<NodeTarget> node;  // set: that is meant
  meta::BlobRecord seen;
  meta::BodyId body;
  StoredBody stored;
  Records block_list;  // of the new body
  bool paged = false;  // whatever the number of its extents
  bool prepared = false;
  WallTime now;
};
using CommitPtr = std::shared_ptr<Commit>;

struct Found {
  std::optional<Node> node;
  std::optional<Place> place;
  meta::BlobRecord record;
};

// kStale when the blob is not what was seen.
Result<Found> Find(const kv::Reader& reader, const Commit& commit) {
  Found found;
  if (commit.node) {
    FB_ASSIGN_OR_RETURN(found.node, FindNode(reader, *commit.node));
    found.record = found.node->record;
  } else {
    FB_ASSIGN_OR_RETURN(found.place, RequireBlob(reader, commit.blob));
    found.record = *found.place->existing;
  }
  if (found.record.etag == commit.seen.etag && found.record.body.id == commit.seen.body.id) {
    return found;
  }
  return Fail(Code::kStale, "The blob changed while its bytes were fetched.");
}

Result<Records> BlockListOf(const kv::Reader& reader, const Commit& commit) {
  Records pages;
  FB_RETURN_IF_ERROR(Find(reader, commit));
  if (!commit.seen.body.has_block_list) return pages;
  const std::string prefix = keys::BlockListPagesOf(commit.seen.body.id);
  const std::string to = keys::BlockListPagesOf(commit.body);
  const auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    pages.emplace_back(to + std::string(it->key().substr(prefix.size())), it->value());
  }
  FB_RETURN_IF_ERROR(it->status());
  return pages;
}

Result<> Swap(Services& services, kv::Transaction& txn, const Commit& commit) {
  FB_ASSIGN_OR_RETURN(Found found, Find(txn, commit));
  meta::BlobRecord& record = found.record;
  if (commit.prepared) {
    FB_RETURN_IF_ERROR(AdoptPrepared(txn, commit.body));
    // An inline piece is linked with the first chunk, and there was none.
    if (commit.stored.chunks.empty()) commit.stored.LinkAll(services.chunks, txn);
  } else {
    LinkWhole(services, txn, commit.body, commit.stored, commit.paged);
    for (const auto& [key, value] : commit.block_list) txn.Put(key, value);
  }
  FB_RETURN_IF_ERROR(ReleaseBody(services.chunks, txn, record, commit.now));
  const meta::ContainerRecord& container =
      found.node ? found.node->container : found.place->container;
  if (!container.lake.mirrors()) {
    record.lake.reset();  // the object there goes with the body that it is named by
  } else if (record.lake && record.lake->body == record.body.id) {
    record.lake->body = commit.body;
  }
  record.body = {};
  Describe(commit.stored, commit.body, record);
  record.body.has_block_list = commit.seen.body.has_block_list;
  if (commit.paged) {
    record.body.paged = true;
    record.body.direct.clear();
  }
  if (found.node) {
    found.node->record = std::move(record);
    return PutNode(services, txn, *commit.node, *found.node);
  }
  const Place& place = *found.place;
  return place.names().Put(txn, place.container.id, place.name, record, services.ids);
}

// What the final transaction has no room for is written before it, under a garbage record.
Task<> PrepareAhead(Services& services, OpContext context, CommitPtr commit) {
  FB_CO_RETURN_IF_ERROR(
      co_await PrepareStoredBody(services, context, commit->body, {commit, &commit->stored}));
  auto done = co_await WriteAhead(
      services, std::move(context), std::move(commit->block_list),
      [id = commit->body](kv::Transaction& txn) -> Result<> { return CheckPreparing(txn, id); });
  if (!done) (void)co_await AbandonPrepared(services, commit->body);
  co_return done;
}

Task<> Bring(Services& services, OpContext context, CommitPtr commit) {
  GetBlobRequest request;
  request.target = commit->blob;
  request.node = commit->node;
  FB_CO_ASSIGN_OR_RETURN(auto found, co_await GetBlob(services, context, std::move(request)));
  if (!found.record.body.in_lake) co_return Result<>();
  commit->seen = std::move(found.record);
  SourceReader reader(std::move(found.body), found.length);
  auto stored =
      co_await StoreBody(services, context, &reader, {.max_bytes = found.length, .expected = {}});
  if (!stored) co_return Fail(NotBrought(std::move(stored.error())));
  commit->stored = std::move(*stored);
  if (commit->stored.size != found.length) {
    co_return Fail(Code::kStale, "The lake sent fewer bytes than the blob has.");
  }
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
  commit->body = meta::BodyId(id);
  commit->now = services.clock.Now();
  FB_CO_ASSIGN_OR_RETURN(commit->block_list,
                         co_await ReadMetaOnPool(services, [commit](const kv::Reader& reader) {
                           return BlockListOf(reader, *commit);
                         }));
  commit->prepared = NeedsPreparing(services, commit->stored) ||
                     commit->block_list.size() > kMaxFinalBlockListPages;
  // Only of bodies with pages more than one page of blocks is given back (ReleaseBody), and what is
  // prepared has pages.
  commit->paged = commit->prepared || commit->block_list.size() > 1;
  if (commit->prepared) FB_CO_RETURN_IF_ERROR(co_await PrepareAhead(services, context, commit));
  auto done = co_await TransactNamed(services, context, [&services, commit](kv::Transaction& txn) {
    return Swap(services, txn, *commit);
  });
  if (!done) {
    if (commit->prepared) (void)co_await AbandonPrepared(services, commit->body);
    co_return Fail(std::move(done.error()));
  }
  commit->stored.Linked(services.chunks);
  co_return Result<>();
}

}  // namespace

Error NotBrought(Error error) {
  switch (error.code()) {
    case Code::kConnectionClosed:
    case Code::kNetwork:
    case Code::kUnknownOutcome:
      return Error(Code::kOffline,
                   "The bytes did not all come from the blob's lake: " + error.message())
          .WithRetryAfter(error.retry_after());
    // In the middle of them: another look finds what the lake has now.
    case Code::kConditionNotMet:
    case Code::kBlobNotFound:
    case Code::kInvalidRange:
      return {Code::kStale, "The blob changed in its lake while its bytes came."};
    default:
      return error;
  }
}

Task<> BringHere(Services& services, OpContext context, BlobTarget target) {
  auto commit = std::make_shared<Commit>();
  commit->blob = std::move(target);
  co_return co_await Bring(services, std::move(context), std::move(commit));
}

Task<> BringHere(Services& services, OpContext context, NodeTarget target) {
  auto commit = std::make_shared<Commit>();
  commit->node = std::move(target);
  co_return co_await Bring(services, std::move(context), std::move(commit));
}

}  // namespace forebay::engine
