#include "vfs/look_ahead.h"

#include <algorithm>
#include <utility>

namespace forebay::vfs {

void LookAhead::Enter(SteadyTime now, std::chrono::milliseconds age) {
  if (began_ != SteadyTime() && now - began_ < age) return;
  if (skip_ > 0) {
    --skip_;
  } else if (looked_up_ * kWanted < listed_) {
    LeaveAlone();
  } else if (listed_ > 0) {
    alone_ = 0;
  }
  began_ = now;
  asked_ = looked_up_ = listed_ = 0;
  after_.clear();
  all_ = false;
}

void LookAhead::LeaveAlone() { skip_ = alone_ = std::min(2 * alone_ + 1, kLeftAlone); }

void LookAhead::LookedUp(bool asked, SteadyTime now, std::chrono::milliseconds age) {
  Enter(now, age);
  ++looked_up_;
  if (asked) ++asked_;
}

std::optional<LookAhead::Page> LookAhead::Next(SteadyTime now, std::chrono::milliseconds age) {
  Enter(now, age);
  if (listing_ || all_ || skip_ > 0 || asked_ < kAsked) return std::nullopt;
  const std::size_t worth = looked_up_ * kPerName;
  if (worth < listed_ + kLeast) return std::nullopt;
  listing_ = true;
  return Page{after_, std::min(worth - listed_, kMost)};
}

void LookAhead::Listed(std::size_t entries, std::string next) {
  listing_ = false;
  listed_ += entries;
  all_ = next.empty();
  after_ = std::move(next);
}

void LookAhead::Failed() {
  listing_ = false;
  all_ = true;
  LeaveAlone();
  ++skip_;  // what is left of the present time is over at the next Enter
}

}  // namespace forebay::vfs
