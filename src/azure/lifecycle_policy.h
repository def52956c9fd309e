// Lifecycle management policies in Azure's JSON: read, checked, printed, and asked what to do with
// a blob.
//
// The document is `{"rules": [...]}` as "Microsoft.Storage storageAccounts/managementPolicies" and
// "Lifecycle management policy structure" describe it. What Azure would refuse or cannot do here is
// refused with the place in the document: an unknown member would otherwise be a rule that silently
// never runs.
//
// Where several actions fit a blob, the cheapest wins: delete, then Archive, Cold, Cool. A rule
// moves a blob to a cooler tier only. Ages are whole days of 24 hours, strictly greater than the
// rule's. Value types, pure functions; errors are kInvalidInput. Fuzzed: lifecycle_fuzz.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azure/properties.h"
#include "base/clock.h"
#include "base/result.h"

namespace forebay::azure {

inline constexpr std::size_t kMaxLifecycleBytes = 1024 * 1024;
inline constexpr std::size_t kMaxLifecycleRules = 100;
inline constexpr std::size_t kMaxLifecyclePrefixes = 10;
inline constexpr std::size_t kMaxLifecycleTags = 10;
inline constexpr std::int64_t kMaxLifecycleDays = 99'999;

// When an action fits: exactly one of the first three is set.
struct LifecycleAge {
  std::optional<std::int64_t> after_modification;
  std::optional<std::int64_t> after_creation;
  std::optional<std::int64_t> after_last_access;
  std::optional<std::int64_t> after_last_tier_change;  // besides; tierToArchive only
  friend bool operator==(const LifecycleAge&, const LifecycleAge&) = default;
};

struct LifecycleActions {
  std::optional<LifecycleAge> to_cool;
  std::optional<LifecycleAge> to_cold;
  std::optional<LifecycleAge> to_archive;
  std::optional<LifecycleAge> remove;
  bool to_hot_on_access = false;  // enableAutoTierToHotFromCool; base blobs only
  friend bool operator==(const LifecycleActions&, const LifecycleActions&) = default;
};

struct LifecycleTag {
  std::string name;
  std::string value;  // `op` is always "=="
  friend bool operator==(const LifecycleTag&, const LifecycleTag&) = default;
};

struct LifecycleRule {
  std::string name;
  bool enabled = true;
  bool block_blobs = false;
  bool append_blobs = false;
  std::vector<std::string> prefixes;  // "container/prefix"; none: everything
  std::vector<LifecycleTag> tags;     // all must be there
  std::optional<LifecycleActions> base;
  std::optional<LifecycleActions> snapshot;
  std::optional<LifecycleActions> version;
  friend bool operator==(const LifecycleRule&, const LifecycleRule&) = default;
};

struct LifecyclePolicy {
  std::vector<LifecycleRule> rules;
  friend bool operator==(const LifecyclePolicy&, const LifecyclePolicy&) = default;
};

Result<LifecyclePolicy> ParseLifecyclePolicy(std::string_view text);
// Canonical: members in the order of Azure's documentation; reads back as the same policy.
std::string WriteLifecyclePolicy(const LifecyclePolicy& policy);

enum class LifecycleSubject : std::uint8_t { kBase, kSnapshot, kVersion };

// What a policy may ask about a blob.
struct LifecycleBlob {
  LifecycleSubject subject = LifecycleSubject::kBase;
  BlobType type = BlobType::kBlock;
  std::string_view container = {};
  std::string_view name = {};
  const Tags* tags = nullptr;  // none
  AccessTier tier = AccessTier::kHot;
  WallTime created = {};
  WallTime modified = {};
  std::optional<WallTime> last_accessed = {};  // unknown: no rule by access fits
  std::optional<WallTime> tier_changed = {};   // never: since its creation
};

enum class LifecycleAction : std::uint8_t { kNone, kToCool, kToCold, kToArchive, kDelete };
std::string_view LifecycleActionName(LifecycleAction action);  // "tierToCool"

struct LifecycleDecision {
  LifecycleAction action = LifecycleAction::kNone;
  const LifecycleRule* rule = nullptr;  // the first that asks for it; within the policy
};

LifecycleDecision Evaluate(const LifecyclePolicy& policy, const LifecycleBlob& blob, WallTime now);
// A Cool blob that has just been read goes back to Hot.
bool MovesToHotOnAccess(const LifecyclePolicy& policy, const LifecycleBlob& blob);

}  // namespace forebay::azure
