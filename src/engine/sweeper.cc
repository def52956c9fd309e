#include "engine/sweeper.h"

#include <condition_variable>
#include <mutex>
#include <random>
#include <set>
#include <stop_token>
#include <thread>

#include "base/codec.h"
#include "base/log.h"
#include "engine/sweep_paths.h"
#include "engine/sweep_sessions.h"
#include "engine/sweep_steps.h"
#include "meta/keys.h"
#include "meta/lease.h"
#include "meta/node_keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

constexpr std::string_view kJob = "sweeper";
constexpr std::chrono::minutes kLease{1};
// A preparation that is older than this belongs to nobody: commits take seconds.
constexpr std::chrono::hours kPreparationLife{24};
// The touch of a staging record is this coarse (engine/staging.cc).
constexpr std::chrono::hours kTouchInterval{1};
constexpr std::size_t kScanLimit = 1000;

bool IsDue(const meta::GarbageRecord& record, WallTime now) {
  return !meta::IsPreparing(record.kind) || record.since + kPreparationLife < now;
}

}  // namespace

struct Sweeper::Impl {
  Impl(Services& s, std::chrono::milliseconds p) : services(s), pause(p) {}

  Services& services;
  const std::chrono::milliseconds pause;
  const std::uint64_t owner = std::random_device{}() | 1ULL;
  meta::FencingToken token;
  std::mutex mutex;
  std::condition_variable_any wake;
  bool woken = false;
  std::shared_ptr<void> watch_bodies, watch_containers, watch_directories;
  std::mutex totals_mutex;
  SweepTotals totals;  // under totals_mutex
  std::stop_source stopping;
  std::jthread thread;

  Result<> Lease() {
    auto slot = std::make_shared<meta::FencingToken>();
    FB_RETURN_IF_ERROR(services.store.TransactBlocking(
        [this, slot](kv::Transaction& txn) -> Result<> {
          FB_ASSIGN_OR_RETURN(*slot,
                              meta::AcquireLease(txn, kJob, owner, services.clock.Now(), kLease));
          return {};
        },
        kv::Durability::kLazy));
    token = *slot;
    return {};
  }

  // Runs `step` in transactions of its own until it says that it is done.
  template <class Step>
  Result<> Repeat(Step step) {
    for (bool done = false; !done && !stopping.stop_requested();) {
      FB_RETURN_IF_ERROR(
          services.store.TransactBlocking([this, &step, &done](kv::Transaction& txn) -> Result<> {
            txn.MakesRoom();
            FB_RETURN_IF_ERROR(meta::CheckLease(txn, kJob, token));
            FB_ASSIGN_OR_RETURN(done, step(txn));
            return {};
          }));
      std::this_thread::sleep_for(pause);
    }
    return {};
  }

  // For what became of one record: kCorruption is noted and passed over, the rest is an error.
  static Result<> PassOver(Result<> done, std::string_view what, SweepReport& report) {
    if (done || done.error().code() != Code::kCorruption) return done;
    ++report.skipped;
    Log(LogLevel::kError, "cannot collect a record",
        {{"what", std::string(what)}, {"error", done.error().ToString()}});
    return {};
  }

  Result<> SweepOne(meta::BodyId id, const meta::GarbageRecord& record) {
    std::optional<meta::GarbageKind> kind = record.kind;
    if (meta::IsPreparing(record.kind)) {
      FB_RETURN_IF_ERROR(Repeat([id, &kind](kv::Transaction& txn) -> Result<bool> {
        FB_ASSIGN_OR_RETURN(kind, CondemnStep(txn, id));
        return true;
      }));
    }
    if (!kind) return {};
    return Repeat([this, id, kind = *kind](kv::Transaction& txn) -> Result<bool> {
      switch (kind) {
        case meta::GarbageKind::kBody:
          return SweepBodyStep(services, txn, id);
        case meta::GarbageKind::kForgetShared:
          return SweepBodyStep(services, txn, id, /*shared=*/true);
        case meta::GarbageKind::kForgetList:
          return ForgetListStep(txn, id);
        case meta::GarbageKind::kForgetStaged:
          return SweepStagedStep(services, txn, id, /*release=*/false);
        case meta::GarbageKind::kStaging:
          return SweepStagedStep(services, txn, id, /*release=*/true);
        case meta::GarbageKind::kReleaseList:
          return SweepReleaseListStep(services, txn, id);
        default:
          break;
      }
      return Fail(Code::kCorruption, "A garbage record of an unknown kind.");
    });
  }

  Result<> SweepBodies(SweepReport& report) {
    std::string begin = keys::GarbageBodies();
    const std::string end = PrefixEnd(begin);
    while (!stopping.stop_requested()) {
      std::vector<std::pair<meta::BodyId, meta::GarbageRecord>> due;
      std::size_t seen = 0;
      {
        auto snapshot = services.store.GetSnapshot();
        auto it = snapshot->Scan(begin, end);
        for (; it->Valid() && seen < kScanLimit; it->Next(), ++seen) {
          auto record = meta::DecodeGarbage(it->value());
          const meta::BodyId id = keys::BodyOfGarbageKey(it->key());
          begin = std::string(it->key()) + '\0';
          if (!record) {
            FB_RETURN_IF_ERROR(PassOver(Fail(std::move(record.error())), "garbage", report));
          } else if (IsDue(*record, services.clock.Now()) && !services.pins.IsPinned(id)) {
            due.emplace_back(id, std::move(*record));
          }
        }
        FB_RETURN_IF_ERROR(it->status());
      }
      for (const auto& [id, record] : due) {
        const std::uint64_t skipped = report.skipped;
        FB_RETURN_IF_ERROR(PassOver(SweepOne(id, record), "body", report));
        FB_RETURN_IF_ERROR(Lease());
        if (report.skipped == skipped) ++report.bodies;
      }
      if (seen < kScanLimit) break;
    }
    return {};
  }

  Result<> SweepContainers(SweepReport& report) {
    std::vector<meta::ContainerRecord> doomed;
    {
      auto snapshot = services.store.GetSnapshot();
      const std::string prefix = keys::GarbageContainers();
      auto it = snapshot->Scan(prefix, PrefixEnd(prefix));
      for (; it->Valid() && doomed.size() < kScanLimit; it->Next()) {
        auto record = meta::DecodeContainer(it->value());
        if (record) {
          doomed.push_back(std::move(*record));
        } else {
          FB_RETURN_IF_ERROR(PassOver(Fail(std::move(record.error())), "container", report));
        }
      }
      FB_RETURN_IF_ERROR(it->status());
    }
    for (const meta::ContainerRecord& container : doomed) {
      std::uint64_t steps = 0;
      auto swept = Repeat([&](kv::Transaction& txn) -> Result<bool> {
        std::uint64_t removed = 0;
        FB_ASSIGN_OR_RETURN(bool done, SweepContainerStep(services, txn, container, removed));
        report.blobs += removed;
        // A million blobs take longer than a lease.
        if (++steps % 1000 == 0) {
          FB_RETURN_IF_ERROR(meta::AcquireLease(txn, kJob, owner, services.clock.Now(), kLease));
        }
        return done;
      });
      const std::uint64_t skipped = report.skipped;
      FB_RETURN_IF_ERROR(PassOver(std::move(swept), "container", report));
      if (report.skipped == skipped) ++report.containers;
    }
    return {};
  }

  // Staged blocks, appended bytes, pieces: whatever has a staging record under the prefix.
  Result<> ExpireStagings(const std::string& prefix, SweepReport& report) {
    const WallTime now = services.clock.Now();
    const WallTime limit = now - services.limits.uncommitted_block_ttl - kTouchInterval;
    std::vector<std::string> old;
    {
      auto snapshot = services.store.GetSnapshot();
      auto it = snapshot->Scan(prefix, PrefixEnd(prefix));
      for (; it->Valid() && old.size() < kScanLimit; it->Next()) {
        auto staging = meta::DecodeStaging(it->value());
        if (!staging) {
          FB_RETURN_IF_ERROR(PassOver(Fail(std::move(staging.error())), "staging", report));
          continue;
        }
        if (staging->last_block <= limit) old.emplace_back(it->key());
      }
      FB_RETURN_IF_ERROR(it->status());
    }
    for (const std::string& key : old) {
      auto expired =
          Repeat([&](kv::Transaction& txn) { return ExpireStagingStep(txn, key, limit, now); });
      FB_RETURN_IF_ERROR(PassOver(std::move(expired), "staging", report));
      ++report.staged_blobs;
    }
    return {};
  }

  // The keys under a prefix (up to `end`), a bounded number of them.
  Result<std::vector<std::string>> KeysOf(const std::string& prefix, const std::string& end) {
    std::vector<std::string> found;
    auto snapshot = services.store.GetSnapshot();
    auto it = snapshot->Scan(prefix, end);
    for (; it->Valid() && found.size() < kScanLimit; it->Next()) found.emplace_back(it->key());
    FB_RETURN_IF_ERROR(it->status());
    return found;
  }

  // Deleted directories until none is left: emptying one finds others.
  Result<> SweepDirectories(SweepReport& report) {
    const std::string prefix = keys::GarbageDirectories();
    std::set<std::string> bad;
    while (!stopping.stop_requested()) {
      FB_ASSIGN_OR_RETURN(auto doomed, KeysOf(prefix, PrefixEnd(prefix)));
      std::erase_if(doomed, [&bad](const std::string& key) { return bad.contains(key); });
      if (doomed.empty()) break;
      for (const std::string& key : doomed) {
        const meta::InodeId inode = keys::InodeOfGarbageKey(key);
        FB_RETURN_IF_ERROR(Lease());
        std::uint64_t steps = 0;
        auto swept = Repeat([&](kv::Transaction& txn) -> Result<bool> {
          std::uint64_t removed = 0;
          FB_ASSIGN_OR_RETURN(bool done, SweepDirectoryStep(services, txn, inode, removed));
          report.blobs += removed;
          if (++steps % 1000 == 0) {
            FB_RETURN_IF_ERROR(meta::AcquireLease(txn, kJob, owner, services.clock.Now(), kLease));
          }
          return done;
        });
        if (!swept) bad.insert(key);
        FB_RETURN_IF_ERROR(PassOver(std::move(swept), "directory", report));
      }
    }
    return {};
  }

  Result<> ExpirePaths(SweepReport& report) {
    const WallTime now = services.clock.Now();
    const auto ticks = static_cast<std::uint64_t>(now.ticks) + 1;
    FB_ASSIGN_OR_RETURN(const auto notes, KeysOf(keys::Expiries(), keys::ExpiriesUntil(ticks)));
    for (const std::string& note : notes) {
      auto expired =
          Repeat([&](kv::Transaction& txn) { return ExpireFileStep(services, txn, note, now); });
      FB_RETURN_IF_ERROR(PassOver(std::move(expired), "expiry", report));
      ++report.blobs;
    }
    return {};
  }

  // Of mounts: sessions and tokens.
  Result<> SweepMounts(SweepReport& report) {
    FB_ASSIGN_OR_RETURN(const LeftBehind left,
                        FindLeftBehind(services, *services.store.GetSnapshot(), kScanLimit));
    for (const std::string& key : left.sessions) {
      auto swept =
          Repeat([&](kv::Transaction& txn) { return SweepSessionStep(services, txn, key); });
      FB_RETURN_IF_ERROR(PassOver(std::move(swept), "session", report));
    }
    constexpr std::size_t kTokensATime = 500;
    for (std::size_t first = 0; first < left.tokens.size(); first += kTokensATime) {
      FB_RETURN_IF_ERROR(Repeat([&](kv::Transaction& txn) -> Result<bool> {
        const std::size_t last = std::min(first + kTokensATime, left.tokens.size());
        for (std::size_t i = first; i < last; ++i) txn.Erase(left.tokens[i]);
        return true;
      }));
    }
    return {};
  }

  Result<> Steps(SweepReport& report) {
    // This process's own, whoever sweeps.
    services.versions->Expire(services.clock.Now());
    FB_RETURN_IF_ERROR(Lease());
    FB_RETURN_IF_ERROR(ExpirePaths(report));
    FB_RETURN_IF_ERROR(SweepDirectories(report));
    for (const std::string& prefix : {keys::AllStagings(), keys::AllAppends(), keys::AllPieces()}) {
      FB_RETURN_IF_ERROR(ExpireStagings(prefix, report));
    }
    FB_RETURN_IF_ERROR(SweepMounts(report));
    FB_RETURN_IF_ERROR(SweepContainers(report));
    FB_RETURN_IF_ERROR(SweepBodies(report));
    services.buffers.Trim();
    return {};
  }

  Result<SweepReport> Pass() {
    SweepReport report;
    Result<> done = Steps(report);
    // Another process sweeps.
    const bool elsewhere = !done && done.error().code() == Code::kLocked;
    if (!elsewhere) Count(report, done.has_value());
    if (!done) return Fail(std::move(done.error()));
    return report;
  }

  void Count(const SweepReport& report, bool whole) {
    std::lock_guard lock(totals_mutex);
    totals.swept.bodies += report.bodies;
    totals.swept.blobs += report.blobs;
    totals.swept.containers += report.containers;
    totals.swept.staged_blobs += report.staged_blobs;
    totals.swept.skipped += report.skipped;
    totals.last_skipped = report.skipped;
    ++(whole ? totals.passes : totals.failed_passes);
  }

  void Wake() {
    std::lock_guard lock(mutex);
    woken = true;
    wake.notify_one();
  }

  void Loop(std::chrono::milliseconds interval) {
    while (!stopping.stop_requested()) {
      auto report = Pass();
      if (!report && report.error().code() != Code::kLocked) {
        Log(LogLevel::kError, "sweep failed", {{"error", report.error().ToString()}});
      }
      std::unique_lock lock(mutex);
      wake.wait_for(lock, stopping.get_token(), interval, [this] { return woken; });
      woken = false;
    }
  }
};

Sweeper::Sweeper(Services& services, std::chrono::milliseconds pause)
    : impl_(std::make_unique<Impl>(services, pause)) {}
Sweeper::~Sweeper() { Stop(); }

void Sweeper::Start(std::chrono::milliseconds interval) {
  Impl* impl = impl_.get();
  impl->watch_bodies = impl->services.store.Watch(keys::GarbageBodies(), [impl] { impl->Wake(); });
  impl->watch_containers =
      impl->services.store.Watch(keys::GarbageContainers(), [impl] { impl->Wake(); });
  impl->watch_directories =
      impl->services.store.Watch(keys::GarbageDirectories(), [impl] { impl->Wake(); });
  impl->thread = std::jthread([impl, interval] { impl->Loop(interval); });
}

void Sweeper::Stop() {
  impl_->watch_bodies.reset();
  impl_->watch_containers.reset();
  impl_->watch_directories.reset();
  impl_->stopping.request_stop();
  impl_->wake.notify_all();
  if (impl_->thread.joinable()) impl_->thread.join();
}

Result<SweepReport> Sweeper::RunOnce() { return impl_->Pass(); }

SweepTotals Sweeper::totals() const {
  std::lock_guard lock(impl_->totals_mutex);
  return impl_->totals;
}

}  // namespace forebay::engine
