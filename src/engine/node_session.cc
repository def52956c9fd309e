#include "engine/node_session.h"

#include <algorithm>
#include <memory>

#include "async/sleep.h"
#include "base/codec.h"
#include "engine/get_container.h"
#include "engine/look_up.h"
#include "engine/read_gate.h"
#include "engine/release_node.h"
#include "meta/keys.h"
#include "meta/node_keys.h"
#include "meta/nodes.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// A file that is forgotten writes a handful of keys.
constexpr std::size_t kNodesPerStep = 50;
constexpr std::size_t kMaxOwnerBytes = 256;

Task<> TransactLazily(Services& services, OpContext context, kv::TransactionFn fn) {
  for (int attempt = 0;; ++attempt) {
    auto done = co_await services.store.Transact(fn, kv::Durability::kLazy);
    if (done || done.error().code() != Code::kNameUnknown || attempt == kMaxLookUps) co_return done;
    FB_CO_RETURN_IF_ERROR(co_await LookUpName(services, context, std::move(done.error())));
  }
}

std::unexpected<Error> Expired() {
  return Fail(Code::kSessionExpired, "The session is unknown or has run out.");
}

Result<std::optional<meta::SessionRecord>> Load(const kv::Reader& reader,
                                                meta::ContainerId container,
                                                std::uint64_t session) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Session(container, session)));
  if (!stored) return std::optional<meta::SessionRecord>();
  FB_ASSIGN_OR_RETURN(meta::SessionRecord record, meta::DecodeSession(*stored));
  return std::optional(std::move(record));
}

bool Runs(const Services& services, const meta::SessionRecord& record) {
  if (record.ends.ticks == 0) return false;  // ended by its owner
  const WallTime grace = services.started + std::chrono::seconds(record.seconds);
  return std::max(record.ends, grace) > services.clock.Now();
}

// Takes the session's locks on the file away.
Result<> DropLocks(kv::Transaction& txn, meta::ContainerId container, meta::InodeId inode,
                   std::uint64_t session) {
  const std::string key = keys::Locks(container, inode);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) return {};
  FB_ASSIGN_OR_RETURN(std::vector<meta::FileLock> locks, meta::DecodeLocks(*stored));
  if (std::erase_if(locks, [&](const auto& lock) { return lock.session == session; }) == 0) {
    return {};
  }
  if (locks.empty()) {
    txn.Erase(key);
  } else {
    txn.Put(key, meta::EncodeLocks(locks));
  }
  return {};
}

Result<bool> HasLocks(const kv::Reader& reader, meta::ContainerId container, meta::InodeId inode,
                      std::uint64_t session) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Locks(container, inode)));
  if (!stored) return false;
  FB_ASSIGN_OR_RETURN(const auto locks, meta::DecodeLocks(*stored));
  return std::ranges::any_of(locks, [&](const auto& lock) { return lock.session == session; });
}

Result<azure::PosixAttributes> Hold(Services& services, kv::Transaction& txn,
                                    const HoldRequest& request, WallTime now) {
  FB_ASSIGN_OR_RETURN(Node node, FindNode(txn, request.target));
  const meta::ContainerId container = node.container.id;
  FB_ASSIGN_OR_RETURN(const auto attributes, AttributesOf(txn, node, /*with_target=*/false));
  if (node.record.directory) return attributes;
  txn.MakesRoom();  // also taking a hold: an open file is not unlinked without
  if (!request.release) {
    FB_RETURN_IF_ERROR(RequireSession(services, txn, container, request.session));
    FB_RETURN_IF_ERROR(GivePlace(services, txn, request.target, node));
    PutHold(txn, container, node.inode, request.session);
    return attributes;
  }
  txn.Erase(keys::Hold(container, node.inode, request.session));
  FB_ASSIGN_OR_RETURN(const bool locked, HasLocks(txn, container, node.inode, request.session));
  if (!locked) txn.Erase(keys::SessionNode(container, request.session, node.inode));
  FB_RETURN_IF_ERROR(FreeIfForgotten(services.chunks, txn, container, node.inode, now));
  return attributes;
}

// Locks of sessions that are over are nobody's.
Result<std::vector<meta::FileLock>> LiveLocks(const Services& services, const kv::Reader& reader,
                                              meta::ContainerId container, meta::InodeId inode,
                                              std::uint64_t own) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Locks(container, inode)));
  std::vector<meta::FileLock> live;
  if (!stored) return live;
  FB_ASSIGN_OR_RETURN(const auto locks, meta::DecodeLocks(*stored));
  std::optional<std::pair<std::uint64_t, bool>> last;
  for (const meta::FileLock& lock : locks) {
    if (lock.session != own && (!last || last->first != lock.session)) {
      FB_ASSIGN_OR_RETURN(const bool alive, IsAlive(services, reader, container, lock.session));
      last = {lock.session, alive};
    }
    if (lock.session == own || last->second) live.push_back(lock);
  }
  return live;
}

Result<> Lock(Services& services, kv::Transaction& txn, const LockRequest& request) {
  FB_ASSIGN_OR_RETURN(Node node, FindNode(txn, request.target));
  const meta::ContainerId container = node.container.id;
  const std::uint64_t session = request.lock.session;
  if (request.action == LockAction::kUnlock) {
    txn.MakesRoom();
  } else {
    FB_RETURN_IF_ERROR(RequireSession(services, txn, container, session));
  }
  FB_ASSIGN_OR_RETURN(auto locks, LiveLocks(services, txn, container, node.inode, session));
  if (ConflictOf(locks, request.lock, request.action) != nullptr) {
    return Fail(Code::kLockConflict, "Somebody else holds a lock in the range.");
  }
  ApplyLock(locks, request.lock, request.action);
  if (locks.size() > kMaxLocks) {
    return Fail(Code::kOutOfRangeInput, "A file has at most 1,000 locked ranges.");
  }
  const std::string key = keys::Locks(container, node.inode);
  if (locks.empty()) {
    txn.Erase(key);
    return {};
  }
  if (!node.record.directory) FB_RETURN_IF_ERROR(GivePlace(services, txn, request.target, node));
  txn.Put(key, meta::EncodeLocks(locks));
  txn.Put(keys::SessionNode(container, session, node.inode), "");
  return {};
}

}  // namespace

const meta::FileLock* ConflictOf(const std::vector<meta::FileLock>& locks,
                                 const meta::FileLock& wanted, LockAction action) {
  if (action == LockAction::kUnlock) return nullptr;
  for (const meta::FileLock& lock : locks) {
    if (lock.family != wanted.family || lock.SameOwner(wanted)) continue;
    if (lock.end <= wanted.start || wanted.end <= lock.start) continue;
    if (lock.exclusive || action == LockAction::kExclusive) return &lock;
  }
  return nullptr;
}

void ApplyLock(std::vector<meta::FileLock>& locks, const meta::FileLock& lock, LockAction action) {
  std::vector<meta::FileLock> rest;
  meta::FileLock added = lock;
  added.exclusive = action == LockAction::kExclusive;
  for (const meta::FileLock& old : locks) {
    if (!old.SameOwner(lock) || old.end < added.start || added.end < old.start) {
      rest.push_back(old);
      continue;
    }
    const bool merges = action != LockAction::kUnlock && old.exclusive == added.exclusive;
    if (merges) {
      added.start = std::min(added.start, old.start);
      added.end = std::max(added.end, old.end);
      continue;
    }
    // What of the old one lies before and behind the range stays as it was.
    if (old.start < added.start) {
      rest.push_back(old);
      rest.back().end = std::min(old.end, added.start);
    }
    if (old.end > added.end) {
      rest.push_back(old);
      rest.back().start = std::max(old.start, added.end);
    }
  }
  if (action != LockAction::kUnlock) rest.push_back(added);
  locks = std::move(rest);
}

Result<bool> IsAlive(const Services& services, const kv::Reader& reader,
                     meta::ContainerId container, std::uint64_t session) {
  FB_ASSIGN_OR_RETURN(const auto record, Load(reader, container, session));
  return record && Runs(services, *record);
}

Result<> RequireSession(const Services& services, const kv::Reader& reader,
                        meta::ContainerId container, std::uint64_t session) {
  FB_ASSIGN_OR_RETURN(const bool alive, IsAlive(services, reader, container, session));
  if (alive) return {};
  return Expired();
}

void PutHold(kv::Transaction& txn, meta::ContainerId container, meta::InodeId inode,
             std::uint64_t session) {
  txn.Put(keys::Hold(container, inode, session), "");
  txn.Put(keys::SessionNode(container, session, inode), "");
}

Result<bool> ForgetSessionStep(Services& services, kv::Transaction& txn,
                               meta::ContainerId container, std::uint64_t session, WallTime now) {
  std::vector<meta::InodeId> nodes;
  {
    const std::string prefix = keys::SessionNodesOf(container, session);
    const auto it = txn.Scan(prefix, PrefixEnd(prefix));
    for (; it->Valid() && nodes.size() < kNodesPerStep; it->Next()) {
      nodes.push_back(keys::InodeOfSessionNodeKey(it->key()));
    }
    FB_RETURN_IF_ERROR(it->status());
  }
  txn.MakesRoom();
  for (const meta::InodeId inode : nodes) {
    txn.Erase(keys::SessionNode(container, session, inode));
    txn.Erase(keys::Hold(container, inode, session));
    FB_RETURN_IF_ERROR(DropLocks(txn, container, inode, session));
    FB_RETURN_IF_ERROR(FreeIfForgotten(services.chunks, txn, container, inode, now));
  }
  if (nodes.size() == kNodesPerStep) return false;
  txn.Erase(keys::Session(container, session));
  return true;
}

Task<std::uint64_t> OpenSession(Services& services, OpContext context, OpenSessionRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  if (request.seconds < kMinSessionSeconds || request.seconds > kMaxSessionSeconds) {
    co_return Fail(Code::kOutOfRangeInput, "A session's lease runs for 10 to 300 seconds.");
  }
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
  meta::SessionRecord record;
  record.seconds = request.seconds;
  record.opened = services.clock.Now();
  record.ends = record.opened + std::chrono::seconds(request.seconds);
  record.owner = request.owner.substr(0, kMaxOwnerBytes);
  FB_CO_RETURN_IF_ERROR(co_await TransactLazily(
      services, context,
      [target = request.container, record, id](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const auto container,
                            RequireContainer(txn, target.account.name, target.container));
        txn.MakesRoom();  // who is to delete through a mount needs one
        txn.Put(keys::Session(container.id, id), meta::Encode(record));
        return {};
      }));
  co_return id;
}

Task<> RenewSession(Services& services, OpContext context, ContainerTarget target,
                    std::uint64_t session) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await TransactLazily(
      services, context, [&services, target, session](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const auto container,
                            RequireContainer(txn, target.account.name, target.container));
        FB_ASSIGN_OR_RETURN(auto record, Load(txn, container.id, session));
        if (!record || !Runs(services, *record)) return Expired();
        record->ends = services.clock.Now() + std::chrono::seconds(record->seconds);
        txn.MakesRoom();  // what a mount holds must not be lost for want of room
        txn.Put(keys::Session(container.id, session), meta::Encode(*record));
        return {};
      });
}

Task<> EndSession(Services& services, OpContext context, ContainerTarget target,
                  std::uint64_t session) {
  for (auto done = std::make_shared<bool>(false); !*done;) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_RETURN_IF_ERROR(co_await TransactLazily(
        services, context, [&services, target, session, done](kv::Transaction& txn) -> Result<> {
          *done = true;
          FB_ASSIGN_OR_RETURN(const auto container,
                              RequireContainer(txn, target.account.name, target.container));
          FB_ASSIGN_OR_RETURN(auto record, Load(txn, container.id, session));
          if (!record) return {};
          FB_ASSIGN_OR_RETURN(
              *done, ForgetSessionStep(services, txn, container.id, session, services.clock.Now()));
          if (*done) return {};
          record->ends = {};
          txn.Put(keys::Session(container.id, session), meta::Encode(*record));
          return {};
        }));
  }
  co_return Result<>();
}

Task<azure::PosixAttributes> HoldNode(Services& services, OpContext context, HoldRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  // Shared, because the store may still run the function when this coroutine is gone.
  const auto out = std::make_shared<azure::PosixAttributes>();
  FB_CO_RETURN_IF_ERROR(
      co_await TransactLazily(services, context,
                              [&services, request = std::move(request), now = services.clock.Now(),
                               out](kv::Transaction& txn) -> Result<> {
                                FB_ASSIGN_OR_RETURN(*out, Hold(services, txn, request, now));
                                return {};
                              }));
  co_return std::move(*out);
}

Task<std::optional<meta::FileLock>> TestLock(Services& services, OpContext context,
                                             LockRequest request) {
  co_return co_await ReadMeta(
      services,
      [&services, request](const kv::Reader& reader) -> Result<std::optional<meta::FileLock>> {
        FB_ASSIGN_OR_RETURN(const Node node, FindNode(reader, request.target));
        FB_ASSIGN_OR_RETURN(const auto locks, LiveLocks(services, reader, node.container.id,
                                                        node.inode, request.lock.session));
        const meta::FileLock* conflict = ConflictOf(locks, request.lock, request.action);
        return conflict == nullptr ? std::nullopt : std::optional(*conflict);
      },
      context);
}

Task<> LockNode(Services& services, OpContext context, LockRequest request) {
  constexpr std::chrono::milliseconds kFirstPause{4};
  constexpr std::chrono::milliseconds kLongestPause{100};
  // Waits are the machine's time, whatever clock the service has.
  const SteadyTime end =
      Clock::System().SteadyNow() + std::min<std::chrono::milliseconds>(request.wait, kMaxLockWait);
  std::chrono::milliseconds pause = kFirstPause;
  while (true) {
    auto done = co_await TransactLazily(
        services, context,
        [&services, request](kv::Transaction& txn) { return Lock(services, txn, request); });
    if (done || done.error().code() != Code::kLockConflict) co_return done;
    // Looking costs no transaction.
    for (bool taken = true; taken;) {
      const SteadyTime now = Clock::System().SteadyNow();
      if (now >= end) co_return done;
      const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(end - now);
      FB_CO_RETURN_IF_ERROR(
          co_await SleepFor(std::min<std::chrono::nanoseconds>(pause, left), context));
      pause = std::min(pause * 2, kLongestPause);
      FB_CO_ASSIGN_OR_RETURN(const auto conflict, co_await TestLock(services, context, request));
      taken = conflict.has_value();
    }
  }
}

}  // namespace forebay::engine
