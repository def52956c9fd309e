// Who drains a container's change log: of several processes on one store, one.
//
// The lease is a record of the store (meta/lease.h) with an owner, a token that grows with each
// owner (the epoch), and a time at which it ends. Three things keep a second one out:
//  - nothing is sent without a lease that still runs by this process's own clock (`holds`);
//  - each transaction that settles what was sent asks for the token (`Check`), so that who lost the
//    lease without noticing, in a long pause, writes nothing any more;
//  - what such a process still has on the wire is conditional on the ETag it saw, and the new owner
//    recognises it as ours, as after a crash.
// A process that ends gives the lease back (`Release`); one that was killed lets it run out, or
// ends it at its next start (meta::EndLeases), where the store is its own.
//
// Thread safe; Keep is not run twice at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "meta/ids.h"
#include "meta/lease.h"

namespace forebay::tier {

class OffloadLease {
 public:
  // `owner`: of the process, not 0. Services outlive it.
  OffloadLease(engine::Services& services, meta::ContainerId container, std::uint64_t owner,
               std::chrono::milliseconds duration);

  // Takes the lease or renews it, where a third of it has passed. kLocked: another process has it.
  // kStale: this one had it, and another took it meanwhile: what it knows of the log is old.
  Task<> Keep(OpContext context);
  // True while nobody else can have it.
  bool holds() const;
  // Whether Keep would do something.
  bool due() const;
  // In every transaction that settles: kStale where another process has taken it.
  Result<> Check(const kv::Reader& reader) const;
  // So that another process need not wait. Blocks; only once nothing is under way.
  void Release();

 private:
  engine::Services& services_;
  const std::string job_;
  const std::uint64_t owner_;
  const std::chrono::milliseconds duration_;
  std::atomic<std::uint64_t> token_{0};  // 0: never held
  std::atomic<SteadyTime::rep> taken_{0};
};

}  // namespace forebay::tier
