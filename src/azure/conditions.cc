#include "azure/conditions.h"

#include <algorithm>

#include "azure/error_table.h"

namespace forebay::azure {
namespace {

// The five condition headers of one side, with that side's names.
struct Names {
  std::string_view match, none_match, modified, unmodified, tags, lease;
};
constexpr Names kOwn = {"If-Match",     "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
                        "x-ms-if-tags", "x-ms-lease-id"};
constexpr Names kSource = {"x-ms-source-if-match",          "x-ms-source-if-none-match",
                           "x-ms-source-if-modified-since", "x-ms-source-if-unmodified-since",
                           "x-ms-source-if-tags",           "x-ms-source-lease-id"};

constexpr std::size_t kMaxETags = 64;

// A comma-separated list of ETags, quoted or bare, or "*".
Result<std::optional<ETagCondition>> ParseETags(HeaderSpan headers, std::string_view name) {
  using Found = std::optional<ETagCondition>;
  auto text = FindHeader(headers, name);
  if (!text) return Found();
  ETagCondition out;
  std::string_view rest = *text;
  while (true) {
    // A comma inside quotes belongs to the value.
    std::size_t end = 0;
    bool quoted = false;
    while (end < rest.size() && (quoted || rest[end] != ',')) quoted ^= rest[end++] == '"';
    std::string_view item = TrimSpace(rest.substr(0, end));
    if (quoted || item.empty() || out.etags.size() == kMaxETags) {
      return Fail(InvalidHeaderError(name, *text));
    }
    if (item == "*") {
      out.any = true;
    } else {
      ETag etag = UnquoteETag(item);
      if (etag.view().find('"') != std::string_view::npos) {
        return Fail(InvalidHeaderError(name, *text));
      }
      // "*" in quotes is taken for the wildcard too, as some clients quote everything.
      if (etag.view() == "*") out.any = true;
      out.etags.push_back(std::move(etag));
    }
    if (end == rest.size()) break;
    rest.remove_prefix(end + 1);
  }
  return Found(std::move(out));
}

Result<std::optional<WallTime>> ParseDate(HeaderSpan headers, std::string_view name) {
  auto text = FindHeader(headers, name);
  if (!text) return std::optional<WallTime>();
  auto time = ParseHttpDate(*text);
  if (!time) return Fail(InvalidHeaderError(name, *text));
  return time;
}

Result<Conditions> Parse(HeaderSpan headers, const Names& names) {
  Conditions out;
  FB_ASSIGN_OR_RETURN(out.if_match, ParseETags(headers, names.match));
  FB_ASSIGN_OR_RETURN(out.if_none_match, ParseETags(headers, names.none_match));
  FB_ASSIGN_OR_RETURN(out.if_modified_since, ParseDate(headers, names.modified));
  FB_ASSIGN_OR_RETURN(out.if_unmodified_since, ParseDate(headers, names.unmodified));
  if (auto tags = FindHeader(headers, names.tags)) {
    FB_ASSIGN_OR_RETURN(out.if_tags, TagCondition::Parse(*tags, names.tags));
  }
  // Clients send an empty one where they have no lease.
  const auto lease = FindHeader(headers, names.lease);
  if (lease && !lease->empty()) out.lease_id = std::string(*lease);
  return out;
}

bool Contains(const ETagCondition& condition, const ETag& etag) {
  return condition.any || std::ranges::find(condition.etags, etag) != condition.etags.end();
}

// Headers carry whole seconds: compare without the fraction.
bool ModifiedAfter(const ConditionSubject& subject, WallTime time) {
  return subject.last_modified.seconds() > time.seconds();
}

bool TagsHold(const Conditions& conditions, const Tags* tags) {
  static const Tags kNoTags;
  return !conditions.if_tags || conditions.if_tags->Evaluate(tags == nullptr ? kNoTags : *tags);
}

// Of the pairs that a write may carry, the ETag decides and the date is ignored.
Conditions WithoutIgnoredDates(Conditions conditions) {
  if (conditions.if_match) conditions.if_unmodified_since.reset();
  if (conditions.if_none_match) conditions.if_modified_since.reset();
  return conditions;
}

bool IsOneETag(const std::optional<ETagCondition>& condition) {
  if (!condition) return true;
  // A wildcard in quotes is there twice.
  const auto named =
      std::ranges::count_if(condition->etags, [](const ETag& etag) { return etag.view() != "*"; });
  return named + (condition->any ? 1 : 0) == 1;
}

// If-Match, If-Unmodified-Since and the tags: 412 where they fail.
bool MustHold(const Conditions& conditions, const ConditionSubject& subject) {
  if (conditions.if_match && !Contains(*conditions.if_match, subject.etag)) return false;
  if (conditions.if_unmodified_since && ModifiedAfter(subject, *conditions.if_unmodified_since)) {
    return false;
  }
  return TagsHold(conditions, subject.tags);
}

// If-None-Match || If-Modified-Since: true when there is neither, or when one of them wants the
// answer.
bool WantsAnswer(const Conditions& conditions, const ConditionSubject& subject) {
  bool asked = conditions.if_none_match || conditions.if_modified_since;
  if (!asked) return true;
  if (conditions.if_none_match && !Contains(*conditions.if_none_match, subject.etag)) return true;
  return conditions.if_modified_since && ModifiedAfter(subject, *conditions.if_modified_since);
}

std::unexpected<Error> NotMet(Code code) {
  return Fail(code, std::string(WireErrorOf(code).message));
}

}  // namespace

bool Conditions::empty() const {
  return !if_match && !if_none_match && !if_modified_since && !if_unmodified_since && !if_tags;
}

Result<Conditions> ConditionsFrom(HeaderSpan headers) { return Parse(headers, kOwn); }
Result<Conditions> SourceConditionsFrom(HeaderSpan headers) { return Parse(headers, kSource); }

Result<> CheckRead(const Conditions& conditions, const ConditionSubject& subject) {
  // A wildcard on a read asks for a blob that is not there, whatever else has to hold.
  if (conditions.if_none_match && conditions.if_none_match->any) {
    return NotMet(Code::kUnsatisfiableCondition);
  }
  if (!MustHold(conditions, subject)) return NotMet(Code::kConditionNotMet);
  if (!WantsAnswer(conditions, subject)) return NotMet(Code::kNotModified);
  return {};
}

Result<> CheckWrite(const Conditions& conditions, const ConditionSubject* subject) {
  if (subject == nullptr) {
    if (conditions.if_match || !TagsHold(conditions, nullptr)) {
      return NotMet(Code::kConditionNotMet);
    }
    return {};
  }
  if (conditions.if_none_match && conditions.if_none_match->any) {
    return NotMet(Code::kBlobAlreadyExists);
  }
  const Conditions effective = WithoutIgnoredDates(conditions);
  if (!MustHold(effective, *subject) || !WantsAnswer(effective, *subject)) {
    return NotMet(Code::kConditionNotMet);
  }
  return {};
}

Result<> CheckSource(const Conditions& conditions, const ConditionSubject& subject) {
  if (!MustHold(conditions, subject) || !WantsAnswer(conditions, subject)) {
    return NotMet(Code::kSourceConditionNotMet);
  }
  return {};
}

Result<> CheckWriteCombination(const Conditions& conditions) {
  int count = (conditions.if_match ? 1 : 0) + (conditions.if_none_match ? 1 : 0) +
              (conditions.if_modified_since ? 1 : 0) + (conditions.if_unmodified_since ? 1 : 0);
  bool pair = (conditions.if_none_match && conditions.if_modified_since) ||
              (conditions.if_match && conditions.if_unmodified_since);
  const bool several = !IsOneETag(conditions.if_match) || !IsOneETag(conditions.if_none_match);
  if (several || count > 2 || (count == 2 && !pair)) {
    return NotMet(Code::kMultipleConditionHeadersNotSupported);
  }
  return {};
}

}  // namespace forebay::azure
