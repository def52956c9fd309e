#include "tier/fetcher.h"

#include <algorithm>

#include "base/log.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "meta/placement_records.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

// Readers get bytes in pieces of at least what the lake sends at a time, at most this.
constexpr std::size_t kPieceBytes = 256 << 10;
// For one range of at most 4 MiB, with all that the lake's client tries within.
constexpr std::chrono::seconds kFetchTime{60};

std::uint64_t Floor(std::uint64_t offset, std::uint64_t grid) { return offset / grid * grid; }

// Eviction goes from bodies to records.
Result<> NoteHome(kv::Transaction& txn, meta::ContainerId container, const FetchTarget& target) {
  const std::string key = meta::keys::BodyHome(target.body);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) txn.Put(key, meta::Encode(meta::BodyHomeRecord{container, target.name}));
  return {};
}

}  // namespace

OpContext Fetcher::Context() const {
  OpContext context;
  context.deadline = std::chrono::steady_clock::now() + kFetchTime;
  context.cancel = loop_.token();
  return context;
}

FetcherStats Fetcher::stats() const { return {fetches_, stored_, not_stored_, failed_}; }

std::size_t Fetcher::under_way() const {
  std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (const auto& [body, fetches] : table_) count += fetches.size();
  return count;
}

FetchPtr Fetcher::FindLocked(const ByStart& fetches, std::uint64_t offset) const {
  auto it = fetches.upper_bound(offset);
  if (it == fetches.begin()) return nullptr;
  --it;
  return it->second->span().Contains(offset) ? it->second : nullptr;
}

Span Fetcher::PlanLocked(const ByStart& fetches, const FetchTarget& target,
                         const FetchRequest& request) const {
  const bool whole = target.length <= kWholeBytes;
  const std::uint64_t line = Floor(request.offset, kFetchBytes);
  Span span;
  span.start = whole ? 0 : Floor(request.offset, kGridBytes);
  span.end = whole ? target.length : Floor(request.want_end + kGridBytes - 1, kGridBytes);
  span.end = std::clamp(span.end, request.offset + 1, std::min(target.length, line + kFetchBytes));
  span.start = std::max(span.start, request.gap.start);
  span.end = std::min(span.end, request.gap.end);
  // And nothing that another fetch brings.
  auto next = fetches.upper_bound(request.offset);
  if (next != fetches.end()) span.end = std::min(span.end, next->second->span().start);
  if (next != fetches.begin()) {
    const Span before = std::prev(next)->second->span();
    if (before.end <= request.offset) span.start = std::max(span.start, before.end);
  }
  return span;
}

FetchPtr Fetcher::Claim(const FetchTargetPtr& target, const FetchRequest& request) {
  FetchPtr fetch;
  {
    std::lock_guard lock(mutex_);
    ByStart& fetches = table_[target->body];
    if (FetchPtr found = FindLocked(fetches, request.offset)) return found;
    const Span span = PlanLocked(fetches, *target, request);
    fetch = std::make_shared<Fetch>(target->body, span);
    // One that was shortened to nothing may still stand at this start.
    fetches[span.start] = fetch;
  }
  if (loop_.Spawn(Drive(target, fetch, request.cause))) return fetch;
  Remove(*fetch);
  return nullptr;
}

void Fetcher::Remove(const Fetch& fetch) {
  std::lock_guard lock(mutex_);
  const auto body = table_.find(fetch.body());
  if (body == table_.end()) return;
  const auto it = body->second.find(fetch.claimed().start);
  if (it != body->second.end() && it->second.get() == &fetch) body->second.erase(it);
  if (body->second.empty()) table_.erase(body);
}

Task<> Fetcher::Drive(FetchTargetPtr target, FetchPtr fetch, lake::Cause cause) {
  auto done = co_await Bring(std::move(target), fetch, cause);
  // Out of the table first: who is woken plans anew, and must not find it again.
  Remove(*fetch);
  if (!done) {
    ++failed_;
    fetch->Fail(std::move(done.error()));
  }
  fetch->Settle();
  co_return Result<>{};
}

Task<> Fetcher::Bring(FetchTargetPtr target, FetchPtr fetch, lake::Cause cause) {
  // A run may have become visible between the reader's look and its claim.
  const Span claimed = fetch->claimed();
  FB_CO_ASSIGN_OR_RETURN(const std::vector<Run> runs,
                         co_await engine::ReadMeta(services_, [&](const kv::Reader& reader) {
                           return RunsIn(reader, target->body, claimed, 1);
                         }));
  if (!runs.empty()) fetch->Shrink(runs.front().span.start);
  if (fetch->span().length() == 0) co_return Result<>{};
  FB_CO_ASSIGN_OR_RETURN(
      engine::BufferPool::Buffer buffer,
      co_await services_.buffers.Acquire(Context(), engine::BufferPool::Use::kUpload,
                                         static_cast<std::size_t>(fetch->span().length())));
  if (buffer.size() < fetch->span().length()) {
    const std::uint64_t end = fetch->span().start + buffer.size();
    fetch->Shrink(std::max(Floor(end, kGridBytes), fetch->span().start + 1));
  }
  ++fetches_;
  lake::GetRequest request;
  request.name = azure::BlobName(target->lake_name);
  request.range = lake::LakeRange{fetch->span().start, fetch->span().length()};
  request.conditions.match = lake::ETag(target->etag);
  FB_CO_ASSIGN_OR_RETURN(lake::GetAnswer answer, co_await target->attachment->lake->Get(
                                                     {Context(), cause}, std::move(request)));
  if (answer.offset != fetch->span().start || answer.length != fetch->span().length() ||
      answer.state.etag().str() != target->etag) {
    co_return Fail(Code::kConditionNotMet, "The lake answered with another blob or range.");
  }
  fetch->Open(std::move(buffer));
  FB_CO_RETURN_IF_ERROR(co_await Receive(fetch, std::move(answer.body)));
  Result<bool> stored = co_await Store(target, fetch);
  if (!stored) {
    ++not_stored_;
    if (stored.error().code() == Code::kNoSpace) book_.NoRoom();
    Log(LogLevel::kDebug, "a fetched range was not stored",
        {{"blob", target->name}, {"error", stored.error().ToString()}});
  }
  fetch->NoteStored(std::move(stored));
  co_return Result<>{};
}

Task<> Fetcher::Receive(FetchPtr fetch, std::unique_ptr<BodyReader> body) {
  const auto length = static_cast<std::size_t>(fetch->span().length());
  const MutableByteView all = fetch->buffer().first(length);
  std::size_t got = 0;
  while (true) {
    std::byte beyond;
    const bool full = got == length;
    const MutableByteView into =
        full ? MutableByteView(&beyond, 1) : all.subspan(got, std::min(kPieceBytes, length - got));
    FB_CO_ASSIGN_OR_RETURN(const std::size_t n, co_await body->Read(into));
    if (n == 0) break;
    if (full) co_return Fail(Code::kCorruption, "The lake sent more than it promised.");
    // What came before these bytes; they wait for the next, or for the answer's end.
    fetch->Publish(got);
    got += n;
  }
  if (got != length) co_return Fail(Code::kConnectionClosed, "The lake's answer was cut short.");
  fetch->Publish(got);
  co_return Result<>{};
}

Task<bool> Fetcher::Store(FetchTargetPtr target, FetchPtr fetch) {
  const Span span = fetch->span();
  const auto length = static_cast<std::size_t>(span.length());
  FB_CO_ASSIGN_OR_RETURN(
      chunk::StagedChunkPtr chunk,
      co_await services_.chunks.Write(Context(), ByteView(fetch->buffer()).first(length)));
  auto added = std::make_shared<bool>(false);
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [this, target, chunk, span, added](kv::Transaction& txn) -> Result<> {
        *added = false;
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(txn, *target->attachment));
        FB_ASSIGN_OR_RETURN(auto record,
                            meta::NamespaceOf(container).Find(txn, container.id, target->name));
        if (!record || record->body.id != target->body || !record->body.in_lake) return {};
        const Run run{span, {{chunk->id(), 0, static_cast<std::uint32_t>(span.length())}}};
        FB_ASSIGN_OR_RETURN(*added, AddRun(txn, target->body, run));
        if (!*added) return {};
        services_.chunks.Link(txn, *chunk);
        return NoteHome(txn, container.id, *target);
      },
      kv::Durability::kLazy));
  if (*added) {
    services_.chunks.Linked(chunk);
    ++stored_;
    book_.Stored(target->body, span);
  } else {
    ++not_stored_;
  }
  co_return *added;
}

}  // namespace forebay::tier
