#include "azure/lifecycle_policy.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

// "Azure Blob Storage lifecycle management policy structure" of Azure's documentation.
constexpr std::string_view kSample = R"({
  "rules": [
    {
      "enabled": true,
      "name": "sample-rule",
      "type": "Lifecycle",
      "definition": {
        "actions": {
          "version": {"delete": {"daysAfterCreationGreaterThan": 90}},
          "baseBlob": {
            "tierToCool": {"daysAfterModificationGreaterThan": 30},
            "tierToArchive": {"daysAfterModificationGreaterThan": 90,
                              "daysAfterLastTierChangeGreaterThan": 7},
            "delete": {"daysAfterModificationGreaterThan": 2555}
          }
        },
        "filters": {"blobTypes": ["blockBlob"], "prefixMatch": ["sample-container/blob1"]}
      }
    }
  ]
})";

constexpr std::string_view kByAccess = R"({"rules": [{"enabled": true, "name": "last-accessed",
  "type": "Lifecycle", "definition": {"actions": {"baseBlob": {"enableAutoTierToHotFromCool": true,
  "tierToCool": {"daysAfterLastAccessTimeGreaterThan": 30.0}}},
  "filters": {"blobTypes": ["blockBlob"], "blobIndexMatch": [{"name": "Project", "op": "==",
  "value": "Contoso"}]}}}]})";

constexpr WallTime kNow = WallTime::FromSeconds(1'800'000'000);

WallTime DaysAgo(std::int64_t days) { return kNow - std::chrono::hours(24 * days); }

LifecyclePolicy Parsed(std::string_view text) {
  auto policy = ParseLifecyclePolicy(text);
  EXPECT_TRUE(policy) << (policy ? "" : policy.error().message());
  return policy ? *policy : LifecyclePolicy();
}

std::string With(std::string_view text, std::string_view what, std::string_view by) {
  std::string out(text);
  const auto at = out.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return out.replace(at, what.size(), by);
}

std::string ErrorOf(std::string_view text) {
  auto policy = ParseLifecyclePolicy(text);
  if (policy) return "accepted";
  EXPECT_EQ(policy.error().code(), Code::kInvalidInput);
  return policy.error().message();
}

LifecycleBlob Blob(std::int64_t days) {
  return {.container = "sample-container",
          .name = "blob1/x",
          .created = DaysAgo(days),
          .modified = DaysAgo(days)};
}

LifecycleAction Act(const LifecyclePolicy& policy, const LifecycleBlob& blob) {
  return Evaluate(policy, blob, kNow).action;
}

TEST(LifecyclePolicy, WhatIsPutIsReadBack) {
  for (const std::string_view text : {kSample, kByAccess}) {
    const LifecyclePolicy policy = Parsed(text);
    const std::string printed = WriteLifecyclePolicy(policy);
    EXPECT_EQ(Parsed(printed), policy);
    EXPECT_EQ(WriteLifecyclePolicy(Parsed(printed)), printed);
  }
  EXPECT_EQ(WriteLifecyclePolicy(Parsed(kByAccess)), R"({
  "rules": [
    {
      "name": "last-accessed",
      "enabled": true,
      "type": "Lifecycle",
      "definition": {
        "filters": {
          "blobTypes": [
            "blockBlob"
          ],
          "blobIndexMatch": [
            {
              "name": "Project",
              "op": "==",
              "value": "Contoso"
            }
          ]
        },
        "actions": {
          "baseBlob": {
            "tierToCool": {
              "daysAfterLastAccessTimeGreaterThan": 30
            },
            "enableAutoTierToHotFromCool": true
          }
        }
      }
    }
  ]
})");
}

TEST(LifecyclePolicy, AgesAreStrictlyGreaterAndTheCheapestActionWins) {
  const LifecyclePolicy policy = Parsed(kSample);
  EXPECT_EQ(Act(policy, Blob(30)), LifecycleAction::kNone) << "exactly 30 days";
  LifecycleBlob blob = Blob(30);
  blob.modified = blob.modified - std::chrono::nanoseconds(100);
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kToCool);
  EXPECT_EQ(Act(policy, Blob(91)), LifecycleAction::kToArchive);
  EXPECT_EQ(Act(policy, Blob(2556)), LifecycleAction::kDelete);
  const auto decision = Evaluate(policy, Blob(91), kNow);
  ASSERT_NE(decision.rule, nullptr);
  EXPECT_EQ(decision.rule->name, "sample-rule");
  EXPECT_EQ(LifecycleActionName(decision.action), "tierToArchive");
}

TEST(LifecyclePolicy, TiersOnlyGetCooler) {
  const LifecyclePolicy policy = Parsed(kSample);
  LifecycleBlob blob = Blob(60);
  blob.tier = AccessTier::kCool;
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kNone);
  blob = Blob(100);
  blob.tier = AccessTier::kCold;
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kToArchive);
  blob.tier = AccessTier::kArchive;
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kNone);
}

TEST(LifecyclePolicy, ARecentTierChangeKeepsABlobFromTheArchive) {
  const LifecyclePolicy policy = Parsed(kSample);
  LifecycleBlob blob = Blob(100);
  blob.tier = AccessTier::kCool;
  blob.tier_changed = DaysAgo(6);  // rehydrated last week
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kNone);
  blob.tier_changed = DaysAgo(8);
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kToArchive);
}

TEST(LifecyclePolicy, FiltersMustFit) {
  const LifecyclePolicy policy = Parsed(kSample);
  LifecycleBlob blob = Blob(100);
  blob.name = "blob10";
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kToArchive) << "a prefix is a prefix";
  blob.name = "Blob1";
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kNone);
  blob = Blob(100);
  blob.container = "sample";
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kNone);
  blob = Blob(100);
  blob.type = BlobType::kAppend;
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kNone);
  EXPECT_EQ(Act(Parsed(With(kSample, "\"enabled\": true", "\"enabled\": false")), Blob(100)),
            LifecycleAction::kNone);
}

TEST(LifecyclePolicy, VersionsAndSnapshotsHaveTheirOwnActions) {
  const LifecyclePolicy policy = Parsed(kSample);
  LifecycleBlob blob = Blob(91);
  blob.subject = LifecycleSubject::kVersion;
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kDelete);
  blob.subject = LifecycleSubject::kSnapshot;
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kNone);
}

TEST(LifecyclePolicy, ByAccessAndByTag) {
  const LifecyclePolicy policy = Parsed(kByAccess);
  const Tags tags = {{"Project", "Contoso"}};
  LifecycleBlob blob = Blob(400);
  blob.last_accessed = DaysAgo(31);
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kNone) << "without the tag";
  blob.tags = &tags;
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kToCool);
  blob.last_accessed = DaysAgo(29);
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kNone);
  blob.last_accessed.reset();
  EXPECT_EQ(Act(policy, blob), LifecycleAction::kNone) << "never read is not known to be unread";
  EXPECT_FALSE(MovesToHotOnAccess(policy, blob));
  blob.tier = AccessTier::kCool;
  EXPECT_TRUE(MovesToHotOnAccess(policy, blob));
  EXPECT_FALSE(MovesToHotOnAccess(Parsed(kSample), blob));
}

TEST(LifecyclePolicy, ErrorsSayWhere) {
  const std::string rule = "$.rules[0]";
  const std::string base = rule + ".definition.actions.baseBlob";
  EXPECT_EQ(ErrorOf("{}"), "$: the member \"rules\" is missing.");
  EXPECT_EQ(ErrorOf(R"({"rules": []})"), "$.rules: a rule is expected.");
  EXPECT_EQ(ErrorOf(With(kSample, "\"Lifecycle\"", "\"Other\"")),
            rule + ".type: \"Lifecycle\" is the only type.");
  EXPECT_EQ(ErrorOf(With(kSample, "tierToCool", "tierToCoal")),
            base + ": the member \"tierToCoal\" is not known here.");
  EXPECT_EQ(ErrorOf(With(kSample, "2555", "-1")),
            base +
                ".delete.daysAfterModificationGreaterThan: a whole number from 0 to 99999 is "
                "expected.");
  EXPECT_EQ(
      ErrorOf(With(kSample, "blockBlob", "pageBlob")),
      rule + ".definition.filters.blobTypes[0]: \"blockBlob\" or \"appendBlob\" is expected.");
  EXPECT_EQ(ErrorOf(With(kSample, "blockBlob", "appendBlob")),
            base + ".tierToCool: append blobs have no tiers; only delete is possible for them.");
  EXPECT_EQ(ErrorOf(With(kSample, "\"daysAfterModificationGreaterThan\": 30",
                         "\"daysAfterLastTierChangeGreaterThan\": 30")),
            base +
                ".tierToCool: exactly one of daysAfterModificationGreaterThan, "
                "daysAfterCreationGreaterThan and daysAfterLastAccessTimeGreaterThan is "
                "expected.");
  EXPECT_EQ(
      ErrorOf(With(kSample, "daysAfterCreationGreaterThan", "daysAfterModificationGreaterThan")),
      rule +
          ".definition.actions.version.delete: snapshots and versions are judged by "
          "daysAfterCreationGreaterThan alone.");
  EXPECT_EQ(ErrorOf(With(kByAccess, "daysAfterLastAccessTimeGreaterThan",
                         "daysAfterCreationGreaterThan")),
            base +
                ".enableAutoTierToHotFromCool: it needs tierToCool with "
                "daysAfterLastAccessTimeGreaterThan.");
  EXPECT_EQ(ErrorOf(With(kByAccess, "\"==\"", "\"!=\"")),
            rule + ".definition.filters.blobIndexMatch[0].op: \"==\" is the only comparison.");
}

TEST(LifecyclePolicy, LimitsHold) {
  const std::string rule =
      R"({"name": "NAME", "type": "Lifecycle", "definition": {"actions": {"baseBlob":
      {"delete": {"daysAfterModificationGreaterThan": 1}}}, "filters": {"blobTypes": ["blockBlob"],
      "prefixMatch": [PREFIXES]}}})";
  const auto rules = [&](int count, const std::string& prefixes, bool same) {
    std::string out = R"({"rules": [)";
    for (int i = 0; i < count; ++i) {
      const std::string name = same ? "r" : "r" + std::to_string(i);
      out += (i > 0 ? "," : "") + With(With(rule, "NAME", name), "PREFIXES", prefixes);
    }
    return out + "]}";
  };
  EXPECT_EQ(ErrorOf(rules(100, "", false)), "accepted");
  EXPECT_EQ(ErrorOf(rules(101, "", false)), "$.rules: more than 100 rules.");
  EXPECT_EQ(ErrorOf(rules(2, "", true)), "$.rules[1]: the name \"r\" is taken by another rule.");
  std::string prefixes = "\"c/0\"";
  for (int i = 1; i < 10; ++i) prefixes += ",\"c/" + std::to_string(i) + "\"";
  EXPECT_EQ(ErrorOf(rules(1, prefixes, false)), "accepted");
  EXPECT_EQ(ErrorOf(rules(1, prefixes + ",\"c/10\"", false)),
            "$.rules[0].definition.filters.prefixMatch: more than 10 prefixes.");
  EXPECT_EQ(ErrorOf(rules(1, "\"/c\"", false)),
            "$.rules[0].definition.filters.prefixMatch[0]: a prefix begins with the name of a "
            "container.");
}

}  // namespace
}  // namespace forebay::azure
