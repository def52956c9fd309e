#include "tier/eviction_policy.h"

#include <algorithm>

namespace forebay::tier {
namespace {

// Found by the simulation of eviction_simulation_test.cc; docs/adr/0093 says how much each matters.
constexpr EvictionTick kTicksPerCapacity = 65'536;
constexpr EvictionTick kSameUse = kTicksPerCapacity / 256;
constexpr std::uint64_t kProbationShare = 50;  // one part in
constexpr std::size_t kSample = 16;
constexpr std::uint64_t kLuckyOneIn = 16;
constexpr std::uint64_t kFaster = 4;
constexpr std::uint64_t kForgottenAfter = 4;    // of the gaps that were expected
constexpr std::uint64_t kUnprovenPatience = 2;  // of the newcomer's gap
constexpr double kUsualGapInertia = 2.0;        // epochs

constexpr int kSlower = 1;
constexpr int kUnproven = 2;
constexpr int kOverdue = 3;

}  // namespace

EvictionPolicy::EvictionPolicy(std::uint64_t capacity, std::uint64_t seed)
    : bytes_per_tick_(std::max<std::uint64_t>(capacity / kTicksPerCapacity, 1)),
      same_use_(static_cast<EvictionTick>(
          std::min<std::uint64_t>(kSameUse, capacity / 256 / bytes_per_tick_))),
      random_(seed) {}

void EvictionPolicy::Advance(std::uint32_t bytes) {
  remainder_ += bytes;
  now_ += static_cast<EvictionTick>(remainder_ / bytes_per_tick_);
  remainder_ %= bytes_per_tick_;
}

// splitmix64: cheap, and any seed will do.
std::uint64_t EvictionPolicy::Random() {
  random_ += 0x9E3779B97F4A7C15ULL;
  std::uint64_t z = random_;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

void EvictionPolicy::NoteReturn(EvictionEntry& entry, EvictionTick away) {
  entry.gap = entry.gap.Follow(Gap::FromTicks(away));
  entry.returns = static_cast<std::uint8_t>(std::min(entry.returns + 1, 2));
}

// A fading mean, divided by the weight that it has, so that the first few gaps already count in
// full.
void EvictionPolicy::NoteUsualGap(double gap, double weight) {
  const double share = std::min(weight, 1.0);
  gap_sum_ += (gap - gap_sum_) * share;
  gap_weight_ += (1.0 - gap_weight_) * share;
}

double EvictionPolicy::usual_gap() const {
  return gap_weight_ > 0.0 ? gap_sum_ / gap_weight_ : 0.0;
}

void EvictionPolicy::Add(const EvictionKey& key, std::uint32_t bytes) {
  if (auto found = table_.Find(key)) {
    table_.Resize(key, found->entry->bytes + bytes);
    Advance(bytes);
    return;
  }
  EvictionEntry entry{.key = key, .bytes = bytes, .last = now_, .gap = {}, .returns = 0};
  if (auto ghost = ghosts_.Take(key)) {
    entry.gap = ghost->gap;
    entry.returns = ghost->returns;
    NoteReturn(entry, now_ - ghost->last);
  }
  table_.Insert(EvictionList::kProbation, entry);
  Advance(bytes);
}

bool EvictionPolicy::Touch(const EvictionKey& key) {
  auto found = table_.Find(key);
  if (!found) return false;
  EvictionEntry& entry = *found->entry;
  const EvictionTick away = now_ - entry.last;
  if (away < same_use_) return false;
  const Gap before = entry.gap;
  NoteReturn(entry, away);
  const bool changed = entry.gap != before;
  entry.last = now_;
  if (found->list == EvictionList::kMain) {
    // An entry that comes back every g adds its gap with weight g: so each entry, not each touch,
    // counts the same, and a few hot ones do not make the many slow ones look overdue.
    const double main_ticks = static_cast<double>(table_.bytes(EvictionList::kMain)) /
                              static_cast<double>(bytes_per_tick_);
    const double entry_ticks =
        static_cast<double>(entry.bytes) / static_cast<double>(bytes_per_tick_);
    const double gap = static_cast<double>(entry.gap.ticks());
    const double weight = static_cast<double>(away) * entry_ticks /
                          (main_ticks * kUsualGapInertia * std::max(usual_gap(), gap));
    NoteUsualGap(gap, weight);
  }
  Advance(entry.bytes);
  return changed;
}

bool EvictionPolicy::Remove(const EvictionKey& key) { return table_.Remove(key).has_value(); }

bool EvictionPolicy::SetPinned(const EvictionKey& key, bool pinned) {
  auto found = table_.Find(key);
  if (!found) return false;
  if ((found->list == EvictionList::kPinned) == pinned) return true;
  const EvictionEntry entry = *table_.Remove(key);
  table_.Insert(pinned ? EvictionList::kPinned : EvictionList::kMain, entry);
  return true;
}

// The age of an entry is not kept over a restart: it starts as just touched, so nothing is overdue
// before its gap has passed once more. A known gap that is 0 steps cannot be, so 0 is "no hint".
void EvictionPolicy::Restore(const EvictionKey& key, std::uint32_t bytes, EvictionHint hint) {
  if (auto found = table_.Find(key)) {
    if (found->entry->bytes < bytes) table_.Resize(key, bytes);
    return;
  }
  EvictionEntry entry{.key = key, .bytes = bytes, .last = now_, .gap = Gap::FromStored(hint)};
  entry.returns = entry.gap.known() ? 2 : 0;
  if (entry.gap.known()) {
    // In the end the mean of the hints: as good as the figure that the last process had.
    const double share = 1.0 / static_cast<double>(table_.count(EvictionList::kMain) + 1);
    NoteUsualGap(static_cast<double>(entry.gap.ticks()), share);
  }
  table_.Insert(EvictionList::kMain, entry);
}

EvictionHint EvictionPolicy::HintOf(const EvictionKey& key) {
  auto found = table_.Find(key);
  return found ? found->entry->gap.stored() : EvictionHint{0};
}

std::uint64_t EvictionPolicy::candidate_bytes() const {
  return table_.bytes(EvictionList::kProbation) + table_.bytes(EvictionList::kMain);
}

std::uint64_t EvictionPolicy::usual_gap_bytes() const {
  return static_cast<std::uint64_t>(usual_gap()) * bytes_per_tick_;
}

// How long an entry may stay away before it is overdue. A newcomer that never came back itself is
// no reason to give up something that did: then it must be as good as forgotten.
std::uint64_t EvictionPolicy::PatienceFor(const EvictionEntry& entry,
                                          const EvictionEntry& newcomer) const {
  const std::uint64_t expected =
      std::max(entry.gap.ticks(), static_cast<std::uint64_t>(usual_gap()));
  return newcomer.gap.known() ? expected + expected / 2 : expected * kForgottenAfter;
}

EvictionPolicy::Rival EvictionPolicy::Judge(const EvictionEntry& incumbent,
                                            const EvictionEntry& newcomer, bool lucky) const {
  Rival rival{.entry = incumbent};
  const std::uint64_t away = now_ - incumbent.last;
  if (incumbent.gap.known()) {
    const std::uint64_t patience = PatienceFor(incumbent, newcomer);
    if (away > patience) {
      rival.grade = kOverdue;
      rival.overdue = static_cast<double>(away) / static_cast<double>(patience + 1);
    } else if (newcomer.returns >= 2 && newcomer.gap.ticks() * kFaster < incumbent.gap.ticks()) {
      rival.grade = kSlower;
      rival.overdue = static_cast<double>(incumbent.gap.ticks());
    }
  } else if (lucky || (newcomer.gap.known() && away > newcomer.gap.ticks() * kUnprovenPatience)) {
    rival.grade = kUnproven;
    rival.overdue = lucky ? 0.0 : static_cast<double>(away);
  }
  return rival;
}

bool EvictionPolicy::MakeRoomFor(const EvictionEntry& newcomer, std::uint64_t main_room,
                                 std::size_t max, std::vector<EvictionEntry>& out) {
  if (newcomer.bytes > main_room) return false;
  const bool lucky = !newcomer.gap.known() && Random() % kLuckyOneIn == 0;
  while (table_.bytes(EvictionList::kMain) + newcomer.bytes > main_room) {
    if (out.size() >= max) return false;
    Rival least;
    for (std::size_t i = 0; i < kSample; ++i) {
      const std::size_t pick = Random() % table_.count(EvictionList::kMain);
      const Rival rival = Judge(table_.Main(pick), newcomer, lucky);
      if (rival.grade > least.grade ||
          (rival.grade == least.grade && rival.overdue > least.overdue)) {
        least = rival;
      }
    }
    if (least.grade == 0) return false;
    table_.Remove(least.entry.key);
    GiveUp(least.entry, out);
  }
  return true;
}

// Main is larger than its room (the room shrank): something must go, whatever it is worth.
std::optional<EvictionEntry> EvictionPolicy::LeastOfSample() {
  const std::size_t count = table_.count(EvictionList::kMain);
  if (count == 0) return std::nullopt;
  const EvictionEntry* least = nullptr;
  double worst = -1.0;
  for (std::size_t i = 0; i < kSample; ++i) {
    const EvictionEntry& entry = table_.Main(Random() % count);
    const std::uint64_t away = now_ - entry.last;
    const double overdue = entry.gap.known()
                               ? static_cast<double>(std::max(away, entry.gap.ticks()))
                               : static_cast<double>(away) + 2.0 * usual_gap();
    if (overdue > worst) {
      worst = overdue;
      least = &entry;
    }
  }
  return table_.Remove(least->key);
}

void EvictionPolicy::GiveUp(const EvictionEntry& entry, std::vector<EvictionEntry>& out) {
  ghosts_.Put(entry, now_);
  out.push_back(entry);
}

std::vector<EvictionEntry> EvictionPolicy::Evict(std::uint64_t target, std::size_t max) {
  std::vector<EvictionEntry> out;
  ghosts_.Reserve(table_.size());
  const std::uint64_t probation_room = target / kProbationShare;
  const std::uint64_t main_room = target - probation_room;
  while (candidate_bytes() > target && out.size() < max) {
    const bool probation_is_full = table_.bytes(EvictionList::kProbation) > probation_room;
    if (!probation_is_full) {
      auto entry = LeastOfSample();
      if (!entry) break;
      GiveUp(*entry, out);
      continue;
    }
    // A copy: the table moves under the reference.
    const EvictionEntry newcomer = *table_.Oldest();
    table_.Remove(newcomer.key);
    if (MakeRoomFor(newcomer, main_room, max, out)) {
      table_.Insert(EvictionList::kMain, newcomer);
    } else {
      GiveUp(newcomer, out);
    }
  }
  return out;
}

void EvictionPolicy::PutBack(const EvictionEntry& entry) {
  if (table_.Find(entry.key)) return;
  (void)ghosts_.Take(entry.key);
  table_.Insert(EvictionList::kMain, entry);
}

}  // namespace forebay::tier
