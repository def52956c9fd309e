#include "tier/delete_guard.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/units.h"

namespace forebay::tier {
namespace {

constexpr std::int64_t kSlices = 60;

}  // namespace

DeleteGuard::DeleteGuard(const DeleteGuardOptions& options) : options_(options) {}

std::int64_t DeleteGuard::SliceOf(WallTime now) const {
  const std::int64_t ticks =
      std::max<std::int64_t>(options_.window.count() * WallTime::kTicksPerSecond / kSlices, 1);
  return now.ticks / ticks;
}

void DeleteGuard::DropOldSlices(WallTime now) {
  const std::int64_t oldest = SliceOf(now) - kSlices;
  while (!slices_.empty() && slices_.front().index < oldest) slices_.pop_front();
}

std::uint64_t DeleteGuard::in_window(WallTime now) const {
  const std::int64_t oldest = SliceOf(now) - kSlices;
  std::uint64_t sum = 0;
  for (const Slice& slice : slices_) {
    if (slice.index >= oldest) sum += slice.deletes;
  }
  return sum;
}

std::optional<std::string> DeleteGuard::Objection(const DeleteDemand& demand, WallTime now) const {
  const std::uint64_t gone = in_window(now) + std::max(demand.waiting, demand.deletes);
  if (options_.per_window != 0 && gone > options_.per_window) {
    return std::to_string(gone) + " deletes within " + FormatDuration(options_.window) +
           " would reach the lake; the limit is " + std::to_string(options_.per_window) + ".";
  }
  const double before = static_cast<double>(gone) + static_cast<double>(demand.blobs_left);
  const double share = static_cast<double>(gone) / before;
  if (options_.share < 1.0 && gone >= options_.share_from && share > options_.share) {
    const auto percent = [](double part) {
      return std::to_string(static_cast<std::int64_t>(std::llround(part * 100))) + " %";
    };
    return std::to_string(gone) + " deletes, " + percent(share) +
           " of the container, would reach the lake within " + FormatDuration(options_.window) +
           "; the limit is " + percent(options_.share) + ".";
  }
  return std::nullopt;
}

DeleteVerdict DeleteGuard::Ask(const DeleteDemand& demand, WallTime now) {
  if (paused_) {
    paused_->waiting = std::max(demand.waiting, demand.deletes);
    return DeleteVerdict::kPaused;
  }
  if (demand.deletes <= agreed_) {
    agreed_ -= demand.deletes;
    return DeleteVerdict::kAllowed;
  }
  DropOldSlices(now);
  if (auto objection = Objection(demand, now)) {
    paused_ = DeletePause{now, std::move(*objection), std::max(demand.waiting, demand.deletes)};
    return DeleteVerdict::kPaused;
  }
  const std::int64_t slice = SliceOf(now);
  // A clock that steps back adds to the newest slice: its deletes are never forgotten early.
  if (slices_.empty() || slices_.back().index < slice) slices_.push_back({slice, 0});
  slices_.back().deletes += demand.deletes;
  return DeleteVerdict::kAllowed;
}

bool DeleteGuard::Approve(std::uint64_t agreed) {
  if (!paused_) return false;
  agreed_ = agreed;
  paused_.reset();
  slices_.clear();
  return true;
}

void DeleteGuard::Pause(std::string reason, WallTime now) {
  if (!paused_) paused_ = DeletePause{now, std::move(reason), 0};
}

DeleteGuard::Saved DeleteGuard::Save(WallTime now) const {
  return {paused_, in_window(now), now, agreed_};
}

void DeleteGuard::Restore(const Saved& saved) {
  paused_ = saved.paused;
  agreed_ = saved.agreed;
  slices_.clear();
  if (saved.in_window != 0) slices_.push_back({SliceOf(saved.saved_at), saved.in_window});
}

}  // namespace forebay::tier
