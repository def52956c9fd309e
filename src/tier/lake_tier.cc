#include "tier/lake_tier.h"

#include "async/sleep.h"
#include "base/log.h"

namespace forebay::tier {

LakeTier::LakeTier(engine::Services& services, LakeTierOptions options)
    : services_(services),
      options_(std::move(options)),
      attachments_(options_.factory),
      loop_(options_.threads),
      names_(services),
      fetcher_(services, loop_),
      read_through_(services, attachments_, names_, fetcher_) {}

LakeTier::~LakeTier() { Stop(); }

Result<> LakeTier::Start() {
  FB_RETURN_IF_ERROR(attachments_.Load(*services_.store.GetSnapshot()));
  for (AttachmentPtr& attachment : attachments_.All()) Begin(std::move(attachment));
  return {};
}

void LakeTier::Stop() { loop_.Stop(); }

void LakeTier::Begin(AttachmentPtr attachment) {
  auto job = std::make_shared<Job>();
  job->import = std::make_unique<ImportJob>(services_, attachment);
  job->attachment = std::move(attachment);
  {
    std::lock_guard lock(mutex_);
    jobs_[job->attachment->container] = job;
  }
  if (options_.run_jobs) loop_.Spawn(RunImport(std::move(job)));
}

Task<> LakeTier::RunImport(std::shared_ptr<Job> job) {
  OpContext context;
  context.cancel = loop_.token();
  while (!job->attachment->detached && !context.cancel.stop_requested()) {
    auto done = co_await job->import->Run(context);
    {
      std::lock_guard lock(mutex_);
      job->last_error = done ? "" : done.error().ToString();
    }
    if (done) co_return Result<>{};
    if (done.error().code() == Code::kStale) break;
    if (done.error().code() != Code::kLocked && done.error().code() != Code::kCancelled) {
      Log(LogLevel::kWarn, "import interrupted",
          {{"container", job->attachment->record.container}, {"error", done.error().ToString()}});
    }
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(options_.retry, context));
  }
  co_return Result<>{};
}

Task<> LakeTier::LookUp(OpContext context, meta::ContainerId container, std::string name) {
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, attachments_.Find(container));
  co_return co_await names_.LookUp(std::move(context), std::move(attachment), std::move(name));
}

Task<engine::ListingCover> LakeTier::CoverListing(OpContext context, engine::ListingSpan span) {
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, attachments_.Find(span.container.id));
  co_return co_await names_.Cover(std::move(context), std::move(attachment), std::move(span));
}

Task<std::unique_ptr<BodySource>> LakeTier::Open(OpContext context, engine::LakeRead read) {
  co_return co_await read_through_.Open(std::move(context), std::move(read));
}

Task<> LakeTier::Attach(OpContext context, AttachRequest request) {
  FB_CO_ASSIGN_OR_RETURN(
      AttachmentPtr attachment,
      co_await tier::Attach(services_, std::move(context), attachments_, std::move(request)));
  Begin(std::move(attachment));
  co_return Result<>{};
}

Task<> LakeTier::Detach(OpContext context, engine::ContainerTarget target) {
  FB_CO_RETURN_IF_ERROR(co_await tier::Detach(services_, std::move(context), attachments_, target));
  std::lock_guard lock(mutex_);
  std::erase_if(jobs_, [](const auto& entry) { return entry.second->attachment->detached.load(); });
  co_return Result<>{};
}

std::vector<LakeStatus> LakeTier::Status() const {
  std::lock_guard lock(mutex_);
  std::vector<LakeStatus> all;
  for (const auto& [container, job] : jobs_) {
    const Attachment& attachment = *job->attachment;
    all.push_back({.account = attachment.record.account,
                   .container = attachment.record.container,
                   .lake = attachment.lake->description(),
                   .mode = attachment.record.mode,
                   .import = job->import->progress(),
                   .last_error = job->last_error});
  }
  return all;
}

}  // namespace forebay::tier
