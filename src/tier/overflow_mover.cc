#include "tier/overflow_mover.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/this_coro.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "async/task_group.h"
#include "base/log.h"
#include "engine/lake_objects.h"
#include "engine/read_gate.h"
#include "lake/advice.h"
#include "lake/failure.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/live_names.h"
#include "tier/offload_writer.h"

namespace forebay::tier {
namespace {

// After a walk along all names has found nothing to send.
constexpr std::chrono::seconds kLookAgain{30};
// Such walks may take a tenth of the time.
constexpr int kPauseShare = 9;

// Whether no other body would go either: the lake as a whole does not take any now. What is wrong
// with one body, here or there, is its own matter.
bool EndsRound(const Error& error) {
  switch (lake::Classify(error)) {
    case lake::Failure::kRetryable:
    case lake::Failure::kThrottled:
    case lake::Failure::kUnreachable:
    case lake::Failure::kUnknownOutcome:
    case lake::Failure::kContainerMissing:
    case lake::Failure::kForbidden:
    case lake::Failure::kClockSkew:
    case lake::Failure::kStopped:
      return true;
    default:
      return false;
  }
}

}  // namespace

// What is kept of a container between rounds.
struct OverflowMover::Sender {
  Sender(engine::Services& services, WorkerLoop& loop, AttachmentPtr of,
         const OffloadOptions& options)
      : attachment(std::move(of)), writer(services, loop, attachment, options) {}

  const AttachmentPtr attachment;
  OffloadWriter writer;
  std::mutex mutex;
  std::string cursor;  // name to go on with
  // Where all names were walked for nothing it is not tried again at once.
  SteadyTime next_settled{}, next_any{};
  std::string last_error;
  Code last_code{};
  // Whether there may be something to send; names that change say so.
  const std::shared_ptr<std::atomic<bool>> news = std::make_shared<std::atomic<bool>>(true);
  std::vector<std::shared_ptr<void>> watches;
};

// One turn at a container. Bodies are sent side by side; the first that fails ends it.
struct OverflowMover::Round {
  OpContext context;
  SenderPtr sender;
  PinSetPtr pins;
  std::uint64_t want = 0;
  WallTime settled_before{};  // blobs that changed since are left
  std::atomic<std::uint64_t> sent{0};
  std::atomic<bool> found{false};
  std::mutex mutex;
  std::optional<Error> error;    // that ended it
  std::optional<Error> skipped;  // of a body that does not go, which keeps no other from going

  bool Failed() {
    std::lock_guard lock(mutex);
    return error.has_value();
  }
  void Fail(Error why) {
    std::lock_guard lock(mutex);
    if (!error) error = std::move(why);
  }
  void Skip(Error why) {
    std::lock_guard lock(mutex);
    if (!skipped) skipped = std::move(why);
  }
  const Error* Why(const Result<>& done) const {
    if (!done) return &done.error();
    return skipped ? &*skipped : nullptr;
  }
};

class OverflowMover::UnderWay {
 public:
  UnderWay(OverflowMover& mover, meta::BodyId body, meta::ContainerId container)
      : mover_(mover), body_(body) {
    std::lock_guard lock(mover_.mutex_);
    mover_.under_way_.emplace(body_, container);
  }
  ~UnderWay() {
    std::lock_guard lock(mover_.mutex_);
    mover_.under_way_.erase(body_);
  }
  UnderWay(const UnderWay&) = delete;
  UnderWay& operator=(const UnderWay&) = delete;

 private:
  OverflowMover& mover_;
  const meta::BodyId body_;
};

OverflowMover::OverflowMover(engine::Services& services, const Attachments& attachments,
                             WorkerLoop& loop, EvictionBook& book, PinCache& pins,
                             const OffloadOptions& sending, OverflowOptions options)
    : services_(services),
      attachments_(attachments),
      loop_(loop),
      book_(book),
      pins_(pins),
      sending_(sending),
      options_(options) {}

OverflowMover::~OverflowMover() = default;

OverflowMover::SenderPtr OverflowMover::SenderOf(const AttachmentPtr& attachment) {
  std::lock_guard lock(mutex_);
  SenderPtr& sender = senders_[attachment->container];
  // Attached anew since: to another lake, or another part of it.
  if (!sender || sender->attachment != attachment) {
    sender = std::make_shared<Sender>(services_, loop_, attachment, sending_);
    for (std::string names : {meta::keys::FlatNames(attachment->container),
                              meta::keys::EntriesOfContainer(attachment->container)}) {
      sender->watches.push_back(
          services_.store.Watch(std::move(names), [news = sender->news] { *news = true; }));
    }
  }
  return sender;
}

std::shared_ptr<const void> OverflowMover::Hold(meta::ContainerId container) {
  std::lock_guard lock(mutex_);
  std::shared_ptr<const void> hold = held_[container].lock();
  if (!hold) {
    hold = std::make_shared<const char>();
    held_[container] = hold;
  }
  return hold;
}

bool OverflowMover::IsHeld(meta::ContainerId container) const {
  std::lock_guard lock(mutex_);
  const auto held = held_.find(container);
  return held != held_.end() && !held->second.expired();
}

bool OverflowMover::IsUnderWay(meta::BodyId body) const {
  std::lock_guard lock(mutex_);
  return under_way_.contains(body);
}

bool OverflowMover::IsSending(meta::ContainerId container) const {
  std::lock_guard lock(mutex_);
  return std::ranges::any_of(under_way_,
                             [container](const auto& one) { return one.second == container; });
}

std::string OverflowMover::last_error(meta::ContainerId container) const {
  SenderPtr sender;
  {
    std::lock_guard lock(mutex_);
    const auto found = senders_.find(container);
    if (found == senders_.end()) return {};
    sender = found->second;
  }
  std::lock_guard lock(sender->mutex);
  return sender->last_error;
}

void OverflowMover::Note(const SenderPtr& sender, const Error* error) {
  const Code code = error != nullptr ? error->code() : Code{};
  bool news = false;
  {
    std::lock_guard lock(sender->mutex);
    sender->last_error = error != nullptr ? lake::Advise(*error) : std::string();
    news = std::exchange(sender->last_code, code) != code;
  }
  if (error == nullptr || !news) return;
  Log(LogLevel::kWarn, "bodies of a container do not reach the lake that is their room",
      {{"container", sender->attachment->record.container}, {"error", error->ToString()}});
}

// --- Rounds.

Task<std::uint64_t> OverflowMover::MakeRoom(OpContext context, std::uint64_t bytes) {
  std::uint64_t sent = 0;
  for (const AttachmentPtr& attachment : attachments_.All()) {
    if (attachment->record.mode != meta::LakeMode::kCapacity) continue;
    if (IsHeld(attachment->container)) continue;
    const SenderPtr sender = SenderOf(attachment);
    const WallTime now = services_.clock.Now();
    for (const bool settled : {true, false}) {
      if (sent >= bytes || !IsDue(*sender, settled)) continue;
      auto round = std::make_shared<Round>();
      round->context = context;
      round->sender = sender;
      round->want = bytes - sent;
      round->settled_before = settled ? now - options_.settle : WallTime{now.ticks + 1};
      const SteadyTime begun = std::chrono::steady_clock::now();
      if (!settled) *sender->news = false;
      auto done = co_await Circle(round);
      if (!done || round->found) *sender->news = true;
      if (done && !round->found) PutOff(*sender, settled, begun);
      sent += round->sent;
      if (!done && done.error().code() == Code::kCancelled) {
        co_return Fail(std::move(done.error()));
      }
      Note(round->sender, round->Why(done));
      if (!done) break;  // another lake may take some
    }
  }
  co_return sent;
}

bool OverflowMover::may_have_work() const {
  const auto attached = attachments_.All();
  return std::ranges::any_of(attached, [this](const AttachmentPtr& attachment) {
    if (attachment->record.mode != meta::LakeMode::kCapacity) return false;
    std::lock_guard lock(mutex_);
    const auto sender = senders_.find(attachment->container);
    return sender == senders_.end() || *sender->second->news;
  });
}

bool OverflowMover::IsDue(Sender& sender, bool settled) {
  std::lock_guard lock(sender.mutex);
  return std::chrono::steady_clock::now() >= (settled ? sender.next_settled : sender.next_any);
}

void OverflowMover::PutOff(Sender& sender, bool settled, SteadyTime begun) {
  const SteadyTime now = std::chrono::steady_clock::now();
  std::lock_guard lock(sender.mutex);
  if (settled) {
    sender.next_settled = now + kLookAgain;  // blobs take longer than that to settle
  } else {
    sender.next_any = now + kPauseShare * (now - begun);
  }
}

// From where the last round stopped to the end, and then from the first name on.
Task<> OverflowMover::Circle(RoundPtr round) {
  const AttachmentPtr& attachment = round->sender->attachment;
  FB_CO_ASSIGN_OR_RETURN(round->pins, co_await engine::ReadMetaOnPool(
                                          services_, [this, attachment](const kv::Reader& reader) {
                                            return pins_.Of(reader, attachment->container);
                                          }));
  WalkRequest request;
  request.attachment = attachment;
  {
    std::lock_guard lock(round->sender->mutex);
    request.start = round->sender->cursor;
  }
  for (bool last = request.start.empty(); round->sent < round->want;) {
    FB_CO_RETURN_IF_ERROR(round->context.Check());
    auto page = co_await Walk(services_, request);
    if (!page && page.error().code() == Code::kStale) co_return Result<>{};  // detached
    if (!page) co_return Fail(std::move(page.error()));
    const std::string next = page->next;
    FB_CO_RETURN_IF_ERROR(co_await SendPage(round, std::move(*page)));
    if (round->sent >= round->want) break;  // there may be more on this page
    request.start = next;
    {
      std::lock_guard lock(round->sender->mutex);
      round->sender->cursor = next;
    }
    if (next.empty() && std::exchange(last, true)) break;
  }
  co_return Result<>{};
}

bool OverflowMover::MaySend(const Round& round, const WalkedName& walked) const {
  const meta::BlobRecord& record = walked.record;
  if (record.body.in_lake || record.length < options_.least_bytes) return false;
  if (record.tier == azure::AccessTier::kArchive) return false;
  return record.modified < round.settled_before && round.pins->Matching(walked.name) == nullptr;
}

Task<> OverflowMover::SendPage(RoundPtr round, WalkPage page) {
  auto at = page.names.begin();
  while (at != page.names.end() && round->sent < round->want) {
    FB_CO_RETURN_IF_ERROR(round->context.Check());
    TaskGroup group(co_await boost::asio::this_coro::executor);
    std::uint64_t begun = round->sent;
    std::size_t count = 0;
    for (; at != page.names.end() && begun < round->want; ++at) {
      if (!MaySend(*round, *at)) continue;
      if (count++ == options_.bodies_at_a_time) break;
      begun += at->record.length;
      group.Spawn(loop_.Next(), SendOne(round, std::move(*at)));
    }
    FB_CO_RETURN_IF_ERROR(co_await group.Join());
    if (round->Failed()) co_return Fail(*round->error);
  }
  co_return Result<>{};
}

Task<> OverflowMover::SendOne(RoundPtr round, WalkedName walked) {
  const std::uint64_t length = walked.record.length;
  const std::string name = walked.name;
  auto sent = co_await Send(round->context, round->sender->attachment, std::move(walked.name),
                            std::move(walked.record), /*keep_bytes=*/true);
  if (!sent && EndsRound(sent.error())) {
    round->Fail(std::move(sent.error()));
  } else if (!sent) {
    round->Skip(Error(sent.error().code(), name + ": " + sent.error().message()));
  } else if (sent->outcome == EvictOutcome::kDone) {
    round->sent += length;
    round->found = true;
  }
  co_return Result<>{};
}

// --- One body.

Task<bool> OverflowMover::IsNamed(AttachmentPtr attachment, std::string name,
                                  meta::BlobRecord record) const {
  co_return co_await engine::ReadMetaOnPool(
      services_, [attachment, name, record](const kv::Reader& reader) -> Result<bool> {
        auto container = AttachedContainer(reader, *attachment);
        if (!container && container.error().code() == Code::kStale) return false;
        if (!container) return Fail(std::move(container.error()));
        FB_ASSIGN_OR_RETURN(const auto now,
                            meta::NamespaceOf(*container).Find(reader, container->id, name));
        return now && now->body.id == record.body.id && now->length == record.length;
      });
}

Task<Adopted> OverflowMover::Send(OpContext context, AttachmentPtr attachment, std::string name,
                                  meta::BlobRecord record, bool keep_bytes) {
  Adopted adopted;
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_ASSIGN_OR_RETURN(
      const PinSetPtr pinned,
      co_await engine::ReadMetaOnPool(services_, [this, attachment](const kv::Reader& reader) {
        return pins_.Of(reader, attachment->container);
      }));
  if (pinned->Matching(name) != nullptr) {
    adopted.outcome = EvictOutcome::kPinned;
    co_return adopted;
  }
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id, services_.ids.Next());
  const meta::BodyId to(id);
  const UnderWay under_way(*this, to, attachment->container);
  // Looked at only now: who holds it waits for what is under way. What is archived here is not
  // read, and so could not be brought back.
  if (IsHeld(attachment->container) || record.tier == azure::AccessTier::kArchive) {
    adopted.outcome = EvictOutcome::kUnsafe;
    co_return adopted;
  }
  // The sweeper leaves it alone while it is read, if it did not have it before.
  const std::shared_ptr<const void> pin = services_.pins.Pin(record.body.id);
  FB_CO_ASSIGN_OR_RETURN(const bool named, co_await IsNamed(attachment, name, record));
  if (!named) co_return adopted;
  auto etag = co_await Upload(SenderOf(attachment), to, record);
  if (!etag) {
    // Where nobody was asked nothing is there.
    if (etag.error().code() != Code::kOffline) (void)co_await Doom(attachment, to);
    FB_CO_ASSIGN_OR_RETURN(const bool still, co_await IsNamed(attachment, name, record));
    if (!still) co_return adopted;  // its bytes went while they were read
    co_return Fail(std::move(etag.error()));
  }
  AdoptRequest request;
  request.attachment = attachment;
  request.name = std::move(name);
  request.body = record.body.id;
  request.keep_bytes = keep_bytes;
  request.sent = SentBody{.to = to, .etag = std::move(*etag), .length = record.length};
  auto done = co_await Adopt(services_, std::move(context), pins_, std::move(request));
  if (done && done->outcome == EvictOutcome::kDone) {
    for (const Span& run : done->runs) book_.Stored(done->body, run);
    co_return done;
  }
  // Whatever the store said, the body may own it.
  (void)co_await Doom(std::move(attachment), to);
  co_return done;
}

Task<std::string> OverflowMover::Upload(SenderPtr sender, meta::BodyId to,
                                        meta::BlobRecord record) {
  LoggedChange change;
  change.record.kind = meta::ChangeKind::kContent;
  change.record.name = engine::LakeObjectName(to);
  // Of the blob only its bytes: what it says about itself is kept here.
  change.record.blob.body = record.body;
  change.record.blob.length = record.length;
  change.record.blob.http.content_type = "application/octet-stream";
  auto attempt = std::make_shared<WorkAttempt>();
  attempt->work.kind = ChangeKind::kWrite;
  attempt->work.parts = kContentPart;
  attempt->work.name = change.record.name;
  attempt->changes.push_back(std::make_shared<const LoggedChange>(std::move(change)));
  attempt->fresh = true;
  attempt->staged = std::make_shared<StagedBody>();
  FB_CO_ASSIGN_OR_RETURN(WriteOutcome outcome, co_await sender->writer.Write(std::move(attempt)));
  if (outcome.foreign) {
    co_return Fail(Code::kBlobAlreadyExists,
                   "The lake has something under a name that only this container uses: " +
                       outcome.foreign->name);
  }
  co_return std::move(outcome.etag);
}

Task<> OverflowMover::Doom(AttachmentPtr attachment, meta::BodyId body) {
  co_return co_await services_.store.Transact(
      [attachment, body](kv::Transaction& txn) -> Result<> {
        txn.MakesRoom();
        FB_RETURN_IF_ERROR(AttachedContainer(txn, *attachment));
        return engine::DoomLakeObject(txn, attachment->container, body);
      },
      kv::Durability::kLazy);
}

}  // namespace forebay::tier
