// Conditional headers: parsed once, evaluated inside the engine against what is there.
//
// Rules: "Specify conditional headers for Blob service operations" of the REST reference. Pure,
// thread safe (fuzzed: headers_fuzz.cc).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "azure/names.h"
#include "azure/properties.h"
#include "azure/tag_expression.h"
#include "azure/wire.h"
#include "base/clock.h"
#include "base/result.h"

namespace forebay::azure {

struct ETagCondition {
  bool any = false;         // "*"
  std::vector<ETag> etags;  // without quotes
};

struct Conditions {
  std::optional<ETagCondition> if_match;
  std::optional<ETagCondition> if_none_match;
  std::optional<WallTime> if_modified_since;    // whole seconds
  std::optional<WallTime> if_unmodified_since;  // whole seconds
  std::optional<TagCondition> if_tags;
  std::optional<std::string> lease_id;  // x-ms-lease-id; never part of empty()
  // Copy Blob, whose copy may outlast any lease that runs out: kInfiniteLeaseRequired for the id of
  // one. Never part of empty().
  bool infinite_lease = false;

  // True when there is no condition at all.
  bool empty() const;
};

// If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since, x-ms-if-tags, x-ms-lease-id.
// kInvalidHeaderValue. A date that does not parse is an error, as Azure has it.
Result<Conditions> ConditionsFrom(HeaderSpan headers);
// x-ms-source-if-match, -none-match, -modified-since, -unmodified-since, -tags;
// x-ms-source-lease-id.
Result<Conditions> SourceConditionsFrom(HeaderSpan headers);

// What conditions are checked against. Absent: the blob does not exist.
struct ConditionSubject {
  ETag etag;
  WallTime last_modified;
  const Tags* tags = nullptr;  // null: no tags
};

// Reads (Get Blob, Get Blob Properties …): any combination of headers; kNotModified (304) when
// If-None-Match or If-Modified-Since fails, kConditionNotMet (412) for the others,
// kUnsatisfiableCondition (400) for If-None-Match: *. The subject exists.
Result<> CheckRead(const Conditions& conditions, const ConditionSubject& subject);

// Writes: kConditionNotMet (412), and kBlobAlreadyExists (409) for If-None-Match: * on one that
// exists. On an absent subject: If-Match fails with kConditionNotMet, everything else passes; a
// missing tag set is empty. `subject` null: absent. With If-Match or If-None-Match the date that
// may go with it is not looked at. Containers use it too.
Result<> CheckWrite(const Conditions& conditions, const ConditionSubject* subject);

// A copy source: kSourceConditionNotMet (412), or kNotModified's sibling for sources, which is 412
// as well.
Result<> CheckSource(const Conditions& conditions, const ConditionSubject& subject);

// Refuses combinations that the reference does not take on writes (more than two headers, two that
// do not go together, or several ETags in one): kMultipleConditionHeadersNotSupported. Versions
// before 2013-08-15 ask it of reads too.
Result<> CheckWriteCombination(const Conditions& conditions);

}  // namespace forebay::azure
