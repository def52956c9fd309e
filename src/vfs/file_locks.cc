#include "vfs/file_locks.h"

#include <algorithm>
#include <limits>

namespace forebay::vfs {
namespace {

constexpr std::uint64_t kEnd = std::numeric_limits<std::uint64_t>::max();

std::uint64_t EndOf(const LockRange& range) {
  if (range.whole_file || range.length == 0) return kEnd;
  return range.length > kEnd - range.offset ? kEnd : range.offset + range.length;
}
std::uint64_t BeginOf(const LockRange& range) { return range.whole_file ? 0 : range.offset; }

bool Overlap(const LockRange& a, const LockRange& b) {
  return a.whole_file == b.whole_file && BeginOf(a) < EndOf(b) && BeginOf(b) < EndOf(a);
}

void SetSpan(LockRange& range, std::uint64_t begin, std::uint64_t end) {
  range.offset = begin;
  range.length = end == kEnd ? 0 : end - begin;
}

}  // namespace

std::optional<FileLocks::Held> FileLocks::Conflict(std::uint64_t session,
                                                   const LockRange& range) const {
  if (range.kind == LockKind::kUnlock) return std::nullopt;
  for (const Held& held : held_) {
    const bool own = held.session == session && held.range.owner == range.owner;
    const bool both_shared =
        held.range.kind == LockKind::kShared && range.kind == LockKind::kShared;
    if (!own && !both_shared && Overlap(held.range, range)) return held;
  }
  return std::nullopt;
}

void FileLocks::Cut(std::uint64_t session, const LockRange& range) {
  std::vector<Held> rest;
  for (Held& held : held_) {
    const bool own = held.session == session && held.range.owner == range.owner;
    if (!own || !Overlap(held.range, range)) {
      rest.push_back(held);
      continue;
    }
    const std::uint64_t begin = BeginOf(held.range);
    const std::uint64_t end = EndOf(held.range);
    if (begin < BeginOf(range)) {
      rest.push_back(held);
      SetSpan(rest.back().range, begin, BeginOf(range));
    }
    if (EndOf(range) < end) {
      rest.push_back(held);
      SetSpan(rest.back().range, EndOf(range), end);
    }
  }
  held_ = std::move(rest);
}

// Neighbours of one kind become one, so that locking byte after byte does not pile up.
void FileLocks::Merge() {
  std::ranges::sort(held_, [](const Held& a, const Held& b) {
    const auto key = [](const Held& h) {
      return std::tuple(h.session, h.range.owner, h.range.whole_file, BeginOf(h.range));
    };
    return key(a) < key(b);
  });
  std::vector<Held> merged;
  for (const Held& held : held_) {
    if (!merged.empty()) {
      Held& last = merged.back();
      if (last.session == held.session && last.range.owner == held.range.owner &&
          last.range.whole_file == held.range.whole_file && last.range.kind == held.range.kind &&
          EndOf(last.range) >= BeginOf(held.range)) {
        SetSpan(last.range, BeginOf(last.range), std::max(EndOf(last.range), EndOf(held.range)));
        continue;
      }
    }
    merged.push_back(held);
  }
  held_ = std::move(merged);
}

bool FileLocks::Set(std::uint64_t session, const LockRange& range) {
  if (Conflict(session, range)) return false;
  Cut(session, range);
  if (range.kind != LockKind::kUnlock) {
    held_.push_back({session, range});
    if (range.whole_file) SetSpan(held_.back().range, 0, kEnd);
  }
  Merge();
  return true;
}

void FileLocks::DropOwner(std::uint64_t session, LockOwner owner, bool whole_file) {
  std::erase_if(held_, [&](const Held& held) {
    return held.session == session && held.range.owner == owner &&
           held.range.whole_file == whole_file;
  });
}

void FileLocks::DropSession(std::uint64_t session) {
  std::erase_if(held_, [&](const Held& held) { return held.session == session; });
}

}  // namespace forebay::vfs
