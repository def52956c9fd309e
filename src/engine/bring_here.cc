#include "engine/bring_here.h"

#include <algorithm>
#include <memory>

#include "engine/body_writer.h"
#include "engine/commit.h"
#include "engine/get_blob.h"
#include "engine/look_up.h"
#include "engine/prepare.h"
#include "engine/references.h"

namespace forebay::engine {
namespace {

// A body that is read out of a source.
class SourceReader final : public BodyReader {
 public:
  SourceReader(std::unique_ptr<BodySource> source, std::uint64_t length)
      : source_(std::move(source)), length_(length) {}
  std::optional<std::uint64_t> content_length() const override { return length_; }
  Task<std::size_t> Read(MutableByteView data) override {
    while (at_ == piece_.memory.size()) {
      if (source_ == nullptr) co_return std::size_t{0};
      FB_CO_ASSIGN_OR_RETURN(auto next, co_await source_->Next(/*allow_file=*/false));
      if (!next) co_return std::size_t{0};
      piece_ = std::move(*next);
      at_ = 0;
    }
    const std::size_t n = std::min(data.size(), piece_.memory.size() - at_);
    std::copy_n(piece_.memory.begin() + static_cast<std::ptrdiff_t>(at_), n, data.begin());
    at_ += n;
    co_return n;
  }

 private:
  std::unique_ptr<BodySource> source_;
  const std::uint64_t length_;
  BodyPiece piece_;
  std::size_t at_ = 0;
};

struct Commit {
  BlobTarget target;
  meta::BlobRecord seen;
  meta::BodyId body;
  StoredBody stored;
  bool prepared = false;
  WallTime now;
};

Result<> Swap(Services& services, kv::Transaction& txn, const Commit& commit) {
  FB_ASSIGN_OR_RETURN(const Place place, RequireBlob(txn, commit.target));
  meta::BlobRecord record = *place.existing;
  if (record.etag != commit.seen.etag || record.body.id != commit.seen.body.id) {
    return Fail(Code::kStale, "The blob changed while its bytes were fetched.");
  }
  if (commit.prepared) {
    FB_RETURN_IF_ERROR(AdoptPrepared(txn, commit.body));
  } else {
    LinkWhole(services, txn, commit.body, commit.stored);
  }
  FB_RETURN_IF_ERROR(ReleaseBody(services.chunks, txn, record, commit.now));
  if (record.lake && record.lake->body == record.body.id) record.lake->body = commit.body;
  record.body = {};
  Describe(commit.stored, commit.body, record);
  return place.names().Put(txn, place.container.id, place.name, record, services.ids);
}

}  // namespace

Task<> BringHere(Services& services, OpContext context, BlobTarget target) {
  GetBlobRequest request;
  request.target = target;
  FB_CO_ASSIGN_OR_RETURN(auto found, co_await GetBlob(services, context, std::move(request)));
  if (!found.record.body.in_lake) co_return Result<>();
  auto commit = std::make_shared<Commit>();
  commit->target = std::move(target);
  commit->seen = found.record;
  SourceReader reader(std::move(found.body), found.length);
  FB_CO_ASSIGN_OR_RETURN(
      commit->stored,
      co_await StoreBody(services, context, &reader, {.max_bytes = found.length, .expected = {}}));
  if (commit->stored.size != found.length) {
    co_return Fail(Code::kStale, "The lake sent fewer bytes than the blob has.");
  }
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
  commit->body = meta::BodyId(id);
  commit->now = services.clock.Now();
  commit->prepared = NeedsPreparing(services, commit->stored);
  if (commit->prepared) {
    FB_CO_RETURN_IF_ERROR(
        co_await PrepareStoredBody(services, context, commit->body, {commit, &commit->stored}));
  }
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

}  // namespace forebay::engine
