#include "tier/overflow_sender.h"

#include <utility>

#include "base/log.h"
#include "engine/lake_objects.h"
#include "lake/advice.h"
#include "meta/keys.h"

namespace forebay::tier {
namespace {

// After a walk along all names has found nothing to send.
constexpr std::chrono::seconds kLookAgain{30};
// Such walks may take a tenth of the time.
constexpr int kPauseShare = 9;

}  // namespace

OverflowSender::OverflowSender(engine::Services& services, WorkerLoop& loop,
                               AttachmentPtr attachment, const OffloadOptions& sending)
    : attachment_(std::move(attachment)), writer_(services, loop, attachment_, sending) {
  for (std::string names : {meta::keys::FlatNames(attachment_->container),
                            meta::keys::EntriesOfContainer(attachment_->container)}) {
    watches_.push_back(services.store.Watch(std::move(names), [news = news_] { *news = true; }));
  }
}

Task<std::string> OverflowSender::Upload(meta::BodyId to, meta::BlobRecord record) {
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
  FB_CO_ASSIGN_OR_RETURN(WriteOutcome outcome, co_await writer_.Write(std::move(attempt)));
  if (outcome.foreign) {
    co_return Fail(Code::kBlobAlreadyExists,
                   "The lake has something under a name that only this container uses: " +
                       outcome.foreign->name);
  }
  co_return std::move(outcome.etag);
}

std::string OverflowSender::cursor() const {
  const std::lock_guard lock(mutex_);
  return cursor_;
}

void OverflowSender::SetCursor(std::string name) {
  const std::lock_guard lock(mutex_);
  cursor_ = std::move(name);
}

bool OverflowSender::IsDue(bool settled) const {
  const std::lock_guard lock(mutex_);
  return std::chrono::steady_clock::now() >= (settled ? next_settled_ : next_any_);
}

void OverflowSender::PutOff(bool settled, SteadyTime begun) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (settled) {
    next_settled_ = now + kLookAgain;  // blobs take longer than that to settle
  } else {
    next_any_ = now + kPauseShare * (now - begun);
  }
}

void OverflowSender::CountSent(std::uint64_t bytes) {
  ++bodies_;
  bytes_ += bytes;
}

OverflowSent OverflowSender::sent() const {
  return {.bodies = bodies_, .bytes = bytes_, .failures = failures_};
}

void OverflowSender::Note(const Error* error) {
  const Code code = error != nullptr ? error->code() : Code{};
  bool news = false;
  {
    const std::lock_guard lock(mutex_);
    last_error_ = error != nullptr ? lake::Advise(*error) : std::string();
    news = std::exchange(last_code_, code) != code;
  }
  if (error == nullptr || !news) return;
  Log(LogLevel::kWarn, "bodies of a container do not reach the lake that is their room",
      {{"container", attachment_->record.container}, {"error", error->ToString()}});
}

std::string OverflowSender::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

}  // namespace forebay::tier
