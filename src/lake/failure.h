// What a failed call of the lake means for whoever made it. Pure, thread safe.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/error.h"

namespace forebay::lake {

enum class Failure : std::uint8_t {
  kRetryable,         // the lake had a bad moment (500, 503 …): later the same call may succeed
  kThrottled,         // the same, and it asked us to slow down: Error::retry_after()
  kUnreachable,       // no connection, no answer in time: count it for the circuit breaker
  kUnknownOutcome,    // a write may or may not have happened: lake/recognize.h
  kNotFound,          // the blob, path or source is not there
  kContainerMissing,  // the container is not there, or is being deleted
  kPrecondition,      // a condition does not hold: somebody else changed it
  kArchived,          // the bytes are in the archive, or on their way out
  kLeased,            // somebody's lease is in the way
  kConflict,          // the lake's state forbids it (blob type, snapshots, pending copy, path …)
  kForbidden,         // credentials wrong, expired, too weak, or not readable here
  kClockSkew,         // the clocks differ too much for signatures
  kInvalidBlocks,     // a staged block of the list is gone: send it again
  kCorrupt,           // bytes that do not match what was promised
  kStopped,           // our own deadline or cancellation
  kRejected,          // anything else: a request that this lake will never take
};
std::string_view FailureName(Failure failure);  // "retryable"

Failure Classify(const Error& error);

// True where the same call may succeed later without anyone changing anything.
bool IsTransient(Failure failure);

// True where another blob would fare no better now: the lake as a whole does not do what we ask, or
// we have stopped. What is wrong with one blob is not. Of kUnknownOutcome the caller decides.
bool ConcernsWholeLake(Failure failure);

}  // namespace forebay::lake
