// Record locks and flocks. A server with sessions decides; without one they hold within the mount.
#include <algorithm>
#include <limits>

#include "async/sleep.h"
#include "base/log.h"
#include "vfs/file_system_impl.h"

namespace forebay::vfs {
namespace {

// The server waits on our behalf; we look in between whether the caller still does. Its answer is
// waited for even when he does not: a lock that was granted without our hearing would be nobody's.
constexpr std::chrono::milliseconds kWaitStep{1000};
constexpr std::chrono::milliseconds kAnswerTime{4000};
// How long who gives up waits for the server to hear of it.
constexpr std::chrono::milliseconds kPutRightTime{2000};
constexpr std::chrono::milliseconds kPause{20};
constexpr std::uint64_t kEnd = std::numeric_limits<std::uint64_t>::max();
// The one session of a mount, where locks are kept here.
constexpr std::uint64_t kHere = 0;

OpContext Within(std::chrono::milliseconds time, SteadyTime latest) {
  return {.request_id = {},
          .deadline = std::min(latest, std::chrono::steady_clock::now() + time),
          .cancel = {}};
}

std::uint64_t EndOf(const LockRange& range) {
  return range.whole_file || range.length == 0 ? kEnd : range.offset + range.length;
}

LockRange Between(LockRange range, LockKind kind, std::uint64_t begin, std::uint64_t end) {
  range.kind = kind;
  range.offset = begin;
  range.length = end == kEnd ? 0 : end - begin;
  return range;
}

}  // namespace

void FileSystem::Impl::NoteLock(InodeNumber inode, const LockRange& range) {
  std::lock_guard lock(mutex);
  FileLocks& mine = locks[inode];
  // The server has granted it, so that nothing of ours is in the way but what it has dropped.
  while (const auto stale = mine.Conflict(kHere, range)) {
    mine.DropOwner(kHere, stale->range.owner, stale->range.whole_file);
  }
  mine.Set(kHere, range);
  if (mine.empty()) locks.erase(inode);
}

Task<> FileSystem::Impl::LockHere(OpContext context, NodePtr node, LockRange range, bool wait) {
  const InodeNumber inode = InodeTable::NumberOf(node);
  for (;;) {
    std::shared_ptr<Event> change;  // what we wait for
    std::shared_ptr<Event> wake;    // who waits for us
    {
      std::lock_guard lock(mutex);
      FileLocks& mine = locks[inode];
      if (!mine.Set(kHere, range)) {
        if (!wait) co_return Fail(Code::kLockConflict, "Somebody else holds the lock.");
        change = unlocked;
      } else {
        if (mine.empty()) locks.erase(inode);
        // A lock that became weaker lets others in as well as one that went.
        if (range.kind != LockKind::kExclusive) {
          wake = std::exchange(unlocked, std::make_shared<Event>());
        }
      }
    }
    if (wake != nullptr) wake->Set();
    if (change == nullptr) co_return Result<>();
    FB_CO_RETURN_IF_ERROR(co_await change->Wait(context));
  }
}

Task<> FileSystem::Impl::LockThere(OpContext context, NodePtr node, LockRange range, bool wait) {
  const InodeNumber inode = InodeTable::NumberOf(node);
  for (;;) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_ASSIGN_OR_RETURN(FileRef where, table.Where(node));
    const auto step = wait ? kWaitStep : std::chrono::milliseconds(0);
    auto done = co_await remote.Lock(Within(step + kAnswerTime, context.deadline), std::move(where),
                                     range, step);
    if (done) {
      NoteLock(inode, range);
      co_return Result<>();
    }
    const Code code = done.error().code();
    const bool doubtful = code == Code::kDeadlineExceeded || code == Code::kUnknownOutcome ||
                          code == Code::kNetwork || code == Code::kConnectionClosed;
    if (!doubtful && (!wait || code != Code::kLockConflict)) co_return done;
    auto wanted = context.Check();
    if (wanted && doubtful) wanted = co_await SleepFor(kPause, context);
    if (wanted) continue;  // the same once more: an owner's own lock is not in his way
    if (doubtful) {
      NoteDoubt(node, range);
      (void)co_await PutRight(Within(kPutRightTime, SteadyTime::max()), node, range);
    }
    co_return wanted;
  }
}

void FileSystem::Impl::NoteDoubt(NodePtr node, const LockRange& range) {
  const InodeNumber inode = InodeTable::NumberOf(node);
  std::lock_guard lock(mutex);
  auto [doubt, fresh] =
      doubts.try_emplace({inode, range.owner, range.whole_file}, Doubt{std::move(node), range});
  if (fresh) return;
  LockRange& known = doubt->second.range;
  known = Between(known, LockKind::kUnlock, std::min(known.offset, range.offset),
                  std::max(EndOf(known), EndOf(range)));
}

Task<> FileSystem::Impl::PutRight(OpContext context, NodePtr node, LockRange range) {
  const InodeNumber inode = InodeTable::NumberOf(node);
  std::vector<LockRange> steps;
  {
    std::lock_guard lock(mutex);
    std::vector<LockRange> mine;
    if (const auto found = locks.find(inode); found != locks.end()) {
      for (const FileLocks::Held& held : found->second.held()) {
        const bool same = held.range.owner == range.owner;
        if (same && held.range.whole_file == range.whole_file) mine.push_back(held.range);
      }
    }
    std::ranges::sort(mine, {}, &LockRange::offset);
    std::uint64_t at = range.whole_file ? 0 : range.offset;
    const std::uint64_t end = EndOf(range);
    for (const LockRange& held : mine) {
      const std::uint64_t from = std::max(at, held.offset), to = std::min(end, EndOf(held));
      if (from >= to) continue;
      if (at < from) steps.push_back(Between(range, LockKind::kUnlock, at, from));
      steps.push_back(Between(range, held.kind, from, to));
      at = to;
    }
    if (at < end) steps.push_back(Between(range, LockKind::kUnlock, at, end));
  }
  Result<> first;
  for (const LockRange& step : steps) {
    FB_CO_ASSIGN_OR_RETURN(FileRef where, table.Where(node));
    auto done = co_await remote.Lock(context, std::move(where), step, {});
    // What cannot be had any more was lost with the session, and is told there.
    if (!done && done.error().code() != Code::kLockConflict && first) first = std::move(done);
  }
  if (!first) co_return first;
  std::lock_guard lock(mutex);
  doubts.erase({inode, range.owner, range.whole_file});
  co_return Result<>();
}

Task<> FileSystem::Impl::SettleDoubts(OpContext context) {
  std::vector<Doubt> open;
  {
    std::lock_guard lock(mutex);
    for (const auto& [key, doubt] : doubts) open.push_back(doubt);
  }
  for (const Doubt& doubt : open) {
    const auto done = co_await PutRight(context, doubt.node, doubt.range);
    FB_CO_RETURN_IF_ERROR(context.Check());
    if (done || !IsNotFound(done.error())) continue;
    std::lock_guard lock(mutex);  // the file is gone, and its locks with it
    doubts.erase({InodeTable::NumberOf(doubt.node), doubt.range.owner, doubt.range.whole_file});
  }
  co_return Result<>();
}

Task<> FileSystem::Lock(OpContext context, HandleId handle, LockRange range, bool wait) {
  FB_CO_ASSIGN_OR_RETURN(const auto open, impl_->FileOf(handle));
  // Whoever waits for a lock waits as long as it takes; the time-out is for servers that are away.
  if (!wait) context = impl_->Bounded(context);
  if (!range.whole_file) {
    std::lock_guard lock(impl_->mutex);
    open->lockers.insert(range.owner);
  }
  if (impl_->traits.locks) {
    // What was written under a lock is there for whoever gets it next, and who gets one sees what
    // was written under it before: SQLite and others keep the file open all the while.
    const bool unlock = range.kind == LockKind::kUnlock;
    if (unlock && open->file->State().dirty) {
      FB_CO_RETURN_IF_ERROR(co_await open->file->Flush(context));
      impl_->Adopt(open->node, *open->file);
    }
    FB_CO_RETURN_IF_ERROR(co_await impl_->LockThere(context, open->node, range, wait));
    if (!unlock) {
      open->file->Follow();
      FB_CO_RETURN_IF_ERROR(co_await impl_->Refresh(context, open->node));
    }
    co_return Result<>();
  }
  co_return co_await impl_->LockHere(context, open->node, range, wait);
}

Task<std::optional<LockRange>> FileSystem::TestLock(OpContext context, HandleId handle,
                                                    LockRange range) {
  FB_CO_ASSIGN_OR_RETURN(const auto open, impl_->FileOf(handle));
  if (impl_->traits.locks) {
    FB_CO_ASSIGN_OR_RETURN(FileRef where, impl_->table.Where(open->node));
    co_return co_await impl_->remote.TestLock(impl_->Bounded(context), std::move(where), range);
  }
  std::lock_guard lock(impl_->mutex);
  const auto found = impl_->locks.find(InodeTable::NumberOf(open->node));
  if (found == impl_->locks.end()) co_return std::optional<LockRange>();
  const auto held = found->second.Conflict(kHere, range);
  if (!held) co_return std::optional<LockRange>();
  co_return std::optional<LockRange>(held->range);
}

Task<> FileSystem::Impl::DropLocks(OpContext context, NodePtr node, LockOwner owner,
                                   bool whole_file) {
  const InodeNumber inode = InodeTable::NumberOf(node);
  LockRange all;
  all.owner = owner;
  all.kind = LockKind::kUnlock;
  all.whole_file = whole_file;
  {
    std::lock_guard lock(mutex);
    const auto found = locks.find(inode);
    const bool any = found != locks.end() &&
                     std::ranges::any_of(found->second.held(), [&](const FileLocks::Held& held) {
                       return held.range.owner == owner && held.range.whole_file == whole_file;
                     });
    if (!any && !doubts.contains({inode, owner, whole_file})) co_return Result<>();
    if (traits.locks) {
      // The owner is gone, whatever becomes of the question; until it is answered there is doubt.
      if (found != locks.end()) {
        found->second.DropOwner(kHere, owner, whole_file);
        if (found->second.empty()) locks.erase(found);
      }
      doubts.insert_or_assign({inode, owner, whole_file}, Doubt{node, all});
    }
  }
  if (traits.locks) co_return co_await PutRight(context, node, all);
  co_return co_await LockHere(context, node, all, false);
}

// After the session was lost: what cannot be had again is somebody else's now.
Task<> FileSystem::Impl::TakeEverythingAgain(OpContext context) {
  std::vector<std::pair<InodeNumber, LockRange>> wanted;
  {
    std::lock_guard lock(mutex);
    for (const auto& [inode, mine] : locks) {
      for (const FileLocks::Held& held : mine.held()) wanted.emplace_back(inode, held.range);
    }
  }
  std::size_t lost = 0;
  for (const auto& [inode, range] : wanted) {
    const auto node = table.Find(inode);
    if (!node) continue;
    const auto again = co_await LockThere(context, *node, range, false);
    if (again) continue;
    FB_CO_RETURN_IF_ERROR(context.Check());
    ++lost;
    LockRange drop = range;
    drop.kind = LockKind::kUnlock;
    NoteLock(inode, drop);
  }
  if (lost > 0) {
    Log(LogLevel::kError, "Locks were lost with the mount's session", {{"locks", lost}});
  }
  for (const NodePtr& node : table.OpenNodes()) {
    if (!table.UnmarkHeld(node)) continue;
    auto where = table.Where(node);
    if (where && co_await remote.Hold(context, std::move(*where))) table.MarkHeld(node);
  }
  co_return Result<>();
}

}  // namespace forebay::vfs
