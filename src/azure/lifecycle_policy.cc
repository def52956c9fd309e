#include "azure/lifecycle_policy.h"

#include <algorithm>
#include <array>
#include <set>
#include <tuple>
#include <utility>

#include "azure/json.h"

namespace forebay::azure {
namespace {

constexpr std::size_t kMaxRuleName = 256;
constexpr std::size_t kMaxPrefix = kMaxBlobNameLength + 64;
constexpr std::size_t kMaxTagName = 128;
constexpr std::size_t kMaxTagValue = 256;

constexpr std::string_view kModification = "daysAfterModificationGreaterThan";
constexpr std::string_view kCreation = "daysAfterCreationGreaterThan";
constexpr std::string_view kLastAccess = "daysAfterLastAccessTimeGreaterThan";
constexpr std::string_view kLastTierChange = "daysAfterLastTierChangeGreaterThan";
constexpr std::string_view kAutoHot = "enableAutoTierToHotFromCool";

Result<std::optional<std::int64_t>> ReadDays(const JsonReader& at, std::string_view name) {
  auto member = at.Find(name);
  if (!member) return std::optional<std::int64_t>();
  FB_ASSIGN_OR_RETURN(const std::int64_t days, member->Integer(0, kMaxLifecycleDays));
  return std::optional(days);
}

Result<LifecycleAge> ReadAge(const JsonReader& at, LifecycleSubject subject, bool archive) {
  FB_RETURN_IF_ERROR(at.Members({kModification, kCreation, kLastAccess, kLastTierChange}));
  LifecycleAge age;
  FB_ASSIGN_OR_RETURN(age.after_modification, ReadDays(at, kModification));
  FB_ASSIGN_OR_RETURN(age.after_creation, ReadDays(at, kCreation));
  FB_ASSIGN_OR_RETURN(age.after_last_access, ReadDays(at, kLastAccess));
  FB_ASSIGN_OR_RETURN(age.after_last_tier_change, ReadDays(at, kLastTierChange));
  const int conditions = (age.after_modification ? 1 : 0) + (age.after_creation ? 1 : 0) +
                         (age.after_last_access ? 1 : 0);
  if (subject != LifecycleSubject::kBase && (!age.after_creation || conditions != 1)) {
    return at.Wrong("snapshots and versions are judged by " + std::string(kCreation) + " alone");
  }
  if (conditions != 1) {
    return at.Wrong("exactly one of " + std::string(kModification) + ", " + std::string(kCreation) +
                    " and " + std::string(kLastAccess) + " is expected");
  }
  if (age.after_last_tier_change && !archive) {
    return at.Wrong(std::string(kLastTierChange) + " belongs to tierToArchive only");
  }
  return age;
}

Result<LifecycleActions> ReadActions(const JsonReader& at, LifecycleSubject subject,
                                     bool append_blobs) {
  if (subject == LifecycleSubject::kBase) {
    if (at.Find("tierToHot")) {
      return at.Wrong("tierToHot is of premium accounts; there is nothing like it here");
    }
    FB_RETURN_IF_ERROR(
        at.Members({"tierToCool", "tierToCold", "tierToArchive", kAutoHot, "delete"}));
  } else {
    FB_RETURN_IF_ERROR(at.Members({"tierToCool", "tierToCold", "tierToArchive", "delete"}));
  }
  LifecycleActions actions;
  const std::pair<std::string_view, std::optional<LifecycleAge>*> members[] = {
      {"tierToCool", &actions.to_cool},
      {"tierToCold", &actions.to_cold},
      {"tierToArchive", &actions.to_archive},
      {"delete", &actions.remove},
  };
  bool any = false;
  for (const auto& [name, out] : members) {
    auto member = at.Find(name);
    if (!member) continue;
    if (append_blobs && name != "delete") {
      return member->Wrong("append blobs have no tiers; only delete is possible for them");
    }
    FB_ASSIGN_OR_RETURN(*out, ReadAge(*member, subject, name == "tierToArchive"));
    any = true;
  }
  if (!any) return at.Wrong("an action is expected");
  if (auto hot = at.Find(kAutoHot)) {
    FB_ASSIGN_OR_RETURN(actions.to_hot_on_access, hot->Boolean());
    if (actions.to_hot_on_access && !(actions.to_cool && actions.to_cool->after_last_access)) {
      return hot->Wrong("it needs tierToCool with " + std::string(kLastAccess));
    }
  }
  return actions;
}

Result<> ReadBlobTypes(const JsonReader& at, LifecycleRule& rule) {
  FB_ASSIGN_OR_RETURN(const auto types, at.Items());
  if (types.empty()) return at.Wrong("a blob type is expected");
  for (const JsonReader& type : types) {
    FB_ASSIGN_OR_RETURN(const std::string name, type.String());
    if (name == "blockBlob") {
      rule.block_blobs = true;
    } else if (name == "appendBlob") {
      rule.append_blobs = true;
    } else {
      return type.Wrong("\"blockBlob\" or \"appendBlob\" is expected");
    }
  }
  return {};
}

Result<> ReadPrefixes(const JsonReader& at, LifecycleRule& rule) {
  FB_ASSIGN_OR_RETURN(const auto prefixes, at.Items());
  if (prefixes.size() > kMaxLifecyclePrefixes) {
    return at.Wrong("more than " + std::to_string(kMaxLifecyclePrefixes) + " prefixes");
  }
  for (const JsonReader& prefix : prefixes) {
    FB_ASSIGN_OR_RETURN(std::string text, prefix.String());
    if (text.empty() || text.starts_with('/')) {
      return prefix.Wrong("a prefix begins with the name of a container");
    }
    if (text.size() > kMaxPrefix) return prefix.Wrong("it is too long");
    rule.prefixes.push_back(std::move(text));
  }
  return {};
}

Result<> ReadTags(const JsonReader& at, LifecycleRule& rule) {
  FB_ASSIGN_OR_RETURN(const auto tags, at.Items());
  if (tags.size() > kMaxLifecycleTags) {
    return at.Wrong("more than " + std::to_string(kMaxLifecycleTags) + " tags");
  }
  for (const JsonReader& tag : tags) {
    FB_RETURN_IF_ERROR(tag.Members({"name", "op", "value"}));
    FB_ASSIGN_OR_RETURN(const JsonReader name, tag.Get("name"));
    FB_ASSIGN_OR_RETURN(const JsonReader op, tag.Get("op"));
    FB_ASSIGN_OR_RETURN(const JsonReader value, tag.Get("value"));
    LifecycleTag out;
    FB_ASSIGN_OR_RETURN(out.name, name.String());
    FB_ASSIGN_OR_RETURN(out.value, value.String());
    FB_ASSIGN_OR_RETURN(const std::string op_text, op.String());
    if (op_text != "==") return op.Wrong("\"==\" is the only comparison");
    if (out.name.empty() || out.name.size() > kMaxTagName) {
      return name.Wrong("1 to 128 characters are expected");
    }
    if (out.value.size() > kMaxTagValue) return value.Wrong("at most 256 characters are expected");
    rule.tags.push_back(std::move(out));
  }
  return {};
}

Result<> ReadDefinition(const JsonReader& at, LifecycleRule& rule) {
  FB_RETURN_IF_ERROR(at.Members({"filters", "actions"}));
  FB_ASSIGN_OR_RETURN(const JsonReader filters, at.Get("filters"));
  FB_RETURN_IF_ERROR(filters.Members({"blobTypes", "prefixMatch", "blobIndexMatch"}));
  FB_ASSIGN_OR_RETURN(const JsonReader types, filters.Get("blobTypes"));
  FB_RETURN_IF_ERROR(ReadBlobTypes(types, rule));
  if (auto prefixes = filters.Find("prefixMatch")) {
    FB_RETURN_IF_ERROR(ReadPrefixes(*prefixes, rule));
  }
  if (auto tags = filters.Find("blobIndexMatch")) FB_RETURN_IF_ERROR(ReadTags(*tags, rule));
  FB_ASSIGN_OR_RETURN(const JsonReader actions, at.Get("actions"));
  FB_RETURN_IF_ERROR(actions.Members({"baseBlob", "snapshot", "version"}));
  const std::tuple<std::string_view, LifecycleSubject, std::optional<LifecycleActions>*> groups[] =
      {{"baseBlob", LifecycleSubject::kBase, &rule.base},
       {"snapshot", LifecycleSubject::kSnapshot, &rule.snapshot},
       {"version", LifecycleSubject::kVersion, &rule.version}};
  bool any = false;
  for (const auto& [name, subject, out] : groups) {
    auto group = actions.Find(name);
    if (!group) continue;
    FB_ASSIGN_OR_RETURN(*out, ReadActions(*group, subject, rule.append_blobs));
    any = true;
  }
  if (!any) return actions.Wrong("\"baseBlob\", \"snapshot\" or \"version\" is expected");
  return {};
}

Result<LifecycleRule> ReadRule(const JsonReader& at) {
  FB_RETURN_IF_ERROR(at.Members({"name", "enabled", "type", "definition"}));
  LifecycleRule rule;
  FB_ASSIGN_OR_RETURN(const JsonReader name, at.Get("name"));
  FB_ASSIGN_OR_RETURN(rule.name, name.String());
  // Azure's page says alphanumeric; its own examples have hyphens, so its service takes them.
  const bool good = std::ranges::all_of(rule.name, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
  });
  if (rule.name.empty() || rule.name.size() > kMaxRuleName || !good) {
    return name.Wrong("1 to 256 letters, digits, '-' and '_' are expected");
  }
  if (auto enabled = at.Find("enabled")) {
    FB_ASSIGN_OR_RETURN(rule.enabled, enabled->Boolean());
  }
  FB_ASSIGN_OR_RETURN(const JsonReader type, at.Get("type"));
  FB_ASSIGN_OR_RETURN(const std::string type_name, type.String());
  if (type_name != "Lifecycle") return type.Wrong("\"Lifecycle\" is the only type");
  FB_ASSIGN_OR_RETURN(const JsonReader definition, at.Get("definition"));
  FB_RETURN_IF_ERROR(ReadDefinition(definition, rule));
  return rule;
}

Json WriteAge(const LifecycleAge& age) {
  Json out = Json::Object();
  if (age.after_modification) out.Add(kModification, Json::Of(*age.after_modification));
  if (age.after_creation) out.Add(kCreation, Json::Of(*age.after_creation));
  if (age.after_last_access) out.Add(kLastAccess, Json::Of(*age.after_last_access));
  if (age.after_last_tier_change) out.Add(kLastTierChange, Json::Of(*age.after_last_tier_change));
  return out;
}

Json WriteActions(const LifecycleActions& actions) {
  Json out = Json::Object();
  if (actions.to_cool) out.Add("tierToCool", WriteAge(*actions.to_cool));
  if (actions.to_cold) out.Add("tierToCold", WriteAge(*actions.to_cold));
  if (actions.to_archive) out.Add("tierToArchive", WriteAge(*actions.to_archive));
  if (actions.to_hot_on_access) out.Add(kAutoHot, Json::Of(true));
  if (actions.remove) out.Add("delete", WriteAge(*actions.remove));
  return out;
}

Json WriteRule(const LifecycleRule& rule) {
  Json types = Json::Array();
  if (rule.block_blobs) types.Add(Json::Of(std::string_view("blockBlob")));
  if (rule.append_blobs) types.Add(Json::Of(std::string_view("appendBlob")));
  Json filters = Json::Object();
  filters.Add("blobTypes", std::move(types));
  if (!rule.prefixes.empty()) {
    Json prefixes = Json::Array();
    for (const std::string& prefix : rule.prefixes)
      prefixes.Add(Json::Of(std::string_view(prefix)));
    filters.Add("prefixMatch", std::move(prefixes));
  }
  if (!rule.tags.empty()) {
    Json tags = Json::Array();
    for (const LifecycleTag& tag : rule.tags) {
      Json item = Json::Object();
      item.Add("name", Json::Of(std::string_view(tag.name)));
      item.Add("op", Json::Of(std::string_view("==")));
      item.Add("value", Json::Of(std::string_view(tag.value)));
      tags.Add(std::move(item));
    }
    filters.Add("blobIndexMatch", std::move(tags));
  }
  Json actions = Json::Object();
  if (rule.base) actions.Add("baseBlob", WriteActions(*rule.base));
  if (rule.snapshot) actions.Add("snapshot", WriteActions(*rule.snapshot));
  if (rule.version) actions.Add("version", WriteActions(*rule.version));
  Json definition = Json::Object();
  definition.Add("filters", std::move(filters)).Add("actions", std::move(actions));
  Json out = Json::Object();
  out.Add("name", Json::Of(std::string_view(rule.name)));
  out.Add("enabled", Json::Of(rule.enabled));
  out.Add("type", Json::Of(std::string_view("Lifecycle")));
  out.Add("definition", std::move(definition));
  return out;
}

bool Fits(const LifecycleRule& rule, const LifecycleBlob& blob) {
  if (!rule.enabled) return false;
  const bool type = (blob.type == BlobType::kBlock && rule.block_blobs) ||
                    (blob.type == BlobType::kAppend && rule.append_blobs);
  if (!type) return false;
  if (!rule.prefixes.empty()) {
    const std::string path = std::string(blob.container) + "/" + std::string(blob.name);
    if (std::ranges::none_of(rule.prefixes,
                             [&](const std::string& prefix) { return path.starts_with(prefix); })) {
      return false;
    }
  }
  return std::ranges::all_of(rule.tags, [&](const LifecycleTag& tag) {
    if (blob.tags == nullptr) return false;
    const auto it = blob.tags->find(tag.name);
    return it != blob.tags->end() && it->second == tag.value;
  });
}

const std::optional<LifecycleActions>& ActionsOf(const LifecycleRule& rule,
                                                 LifecycleSubject subject) {
  if (subject == LifecycleSubject::kSnapshot) return rule.snapshot;
  return subject == LifecycleSubject::kVersion ? rule.version : rule.base;
}

bool IsOldEnough(const std::optional<LifecycleAge>& age, const LifecycleBlob& blob, WallTime now) {
  if (!age) return false;
  const auto older = [now](WallTime since, std::int64_t days) {
    return now.ticks - since.ticks > days * 86'400 * WallTime::kTicksPerSecond;
  };
  if (age->after_modification && !older(blob.modified, *age->after_modification)) return false;
  if (age->after_creation && !older(blob.created, *age->after_creation)) return false;
  if (age->after_last_access &&
      !(blob.last_accessed && older(*blob.last_accessed, *age->after_last_access))) {
    return false;
  }
  return !age->after_last_tier_change ||
         older(blob.tier_changed.value_or(blob.created), *age->after_last_tier_change);
}

// How cool a tier is: rules only ever move blobs up this scale.
int Coolness(AccessTier tier) {
  switch (tier) {
    case AccessTier::kHot:
    case AccessTier::kSmart:
      return 0;
    case AccessTier::kCool:
      return 1;
    case AccessTier::kCold:
      return 2;
    case AccessTier::kArchive:
      return 3;
  }
  return 0;
}

LifecycleAction ActionFor(const LifecycleActions& actions, const LifecycleBlob& blob,
                          WallTime now) {
  const int coolness = Coolness(blob.tier);
  if (IsOldEnough(actions.remove, blob, now)) return LifecycleAction::kDelete;
  // Tiers are of block blobs alone.
  if (blob.type != BlobType::kBlock) return LifecycleAction::kNone;
  if (coolness < 3 && IsOldEnough(actions.to_archive, blob, now)) {
    return LifecycleAction::kToArchive;
  }
  if (coolness < 2 && IsOldEnough(actions.to_cold, blob, now)) return LifecycleAction::kToCold;
  if (coolness < 1 && IsOldEnough(actions.to_cool, blob, now)) return LifecycleAction::kToCool;
  return LifecycleAction::kNone;
}

}  // namespace

Result<LifecyclePolicy> ParseLifecyclePolicy(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseJson(text, kMaxLifecycleBytes));
  const JsonReader root(json);
  FB_RETURN_IF_ERROR(root.Members({"rules"}));
  FB_ASSIGN_OR_RETURN(const JsonReader rules, root.Get("rules"));
  FB_ASSIGN_OR_RETURN(const auto items, rules.Items());
  if (items.empty()) return rules.Wrong("a rule is expected");
  if (items.size() > kMaxLifecycleRules) {
    return rules.Wrong("more than " + std::to_string(kMaxLifecycleRules) + " rules");
  }
  LifecyclePolicy policy;
  std::set<std::string> names;
  for (const JsonReader& item : items) {
    FB_ASSIGN_OR_RETURN(LifecycleRule rule, ReadRule(item));
    if (!names.insert(rule.name).second) {
      return item.Wrong("the name \"" + rule.name + "\" is taken by another rule");
    }
    policy.rules.push_back(std::move(rule));
  }
  return policy;
}

std::string WriteLifecyclePolicy(const LifecyclePolicy& policy) {
  Json rules = Json::Array();
  for (const LifecycleRule& rule : policy.rules) rules.Add(WriteRule(rule));
  Json out = Json::Object();
  out.Add("rules", std::move(rules));
  return WriteJson(out);
}

std::string_view LifecycleActionName(LifecycleAction action) {
  constexpr std::array<std::string_view, 5> kNames = {"none", "tierToCool", "tierToCold",
                                                      "tierToArchive", "delete"};
  return kNames[static_cast<std::size_t>(action)];
}

LifecycleDecision Evaluate(const LifecyclePolicy& policy, const LifecycleBlob& blob, WallTime now) {
  LifecycleDecision decision;
  for (const LifecycleRule& rule : policy.rules) {
    const auto& actions = ActionsOf(rule, blob.subject);
    if (!actions || !Fits(rule, blob)) continue;
    const LifecycleAction action = ActionFor(*actions, blob, now);
    // In the order of the enumeration the later is the cheaper.
    if (action > decision.action) decision = {action, &rule};
  }
  return decision;
}

bool MovesToHotOnAccess(const LifecyclePolicy& policy, const LifecycleBlob& blob) {
  if (blob.subject != LifecycleSubject::kBase || blob.tier != AccessTier::kCool) return false;
  return std::ranges::any_of(policy.rules, [&](const LifecycleRule& rule) {
    return rule.base && rule.base->to_hot_on_access && Fits(rule, blob);
  });
}

}  // namespace forebay::azure
