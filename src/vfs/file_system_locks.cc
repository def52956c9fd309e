// Record locks and flocks. A server with sessions decides; without one they hold within the mount.
#include <algorithm>

#include "base/log.h"
#include "vfs/file_system_impl.h"

namespace forebay::vfs {
namespace {

// The server waits on our behalf, fairly; we look in between whether the caller still does.
constexpr std::chrono::milliseconds kWaitStep{5000};
// The one session of a mount, where locks are kept here.
constexpr std::uint64_t kHere = 0;

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
    FB_CO_ASSIGN_OR_RETURN(FileRef where, table.Where(node));
    auto done = co_await remote.Lock(context, std::move(where), range,
                                     wait ? kWaitStep : std::chrono::milliseconds(0));
    if (done) {
      NoteLock(inode, range);
      co_return Result<>();
    }
    FB_CO_RETURN_IF_ERROR(context.Check());
    if (!wait || done.error().code() != Code::kLockConflict) co_return done;
  }
}

Task<> FileSystem::Lock(OpContext context, HandleId handle, LockRange range, bool wait) {
  FB_CO_ASSIGN_OR_RETURN(const auto open, impl_->FileOf(handle));
  // Whoever waits for a lock waits as long as it takes; the time-out is for servers that are away.
  if (!wait) context = impl_->Bounded(context);
  if (impl_->traits.locks) {
    // What was written under a lock is there for whoever gets it next, and who gets one sees what
    // was written under it before: SQLite and others keep the file open all the while.
    const bool unlock = range.kind == LockKind::kUnlock;
    if (unlock && open->file->State().dirty) {
      FB_CO_RETURN_IF_ERROR(co_await open->file->Flush(context));
      impl_->Adopt(open->node, *open->file);
    }
    FB_CO_RETURN_IF_ERROR(co_await impl_->LockThere(context, open->node, range, wait));
    if (!unlock) FB_CO_RETURN_IF_ERROR(co_await impl_->Refresh(context, open->node));
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
  {
    std::lock_guard lock(mutex);
    const auto found = locks.find(inode);
    if (found == locks.end()) co_return Result<>();
    const bool any = std::ranges::any_of(found->second.held(), [&](const FileLocks::Held& held) {
      return held.range.owner == owner && held.range.whole_file == whole_file;
    });
    if (!any) co_return Result<>();
  }
  LockRange all;
  all.owner = owner;
  all.kind = LockKind::kUnlock;
  all.whole_file = whole_file;
  if (traits.locks) co_return co_await LockThere(context, node, all, false);
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
