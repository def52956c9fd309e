#include "tier/guarded_lake.h"

#include <algorithm>

#include "lake/advice.h"

namespace forebay::tier {
namespace {

SteadyTime Now() { return std::chrono::steady_clock::now(); }

LinkTrouble TroubleOf(lake::Failure failure) {
  switch (failure) {
    case lake::Failure::kForbidden:
      return LinkTrouble::kForbidden;
    case lake::Failure::kContainerMissing:
      return LinkTrouble::kContainerMissing;
    case lake::Failure::kClockSkew:
      return LinkTrouble::kClockSkew;
    case lake::Failure::kUnreachable:
      return LinkTrouble::kUnreachable;
    default:
      return LinkTrouble::kNone;
  }
}

// Tells that the lake is heard of while its bytes come in.
class HeardBody final : public BodyReader {
 public:
  HeardBody(std::unique_ptr<BodyReader> inside, std::shared_ptr<std::atomic<SteadyTime::rep>> heard)
      : inside_(std::move(inside)), heard_(std::move(heard)) {}

  std::optional<std::uint64_t> content_length() const override { return inside_->content_length(); }
  Task<std::size_t> Read(MutableByteView data) override {
    auto got = co_await inside_->Read(data);
    if (got && *got > 0) *heard_ = Now().time_since_epoch().count();
    co_return got;
  }

 private:
  const std::unique_ptr<BodyReader> inside_;
  const std::shared_ptr<std::atomic<SteadyTime::rep>> heard_;
};

// A client waits for the answer, and would rather hear that there is none.
bool SomebodyWaits(lake::Cause cause) {
  return cause == lake::Cause::kReadThrough || cause == lake::Cause::kReconcile;
}

}  // namespace

SteadyTime GuardedLake::last_heard() const {
  return std::max(inside_->last_heard(), SteadyTime(SteadyTime::duration(*heard_)));
}

std::chrono::milliseconds GuardedLake::RetryAfter() const { return breaker_.RetryAfter(Now()); }

Error GuardedLake::Offline(const std::string& why) const {
  const auto wait = std::max(breaker_.RetryAfter(Now()), options_.first_pause);
  return Error(Code::kOffline, "The lake is out of reach: " + why).WithRetryAfter(wait);
}

void GuardedLake::NoteHealth(Kind kind, lake::Failure failure, const Error* error) {
  const LinkTrouble trouble = error == nullptr ? LinkTrouble::kNone : TroubleOf(failure);
  const std::lock_guard lock(mutex_);
  if (trouble == LinkTrouble::kNone) {
    // An answer about a blob, good or bad, tells that the other kind's link works too.
    for (Trouble& known : trouble_) {
      const bool mine = &known == &trouble_[static_cast<std::size_t>(kind)];
      if (mine || known.what != LinkTrouble::kForbidden) known = {};
    }
    return;
  }
  trouble_[static_cast<std::size_t>(kind)] = {trouble, description() + ": " + lake::Advise(*error)};
}

LinkHealth GuardedLake::health() const {
  LinkHealth health;
  health.circuit = breaker_.state(Now());
  health.out_of_reach_since = breaker_.open_since();
  const std::lock_guard lock(mutex_);
  for (const Trouble& known : trouble_) {
    if (known.what == LinkTrouble::kNone) continue;
    health.trouble = known.what;
    health.message = known.message;
    break;
  }
  if (health.circuit != CircuitState::kClosed && health.trouble == LinkTrouble::kNone) {
    health.trouble = LinkTrouble::kUnreachable;
    health.message = description() + ": The lake does not answer.";
  }
  return health;
}

void GuardedLake::Report(Kind kind, const CircuitTicket& ticket, const Error* error) {
  const SteadyTime now = Now();
  auto failure = lake::Failure::kRejected;
  if (error != nullptr) {
    failure = lake::Classify(*error);
    // A deadline that passed without an answer says what a black hole says.
    if (failure == lake::Failure::kStopped) {
      if (error->code() != Code::kDeadlineExceeded) return breaker_.Abandoned(ticket, now);
      failure = lake::Failure::kUnreachable;
    }
    if (failure == lake::Failure::kUnknownOutcome) failure = lake::Failure::kUnreachable;
    const bool silent = failure == lake::Failure::kUnreachable ||
                        failure == lake::Failure::kRetryable;  // 5xx, after all tries
    if (silent) {
      breaker_.Unreachable(ticket, now);
      if (failure == lake::Failure::kUnreachable) NoteHealth(kind, failure, error);
      return;
    }
  }
  *heard_ = now.time_since_epoch().count();
  breaker_.Answered(ticket, now);
  NoteHealth(kind, failure, error);
}

Result<> GuardedLake::MayWaitOn(SteadyTime since) {
  const SteadyTime now = Now();
  // A range may wait for room in memory as well, and then nobody was asked yet.
  if (gets_ == 0 || HeardSince(std::max(since, now - options_.first_byte_patience))) return {};
  const auto ticket = breaker_.TryBegin(now);
  if (ticket) {
    const Error silent(
        Code::kNetwork,
        "it has not answered for " + std::to_string(options_.first_byte_patience.count()) + " ms.");
    breaker_.Unreachable(*ticket, now);
    NoteHealth(Kind::kRead, lake::Failure::kUnreachable, &silent);
  }
  return Fail(Offline("it does not answer."));
}

template <class T>
Task<T> GuardedLake::Guard(Kind kind, Task<T> request) {
  FB_CO_ASSIGN_OR_RETURN(const CircuitTicket ticket, breaker_.TryBegin(Now()));
  auto answer = co_await std::move(request);
  Report(kind, ticket, answer ? nullptr : &answer.error());
  if (answer || kind == Kind::kWrite ||
      lake::Classify(answer.error()) != lake::Failure::kUnreachable) {
    co_return answer;
  }
  co_return Fail(Offline(answer.error().message()));
}

Task<lake::LakeTraits> GuardedLake::Probe(lake::LakeCall call, lake::ProbeRequest request) {
  return Guard(Kind::kWrite, inside_->Probe(std::move(call), std::move(request)));
}

Task<lake::BlobState> GuardedLake::Head(lake::LakeCall call, lake::HeadRequest request) {
  if (!SomebodyWaits(call.cause)) {
    co_return co_await Guard(Kind::kRead, inside_->Head(std::move(call), std::move(request)));
  }
  // Longer each time that the lake was heard of: slow is not silent.
  for (auto patience = options_.first_byte_patience;; patience *= 2) {
    const SteadyTime begun = Now();
    lake::LakeCall bounded = call;
    bounded.context.deadline = std::min(call.context.deadline, begun + patience);
    auto answer = co_await Guard(Kind::kRead, inside_->Head(std::move(bounded), request));
    if (answer || answer.error().code() != Code::kDeadlineExceeded) co_return answer;
    FB_CO_RETURN_IF_ERROR(call.context.Check());
    if (!HeardSince(begun)) co_return Fail(Offline("it does not answer."));
  }
}

Task<lake::ListPage> GuardedLake::List(lake::LakeCall call, lake::ListRequest request) {
  return Guard(Kind::kRead, inside_->List(std::move(call), std::move(request)));
}
Task<lake::GetAnswer> GuardedLake::Get(lake::LakeCall call, lake::GetRequest request) {
  ++gets_;
  auto answer = co_await Guard(Kind::kRead, inside_->Get(std::move(call), std::move(request)));
  --gets_;
  if (answer && answer->body) {
    answer->body = std::make_unique<HeardBody>(std::move(answer->body), heard_);
  }
  co_return answer;
}
Task<lake::BlockLists> GuardedLake::GetBlockList(lake::LakeCall call, lake::BlobName name) {
  return Guard(Kind::kRead, inside_->GetBlockList(std::move(call), std::move(name)));
}
Task<lake::WriteAnswer> GuardedLake::Put(lake::LakeCall call, lake::PutRequest request) {
  return Guard(Kind::kWrite, inside_->Put(std::move(call), std::move(request)));
}
Task<> GuardedLake::PutBlock(lake::LakeCall call, lake::PutBlockRequest request) {
  return Guard(Kind::kWrite, inside_->PutBlock(std::move(call), std::move(request)));
}
Task<lake::WriteAnswer> GuardedLake::CommitBlocks(lake::LakeCall call,
                                                  lake::CommitRequest request) {
  return Guard(Kind::kWrite, inside_->CommitBlocks(std::move(call), std::move(request)));
}
Task<lake::CopyAnswer> GuardedLake::Copy(lake::LakeCall call, lake::CopyRequest request) {
  return Guard(Kind::kWrite, inside_->Copy(std::move(call), std::move(request)));
}
Task<lake::UpdateAnswer> GuardedLake::Update(lake::LakeCall call, lake::UpdateRequest request) {
  return Guard(Kind::kWrite, inside_->Update(std::move(call), std::move(request)));
}
Task<> GuardedLake::Delete(lake::LakeCall call, lake::DeleteRequest request) {
  return Guard(Kind::kWrite, inside_->Delete(std::move(call), std::move(request)));
}
Task<lake::WriteAnswer> GuardedLake::Rename(lake::LakeCall call, lake::RenameRequest request) {
  return Guard(Kind::kWrite, inside_->Rename(std::move(call), std::move(request)));
}
Task<lake::WriteAnswer> GuardedLake::MakeDirectory(lake::LakeCall call,
                                                   lake::MakeDirectoryRequest request) {
  return Guard(Kind::kWrite, inside_->MakeDirectory(std::move(call), std::move(request)));
}
Task<lake::AccessControl> GuardedLake::GetAcl(lake::LakeCall call, lake::BlobName name) {
  return Guard(Kind::kRead, inside_->GetAcl(std::move(call), std::move(name)));
}
Task<> GuardedLake::SetAcl(lake::LakeCall call, lake::SetAclRequest request) {
  return Guard(Kind::kWrite, inside_->SetAcl(std::move(call), std::move(request)));
}

}  // namespace forebay::tier
