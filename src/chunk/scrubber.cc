#include "chunk/scrubber.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/log.h"
#include "chunk/records.h"

namespace forebay::chunk {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kSaveInterval{5};
// Longest sleep between two looks at the (injected) clock.
constexpr std::chrono::seconds kLook{60};

}  // namespace

struct Scrubber::Impl {
  Impl(SegmentChunkStore& c, kv::Store& k, Clock& cl, ScrubberOptions o)
      : chunks(c), kv(k), clock(cl), options(o) {}

  SegmentChunkStore& chunks;
  kv::Store& kv;
  Clock& clock;
  const ScrubberOptions options;

  mutable std::mutex mutex;  // guards what follows
  std::condition_variable_any wake;
  ScrubRecord record;
  std::vector<ScrubFinding> findings;
  ScrubCounters counters;
  std::optional<std::uint64_t> rate;  // of the running scrub, where one was asked for
  bool cancelled = false;
  std::stop_source scrub_stop;  // ends the running scrub

  std::jthread thread;

  Result<> Save() {
    ScrubRecord now;
    {
      std::lock_guard lock(mutex);
      now = record;
    }
    // Lazily: should it be lost, some chunks are read once more.
    return kv.TransactBlocking(
        [&](kv::Transaction& txn) -> Result<> {
          txn.Put(keys::kScrub, now.Encode());
          return {};
        },
        kv::Durability::kLazy);
  }

  // mutex is held.
  void BeginLocked(std::optional<std::uint64_t> bytes_per_second) {
    record = {.running = true,
              .started = clock.Now(),
              .finished = record.finished,
              .after = {},
              .chunks = 0,
              .bytes = 0,
              .damaged = 0};
    findings.clear();
    rate = bytes_per_second;
    cancelled = false;
  }

  void Found(const std::string& what) {
    Log(LogLevel::kError, "scrub found damage", {{"what", what}});
    std::lock_guard lock(mutex);
    ++record.damaged;
    ++counters.damaged;
    if (findings.size() < options.max_findings) findings.push_back({clock.Now(), what});
  }

  void Advance(ChunkId last, std::uint64_t read_chunks, std::uint64_t read_bytes) {
    std::lock_guard lock(mutex);
    record.after = last;
    record.chunks += read_chunks;
    record.bytes += read_bytes;
    counters.chunks += read_chunks;
    counters.bytes += read_bytes;
  }

  Result<> ScrubAll(const std::stop_token& stop) {
    SegmentChunkStore::ScrubOptions scrub;
    {
      std::lock_guard lock(mutex);
      scrub.bytes_per_second = rate.value_or(options.bytes_per_second);
      scrub.after = record.after;
    }
    scrub.stop = stop;
    SteadyTime saved = clock.SteadyNow();
    scrub.progress = [&](ChunkId last, std::uint64_t read_chunks, std::uint64_t read_bytes) {
      Advance(last, read_chunks, read_bytes);
      if (clock.SteadyNow() - saved < kSaveInterval) return;
      saved = clock.SteadyNow();
      if (auto done = Save(); !done) {
        Log(LogLevel::kWarn, "scrub not written down", {{"error", done.error().ToString()}});
      }
    };
    auto read = chunks.Scrub(
        [this](ChunkId id, const Error& error) {
          Found("chunk " + std::to_string(id.session) + "." + std::to_string(id.sequence) + ": " +
                error.message());
        },
        std::move(scrub));
    FB_RETURN_IF_ERROR(read);
    if (stop.stop_requested()) return {};
    auto sound = kv.VerifyChecksums();
    if (!sound && sound.error().code() != Code::kCorruption) return sound;
    if (!sound) Found("metadata: " + sound.error().message());
    return {};
  }

  // One scrub, or the rest of one.
  void RunScrub(const std::stop_token& stop) {
    Result<> done = ScrubAll(stop);
    {
      std::lock_guard lock(mutex);
      const bool complete = done && !stop.stop_requested();
      if (complete || cancelled || !done) record.running = false;
      if (complete) {
        record.finished = clock.Now();
        ++counters.completed;
        Log(LogLevel::kInfo, "scrub complete",
            {{"chunks", record.chunks}, {"bytes", record.bytes}, {"damaged", record.damaged}});
      }
    }
    // The next one comes in its time: what cannot be read now is not read over and over.
    if (!done) Log(LogLevel::kError, "scrub ended early", {{"error", done.error().ToString()}});
    if (auto saved = Save(); !saved) {
      Log(LogLevel::kWarn, "scrub not written down", {{"error", saved.error().ToString()}});
    }
  }

  // mutex is held. How long until the next scrub is due; zero: it is, and never more than kLook.
  std::chrono::nanoseconds UntilDue() const {
    if (options.interval.count() == 0) return kLook;
    const WallTime last = std::max(record.finished, record.started);
    const WallTime due = last.ticks == 0 ? WallTime{} : last + options.interval;
    constexpr std::int64_t kLookTicks = kLook / 100ns;
    return 100ns * std::clamp<std::int64_t>(due.ticks - clock.Now().ticks, 0, kLookTicks);
  }

  void Loop(const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      const std::chrono::nanoseconds wait = UntilDue();
      if (!record.running && wait > 0ns) {
        wake.wait_for(lock, stop, wait, [this] { return record.running; });
        continue;
      }
      if (!record.running) BeginLocked(std::nullopt);
      scrub_stop = std::stop_source();
      std::stop_token scrub = scrub_stop.get_token();
      std::stop_callback both(stop, [source = scrub_stop] mutable { source.request_stop(); });
      if (cancelled) scrub_stop.request_stop();
      lock.unlock();
      RunScrub(scrub);
      lock.lock();
    }
  }
};

Scrubber::Scrubber(SegmentChunkStore& chunks, kv::Store& kv, Clock& clock, ScrubberOptions options)
    : impl_(std::make_unique<Impl>(chunks, kv, clock, options)) {}

Scrubber::~Scrubber() { Stop(); }

Result<> Scrubber::Load() {
  FB_ASSIGN_OR_RETURN(auto stored, impl_->kv.GetSnapshot()->Get(keys::kScrub));
  if (stored) {
    FB_ASSIGN_OR_RETURN(impl_->record, ScrubRecord::Decode(*stored));
  } else {
    // A new store: the first scrub is due one interval from here.
    impl_->record.started = impl_->clock.Now();
    FB_RETURN_IF_ERROR(impl_->Save());
  }
  return {};
}

void Scrubber::Start() {
  impl_->thread =
      std::jthread([impl = impl_.get()](const std::stop_token& stop) { impl->Loop(stop); });
}

void Scrubber::Stop() {
  if (!impl_->thread.joinable()) return;
  impl_->thread.request_stop();
  impl_->thread.join();
}

Result<> Scrubber::Begin(std::optional<std::uint64_t> bytes_per_second) {
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->record.running) return Fail(Code::kBusy, "A scrub is running already.");
    impl_->BeginLocked(bytes_per_second);
  }
  impl_->wake.notify_all();
  return {};
}

Result<> Scrubber::Cancel() {
  std::lock_guard lock(impl_->mutex);
  if (!impl_->record.running) return Fail(Code::kNotFound, "No scrub is running.");
  impl_->cancelled = true;
  impl_->scrub_stop.request_stop();
  return {};
}

ScrubState Scrubber::state() const {
  std::lock_guard lock(impl_->mutex);
  const ScrubRecord& record = impl_->record;
  return {.running = record.running,
          .started = record.started,
          .finished = record.finished,
          .chunks = record.chunks,
          .bytes = record.bytes,
          .damaged = record.damaged,
          .findings = impl_->findings};
}

ScrubCounters Scrubber::counters() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->counters;
}

}  // namespace forebay::chunk
