// Flush Path: what was appended becomes part of the file, up to a position that becomes its length.
//
// The appended pieces must follow each other without a gap from the file's present length to the
// position; what lies beyond it is dropped, or kept for a later flush (`retain_uncommitted`). Bytes
// do not move. A small flush of a body that nobody shares extends it in place, so that a log that
// is flushed often does not cost its length each time; any other makes a new body as Put Block List
// does. Readers keep the length that they began with. Bytes that only a lake has are fetched first.
// Errors: kContainerNotFound, kBlobNotFound,
// kPathConflict (a directory), kConditionNotMet, kInvalidFlushPosition, kBlobArchived, kNoSpace,
// those of a lease, kUnauthorizedBlobOverwrite (`only_if_empty`), kServerBusy (appends that race
// with it, for too long), kOperationTimedOut (engine/acknowledge.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

// HTTP headers that a request sets; what it does not name stays. An empty text clears.
struct HttpHeaderChanges {
  std::optional<std::string> content_type;
  std::optional<std::string> content_encoding;
  std::optional<std::string> content_language;
  std::optional<std::string> cache_control;
  std::optional<std::string> content_disposition;
  std::optional<std::string> content_md5;  // 16 raw bytes, or empty

  void ApplyTo(azure::BlobHttpHeaders& headers) const;
};

// What a flush does with a lease besides checking it (x-ms-lease-action).
enum class FlushLease : std::uint8_t { kNone, kAcquire, kRenew, kRelease, kAcquireRelease };

struct FlushPathRequest {
  BlobTarget target;
  azure::Conditions conditions;
  std::uint64_t position = 0;
  bool retain_uncommitted = false;
  bool only_if_empty = false;  // the caller may fill a new file, and change no other
  HttpHeaderChanges http;
  FlushLease lease = FlushLease::kNone;
  std::string proposed_lease_id;
  std::int32_t lease_seconds = 0;
};
struct FlushPathResult {
  Changed changed;
  std::uint64_t length = 0;
};

Task<FlushPathResult> FlushPath(Services& services, OpContext context, FlushPathRequest request);

}  // namespace forebay::engine
