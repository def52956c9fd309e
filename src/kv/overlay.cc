#include "kv/overlay.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/codec.h"

namespace forebay::kv {

namespace {

std::int64_t SaturatingAdd(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? std::numeric_limits<std::int64_t>::max()
               : std::numeric_limits<std::int64_t>::min();
}

constexpr std::size_t kSequenceBytes = 8;

}  // namespace

std::string EncodeCounter(std::int64_t value) {
  return Encoder().U64(static_cast<std::uint64_t>(value)).Take();
}

Result<std::optional<std::string>> OverlayTransaction::Get(Space space,
                                                           std::string_view key) const {
  if (space == Space::kMeta && counters_.contains(key)) {
    return Fail(Code::kInternal, "A transaction read a counter that it had added to.");
  }
  if (const auto* found = changes_.Find(space, key)) return *found;
  return base_.Get(space, key);
}

std::unique_ptr<Iterator> OverlayTransaction::Scan(Space space, std::string_view begin,
                                                   std::string_view end) const {
  HiddenKeyFn hidden;
  if (space == Space::kMeta) {
    hidden = [this](std::string_view from) -> std::optional<std::string_view> {
      auto it = counters_.lower_bound(from);
      if (it == counters_.end()) return std::nullopt;
      return it->first;
    };
  }
  return ScanChanges(changes_, space, begin, end, base_.Scan(space, begin, end), std::move(hidden));
}

void OverlayTransaction::Break(std::string message) {
  if (!broken_) broken_ = Error(Code::kLimitExceeded, std::move(message));
}

bool OverlayTransaction::Admit(std::size_t key_bytes, std::size_t value_bytes) {
  if (key_bytes > kMaxKeyBytes) Break("A key is longer than 4 KiB.");
  if (value_bytes > kMaxValueBytes) Break("A value is larger than 256 KiB.");
  return !broken_;
}

void OverlayTransaction::CheckTotals() {
  if (changes_.keys() + counters_.size() + appends_.size() > kMaxTransactionKeys) {
    Break("A transaction writes more than 1,000 keys.");
  }
  if (changes_.bytes() + other_bytes_ > kMaxTransactionBytes) {
    Break("A transaction writes more than 1 MiB.");
  }
}

void OverlayTransaction::Put(Space space, std::string_view key, std::string_view value) {
  if (!Admit(key.size(), value.size())) return;
  if (space == Space::kMeta) {
    if (auto it = counters_.find(key); it != counters_.end()) counters_.erase(it);
  }
  changes_.Put(space, key, std::string(value));
  CheckTotals();
}

void OverlayTransaction::Erase(Space space, std::string_view key) {
  if (!Admit(key.size(), 0)) return;
  if (space == Space::kMeta) {
    if (auto it = counters_.find(key); it != counters_.end()) counters_.erase(it);
  }
  changes_.Erase(space, key);
  CheckTotals();
}

void OverlayTransaction::DeleteRange(Space space, std::string_view begin, std::string_view end) {
  if (!Admit(std::max(begin.size(), end.size()), 0)) return;
  if (!end.empty() && begin >= end) return;
  if (space == Space::kMeta) {
    auto last = end.empty() ? counters_.end() : counters_.lower_bound(end);
    counters_.erase(counters_.lower_bound(begin), last);
  }
  changes_.DeleteRange(space, begin, end);
  CheckTotals();
}

void OverlayTransaction::Count(std::string_view key, CounterStep step) {
  if (!Admit(key.size(), sizeof(step.operand))) return;
  auto it = counters_.find(key);
  if (it == counters_.end()) {
    it = counters_.emplace(std::string(key), std::vector<CounterStep>{}).first;
    other_bytes_ += key.size() + sizeof(step.operand);
  }
  auto& steps = it->second;
  if (!steps.empty() && steps.back().is_max == step.is_max) {
    auto& last = steps.back().operand;
    last = step.is_max ? std::max(last, step.operand) : SaturatingAdd(last, step.operand);
  } else {
    steps.push_back(step);
    if (steps.size() > kMaxTransactionKeys) Break("Too many steps on one counter.");
  }
  CheckTotals();
}

void OverlayTransaction::Add(std::string_view key, std::int64_t delta) {
  Count(key, {.is_max = false, .operand = delta});
}

void OverlayTransaction::Max(std::string_view key, std::int64_t value) {
  Count(key, {.is_max = true, .operand = value});
}

void OverlayTransaction::Append(std::string_view prefix, std::string_view value) {
  if (!Admit(prefix.size() + kSequenceBytes, value.size())) return;
  appends_.push_back({std::string(prefix), std::string(value)});
  other_bytes_ += prefix.size() + kSequenceBytes + value.size();
  CheckTotals();
}

bool OverlayTransaction::makes_room() const {
  if (makes_room_) return true;
  if (!counters_.empty() || !appends_.empty()) return false;
  return std::ranges::none_of(std::array{Space::kMeta, Space::kInline}, [this](Space space) {
    return std::ranges::any_of(changes_.points(space),
                               [](const auto& point) { return point.second.has_value(); });
  });
}

Result<> OverlayTransaction::Check() const {
  if (broken_) return Fail(*broken_);
  return {};
}

Result<std::string> OverlayTransaction::FoldCounter(const std::string& key,
                                                    const std::vector<CounterStep>& steps) const {
  std::optional<std::string> stored;
  if (const auto* found = changes_.Find(Space::kMeta, key)) {
    stored = *found;
  } else {
    FB_ASSIGN_OR_RETURN(stored, base_.Get(Space::kMeta, key));
  }
  if (stored && stored->size() != sizeof(std::int64_t)) {
    return Fail(Code::kCorruption, "A counter's stored value is not 8 bytes.");
  }
  std::int64_t value = CounterValue(stored);
  for (const auto& step : steps) {
    // A counter that does not exist is 0 for both kinds.
    value = step.is_max ? std::max(value, step.operand) : SaturatingAdd(value, step.operand);
  }
  return EncodeCounter(value);
}

Result<> OverlayTransaction::Fold(ChangeSet& out, std::uint64_t* next_append) {
  FB_RETURN_IF_ERROR(Check());
  // All reads come before the first write, so that a failed read leaves nothing behind.
  std::vector<std::pair<std::string, std::string>> folded;
  folded.reserve(counters_.size());
  for (const auto& [key, steps] : counters_) {
    FB_ASSIGN_OR_RETURN(std::string value, FoldCounter(key, steps));
    folded.emplace_back(key, std::move(value));
  }
  out.MergeFrom(std::move(changes_));
  for (auto& [key, value] : folded) out.Put(Space::kMeta, key, std::move(value));
  for (auto& [prefix, value] : appends_) {
    std::string key = std::move(prefix);
    key += KeyBuilder().U64((*next_append)++).Take();
    out.Put(Space::kMeta, key, std::move(value));
  }
  counters_.clear();
  appends_.clear();
  return {};
}

}  // namespace forebay::kv
