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
#include "lake/failure.h"
#include "meta/namespace.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

// Whether no other body would go either. What is wrong with one of them, here or there, is its own
// matter; where nobody knows what became of a write the next ones are likely to fare the same.
bool EndsRound(const Error& error) {
  const lake::Failure failure = lake::Classify(error);
  return lake::ConcernsWholeLake(failure) || failure == lake::Failure::kUnknownOutcome;
}

}  // namespace

// One turn at a container. Bodies are sent side by side; the first that fails ends it.
struct OverflowMover::Round {
  OpContext context;
  OverflowSenderPtr sender;
  PinSetPtr pins;
  WallTime settled_before{};       // blobs that changed since are left
  std::atomic<bool> found{false};  // something was sent
  bool walked_all = false;
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

OverflowSenderPtr OverflowMover::SenderOf(const AttachmentPtr& attachment) {
  std::lock_guard lock(mutex_);
  // Nothing is kept of what Forget may have been told of already.
  if (attachment->detached) {
    return std::make_shared<OverflowSender>(services_, loop_, attachment, sending_);
  }
  OverflowSenderPtr& sender = senders_[attachment->container];
  // Attached anew since: to another lake, or another part of it.
  if (!sender || sender->attachment() != attachment) {
    sender = std::make_shared<OverflowSender>(services_, loop_, attachment, sending_);
  }
  return sender;
}

OverflowSenderPtr OverflowMover::FindSender(meta::ContainerId container) const {
  std::lock_guard lock(mutex_);
  const auto found = senders_.find(container);
  return found != senders_.end() ? found->second : nullptr;
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

void OverflowMover::Forget(meta::ContainerId container) {
  std::lock_guard lock(mutex_);
  senders_.erase(container);
  held_.erase(container);
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
  const OverflowSenderPtr sender = FindSender(container);
  return sender ? sender->last_error() : std::string();
}

OverflowSent OverflowMover::sent(meta::ContainerId container) const {
  const OverflowSenderPtr sender = FindSender(container);
  return sender ? sender->sent() : OverflowSent{};
}

// --- Under pressure.

std::vector<AttachmentPtr> OverflowMover::Overflowing() const {
  std::vector<AttachmentPtr> all = attachments_.All();
  std::erase_if(all, [](const AttachmentPtr& attachment) {
    return attachment->record.mode != meta::LakeMode::kCapacity;
  });
  return all;
}

bool OverflowMover::Want(std::uint64_t bytes) {
  bool hope = false;
  wanted_.sent = 0;
  wanted_.bytes = bytes;
  for (const AttachmentPtr& attachment : Overflowing()) {
    const OverflowSenderPtr sender = SenderOf(attachment);
    if (bytes == 0) sender->SetHope(true);
    hope = hope || sender->hope();
    if (bytes == 0 || !options_.by_itself || !sender->TryBegin()) continue;
    if (!loop_.Spawn(SendFrom(sender))) sender->End();
  }
  return bytes > 0 && hope;
}

Task<> OverflowMover::SendFrom(OverflowSenderPtr sender) {
  OpContext context;
  context.cancel = loop_.token();
  Result<> done;
  do {
    done = co_await Rounds(context, sender);
  } while (done && sender->hope() && !wanted_.IsMet());
  sender->End();
  co_return done;
}

Task<> OverflowMover::SendWanted(OpContext context) {
  TaskGroup group(co_await boost::asio::this_coro::executor);
  for (const AttachmentPtr& attachment : Overflowing()) {
    group.Spawn(loop_.Next(), Rounds(context, SenderOf(attachment)));
  }
  co_return co_await group.Join();
}

// --- Rounds.

// The settled ones first.
Task<> OverflowMover::Rounds(OpContext context, OverflowSenderPtr sender) {
  const AttachmentPtr& attachment = sender->attachment();
  if (IsHeld(attachment->container)) {
    sender->SetHope(false);
    co_return Result<>{};
  }
  auto owned = co_await attachment->owner->Require(context);
  if (!owned && owned.error().code() == Code::kCancelled) co_return owned;
  bool some = false;
  if (!owned) sender->Note(&owned.error());
  const WallTime now = services_.clock.Now();
  for (const bool settled : {true, false}) {
    if (!owned || wanted_.IsMet() || !sender->IsDue(settled)) continue;
    auto round = std::make_shared<Round>();
    round->context = context;
    round->sender = sender;
    round->settled_before = settled ? now - options_.settle : WallTime{now.ticks + 1};
    const SteadyTime begun = std::chrono::steady_clock::now();
    if (!settled) sender->SetNews(false);
    auto done = co_await Circle(round);
    const bool nothing = done && round->walked_all && !round->found;
    if (nothing) {
      sender->PutOff(settled, begun);
    } else if (!settled || !done || round->found) {
      sender->SetNews(true);
    }
    some = some || round->found;
    if (!done && done.error().code() == Code::kCancelled) co_return done;
    sender->Note(round->Why(done));
    if (!done) break;
  }
  if (some || !wanted_.IsMet()) sender->SetHope(some);
  co_return Result<>{};
}

bool OverflowMover::may_have_work() const {
  return std::ranges::any_of(Overflowing(), [this](const AttachmentPtr& attachment) {
    const OverflowSenderPtr sender = FindSender(attachment->container);
    return !sender || sender->news();
  });
}

// From where the last round stopped to the end, and then from the first name on.
Task<> OverflowMover::Circle(RoundPtr round) {
  const AttachmentPtr& attachment = round->sender->attachment();
  FB_CO_ASSIGN_OR_RETURN(round->pins, co_await engine::ReadMetaOnPool(
                                          services_, [this, attachment](const kv::Reader& reader) {
                                            return pins_.Of(reader, attachment->container);
                                          }));
  WalkRequest request;
  request.attachment = attachment;
  request.start = round->sender->cursor();
  for (bool last = request.start.empty(); !wanted_.IsMet();) {
    FB_CO_RETURN_IF_ERROR(round->context.Check());
    auto page = co_await Walk(services_, request);
    if (!page && page.error().code() == Code::kStale) co_return Result<>{};  // detached
    if (!page) co_return Fail(std::move(page.error()));
    const std::string next = page->next;
    FB_CO_RETURN_IF_ERROR(co_await SendPage(round, std::move(*page)));
    if (wanted_.IsMet()) break;  // there may be more on this page
    request.start = next;
    round->sender->SetCursor(next);
    if (next.empty() && std::exchange(last, true)) {
      round->walked_all = true;
      break;
    }
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
  while (at != page.names.end() && !wanted_.IsMet()) {
    FB_CO_RETURN_IF_ERROR(round->context.Check());
    TaskGroup group(co_await boost::asio::this_coro::executor);
    std::uint64_t begun = 0;
    std::size_t count = 0;
    for (; at != page.names.end() && !wanted_.IsMet(begun); ++at) {
      if (!MaySend(*round, *at)) continue;
      if (count++ == options_.bodies_at_a_time) break;
      begun += at->record.length;
      group.Spawn(loop_.Next(), SendOne(round, std::move(*at)));
    }
    FB_CO_RETURN_IF_ERROR(co_await group.Join());
    if (on_sent_ && round->found) on_sent_();  // what was sent may be given up by now
    if (round->Failed()) co_return Fail(*round->error);
  }
  co_return Result<>{};
}

Task<> OverflowMover::SendOne(RoundPtr round, WalkedName walked) {
  const std::uint64_t length = walked.record.length;
  const std::string name = walked.name;
  auto sent = co_await Send(round->context, round->sender->attachment(), std::move(walked.name),
                            std::move(walked.record), /*keep_bytes=*/true);
  if (!sent && EndsRound(sent.error())) {
    round->Fail(std::move(sent.error()));
  } else if (!sent) {
    round->Skip(Error(sent.error().code(), name + ": " + sent.error().message()));
  } else if (sent->outcome == EvictOutcome::kDone) {
    wanted_.sent += length;
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
  FB_CO_RETURN_IF_ERROR(co_await attachment->owner->Require(context));
  // The sweeper leaves it alone while it is read, if it did not have it before.
  const std::shared_ptr<const void> pin = services_.pins.Pin(record.body.id);
  FB_CO_ASSIGN_OR_RETURN(const bool named, co_await IsNamed(attachment, name, record));
  if (!named) co_return adopted;
  const OverflowSenderPtr sender = SenderOf(attachment);
  auto etag = co_await sender->Upload(to, record);
  if (!etag) {
    sender->CountFailure();
    // Where nobody was asked nothing is there.
    if (etag.error().code() != Code::kOffline) (void)co_await Doom(attachment, to);
    FB_CO_ASSIGN_OR_RETURN(const bool still, co_await IsNamed(attachment, name, record));
    if (!still) co_return adopted;  // its bytes went while they were read
    co_return Fail(std::move(etag.error()));
  }
  // Whoever has taken this part of the lake meanwhile may have deleted it already.
  auto still_ours = co_await attachment->owner->Require(context, std::chrono::steady_clock::now());
  if (!still_ours) {
    sender->CountFailure();
    (void)co_await Doom(attachment, to);
    co_return Fail(std::move(still_ours.error()));
  }
  AdoptRequest request;
  request.attachment = attachment;
  request.name = std::move(name);
  request.body = record.body.id;
  request.keep_bytes = keep_bytes;
  const std::uint64_t length = record.length;
  request.sent = SentBody{.to = to, .etag = std::move(*etag), .length = length};
  auto done = co_await Adopt(services_, std::move(context), pins_, std::move(request));
  if (done && done->outcome == EvictOutcome::kDone) {
    for (const Span& run : done->runs) book_.Stored(done->body, run);
    sender->CountSent(length);
    co_return done;
  }
  // Whatever the store said, the body may own it.
  (void)co_await Doom(std::move(attachment), to);
  co_return done;
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
