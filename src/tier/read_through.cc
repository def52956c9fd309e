#include "tier/read_through.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "engine/body_reader.h"
#include "engine/read_gate.h"
#include "meta/namespace.h"
#include "tier/pending_trees.h"

namespace forebay::tier {
namespace {

// Fetches that one request has under way at a time.
constexpr int kFetchesAhead = 4;
constexpr std::uint64_t kFirstWindow = 256 << 10;
constexpr std::uint64_t kLastWindow = 8 << 20;
// At most this much around a random read: whoever waits for other bytes of it waits no longer.
constexpr std::uint64_t kMostAround = 1 << 20;
constexpr std::size_t kTrails = 4096;
// A run that cannot be read is dropped; when this happens again and again, it is not the run.
constexpr int kMaxDrops = 16;

// What a failed read of resident bytes means: they are as good as not here.
bool IsMiss(Code code) {
  return code == Code::kCorruption || code == Code::kNotFound || code == Code::kVolumeFailed ||
         code == Code::kIo;
}

// What the lake says when the blob is not what the record says any more.
bool MeansChanged(Code code) {
  return code == Code::kConditionNotMet || code == Code::kBlobNotFound ||
         code == Code::kBlobArchived || code == Code::kInvalidRange;
}

class LakeBodySource final : public BodySource {
 public:
  LakeBodySource(engine::Services& services, LiveNames& names, Fetcher& fetcher, OpContext context,
                 engine::LakeRead read, FetchTargetPtr target, std::uint64_t ahead)
      : services_(services),
        names_(names),
        fetcher_(fetcher),
        context_(std::move(context)),
        read_(std::move(read)),
        target_(std::move(target)),
        want_end_(std::min(read_.offset + read_.length + ahead, target_->length)) {}

  // Finds the first byte: here, or in a fetch that the lake has answered.
  Task<> Begin() {
    FB_CO_RETURN_IF_ERROR(co_await Plan());
    if (fetch_) FB_CO_RETURN_IF_ERROR(co_await WaitOpened());
    co_return Result<>{};
  }

  Task<std::optional<BodyPiece>> Next(bool allow_file) override {
    while (read_.length > 0) {
      FB_CO_RETURN_IF_ERROR(context_.Check());
      std::optional<BodyPiece> piece;
      if (resident_) {
        FB_CO_ASSIGN_OR_RETURN(piece, co_await FromStore(allow_file));
      } else if (fetch_) {
        FB_CO_ASSIGN_OR_RETURN(piece, co_await FromFetch());
      } else {
        FB_CO_RETURN_IF_ERROR(co_await Plan());
      }
      if (!piece) continue;
      const std::uint64_t length = piece->file ? piece->file->length : piece->memory.size();
      fetcher_.book().CountBytes(resident_ != nullptr, length);
      read_.offset += length;
      read_.length -= length;
      if (read_.length == 0) CountRead();
      co_return piece;
    }
    resident_.reset();
    fetch_.reset();
    co_return std::nullopt;
  }

 private:
  // No longer than a client should wait for a lake that is silent. The fetch goes on: it finds out
  // how the lake is, and who comes back for the range may find it there.
  Task<> WaitOpened() {
    GuardedLake& lake = *target_->attachment->lake;
    const SteadyTime begun = std::chrono::steady_clock::now();
    while (true) {
      OpContext patient = context_;
      patient.deadline =
          std::min(context_.deadline, std::chrono::steady_clock::now() + lake.patience());
      auto opened = co_await fetch_->WaitOpened(patient);
      const bool waited = std::chrono::steady_clock::now() >= patient.deadline;
      if (opened || opened.error().code() != Code::kDeadlineExceeded || !waited) co_return opened;
      FB_CO_RETURN_IF_ERROR(context_.Check());
      FB_CO_RETURN_IF_ERROR(lake.MayWaitOn(begun));
    }
  }

  // Decides where the byte at the offset comes from, and has what follows fetched ahead.
  Task<> Plan() {
    FB_CO_ASSIGN_OR_RETURN(
        Look look, co_await engine::ReadMeta(
                       services_, [this](const kv::Reader& reader) { return LookAt(reader); }));
    if (look.place.run) {
      UseRun(*look.place.run);
      co_return co_await FetchAhead(look.place.run->span.end);
    }
    fetch_ = Claim(read_.offset, look.place.gap, std::max(want_end_, read_.offset + look.around),
                   lake::Cause::kReadThrough);
    if (!fetch_) co_return Fail(Code::kServerBusy, "The server is shutting down.");
    missed_ = true;
    co_return co_await FetchAhead(fetch_->claimed().end);
  }

  // Once, at the end: a read of a thousand fetches is one miss.
  void CountRead() { fetcher_.book().CountRead(!missed_); }

  Task<> Refresh() {
    co_return co_await names_.Refresh(context_, target_->attachment, target_->name,
                                      target_->lake_name, target_->etag);
  }

  struct Look {
    Place place;
    std::uint64_t around = 0;  // of a gap: how many bytes from the offset on are worth bringing
  };

  // Who reads here and there in one region comes back to it: a miss brings as much as is here of
  // the region already, which fills it in a few requests and brings at most as much again as is
  // used. Not where that would push out something else.
  Result<Look> LookAt(const kv::Reader& reader) {
    Look look;
    FB_ASSIGN_OR_RETURN(look.place, PlaceOf(reader, target_->body, read_.offset, target_->length));
    if (look.place.run || fetcher_.book().crowded()) return look;
    const std::uint64_t line = read_.offset / kFetchBytes * kFetchBytes;
    FB_ASSIGN_OR_RETURN(look.around,
                        ResidentIn(reader, target_->body, {line, line + kFetchBytes}, kMostAround));
    return look;
  }

  FetchPtr Claim(std::uint64_t offset, Span gap, std::uint64_t want_end, lake::Cause cause) {
    return fetcher_.Claim(target_, {offset, gap, want_end, cause});
  }

  // Up to kFetchesAhead fetches beyond `from`, where nothing is here; nobody waits for them yet.
  Task<> FetchAhead(std::uint64_t from) {
    for (int n = 1; n < kFetchesAhead && from < want_end_; ++n) {
      if (from - read_.offset >= kFetchesAhead * kFetchBytes) break;
      FB_CO_ASSIGN_OR_RETURN(
          Place place, co_await engine::ReadMeta(services_, [this, from](const kv::Reader& reader) {
            return PlaceOf(reader, target_->body, from, target_->length);
          }));
      if (place.run) {
        from = place.run->span.end;
        continue;
      }
      const bool asked_for = from < read_.offset + read_.length;
      const FetchPtr ahead = Claim(from, place.gap, want_end_,
                                   asked_for ? lake::Cause::kReadThrough : lake::Cause::kPrefetch);
      if (!ahead) break;
      from = std::max(ahead->claimed().end, from + 1);
    }
    co_return Result<>{};
  }

  void UseRun(const Run& run) {
    run_ = run;
    fetcher_.book().Used(target_->body, run.span.start);
    const std::uint64_t length = std::min(run.span.end - read_.offset, read_.length);
    engine::BodyStart start;
    start.body.id = target_->body;
    start.offset = read_.offset;
    start.length = length;
    start.extents = ExtentsOfRun(run, read_.offset, length);
    start.body_pin = read_.body_pin;
    resident_ = engine::MakeBodySource(services_, context_, std::move(start));
  }

  // nullopt: plan anew.
  Task<std::optional<BodyPiece>> FromStore(bool allow_file) {
    auto piece = co_await resident_->Next(allow_file);
    if (piece && *piece) co_return std::move(*piece);
    resident_.reset();
    if (piece) co_return std::nullopt;
    if (!IsMiss(piece.error().code()) || drops_ > kMaxDrops) {
      co_return Fail(std::move(piece.error()));
    }
    // As a rule eviction took it, and there is nothing to drop.
    auto dropped = std::make_shared<bool>(false);
    FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
        [target = target_, run = run_, dropped,
         &services = services_](kv::Transaction& txn) -> Result<> {
          FB_ASSIGN_OR_RETURN(*dropped, DropSameRun(services, txn, target->body, run));
          return {};
        },
        kv::Durability::kLazy));
    if (*dropped) {
      ++drops_;
      Log(LogLevel::kWarn, "bytes that the lake has too cannot be read here; fetching them again",
          {{"blob", target_->name}, {"error", piece.error().ToString()}});
    }
    co_return std::nullopt;
  }

  Task<std::optional<BodyPiece>> FromFetch() {
    // Once it is stored, its buffer is better given back than held for a slow client.
    const FetchPtr fetch = std::exchange(fetch_, nullptr);
    auto waited = co_await fetch->Wait(context_, read_.offset);
    if (!waited) {
      // Too late for this stream; the next one is to begin with what is there now.
      if (MeansChanged(waited.error().code())) (void)co_await Refresh();
      co_return Fail(std::move(waited.error()));
    }
    const std::optional<ByteView> view = *waited;
    if (!view) co_return std::nullopt;
    BodyPiece piece;
    piece.memory =
        view->first(static_cast<std::size_t>(std::min<std::uint64_t>(view->size(), read_.length)));
    piece.keep_alive = fetch;
    if (!fetch->settled()) fetch_ = fetch;
    if (read_.offset + piece.memory.size() >= fetch->claimed().end) fetch_.reset();
    co_return piece;
  }

  engine::Services& services_;
  LiveNames& names_;
  Fetcher& fetcher_;
  const OpContext context_;
  engine::LakeRead read_;  // offset and length: what is still to come
  const FetchTargetPtr target_;
  const std::uint64_t want_end_;
  std::unique_ptr<BodySource> resident_;
  Run run_;  // that `resident_` reads from
  bool missed_ = false;
  FetchPtr fetch_;
  int drops_ = 0;
};

// The record still is what was read from, and stays so: a change of ours has not travelled.
Result<bool> IsPending(const kv::Reader& reader, const FetchTarget& target) {
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                      AttachedContainer(reader, *target.attachment));
  FB_ASSIGN_OR_RETURN(const auto record,
                      meta::NamespaceOf(container).Find(reader, container.id, target.name));
  return record && record->body.id == target.body && record->lake && record->lake->unsent != 0 &&
         record->lake->etag == target.etag;
}

}  // namespace

std::uint64_t ReadAhead::Note(meta::BodyId body, std::uint64_t offset, std::uint64_t length) {
  std::lock_guard lock(mutex_);
  auto [it, fresh] = trails_.try_emplace(body);
  Trail& trail = it->second;
  if (fresh) {
    trail.age = oldest_.insert(oldest_.end(), body);
    if (trails_.size() > kTrails) {
      trails_.erase(oldest_.front());
      oldest_.pop_front();
    }
  } else {
    oldest_.splice(oldest_.end(), oldest_, trail.age);
    const bool follows = offset <= trail.end && offset + length > trail.end;
    trail.window = follows ? std::clamp(trail.window * 2, kFirstWindow, kLastWindow) : 0;
  }
  trail.end = offset + length;
  return trail.window;
}

Task<std::unique_ptr<BodySource>> ReadThrough::Open(OpContext context, engine::LakeRead read) {
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, attachments_.Find(read.container));
  if (!read.record.lake) co_return Fail(Code::kCorruption, "A lake-held body without its lake.");
  const meta::LakeCopy& copy = *read.record.lake;
  auto target = std::make_shared<FetchTarget>();
  target->attachment = attachment;
  target->name = read.name;
  FB_CO_ASSIGN_OR_RETURN(target->lake_name,
                         co_await engine::ReadMeta(services_, [&](const kv::Reader& reader) {
                           return LakeNameOf(reader, *attachment, read.name, copy);
                         }));
  target->etag = copy.etag;
  target->body = read.record.body.id;
  target->length = read.record.length;
  const std::uint64_t ahead = read_ahead_.Note(target->body, read.offset, read.length);
  auto source = std::make_unique<LakeBodySource>(services_, names_, fetcher_, context,
                                                 std::move(read), target, ahead);
  auto begun = co_await source->Begin();
  if (begun) co_return std::move(source);
  if (!MeansChanged(begun.error().code())) co_return Fail(std::move(begun.error()));
  FB_CO_RETURN_IF_ERROR(
      co_await names_.Refresh(context, attachment, target->name, target->lake_name, target->etag));
  FB_CO_ASSIGN_OR_RETURN(const bool pending,
                         co_await engine::ReadMeta(services_, [&](const kv::Reader& reader) {
                           return IsPending(reader, *target);
                         }));
  if (!pending) co_return Fail(Code::kStale, "The blob has changed in the lake.");
  // Looking again would show the same until the change of ours has met what is there.
  const Code code = begun.error().code();
  // A move may be done there and not stored here yet: the old name is gone, the blob is not.
  const bool moving = target->lake_name != target->name && code == Code::kBlobNotFound;
  const bool passes = code == Code::kConditionNotMet || moving;
  if (!passes) co_return Fail(std::move(begun.error()));
  co_return Fail(Code::kServerBusy,
                 "The blob changed here and in the lake; this is being settled.");
}

}  // namespace forebay::tier
