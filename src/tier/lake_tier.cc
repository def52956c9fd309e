#include "tier/lake_tier.h"

#include "async/sleep.h"
#include "base/log.h"
#include "base/uuid.h"
#include "engine/get_container.h"
#include "engine/read_gate.h"
#include "lake/advice.h"
#include "tier/offload_log.h"
#include "tier/overflow_drain.h"

namespace forebay::tier {
namespace {

bool Travels(meta::LakeMode mode) { return meta::LakeState{mode, false}.travels(); }

OffloadStatus OffloadStatusOf(const Offload* offload) {
  if (offload == nullptr) return {};
  auto status = offload->status();
  if (status) return std::move(*status);
  OffloadStatus broken;
  broken.last_error = status.error().message();
  return broken;
}

// Bytes in the container's log; 0 where a look would block, which a busy one's never does.
std::uint64_t UnsentOf(const engine::Services& services, const Attachment& attachment) {
  const auto counts =
      ReadCounts(*services.store.GetSnapshot(kv::ReadMode::kCacheOnly), attachment.container);
  return counts ? counts->bytes : 0;
}

bool IsOutOfReach(Code code) {
  return code != Code{} && lake::Classify(Error(code, "")) == lake::Failure::kUnreachable;
}

// The lake has answered since: whoever found it out of reach only waits for the next try.
void DropWhatIsOver(bool unreachable, LakeStatus& status) {
  if (status.link.trouble != LinkTrouble::kNone) return;
  if (unreachable) status.last_error.clear();
  if (status.offload.out_of_reach) status.offload.last_error.clear();
}

constexpr std::chrono::seconds kTryAgain{5};

// A client must not take what a lake says about us (its credential, its container, its clock) for
// something about itself: to it the lake is out of reach.
Error ForClients(Error error) {
  if (error.code() == Code::kOffline) return error;
  switch (lake::Classify(error)) {
    case lake::Failure::kForbidden:
    case lake::Failure::kContainerMissing:
    case lake::Failure::kClockSkew:
    case lake::Failure::kUnreachable:
      break;
    default:
      return error;
  }
  const std::chrono::milliseconds wait = error.retry_after();
  return Error(Code::kOffline, lake::Advise(error))
      .WithRetryAfter(wait.count() > 0 ? wait : kTryAgain);
}

template <class T>
Task<T> Told(Task<T> task) {
  auto answer = co_await std::move(task);
  if (answer) co_return answer;
  co_return Fail(ForClients(std::move(answer.error())));
}

}  // namespace

LakeTier::LakeTier(engine::Services& services, LakeTierOptions options)
    : services_(services),
      options_(std::move(options)),
      owner_(RandomU64() | 1U),
      attachments_(options_.factory, options_.identity),
      trails_(services, attachments_),
      loop_(options_.threads),
      names_(services),
      book_(PlacementParts::CapacityOf(options_.placement.evict),
            options_.placement.evict.seed != 0 ? options_.placement.evict.seed : RandomU64()),
      fetcher_(services, loop_, book_),
      read_through_(services, attachments_, names_, fetcher_),
      settler_(services, options_.host),
      watch_(services, names_, loop_, options_.watch),
      lifecycle_(services, loop_, options_.lifecycle),
      parts_(services, attachments_, names_, fetcher_, loop_, options_.placement, options_.offload,
             options_.retry, options_.run_jobs),
      placement_(parts_),
      summaries_(loop_, [this](OpContext context, engine::ContainerTarget target) {
        return placement_.Summary(std::move(context), std::move(target));
      }) {}

LakeTier::~LakeTier() { Stop(); }

Result<> LakeTier::Start() {
  FB_RETURN_IF_ERROR(attachments_.Load(*services_.store.GetSnapshot()));
  for (AttachmentPtr& attachment : attachments_.All()) Begin(std::move(attachment));
  if (options_.run_jobs) {
    watch_.Start();
    lifecycle_.Start();
  }
  return parts_.Start();
}

void LakeTier::Stop() {
  loop_.Stop();
  std::lock_guard lock(mutex_);
  for (const auto& [container, job] : jobs_) {
    if (job->offload) job->offload->Release();
  }
}

std::shared_ptr<Offload> LakeTier::MakeOffload(const AttachmentPtr& attachment) {
  // Each has a lease of its own, so that what is left of one that has stopped settles nothing
  // beside the next.
  return std::make_shared<Offload>(services_, loop_, attachment, options_.offload, conflicts_,
                                   (owner_ ^ RandomU64()) | 1U);
}

void LakeTier::Begin(AttachmentPtr attachment) {
  auto job = std::make_shared<Job>();
  if (attachment->record.mode == meta::LakeMode::kCapacity) {
    job->overflow = std::make_unique<OverflowKeeper>(services_, loop_, parts_.mover, attachment);
  } else {
    job->import = std::make_unique<ImportJob>(services_, attachment);
    job->import->listing = loop_.Next();
  }
  job->attachment = std::move(attachment);
  job->travels = Travels(job->attachment->record.mode);
  if (job->travels) job->offload = MakeOffload(job->attachment);
  {
    std::lock_guard lock(mutex_);
    jobs_[job->attachment->container] = job;
  }
  if (auto added = watch_.Add(job->attachment, options_.run_jobs); !added) {
    Log(LogLevel::kError, "a lake is not watched",
        {{"container", job->attachment->record.container}, {"error", added.error().ToString()}});
  }
  if (options_.run_jobs) loop_.Spawn(job->import ? RunImport(job) : RunOverflow(job));
  if (options_.run_offload && job->travels) loop_.Spawn(RunOffload(std::move(job)));
}

std::shared_ptr<Offload> LakeTier::OffloadIn(const Job& job) const {
  std::lock_guard lock(mutex_);
  return job.offload;
}

Task<> LakeTier::RunOffload(std::shared_ptr<Job> job) {
  OpContext context;
  context.cancel = loop_.token();
  while (!job->attachment->detached && !context.cancel.stop_requested()) {
    const std::shared_ptr<Offload> offload = OffloadIn(*job);
    auto done = co_await offload->Run(context);
    const Code code = done ? Code::kStale : done.error().code();
    if (code == Code::kCancelled || context.cancel.stop_requested()) break;
    if (code == Code::kStale) {
      // Deleted, detached; else another process has taken over, and what we knew of the log is old.
      auto still = co_await engine::ReadMeta(services_, [&job](const kv::Reader& reader) {
        return AttachedContainer(reader, *job->attachment);
      });
      if (!still && still.error().code() == Code::kStale) break;
      Log(LogLevel::kWarn, "an offload begins anew, as another process may have taken over",
          {{"container", job->attachment->record.container}});
      FB_CO_RETURN_IF_ERROR(co_await services_.pool.Run([offload]() -> Result<> {
        offload->Release();  // where it has the lease still
        return {};
      }));
      std::lock_guard lock(mutex_);
      job->offload = MakeOffload(job->attachment);
    } else if (code != Code::kLocked) {
      Log(LogLevel::kError, "offload interrupted",
          {{"container", job->attachment->record.container}, {"error", done.error().ToString()}});
    }
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(options_.retry, context));
  }
  co_return Result<>{};
}

Task<> LakeTier::RunImport(std::shared_ptr<Job> job) {
  OpContext context;
  context.cancel = loop_.token();
  while (!job->attachment->detached && !context.cancel.stop_requested()) {
    auto done = co_await job->import->Run(context);
    NoteTurn(*job, "import interrupted", done);
    if (done) co_return Result<>{};
    if (done.error().code() == Code::kStale) break;
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(options_.retry, context));
  }
  co_return Result<>{};
}

Task<> LakeTier::RunOverflow(std::shared_ptr<Job> job) {
  OpContext context;
  context.cancel = loop_.token();
  while (!job->attachment->detached && !context.cancel.stop_requested()) {
    auto done = co_await job->overflow->Turn(context);
    NoteTurn(*job, "deleting in the lake is interrupted", done);
    if (!done && done.error().code() == Code::kStale) break;
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(options_.retry, context));
  }
  co_return Result<>{};
}

void LakeTier::NoteTurn(Job& job, std::string_view what, const Result<>& done) {
  const Code code = done ? Code{} : done.error().code();
  // Another process is at it, or this one ends.
  const bool waits = code == Code::kLocked || code == Code::kCancelled;
  bool news = false;
  {
    std::lock_guard lock(mutex_);
    job.last_error = done || waits ? "" : lake::Advise(done.error());
    news = std::exchange(job.last_code, code) != code;
  }
  if (done || waits || !news || code == Code::kStale) return;
  Log(LogLevel::kWarn, what,
      {{"container", job.attachment->record.container}, {"error", done.error().ToString()}});
}

Task<> LakeTier::LookUp(OpContext context, meta::ContainerId container, std::string name) {
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, attachments_.Find(container));
  co_return co_await Told(
      names_.LookUp(std::move(context), std::move(attachment), std::move(name)));
}

Task<engine::ListingCover> LakeTier::CoverListing(OpContext context, engine::ListingSpan span) {
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, attachments_.Find(span.container.id));
  co_return co_await Told(names_.Cover(std::move(context), std::move(attachment), std::move(span)));
}

Task<std::unique_ptr<BodySource>> LakeTier::Open(OpContext context, engine::LakeRead read) {
  co_return co_await Told(read_through_.Open(std::move(context), std::move(read)));
}

void LakeTier::HydrateSoon(meta::ContainerId container) {
  if (auto attachment = attachments_.Find(container)) parts_.wishes.Look(std::move(*attachment));
}

Task<std::string> LakeTier::FollowAttachTrail(OpContext context, engine::ContainerTarget target,
                                              azure::AttachTrail trail) {
  co_return co_await trails_.Follow(std::move(context), std::move(target), std::move(trail));
}

Task<std::optional<KnownResidency>> LakeTier::Residency(OpContext context,
                                                        engine::ContainerTarget target,
                                                        std::chrono::milliseconds patience) {
  const std::shared_ptr<Job> job = JobOf(target.account.name, target.container);
  if (!job) co_return std::nullopt;
  co_return co_await summaries_.Of(std::move(context), std::move(target),
                                   job->attachment->record.generation, patience);
}

Task<> LakeTier::Attach(OpContext context, AttachRequest request) {
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment,
                         co_await tier::Attach(services_, std::move(context), attachments_, trails_,
                                               std::move(request), options_.is_own));
  Begin(std::move(attachment));
  co_return Result<>{};
}

Task<AttachmentPtr> LakeTier::AttachmentOf(engine::ContainerTarget target) const {
  FB_CO_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                         co_await engine::ReadMeta(services_, [target](const kv::Reader& reader) {
                           return engine::RequireContainer(reader, target.account.name,
                                                           target.container);
                         }));
  co_return attachments_.Find(container.id);
}

Task<std::shared_ptr<Offload>> LakeTier::OffloadOf(engine::ContainerTarget target) const {
  FB_CO_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                         co_await engine::ReadMeta(services_, [target](const kv::Reader& reader) {
                           return engine::RequireContainer(reader, target.account.name,
                                                           target.container);
                         }));
  std::lock_guard lock(mutex_);
  const auto job = jobs_.find(container.id);
  if (job != jobs_.end()) co_return job->second->offload;
  co_return Fail(Code::kResourceNotFound, "The container is not attached to a lake.");
}

Task<> LakeTier::Sync(OpContext context, engine::ContainerTarget target) {
  FB_CO_ASSIGN_OR_RETURN(const std::shared_ptr<Offload> offload, co_await OffloadOf(target));
  if (!offload) co_return Result<>{};
  FB_CO_RETURN_IF_ERROR(co_await offload->Sync(context));
  // What a conflict on the way has put beside its name was noted anew: that is waited for too.
  co_return co_await offload->Sync(std::move(context));
}

Task<> LakeTier::ApproveDeletes(OpContext context, engine::ContainerTarget target,
                                std::uint64_t agreed) {
  FB_CO_ASSIGN_OR_RETURN(const std::shared_ptr<Offload> offload, co_await OffloadOf(target));
  if (!offload) co_return Fail(Code::kResourceNotFound, "Deletes are not paused.");
  co_return co_await offload->ApproveDeletes(std::move(context), agreed);
}

std::shared_ptr<LakeTier::Job> LakeTier::JobOf(const azure::AccountName& account,
                                               const azure::ContainerName& container) const {
  std::lock_guard lock(mutex_);
  for (const auto& [id, job] : jobs_) {
    const meta::AttachRecord& record = job->attachment->record;
    if (record.container == container.view() && record.account == account.view()) return job;
  }
  return nullptr;
}

Task<> LakeTier::AwaitAcknowledged(OpContext context, engine::BlobTarget target) {
  const std::shared_ptr<Job> job = JobOf(target.account.name, target.container);
  if (!job || !job->travels) co_return Result<>{};
  if (job->attachment->record.acknowledge != meta::Acknowledge::kLake) co_return Result<>{};
  co_return co_await OffloadIn(*job)->AwaitVisible(std::move(context), target.blob.str());
}

Result<> LakeTier::AdmitBytes(const engine::ContainerTarget& target) {
  BackPressure& pressure = parts_.pressure;
  if (!pressure.may_hold()) return {};
  const std::shared_ptr<Job> job = JobOf(target.account.name, target.container);
  if (!job || !(job->travels || job->overflow)) return {};
  std::string why = job->overflow ? pressure.WhyOverflowHeld()
                                  : pressure.WhyHeld(UnsentOf(services_, *job->attachment));
  if (why.empty()) return {};
  return Fail(pressure.Refusal(std::move(why), job->attachment->lake->RetryAfter()));
}

Error LakeTier::NoRoom(const engine::ContainerTarget& target, Error error) {
  const std::shared_ptr<Job> job = JobOf(target.account.name, target.container);
  if (!job || !(job->travels || job->overflow)) return error;
  parts_.evictor.Wake();
  std::string why =
      parts_.pressure.WhyNoRoom(UnsentOf(services_, *job->attachment),
                                job->overflow != nullptr && parts_.mover.may_have_work());
  if (why.empty()) return error;
  return parts_.pressure.Refusal(std::move(why), job->attachment->lake->RetryAfter());
}

Task<std::shared_ptr<const void>> LakeTier::Drain(OpContext context, engine::ContainerTarget target,
                                                  DetachHow how) {
  const std::shared_ptr<Job> job = JobOf(target.account.name, target.container);
  if (!job || !job->overflow) co_return nullptr;
  auto still = co_await engine::ReadMeta(services_, [job](const kv::Reader& reader) {
    return AttachedContainer(reader, *job->attachment);
  });
  if (!still && still.error().code() == Code::kStale) co_return nullptr;  // half detached already
  if (!still) co_return Fail(std::move(still.error()));
  const DrainParts parts{services_, loop_, parts_.mover, *job->overflow};
  if (how == DetachHow::kDrop) {
    co_return co_await HoldUndrained(parts, std::move(context), job->attachment);
  }
  co_return co_await BringAllBack(parts, std::move(context), job->attachment, std::move(target),
                                  {.disk = options_.placement.evict.disk});
}

// What this process keeps of containers that are attached no more, and what it has left in lakes
// that were room for them.
Task<> LakeTier::ForgetDetached(OpContext context) {
  std::vector<std::shared_ptr<Job>> gone;
  {
    std::lock_guard lock(mutex_);
    std::erase_if(jobs_, [&gone](const auto& entry) {
      if (!entry.second->attachment->detached) return false;
      gone.push_back(entry.second);
      return true;
    });
  }
  for (const std::shared_ptr<Job>& job : gone) {
    if (!job->overflow) continue;
    parts_.mover.Forget(job->attachment->container);
    const auto left = co_await job->attachment->owner->Leave(context);
    if (left) continue;
    Log(LogLevel::kWarn, "the object that says whose part of the lake it was stays there",
        {{"lake", job->attachment->lake->description()}, {"error", left.error().ToString()}});
  }
  co_return Result<>{};
}

Task<> LakeTier::Detach(OpContext context, engine::ContainerTarget target, DetachHow how) {
  FB_CO_ASSIGN_OR_RETURN(const std::shared_ptr<const void> hold,
                         co_await Drain(context, target, how));
  // What is written while it drains is waited for as well.
  for (bool drained = how == DetachHow::kDrop; !drained;) {
    auto offload = co_await OffloadOf(target);
    if (!offload && offload.error().code() != Code::kResourceNotFound) {
      co_return Fail(std::move(offload.error()));
    }
    // Half detached already, or nothing travels.
    if (!offload || !*offload) break;
    FB_CO_RETURN_IF_ERROR(co_await (*offload)->Sync(context));
    auto done = co_await tier::Detach(services_, context, attachments_, target, how);
    if (!done && done.error().code() == Code::kBusy) continue;
    (void)co_await ForgetDetached(std::move(context));
    co_return done;
  }
  auto done = co_await tier::Detach(services_, context, attachments_, target, how);
  (void)co_await ForgetDetached(std::move(context));
  co_return done;
}

Result<OverflowStatus> LakeTier::OverflowOf(const Job& job) const {
  const meta::ContainerId container = job.attachment->container;
  FB_ASSIGN_OR_RETURN(OverflowStatus status,
                      OverflowStatusOf(*services_.store.GetSnapshot(), container));
  status.sent = parts_.mover.sent(container);
  job.overflow->AddStuck(status);
  return status;
}

void LakeTier::AddOverflow(const Job& job, LakeStatus& status) const {
  status.writes_held = parts_.pressure.WhyOverflowHeld();
  auto overflow = OverflowOf(job);
  if (!overflow) {
    status.last_error = overflow.error().message();
    return;
  }
  status.overflow = std::move(*overflow);
  if (status.last_error.empty()) {
    status.last_error = parts_.mover.last_error(job.attachment->container);
  }
  if (status.last_error.empty() && status.overflow->stuck > 0) {
    status.last_error = "The lake does not let go of objects that nothing needs any more: " +
                        status.overflow->stuck_why;
  }
}

std::vector<std::pair<std::string, OverflowStatus>> LakeTier::Overflows() const {
  std::vector<std::shared_ptr<Job>> jobs;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [container, job] : jobs_) {
      if (job->overflow) jobs.push_back(job);
    }
  }
  std::vector<std::pair<std::string, OverflowStatus>> all;
  for (const std::shared_ptr<Job>& job : jobs) {
    const meta::AttachRecord& record = job->attachment->record;
    auto status = OverflowOf(*job);
    if (status) all.emplace_back(record.account + "/" + record.container, std::move(*status));
  }
  return all;
}

// The store and the lakes are asked without the lock, which every write takes.
std::vector<LakeStatus> LakeTier::Status() const {
  struct Seen {
    std::shared_ptr<Job> job;
    std::shared_ptr<Offload> offload;
    std::string last_error;
    Code last_code{};
  };
  std::vector<Seen> seen;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [container, job] : jobs_) {
      seen.push_back({job, job->offload, job->last_error, job->last_code});
    }
  }
  std::vector<LakeStatus> all;
  for (const auto& [job, offload, last_error, last_code] : seen) {
    const Attachment& attachment = *job->attachment;
    all.push_back(
        {.account = attachment.record.account,
         .container = attachment.record.container,
         .lake = attachment.lake->description(),
         .mode = attachment.record.mode,
         .import = job->import ? job->import->progress() : ImportProgress{.finished = true},
         .offload = OffloadStatusOf(offload.get()),
         .link = attachment.lake->health(),
         .retry_after = attachment.lake->RetryAfter(),
         .last_error = last_error});
    if (offload) {
      all.back().writes_held = parts_.pressure.WhyHeld(all.back().offload.bytes);
    }
    if (job->overflow) AddOverflow(*job, all.back());
    bool unreachable = IsOutOfReach(last_code);
    if (all.back().last_error.empty()) {
      const auto watched = watch_.Status(attachment.container);
      if (watched) all.back().last_error = watched->last_error;
      unreachable = watched && watched->out_of_reach;
    }
    DropWhatIsOver(unreachable, all.back());
  }
  return all;
}

}  // namespace forebay::tier
