#include "tier/import_estimate.h"

#include <algorithm>
#include <utility>

namespace forebay::tier {

void ImportEstimate::SetLevel(std::vector<std::string> directories,
                              std::vector<std::string> names) {
  directories_ = std::move(directories);
  plain_ = std::move(names);
  placed_ = false;
  done_ = 0;
}

void ImportEstimate::At(const std::string& last, std::uint64_t names) {
  names_ = names;
  if (directories_.empty()) return;
  std::size_t behind =
      static_cast<std::size_t>(std::ranges::upper_bound(directories_, last) - directories_.begin());
  // The one that it is in the middle of.
  if (behind > 0 && last.starts_with(directories_[behind - 1])) --behind;
  const bool ended = placed_ && behind > at_;
  at_ = behind;
  placed_ = true;
  if (!ended) return;
  const auto own =
      static_cast<std::uint64_t>(std::ranges::upper_bound(plain_, last) - plain_.begin());
  done_ = behind;
  in_done_ = names - std::min(own, names);
}

std::optional<std::uint64_t> ImportEstimate::expected() const {
  if (before_ && *before_ >= names_) return before_;
  if (done_ < kEnough) return std::nullopt;
  const double each = static_cast<double>(in_done_) / static_cast<double>(done_);
  const auto all =
      static_cast<std::uint64_t>(each * static_cast<double>(directories_.size())) + plain_.size();
  return std::max(all, names_);
}

}  // namespace forebay::tier
