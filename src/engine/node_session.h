// Sessions of mounts: a lease, under which a mount holds open files and locks them. What a dead
// mount had falls free when its lease has run out (docs/posix-extensions.md).
//
// Sessions, holds and locks are records, so they outlive the server; a lease then goes on from its
// start. Changes of them are lazy: durable with the next change that is. Where the metadata disk is
// full all of them go on but new locks (kv::Transaction::MakesRoom): through mounts it is emptied,
// too.
// Errors: kContainerNotFound, kSessionExpired, those of engine/node.h; kLockConflict,
// kOutOfRangeInput (more than kMaxLocks ranges, or a lease out of bounds).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "async/context.h"
#include "engine/node.h"
#include "engine/services.h"
#include "meta/session_records.h"

namespace forebay::engine {

inline constexpr std::uint32_t kMinSessionSeconds = 10;
inline constexpr std::uint32_t kMaxSessionSeconds = 300;
inline constexpr std::size_t kMaxLocks = 1'000;  // of a file
inline constexpr std::chrono::seconds kMaxLockWait{30};

struct OpenSessionRequest {
  ContainerTarget container;
  std::uint32_t seconds = 60;
  std::string owner;  // for administrators; cut to 256 bytes
};
// The session's number.
Task<std::uint64_t> OpenSession(Services& services, OpContext context, OpenSessionRequest request);
Task<> RenewSession(Services& services, OpContext context, ContainerTarget container,
                    std::uint64_t session);
// Frees all that it has. No error where it is over already.
Task<> EndSession(Services& services, OpContext context, ContainerTarget container,
                  std::uint64_t session);

struct HoldRequest {
  NodeTarget target;
  std::uint64_t session = 0;
  bool release = false;
};
// A hold keeps the file's content and number without a name. Directories need none, and have none.
Task<azure::PosixAttributes> HoldNode(Services& services, OpContext context, HoldRequest request);

enum class LockAction : std::uint8_t { kShared, kExclusive, kUnlock };
struct LockRequest {
  NodeTarget target;
  LockAction action = LockAction::kShared;
  meta::FileLock lock;  // `exclusive` follows the action
  std::chrono::milliseconds wait{0};
};
// kLockConflict once the wait is over.
Task<> LockNode(Services& services, OpContext context, LockRequest request);
// A lock in the way; nullopt: none.
Task<std::optional<meta::FileLock>> TestLock(Services& services, OpContext context,
                                             LockRequest request);

// In a transaction or on a snapshot. kSessionExpired.
Result<> RequireSession(const Services& services, const kv::Reader& reader,
                        meta::ContainerId container, std::uint64_t session);
Result<bool> IsAlive(const Services& services, const kv::Reader& reader,
                     meta::ContainerId container, std::uint64_t session);
void PutHold(kv::Transaction& txn, meta::ContainerId container, meta::InodeId inode,
             std::uint64_t session);

// Some of what a session that is over had; true when nothing is left, the session neither. For the
// sweeper, and EndSession.
Result<bool> ForgetSessionStep(Services& services, kv::Transaction& txn,
                               meta::ContainerId container, std::uint64_t session, WallTime now);

// The range's locks of its owner become what the action says, and neighbours are merged. Pure.
void ApplyLock(std::vector<meta::FileLock>& locks, const meta::FileLock& lock, LockAction action);
// The first of another owner that is in the way; null: none. Pure.
const meta::FileLock* ConflictOf(const std::vector<meta::FileLock>& locks,
                                 const meta::FileLock& wanted, LockAction action);

}  // namespace forebay::engine
