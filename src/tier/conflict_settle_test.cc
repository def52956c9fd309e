#include "tier/conflict_settle.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

#include "tier/site_fixture.h"

namespace forebay::tier {
namespace {

using Names = std::vector<std::string>;
using meta::ConflictPolicy;

// Two Forebays on one lake; the clocks of both are theirs.
class ConflictSettleTest : public ::testing::Test {
 protected:
  void Open(ConflictPolicy policy = ConflictPolicy::kKeepBoth) {
    one_.emplace(lake_, SiteOptions{.host = "one", .policy = policy});
    two_.emplace(lake_, SiteOptions{.host = "two", .policy = policy});
  }
  Site& one() { return *one_; }
  Site& two() { return *two_; }

  // Writes here while the lake is changed by somebody else, then lets the change travel.
  void Meet(const std::function<void()>& here, const std::function<void()>& there) {
    one().link().SetLink(lake::LinkState::kDown);
    here();
    there();
    one().link().Heal();
    const auto synced = one().Sync();
    ASSERT_TRUE(synced) << synced.error().ToString();
  }
  // Until neither site has anything to say and both have walked.
  void Converge() {
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(one().Sync());
      ASSERT_TRUE(two().Sync());
      ASSERT_TRUE(one().Walk());
      ASSERT_TRUE(two().Walk());
    }
    ASSERT_EQ(*one().Names(), lake_.Names());
    ASSERT_EQ(*two().Names(), lake_.Names());
    for (const std::string& name : lake_.Names()) {
      EXPECT_EQ(one().Read(name), *lake_.Bytes(name)) << name;
      EXPECT_EQ(two().Read(name), *lake_.Bytes(name)) << name;
    }
  }
  const ConflictRecord& OnlyConflict(Site& site) {
    conflicts_ = site.Conflicts();
    EXPECT_EQ(conflicts_.size(), 1u);
    if (conflicts_.empty()) conflicts_.emplace_back();
    return conflicts_.front().record;
  }

  lake::MemoryLake lake_;
  std::optional<Site> one_, two_;
  std::vector<ListedConflict> conflicts_;
};

TEST_F(ConflictSettleTest, BothAreKept) {
  lake_.Plant("a.txt", "old");
  Open();
  Meet([&] { ASSERT_TRUE(one().engine().Put("a.txt", "ours")); },
       [&] { lake_.Plant("a.txt", "theirs"); });
  const ConflictRecord& conflict = OnlyConflict(one());
  EXPECT_EQ(conflict.kind, ConflictKind::kBothChanged);
  EXPECT_EQ(conflict.outcome, ConflictOutcome::kKeptBoth);
  EXPECT_TRUE(conflict.kept_as.starts_with("a (conflict "));
  EXPECT_TRUE(conflict.kept_as.ends_with(" one).txt"));
  EXPECT_EQ(one().Read("a.txt"), "theirs");
  EXPECT_EQ(one().Read(conflict.kept_as), "ours");
  EXPECT_EQ(*lake_.Bytes("a.txt"), "theirs");
  EXPECT_EQ(*lake_.Bytes(conflict.kept_as), "ours");
  ASSERT_EQ(one().Events(EventKind::kConflict).size(), 1u);
  EXPECT_EQ(one().Events(EventKind::kConflict).front().other, conflict.kept_as);
  Converge();
  EXPECT_TRUE(two().Conflicts().empty());
}

TEST_F(ConflictSettleTest, TheLakeWins) {
  lake_.Plant("a", "old");
  Open(ConflictPolicy::kLakeWins);
  Meet([&] { ASSERT_TRUE(one().engine().Put("a", "ours")); }, [&] { lake_.Plant("a", "theirs"); });
  EXPECT_EQ(OnlyConflict(one()).outcome, ConflictOutcome::kLakeWon);
  EXPECT_EQ(lake_.Names(), (Names{"a"}));
  EXPECT_EQ(one().Read("a"), "theirs");
  Converge();
}

TEST_F(ConflictSettleTest, TheLocalSideWins) {
  lake_.Plant("a", "old");
  Open(ConflictPolicy::kLocalWins);
  Meet([&] { ASSERT_TRUE(one().engine().Put("a", "ours")); }, [&] { lake_.Plant("a", "theirs"); });
  EXPECT_EQ(OnlyConflict(one()).outcome, ConflictOutcome::kLocalWon);
  EXPECT_EQ(*lake_.Bytes("a"), "ours");
  EXPECT_EQ(one().Read("a"), "ours");
  Converge();
}

TEST_F(ConflictSettleTest, SeveralChangesOfOneBlobAreOneConflict) {
  lake_.Plant("a", "old");
  Open();
  Meet(
      [&] {
        for (int i = 0; i < 5; ++i) {
          ASSERT_TRUE(one().engine().Put("a", "ours " + std::to_string(i)));
          ASSERT_TRUE(one().engine().Put("b" + std::to_string(i), "other"));
          ASSERT_TRUE(one().SetMetadata("a", {{"turn", std::to_string(i)}}));
        }
      },
      [&] { lake_.Plant("a", "theirs"); });
  const ConflictRecord& conflict = OnlyConflict(one());
  EXPECT_EQ(conflict.outcome, ConflictOutcome::kKeptBoth);
  EXPECT_EQ(*lake_.Bytes(conflict.kept_as), "ours 4");
  EXPECT_EQ(lake_.State(conflict.kept_as)->metadata, (azure::Metadata{{"turn", "4"}}));
  EXPECT_EQ(*lake_.Bytes("a"), "theirs");
  Converge();
}

TEST_F(ConflictSettleTest, DeletedHereAndChangedThereComesBack) {
  lake_.Plant("a", "old");
  Open();
  Meet([&] { ASSERT_TRUE(one().engine().Delete("a")); }, [&] { lake_.Plant("a", "theirs"); });
  EXPECT_EQ(OnlyConflict(one()).kind, ConflictKind::kDeletedHere);
  EXPECT_EQ(OnlyConflict(one()).outcome, ConflictOutcome::kRestored);
  EXPECT_EQ(one().Read("a"), "theirs");
  EXPECT_EQ(*lake_.Bytes("a"), "theirs");
  Converge();
}

TEST_F(ConflictSettleTest, DeletedHereAndChangedThereGoesWhereTheLocalSideWins) {
  lake_.Plant("a", "old");
  Open(ConflictPolicy::kLocalWins);
  Meet([&] { ASSERT_TRUE(one().engine().Delete("a")); }, [&] { lake_.Plant("a", "theirs"); });
  EXPECT_EQ(OnlyConflict(one()).outcome, ConflictOutcome::kLocalWon);
  EXPECT_TRUE(lake_.Names().empty());
  Converge();
}

TEST_F(ConflictSettleTest, ChangedHereAndDeletedThereGoesUpAnew) {
  lake_.Plant("a", "old");
  Open();
  Meet([&] { ASSERT_TRUE(one().engine().Put("a", "ours")); }, [&] { lake_.Remove("a"); });
  EXPECT_EQ(OnlyConflict(one()).kind, ConflictKind::kDeletedThere);
  EXPECT_EQ(OnlyConflict(one()).outcome, ConflictOutcome::kRestored);
  EXPECT_EQ(*lake_.Bytes("a"), "ours");
  Converge();
}

TEST_F(ConflictSettleTest, ChangedHereAndDeletedThereGoesWhereTheLakeWins) {
  lake_.Plant("a", "old");
  Open(ConflictPolicy::kLakeWins);
  Meet([&] { ASSERT_TRUE(one().engine().Put("a", "ours")); }, [&] { lake_.Remove("a"); });
  EXPECT_EQ(OnlyConflict(one()).outcome, ConflictOutcome::kLakeWon);
  EXPECT_EQ(one().Read("a"), "BlobNotFound");
  Converge();
}

TEST_F(ConflictSettleTest, DeletedOnBothSidesIsNoConflict) {
  lake_.Plant("a", "old");
  Open();
  Meet([&] { ASSERT_TRUE(one().engine().Delete("a")); }, [&] { lake_.Remove("a"); });
  EXPECT_TRUE(one().Conflicts().empty());
  Converge();
}

// There are no bytes of ours to keep: theirs stays, and what ours said can be read in the list.
TEST_F(ConflictSettleTest, AttributesAloneGiveWayAndAreWrittenDown) {
  lake_.Plant("a", "old");
  Open();
  Meet([&] { ASSERT_TRUE(one().SetMetadata("a", {{"mine", "yes"}})); },
       [&] { lake_.Plant("a", "theirs", {{"theirs", "yes"}}); });
  const ConflictRecord& conflict = OnlyConflict(one());
  EXPECT_EQ(conflict.outcome, ConflictOutcome::kLakeWon);
  const auto ours = meta::DecodeBlob(conflict.record_here);
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->metadata, (azure::Metadata{{"mine", "yes"}}));
  EXPECT_EQ(one().Read("a"), "theirs");
  Converge();
}

TEST_F(ConflictSettleTest, AttributesAloneAreLaidOverTheirsWhereTheLocalSideWins) {
  lake_.Plant("a", "old");
  Open(ConflictPolicy::kLocalWins);
  Meet([&] { ASSERT_TRUE(one().SetMetadata("a", {{"mine", "yes"}})); },
       [&] { lake_.Plant("a", "theirs"); });
  EXPECT_EQ(OnlyConflict(one()).outcome, ConflictOutcome::kLocalWon);
  EXPECT_EQ(*lake_.Bytes("a"), "theirs");
  EXPECT_EQ(lake_.State("a")->metadata, (azure::Metadata{{"mine", "yes"}}));
  EXPECT_EQ(one().Read("a"), "theirs");
  Converge();
}

// Both write the same names at once, over links that come and go, and die in between.
TEST_F(ConflictSettleTest, TwoForebaysConvergeAndListEachConflictOnce) {
  for (int i = 0; i < 6; ++i) lake_.Plant("n" + std::to_string(i), "old");
  Open();
  for (int round = 0; round < 4; ++round) {
    for (Site* site : {&one(), &two()}) site->link().SetLink(lake::LinkState::kDown);
    for (int i = 0; i < 6; ++i) {
      const std::string text = std::to_string(round) + "/" + std::to_string(i);
      if (i % 3 != 1) ASSERT_TRUE(one().engine().Put("n" + std::to_string(i), "one " + text));
      if (i % 3 != 2) ASSERT_TRUE(two().engine().Put("n" + std::to_string(i), "two " + text));
    }
    for (Site* site : {&one(), &two()}) site->link().Heal();
    if (round % 2 == 1) one().Restart();
    ASSERT_TRUE(one().Sync());
    ASSERT_TRUE(two().Sync());
    Converge();
    // Two names were written on both sides: whoever came second has the conflict.
    EXPECT_EQ(one().Conflicts().size() + two().Conflicts().size(),
              2u * static_cast<std::size_t>(round + 1));
  }
  // No acknowledged byte is lost: every text is somewhere.
  std::set<std::string> texts;
  for (const std::string& name : lake_.Names()) texts.insert(*lake_.Bytes(name));
  for (int round = 0; round < 4; ++round) {
    for (const char* i : {"0", "3"}) {
      const std::string text = std::to_string(round) + "/" + i;
      // The winner's last text is under the name; losers' are kept. A winner's text of an earlier
      // round was overwritten by a later one that had seen it.
      if (round < 3) continue;
      EXPECT_TRUE(texts.contains("one " + text)) << text;
      EXPECT_TRUE(texts.contains("two " + text)) << text;
    }
  }
}

// Gone on both sides: nothing is to be written, but only as long as that is so.
TEST_F(ConflictSettleTest, WhatComesUnderANameWhileItsDeletesAreSettledIsDecidedAnew) {
  Open();
  engine::Services& services = one().engine().services();
  ConflictSettler settler(services, "one");
  const auto decision = one().engine().Run(
      settler.Decide({}, {.attachment = one().attachment(),
                          .name = "a",
                          .change = {},
                          .content = true,
                          .expected = lake::ETag("known"),
                          .theirs = std::nullopt,
                          .error = Error(Code::kConditionNotMet, "It is gone.")}));
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->action, ConflictDecision::Action::kTheirs);
  const auto commit = [&] {
    return services.store.TransactBlocking(
        [&](kv::Transaction& txn) { return decision->commit(txn, {}); });
  };
  EXPECT_TRUE(commit());
  ASSERT_TRUE(one().engine().Put("a", "written since"));
  const auto late = commit();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kConditionNotMet);
}

// The store fails at each transaction in turn while a conflict is settled.
TEST_F(ConflictSettleTest, ADeathAtEveryStepSettlesItOnce) {
  Open();
  for (int step = 0; step < 8; ++step) {
    const std::string name = "a" + std::to_string(step);
    lake_.Plant(name, "old");
    ASSERT_TRUE(one().Walk());
    one().link().SetLink(lake::LinkState::kDown);
    ASSERT_TRUE(one().engine().Put(name, "ours"));
    lake_.Plant(name, "theirs");
    // The process dies after that many requests to the lake.
    std::atomic<int> left{step};
    lake_.OnRequest([&](lake::LakeOperation, const std::string&) {
      if (left-- == 0) one().link().SetLink(lake::LinkState::kDown);
    });
    one().link().Heal();
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    one().Restart();
    lake_.OnRequest({});
    one().link().Heal();
    ASSERT_TRUE(one().Sync());
    EXPECT_EQ(one().Conflicts().size(), static_cast<std::size_t>(step + 1));
    EXPECT_EQ(*lake_.Bytes(name), "theirs");
    EXPECT_EQ(lake_.Names().size(), 2u * static_cast<std::size_t>(step + 1));
  }
  Converge();
}

TEST_F(ConflictSettleTest, AnOperatorTakesEitherSideOrNone) {
  Open();
  for (const char* name : {"a", "b", "c"}) lake_.Plant(name, "old");
  ASSERT_TRUE(one().Walk());
  Meet(
      [&] {
        for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(one().engine().Put(name, "ours"));
      },
      [&] {
        for (const char* name : {"a", "b", "c"}) lake_.Plant(name, "theirs");
      });
  const auto find = [&](const std::string& name) {
    for (const ListedConflict& listed : one().Conflicts()) {
      if (listed.record.name == name) return listed.id;
    }
    return std::uint64_t{0};
  };
  engine::Services& services = one().engine().services();
  const AttachmentPtr box = one().attachment();
  ASSERT_TRUE(
      one().engine().Run(ResolveConflict(services, {}, box, find("a"), ConflictChoice::kOurs)));
  ASSERT_TRUE(
      one().engine().Run(ResolveConflict(services, {}, box, find("b"), ConflictChoice::kTheirs)));
  const std::uint64_t c = find("c");
  ASSERT_TRUE(one().engine().Run(DismissConflict(services, {}, box, c)));
  EXPECT_TRUE(one().Conflicts().empty());
  EXPECT_EQ(one().engine().Run(DismissConflict(services, {}, box, c)).error().code(),
            Code::kResourceNotFound);
  ASSERT_TRUE(one().Sync());
  EXPECT_EQ(*lake_.Bytes("a"), "ours");
  EXPECT_EQ(*lake_.Bytes("b"), "theirs");
  EXPECT_EQ(*lake_.Bytes("c"), "theirs");
  EXPECT_EQ(lake_.Names().size(), 4u);  // and what was kept of c
  EXPECT_EQ(one().Events(EventKind::kConflictSettled).size(), 3u);
  Converge();
}

}  // namespace
}  // namespace forebay::tier
