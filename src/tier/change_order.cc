#include "tier/change_order.h"

#include <algorithm>
#include <iterator>

namespace forebay::tier {
namespace {

constexpr std::size_t kMaxNeighbours = 256;

}  // namespace

void ChangeOrder::Append(const Change& change) {
  Work work;
  work.out = ChangeWork{.last = change.number,
                        .kind = change.kind,
                        .parts = change.kind == ChangeKind::kWrite ? change.parts : ChangeParts{0},
                        .name = change.name,
                        .from = change.from,
                        .gone = {},
                        .swallowed = {}};
  work.first = work.lo = change.number;
  work.maybe_sent = change.maybe_sent;
  work.need = std::max(change.mark, barrier_);
  appended_ = change.number;
  if (change.kind == ChangeKind::kBarrier) {
    work.need = change.number - 1;
    barrier_ = change.number;
    barriers_.insert(change.number);
    Insert(std::move(work));
    return;
  }
  std::vector<std::string> own = {change.name};
  if (change.kind == ChangeKind::kRename) own.push_back(change.from);
  std::set<ChangeNumber> earlier;  // of these names
  for (const std::string& name : own) {
    if (auto it = names_.find(name); it != names_.end()) earlier.insert(it->second);
  }
  // First what it needs, then whom it may swallow: a swallow is judged by the final need.
  for (const ChangeNumber last : earlier) work.need = std::max(work.need, works_.at(last).lo);
  // The latest first: what it did to a name is what the earlier ones are combined with.
  for (auto it = earlier.rbegin(); it != earlier.rend(); ++it) {
    const Work& candidate = works_.at(*it);
    // Of a work that only moved something away from these names, the rest must still happen.
    const bool covered = std::ranges::find(own, candidate.out.name) != own.end();
    if (covered && CanSwallow(candidate, work)) Swallow(work, Erase(*it));
  }
  for (const std::string& name : own) names_[name] = change.number;
  work.names.insert(work.names.end(), own.begin(), own.end());
  if (ordering_ == Ordering::kRelaxed) work.lo = work.out.last;
  Insert(std::move(work));
}

void ChangeOrder::Insert(Work work) {
  const ChangeNumber last = work.out.last;
  // Names that came with what was swallowed, unless somebody else has touched them since.
  for (const std::string& name : work.names) names_.emplace(name, last);
  by_need_.emplace(work.need, last);
  by_lo_.emplace(work.lo, last);
  firsts_.insert(work.first);
  works_.emplace(last, std::move(work));
}

ChangeOrder::Work ChangeOrder::Erase(ChangeNumber last) {
  auto node = works_.extract(last);
  Work& work = node.mapped();
  by_need_.erase({work.need, last});
  by_lo_.erase(work.lo);
  firsts_.erase(work.first);
  barriers_.erase(last);
  for (const std::string& name : work.names) {
    if (auto it = names_.find(name); it != names_.end() && it->second == last) names_.erase(it);
  }
  return std::move(work);
}

bool ChangeOrder::CanSwallow(const Work& earlier, const Work& later) const {
  if (earlier.attempted || earlier.out.kind == ChangeKind::kBarrier) return false;
  if (barrier_ >= earlier.first) return false;  // a barrier lies between
  const bool plain = earlier.out.from.empty() && earlier.out.gone.empty();
  if (earlier.maybe_sent) {
    if (later.out.kind != ChangeKind::kWrite || !plain) return false;
    if ((earlier.out.parts & kAttributesPart) != 0) return false;
  }
  if (ordering_ == Ordering::kRelaxed) {
    // It moves behind all that was changed since, so nobody may have touched its names since.
    return std::ranges::all_of(earlier.names, [&](const std::string& name) {
      const auto it = names_.find(name);
      return it != names_.end() && it->second == earlier.out.last;
    });
  }
  const ChangeNumber lo = std::min(earlier.lo, later.lo);
  const ChangeNumber need = std::max(earlier.need, later.need);
  // Whoever needs `lo` has a number above it.
  std::size_t looked = 0;
  for (auto it = works_.upper_bound(lo); it != works_.end(); ++it) {
    if (&it->second == &earlier) continue;
    if (++looked > kMaxNeighbours) return false;
    if (it->second.need >= lo && need >= it->second.lo) return false;
  }
  return true;
}

void ChangeOrder::Swallow(Work& later, Work earlier) {
  later.first = std::min(later.first, earlier.first);
  later.lo = std::min(later.lo, earlier.lo);
  later.need = std::max(later.need, earlier.need);
  later.maybe_sent = later.maybe_sent || earlier.maybe_sent;
  Combine(later.out, earlier.out);
  std::vector<ChangeNumber>& swallowed = later.out.swallowed;
  swallowed.push_back(earlier.out.last);
  swallowed.insert(swallowed.end(), earlier.out.swallowed.begin(), earlier.out.swallowed.end());
  std::ranges::sort(swallowed);
  later.names.insert(later.names.end(), std::make_move_iterator(earlier.names.begin()),
                     std::make_move_iterator(earlier.names.end()));
}

// What both together do to the lake. Names that either made go away stay gone unless the later one
// writes them.
void ChangeOrder::Combine(ChangeWork& later, const ChangeWork& earlier) {
  const bool same_blob =
      earlier.name == (later.kind == ChangeKind::kRename ? later.from : later.name);
  std::vector<std::string> gone = later.gone;
  gone.insert(gone.end(), earlier.gone.begin(), earlier.gone.end());
  if (later.kind == ChangeKind::kRename && same_blob) {
    if (earlier.kind == ChangeKind::kWrite && (earlier.parts & kContentPart) != 0) {
      gone.push_back(later.from);
      later.kind = ChangeKind::kWrite;
      later.parts = kContentPart;
      later.from.clear();
    } else if (earlier.kind == ChangeKind::kRename) {
      gone.push_back(later.from);
      later.from = earlier.from;
      later.parts |= earlier.parts;
    } else {
      later.parts |= earlier.parts;
    }
  } else if (later.kind == ChangeKind::kWrite && (later.parts & kContentPart) == 0 && same_blob) {
    later.parts |= earlier.parts;
    if (earlier.kind == ChangeKind::kRename) {
      later.kind = ChangeKind::kRename;
      later.from = earlier.from;
    }
  } else if (earlier.kind == ChangeKind::kRename) {
    gone.push_back(earlier.from);  // moved away, and then replaced or deleted
  }
  std::erase(gone, later.name);
  if (later.kind == ChangeKind::kRename) std::erase(gone, later.from);
  std::ranges::sort(gone);
  gone.erase(std::unique(gone.begin(), gone.end()), gone.end());
  later.gone = std::move(gone);
}

bool ChangeOrder::MayStart(const Work& work) const {
  // The lowest place but its own.
  auto it = by_lo_.begin();
  if (it->second == work.out.last) ++it;
  return it == by_lo_.end() || it->first > work.need;
}

std::vector<ChangeWork> ChangeOrder::Start(std::size_t max) {
  std::vector<ChangeNumber> ready;
  // By rising need: the first that must wait ends it, save for the one that stands lowest.
  for (const auto& [need, last] : by_need_) {
    if (!MayStart(works_.at(last))) break;
    ready.push_back(last);
  }
  if (!by_lo_.empty()) {
    const Work& lowest = works_.at(by_lo_.begin()->second);
    if (!lowest.started && MayStart(lowest)) ready.push_back(lowest.out.last);
  }
  std::ranges::sort(ready);
  ready.erase(std::unique(ready.begin(), ready.end()), ready.end());
  if (ready.size() > max) ready.resize(max);
  std::vector<ChangeWork> out;
  for (const ChangeNumber last : ready) {
    Work& work = works_.at(last);
    work.started = work.attempted = true;
    by_need_.erase({work.need, last});
    out.push_back(work.out);
  }
  return out;
}

std::vector<ChangeWork> ChangeOrder::Ahead(std::size_t max) const {
  std::vector<ChangeWork> out;
  for (const auto& [need, last] : by_need_) {
    if (out.size() >= max) break;
    if (!barriers_.empty() && last >= *barriers_.begin()) continue;
    out.push_back(works_.at(last).out);
  }
  return out;
}

bool ChangeOrder::Done(ChangeNumber last) {
  const auto it = works_.find(last);
  if (it == works_.end() || !it->second.started) return false;
  (void)Erase(last);
  return true;
}

bool ChangeOrder::Failed(ChangeNumber last) {
  const auto it = works_.find(last);
  if (it == works_.end() || !it->second.started) return false;
  it->second.started = false;
  by_need_.emplace(it->second.need, last);
  return true;
}

bool ChangeOrder::Hold(const std::set<ChangeNumber>& changes, const std::set<ChangeNumber>& left) {
  const auto held = [&](ChangeNumber number) { return changes.contains(number); };
  const auto goes = [&](ChangeNumber number) { return held(number) || left.contains(number); };
  for (auto& [last, work] : works_) {
    const std::vector<ChangeNumber>& swallowed = work.out.swallowed;
    const bool any = held(last) || std::ranges::any_of(swallowed, held);
    if (!any || work.started) continue;
    if (!goes(last) || !std::ranges::all_of(swallowed, goes)) return false;
    work.attempted = true;
  }
  return true;
}

bool ChangeOrder::Withdraw(ChangeNumber last) {
  const auto it = works_.find(last);
  if (it == works_.end() || it->second.started) return false;
  (void)Erase(last);
  return true;
}

std::vector<ChangeWork> ChangeOrder::Waiting() const {
  std::vector<ChangeWork> out;
  for (const auto& [last, work] : works_) {
    if (!work.started) out.push_back(work.out);
  }
  return out;
}

ChangeNumber ChangeOrder::visible_up_to() const {
  return firsts_.empty() ? appended_ : *firsts_.begin() - 1;
}

}  // namespace forebay::tier
