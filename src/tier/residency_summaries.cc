#include "tier/residency_summaries.h"

#include <algorithm>

namespace forebay::tier {
namespace {

// A count is told for so many times what it cost, but not for longer than this.
constexpr int kWorth = 20;
constexpr std::chrono::minutes kOldest{10};

}  // namespace

std::optional<KnownResidency> ResidencySummaries::KnownLocked(const Entry& entry) const {
  if (!entry.counts) return std::nullopt;
  return KnownResidency{*entry.counts, std::chrono::duration_cast<std::chrono::seconds>(
                                           std::chrono::steady_clock::now() - entry.counted)};
}

Task<std::optional<KnownResidency>> ResidencySummaries::Of(OpContext context,
                                                           engine::ContainerTarget target,
                                                           std::uint64_t generation,
                                                           std::chrono::milliseconds patience) {
  const Key key{target.account.name.str(), target.container.str()};
  const SteadyTime now = std::chrono::steady_clock::now();
  std::shared_ptr<Event> event;
  bool begin = false;
  {
    std::lock_guard lock(mutex_);
    Entry& entry = entries_[key];
    if (entry.generation != generation) {
      entry = Entry();
      entry.generation = generation;
    }
    const auto fresh_for = std::min<std::chrono::nanoseconds>(entry.cost * kWorth, kOldest);
    if (entry.counts && now - entry.counted < fresh_for) co_return KnownLocked(entry);
    begin = !entry.under_way;
    if (begin) entry.under_way = std::make_shared<Event>();
    event = entry.under_way;
  }
  if (begin && !loop_.Spawn(Run(key, std::move(target), generation, event))) co_return std::nullopt;
  context.deadline = std::min(context.deadline, now + patience);
  (void)co_await event->Wait(context);
  std::lock_guard lock(mutex_);
  const Entry& entry = entries_[key];
  co_return entry.generation == generation ? KnownLocked(entry) : std::nullopt;
}

Task<> ResidencySummaries::Run(Key key, engine::ContainerTarget target, std::uint64_t generation,
                               std::shared_ptr<Event> done) {
  OpContext context;
  context.cancel = loop_.token();
  const SteadyTime begun = std::chrono::steady_clock::now();
  auto counts = co_await count_(context, std::move(target));
  {
    std::lock_guard lock(mutex_);
    Entry& entry = entries_[key];
    if (entry.generation == generation) {
      entry.under_way.reset();
      entry.counted = std::chrono::steady_clock::now();
      entry.cost = entry.counted - begun;
      if (counts) {
        entry.counts = std::move(*counts);
      } else {
        entry.counts.reset();
      }
    }
  }
  done->Set();
  co_return Result<>{};
}

}  // namespace forebay::tier
