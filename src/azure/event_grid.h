// Event Grid's webhook: what Azure posts when a blob of the lake changes.
//
// Two forms of body, told apart by their members: Event Grid's own (an array of events) and
// CloudEvents 1.0 (one event, or an array). Before it sends events Azure wants to know that the
// address agrees: a SubscriptionValidationEvent whose code must be echoed, or an OPTIONS request
// for CloudEvents.
//
// Events are hints, neither ordered nor complete, and come from the network: they say which name to
// look at again. Types that are not about blobs are skipped, not refused, since Azure adds types as
// it likes. Pure functions; errors are kInvalidInput with the place in the document. Fuzzed:
// event_grid_fuzz.cc.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azure/names.h"
#include "azure/wire.h"
#include "base/clock.h"
#include "base/result.h"

namespace forebay::azure {

inline constexpr std::size_t kMaxEventBodyBytes = 1024 * 1024;  // Event Grid sends no more
inline constexpr std::size_t kMaxEventsPerBody = 5'000;

enum class BlobEventKind : std::uint8_t {
  kCreated,
  kDeleted,
  kRenamed,  // `from` is where it was
  kTierChanged,
  kDirectoryCreated,
  kDirectoryDeleted,  // with all below it
  kDirectoryRenamed,
  kExpired,  // deleted by BlobExpired of hierarchical accounts or by an expiry time
};

struct BlobEvent {
  BlobEventKind kind = BlobEventKind::kCreated;
  std::string account;  // of the topic or source, where it names one
  ContainerName container;
  BlobName name;
  BlobName from;  // renames; in the same container
  ETag etag;      // may be empty
  std::string sequencer;
  std::string api;  // "PutBlockList"
  std::optional<std::uint64_t> length;
  std::optional<WallTime> time;
};

struct EventBatch {
  // Set for a handshake: answer 200 with ValidationAnswer(code).
  std::optional<std::string> validation_code;
  std::vector<BlobEvent> events;
  std::size_t skipped = 0;  // of other types
};

Result<EventBatch> ParseEventBatch(std::string_view body);
// {"validationResponse": "…"}
std::string ValidationAnswer(std::string_view code);

// The OPTIONS request of CloudEvents: the headers of the answer. `allowed_host` is the only origin
// that is let in
// ("eventgrid.azure.net"). kMissingRequiredHeader, kAuthorizationFailure.
Result<OwnedHeaders> AnswerWebhookOptions(HeaderSpan headers, std::string_view allowed_host);

// Which of two events of one blob name is the later. The service says: compare as strings; where
// the lengths differ the shorter is padded with zeros on the left. unordered where either is empty.
std::partial_ordering CompareSequencers(std::string_view a, std::string_view b);

}  // namespace forebay::azure
