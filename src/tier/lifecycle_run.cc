#include "tier/lifecycle_run.h"

#include <algorithm>

#include "async/sleep.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/uuid.h"
#include "engine/delete_blob.h"
#include "engine/read_gate.h"
#include "engine/update_blob.h"
#include "meta/keys.h"
#include "meta/lease.h"
#include "meta/namespace.h"
#include "tier/events.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

constexpr std::string_view kPolicies = "lifecycle/";
constexpr std::size_t kMaxStored = 250 << 10;
constexpr std::size_t kBlobsPerLook = 2'000;
// Longer than a run of the largest account takes; a process that dies in one delays the next run by
// it.
constexpr std::chrono::hours kLease{3};

std::string PolicyKey(std::string_view account) {
  return keys::Setting(std::string(kPolicies) + std::string(account));
}
std::string LastRunKey(std::string_view account) {
  return keys::Setting("lifecycle-run/" + std::string(account));
}
std::string JobName(std::string_view account) { return "lifecycle/" + std::string(account); }

// What can never happen here is refused, not accepted and forgotten.
Result<> CheckSupported(const azure::LifecyclePolicy& policy) {
  for (const azure::LifecycleRule& rule : policy.rules) {
    for (const auto* actions : {&rule.base, &rule.snapshot, &rule.version}) {
      if (!*actions) continue;
      bool access = (*actions)->to_hot_on_access;
      for (const auto* age : {&(*actions)->to_cool, &(*actions)->to_cold, &(*actions)->to_archive,
                              &(*actions)->remove}) {
        access |= *age && (*age)->after_last_access.has_value();
      }
      if (access) {
        return Fail(Code::kUnsupported, "Rule \"" + rule.name +
                                            "\" goes by the time of the last access, which is not "
                                            "recorded; use modification or creation.");
      }
    }
  }
  return {};
}

Result<std::optional<azure::LifecyclePolicy>> LoadPolicy(const kv::Reader& reader,
                                                         std::string_view account) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(PolicyKey(account)));
  if (!stored) return std::nullopt;
  FB_ASSIGN_OR_RETURN(azure::LifecyclePolicy policy, azure::ParseLifecyclePolicy(*stored));
  return policy;
}

// A blob that something is to be done with.
struct Due {
  std::string name;
  meta::BlobRecord record;
  azure::LifecycleAction action = azure::LifecycleAction::kNone;
  std::string rule;
};
struct Look {
  std::vector<Due> due;
  std::uint64_t blobs = 0;
  std::string from;  // where to go on; empty: the end
};

azure::LifecycleDecision Judge(const azure::LifecyclePolicy& policy, std::string_view container,
                               std::string_view name, const meta::BlobRecord& record,
                               WallTime now) {
  azure::LifecycleBlob blob;
  blob.container = container;
  blob.name = name;
  blob.tags = &record.tags;
  blob.tier = record.tier;
  blob.created = record.created;
  blob.modified = record.modified;
  blob.tier_changed = record.tier_changed;
  return azure::Evaluate(policy, blob, now);
}

Result<Look> LookAt(const kv::Reader& reader, const meta::ContainerRecord& container,
                    std::string_view container_name, const azure::LifecyclePolicy& policy,
                    const std::string& from, WallTime now) {
  Look look;
  auto cursor = meta::NamespaceOf(container).List(reader, container.id, "");
  if (!from.empty()) cursor->Seek(from);
  for (std::size_t seen = 0; cursor->Valid(); cursor->Next(), ++seen) {
    if (seen == kBlobsPerLook) {
      look.from = cursor->name();
      break;
    }
    FB_ASSIGN_OR_RETURN(meta::BlobRecord record, cursor->record());
    if (record.directory) continue;
    ++look.blobs;
    const auto decision = Judge(policy, container_name, cursor->name(), record, now);
    // On its way out of the archive: it is not sent back before it has arrived.
    if (decision.action == azure::LifecycleAction::kNone || record.rehydrating_to) continue;
    look.due.push_back({cursor->name(), std::move(record), decision.action, decision.rule->name});
  }
  FB_RETURN_IF_ERROR(cursor->status());
  return look;
}

azure::AccessTier TierOf(azure::LifecycleAction action) {
  switch (action) {
    case azure::LifecycleAction::kToCool:
      return azure::AccessTier::kCool;
    case azure::LifecycleAction::kToCold:
      return azure::AccessTier::kCold;
    default:
      return azure::AccessTier::kArchive;
  }
}

// Others have changed the blob, hold it, or nobody may change it here: not this time.
bool IsSkip(Code code) {
  return code == Code::kConditionNotMet || code == Code::kBlobNotFound ||
         code == Code::kInsufficientAccountPermissions || code == Code::kLeaseIdMissing ||
         code == Code::kPendingCopyOperation || code == Code::kBlobBeingRehydrated;
}

class Run {
 public:
  Run(engine::Services& services, OpContext context, azure::AccountName account,
      LifecycleOptions options, azure::LifecyclePolicy policy)
      : services_(services),
        context_(std::move(context)),
        account_(std::move(account)),
        options_(options),
        policy_(std::move(policy)) {
    report_.dry_run = options.dry_run;
    report_.started = services.clock.Now();
  }

  Task<LifecycleReport> Everything() {
    FB_CO_ASSIGN_OR_RETURN(
        const std::vector<std::string> containers,
        co_await engine::ReadMetaOnPool(
            services_, [this](const kv::Reader& reader) { return Containers(reader); }));
    for (const std::string& container : containers) {
      FB_CO_RETURN_IF_ERROR(co_await Container(container));
    }
    report_.finished = services_.clock.Now();
    co_return std::move(report_);
  }

 private:
  Result<std::vector<std::string>> Containers(const kv::Reader& reader) const {
    const std::string prefix = keys::ContainersOf(account_.view());
    std::vector<std::string> names;
    auto it = reader.Scan(prefix, PrefixEnd(prefix));
    for (; it->Valid(); it->Next()) {
      names.push_back(KeyReader(it->key().substr(prefix.size())).Text());
    }
    FB_RETURN_IF_ERROR(it->status());
    return names;
  }

  Task<> Container(std::string name) {
    std::string from;
    do {
      FB_CO_RETURN_IF_ERROR(context_.Check());
      auto record = std::make_shared<meta::ContainerRecord>();
      FB_CO_ASSIGN_OR_RETURN(
          Look look, co_await engine::ReadMetaOnPool(
                         services_, [&, record](const kv::Reader& reader) -> Result<Look> {
                           FB_ASSIGN_OR_RETURN(auto stored,
                                               reader.Get(keys::Container(account_.view(), name)));
                           if (!stored) return Look{};
                           FB_ASSIGN_OR_RETURN(*record, meta::DecodeContainer(*stored));
                           return LookAt(reader, *record, name, policy_, from, report_.started);
                         }));
      report_.blobs += look.blobs;
      for (Due& due : look.due) {
        FB_CO_RETURN_IF_ERROR(context_.Check());
        FB_CO_RETURN_IF_ERROR(co_await One(name, *record, std::move(due)));
      }
      from = std::move(look.from);
    } while (!from.empty());
    co_return Result<>{};
  }

  void List(const std::string& container, const Due& due, std::string error) {
    if (report_.moves.size() >= options_.max_listed) return;
    report_.moves.push_back({.container = container,
                             .name = due.name,
                             .action = due.action,
                             .rule = due.rule,
                             .length = due.record.length,
                             .error = std::move(error)});
  }

  Task<> One(std::string container, meta::ContainerRecord record, Due due) {
    const bool deletes = due.action == azure::LifecycleAction::kDelete;
    if (!record.lake.writable()) {
      ++report_.skipped;
      co_return Result<>{};
    }
    if (options_.dry_run) {
      ++(deletes ? report_.deleted : report_.moved);
      List(container, due, "");
      co_return Result<>{};
    }
    auto done = co_await Act(container, due);
    if (done) {
      ++(deletes ? report_.deleted : report_.moved);
      if (record.lake.attached()) co_return co_await Tell(record, due);
    } else if (IsSkip(done.error().code())) {
      ++report_.skipped;
    } else if (done.error().code() == Code::kCancelled) {
      co_return done;
    } else {
      ++report_.failed;
      List(container, due, done.error().ToString());
    }
    co_return Result<>{};
  }

  Task<> Act(std::string container, const Due& due) {
    const engine::BlobTarget target{
        {account_, false}, azure::ContainerName(container), azure::BlobName(due.name)};
    azure::Conditions judged;
    judged.if_match.emplace().etags.push_back(azure::MakeETag(due.record.etag.value()));
    if (due.action == azure::LifecycleAction::kDelete) {
      co_return co_await engine::DeleteBlob(services_, context_,
                                            {.target = target, .conditions = judged});
    }
    engine::UpdateBlobRequest request;
    request.target = target;
    request.conditions = judged;
    request.tier = TierOf(due.action);
    auto updated = co_await engine::UpdateBlob(services_, context_, std::move(request));
    if (!updated) co_return Fail(std::move(updated.error()));
    co_return Result<>{};
  }

  Task<> Tell(const meta::ContainerRecord& container, const Due& due) {
    const LakeEvent event{
        .kind = EventKind::kLifecycle,
        .at = services_.clock.Now(),
        .name = due.name,
        .text = std::string(azure::LifecycleActionName(due.action)) + " by rule " + due.rule};
    co_return co_await services_.store.Transact(
        [id = container.id, event](kv::Transaction& txn) -> Result<> {
          NoteEvent(txn, id, event);
          return {};
        },
        kv::Durability::kLazy);
  }

  engine::Services& services_;
  const OpContext context_;
  const azure::AccountName account_;
  const LifecycleOptions options_;
  const azure::LifecyclePolicy policy_;
  LifecycleReport report_;
};

}  // namespace

Task<std::string> PutLifecyclePolicy(engine::Services& services, OpContext context,
                                     azure::AccountName account, std::string text) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_ASSIGN_OR_RETURN(const azure::LifecyclePolicy policy, azure::ParseLifecyclePolicy(text));
  FB_CO_RETURN_IF_ERROR(CheckSupported(policy));
  std::string canonical = azure::WriteLifecyclePolicy(policy);
  if (canonical.size() > kMaxStored) {
    co_return Fail(Code::kLimitExceeded, "A lifecycle policy may have at most 250 KiB.");
  }
  FB_CO_RETURN_IF_ERROR(
      co_await services.store.Transact([account, canonical](kv::Transaction& txn) -> Result<> {
        txn.Put(PolicyKey(account.view()), canonical);
        return {};
      }));
  co_return canonical;
}

Task<std::string> GetLifecyclePolicy(engine::Services& services, OpContext context,
                                     azure::AccountName account) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await engine::ReadMeta(
      services, [account](const kv::Reader& reader) -> Result<std::string> {
        FB_ASSIGN_OR_RETURN(auto stored, reader.Get(PolicyKey(account.view())));
        if (stored) return std::move(*stored);
        return Fail(Code::kResourceNotFound, "The account has no lifecycle policy.");
      });
}

Task<> DeleteLifecyclePolicy(engine::Services& services, OpContext context,
                             azure::AccountName account) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await services.store.Transact([account](kv::Transaction& txn) -> Result<> {
    const std::string key = PolicyKey(account.view());
    FB_ASSIGN_OR_RETURN(const auto stored, txn.Get(key));
    if (!stored) return Fail(Code::kResourceNotFound, "The account has no lifecycle policy.");
    txn.Erase(key);
    return {};
  });
}

Task<LifecycleReport> RunLifecycle(engine::Services& services, OpContext context,
                                   azure::AccountName account, LifecycleOptions options,
                                   std::optional<azure::LifecyclePolicy> policy) {
  if (!policy) {
    FB_CO_ASSIGN_OR_RETURN(policy,
                           co_await engine::ReadMeta(services, [account](const kv::Reader& reader) {
                             return LoadPolicy(reader, account.view());
                           }));
  }
  if (!policy) co_return Fail(Code::kResourceNotFound, "The account has no lifecycle policy.");
  Run run(services, std::move(context), std::move(account), options, std::move(*policy));
  co_return co_await run.Everything();
}

// --- The schedule.

LifecycleRunner::LifecycleRunner(engine::Services& services, WorkerLoop& loop, Options options)
    : services_(services), loop_(loop), options_(options), owner_(RandomU64() | 1ULL) {}

void LifecycleRunner::Start() {
  if (options_.interval.count() > 0) loop_.Spawn(Loop());
}

std::optional<LifecycleReport> LifecycleRunner::LastReport(const std::string& account) const {
  std::lock_guard lock(mutex_);
  const auto it = reports_.find(account);
  if (it == reports_.end()) return std::nullopt;
  return it->second;
}

Task<> LifecycleRunner::Loop() {
  OpContext context;
  context.cancel = loop_.token();
  while (true) {
    auto done = co_await RunDue(context);
    if (!done && done.error().code() != Code::kCancelled) {
      Log(LogLevel::kWarn, "a lifecycle run failed", {{"error", done.error().ToString()}});
    }
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(options_.tick, context));
  }
}

// True where the account's policy is due and no other process is at it.
Task<bool> LifecycleRunner::TakeTurn(OpContext context, std::string account) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  auto due = std::make_shared<bool>(false);
  auto taken =
      co_await services_.store.Transact([this, account, due](kv::Transaction& txn) -> Result<> {
        *due = false;
        const WallTime now = services_.clock.Now();
        FB_ASSIGN_OR_RETURN(const auto stored, txn.Get(LastRunKey(account)));
        if (stored) {
          Decoder in(*stored);
          in.U8();  // version
          const WallTime last{in.Signed()};
          FB_RETURN_IF_ERROR(in.Finish("the time of a lifecycle run"));
          if (last + options_.interval > now) return {};
        }
        FB_RETURN_IF_ERROR(meta::AcquireLease(txn, JobName(account), owner_, now, kLease));
        *due = true;
        return {};
      });
  if (!taken && taken.error().code() == Code::kLocked) co_return false;
  FB_CO_RETURN_IF_ERROR(std::move(taken));
  co_return *due;
}

Task<> LifecycleRunner::NoteRun(std::string account) {
  const std::string value = Encoder().U8(1).Signed(services_.clock.Now().ticks).Take();
  co_return co_await services_.store.Transact([account, value](kv::Transaction& txn) -> Result<> {
    txn.Put(LastRunKey(account), value);
    return {};
  });
}

Task<> LifecycleRunner::RunDue(OpContext context) {
  FB_CO_ASSIGN_OR_RETURN(
      const std::vector<std::string> accounts,
      co_await engine::ReadMeta(services_,
                                [](const kv::Reader& reader) -> Result<std::vector<std::string>> {
                                  const std::string prefix = keys::Setting(kPolicies);
                                  std::vector<std::string> found;
                                  auto it = reader.Scan(prefix, PrefixEnd(prefix));
                                  for (; it->Valid(); it->Next())
                                    found.emplace_back(it->key().substr(prefix.size()));
                                  FB_RETURN_IF_ERROR(it->status());
                                  return found;
                                }));
  for (const std::string& account : accounts) {
    FB_CO_ASSIGN_OR_RETURN(const bool due, co_await TakeTurn(context, account));
    if (!due) continue;
    FB_CO_ASSIGN_OR_RETURN(
        LifecycleReport report,
        co_await RunLifecycle(services_, context, azure::AccountName(account), {}));
    FB_CO_RETURN_IF_ERROR(co_await NoteRun(account));
    Log(LogLevel::kInfo, "lifecycle policy carried out",
        {{"account", account},
         {"blobs", report.blobs},
         {"moved", report.moved},
         {"deleted", report.deleted},
         {"skipped", report.skipped},
         {"failed", report.failed}});
    std::lock_guard lock(mutex_);
    reports_[account] = std::move(report);
  }
  co_return Result<>{};
}

}  // namespace forebay::tier
