#include "vfs/lazy_marks.h"

#include <algorithm>

#include "azure/wire.h"

namespace forebay::vfs {
namespace {

// As many as a server takes at once. More starts of it than these without a sync in between are
// not met in practice; the oldest are left out, whose loss the others' tells as well.
constexpr std::size_t kMost = 16;

}  // namespace

void LazyMarks::Note(std::string_view mark) {
  const std::size_t slash = mark.find('/');
  if (slash == std::string_view::npos) return;
  const auto count = azure::ParseUint(mark.substr(slash + 1));
  if (!count) return;
  std::lock_guard lock(mutex_);
  std::uint64_t& known = pending_[std::string(mark.substr(0, slash))];
  known = std::max(known, *count);
  if (pending_.size() > kMost) pending_.erase(pending_.begin());
}

LazyMarks::Pending LazyMarks::Get() const {
  std::lock_guard lock(mutex_);
  return pending_;
}

void LazyMarks::Settle(const Pending& pending) {
  for (const auto& [start, count] : pending) SettleStart(pending, start);
}

void LazyMarks::SettleStart(const Pending& pending, std::string_view start) {
  const auto covered = pending.find(std::string(start));
  if (covered == pending.end()) return;
  std::lock_guard lock(mutex_);
  const auto known = pending_.find(covered->first);
  if (known != pending_.end() && known->second <= covered->second) pending_.erase(known);
}

std::string LazyMarks::ToLine(const Pending& pending) {
  std::string line;
  for (const auto& [start, count] : pending) {
    if (!line.empty()) line += ',';
    line += start + "/" + std::to_string(count);
  }
  return line;
}

}  // namespace forebay::vfs
