// Moves, deletes and restarts that meet something else in the lake: no byte that was acknowledged
// here is given up before the lake has it, and what left the log with one name travels with
// another.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "tier/offload_conflict_fixture.h"
#include "tier/offload_fixture.h"

namespace forebay::tier {
namespace {

using lake::LakeOperation;
using Names = std::vector<std::string>;

class OffloadConflictTest : public OffloadConflictFixture {
 protected:
  // The lake has our "a"; while it is moved to "b" here, somebody else does something there.
  void MoveWhile(const std::function<void()>& there,
                 meta::ConflictPolicy policy = meta::ConflictPolicy::kKeepBoth) {
    Open(policy);
    Put("a", "ours");
    Sync();
    Down();
    Rename("a", "b");
    there();
    Sync();
    Converge();
  }
};

TEST_F(OffloadConflictTest, WhatWasMovedHereAndChangedThereTravelsUnderItsNewName) {
  MoveWhile([this] { lake_.Plant("a", "theirs"); });
  EXPECT_EQ(lake_.Bytes("b"), "ours");
  EXPECT_EQ(lake_.Bytes("a"), "theirs");
  ASSERT_EQ(site().Conflicts().size(), 1u);
  EXPECT_EQ(site().Conflicts().front().record.kind, ConflictKind::kDeletedHere);
}

TEST_F(OffloadConflictTest, WhatWasMovedHereAndDeletedThereTravelsUnderItsNewName) {
  MoveWhile([this] { lake_.Remove("a"); });
  EXPECT_EQ(lake_.Names(), Names{"b"});
  EXPECT_EQ(lake_.Bytes("b"), "ours");
}

TEST_F(OffloadConflictTest, WhereTheLocalSideWinsAMoveSendsItsOwnBytes) {
  MoveWhile([this] { lake_.Plant("a", "theirs"); }, meta::ConflictPolicy::kLocalWins);
  EXPECT_EQ(lake_.Names(), Names{"b"});
  EXPECT_EQ(lake_.Bytes("b"), "ours");
}

// Nothing of it is here but its name: the lake's side stands.
TEST_F(OffloadConflictTest, AMoveOfWhatOnlyTheLakeHadEndsWhereTheLakeIs) {
  for (const auto policy : {meta::ConflictPolicy::kKeepBoth, meta::ConflictPolicy::kLocalWins}) {
    lake_.Plant("a", "old");
    Open(policy);
    Down();
    Rename("a", "b");
    lake_.Plant("a", "theirs");
    Sync();
    Converge();
    ASSERT_EQ(lake_.Names().size(), 1u);
    EXPECT_EQ(lake_.Bytes(lake_.Names().front()), "theirs");
    site_.reset();
    lake_.Remove(lake_.Names().front());
  }
}

// Its source is gone, so nothing but its length speaks for the blob at the target.
TEST_F(OffloadConflictTest, ABlobOfTheSameLengthIsNotTakenForWhatWasMovedThere) {
  for (const bool restart : {false, true}) {
    SCOPED_TRACE(restart);
    const std::string theirs = Pattern(4'000, 2), other = Pattern(4'000, 3);
    PlantBlocks("a", Pattern(4'000, 1));
    Open();
    Down();
    Rename("a", "b");
    Put("between", "so that they stay two changes");
    Put("b", "written over");
    PlantBlocks("b", theirs);
    if (restart) {
      Put("a", "written again");
      PlantBlocks("a", other);
      site().Restart();
    } else {
      lake_.Remove("a");
    }
    Sync();
    Converge();
    EXPECT_EQ(lake_.Bytes("b"), theirs);
    std::set<std::string> kept;
    for (const std::string& name : lake_.Names()) kept.insert(*lake_.Bytes(name));
    EXPECT_TRUE(kept.contains("written over"));
    EXPECT_EQ(kept.contains("written again"), restart);
    EXPECT_EQ(kept.contains(other), restart);
    site_.reset();
    for (const std::string& name : lake_.Names()) lake_.Remove(name);
  }
}

// The same length, and no MD5 on either side: only the bytes tell them apart.
TEST_F(OffloadConflictTest, BytesAreComparedWhereNoChecksumTellsWhoseTheyAre) {
  Open();
  const std::string ours = Pattern(4'000, 1), theirs = Pattern(4'000, 2);
  PutBlocks("a", ours);
  Sync();
  Down();
  Rename("a", "b");
  PlantBlocks("b", theirs);
  Sync();
  Converge();
  EXPECT_EQ(lake_.Bytes("b"), theirs);
  ASSERT_EQ(site().Conflicts().size(), 1u);
  EXPECT_EQ(lake_.Bytes(site().Conflicts().front().record.kept_as), ours);
}

TEST_F(OffloadConflictTest, AMoveWhoseAnswerWasLostIsRecognisedByItsBytes) {
  Open();
  const std::string ours = Pattern(4'000, 1);
  PutBlocks("a", ours);
  Sync();
  site().link().FailNext({.kind = lake::Fault::Kind::kLostAnswer}, LakeOperation::kCopy);
  Rename("a", "b");
  ASSERT_TRUE(site().Sync());
  Converge();
  EXPECT_EQ(lake_.Names(), Names{"b"});
  EXPECT_EQ(lake_.Bytes("b"), ours);
  EXPECT_TRUE(site().Conflicts().empty());
}

// The conflict takes the old name's changes out of the log, the move among them.
TEST_F(OffloadConflictTest, AMoveThatLeavesTheLogWithItsOldNameStillBringsItsBytes) {
  Open();
  Down();
  Put("a", "ours");
  Put("between", "so that they stay two changes");
  Rename("a", "b");
  Put("between", "as well");
  Rename("b", "c");
  lake_.Plant("a", "theirs");
  Sync();
  Converge();
  EXPECT_EQ(lake_.Names(), (Names{"a", "between", "c"}));
  EXPECT_EQ(lake_.Bytes("c"), "ours");
  EXPECT_EQ(lake_.Bytes("a"), "theirs");
}

// What the first move brings there is not there yet when the second one is noted.
TEST_F(OffloadConflictTest, AMoveOntoWhatAnEarlierMoveBringsIsNoConflict) {
  Open();
  Put("a", "first");
  Put("c", "second");
  Sync();
  Down();
  Rename("a", "b");
  Put("between", "so that they stay several changes");
  Put("b", "written over");
  Put("between", "as well");
  Rename("c", "b");
  // The last move begins when what comes before it is stored.
  lake_.OnRequest([&](LakeOperation operation, const std::string& name) {
    if (operation == LakeOperation::kPut && name == "b") Down();
  });
  site().link().Heal();
  ASSERT_TRUE(Site::Eventually([&] {
    if (lake_.Bytes("b") == "written over") lake_.OnRequest({});
    if (site().tier().Status().front().offload.changes < 3) return true;
    if (lake_.Bytes("b") != "written over") site().link().Heal();
    return false;
  }));
  Sync();
  Converge();
  EXPECT_EQ(lake_.Names(), (Names{"b", "between"}));
  EXPECT_EQ(lake_.Bytes("b"), "second");
  EXPECT_TRUE(site().Conflicts().empty());
}

// What is to go after a move goes, though the move met a conflict at its target.
TEST_F(OffloadConflictTest, AMoveOntoATakenNameKeepsBothAndLeavesTheOldNameEmpty) {
  MoveWhile([this] { lake_.Plant("b", "theirs"); });
  EXPECT_EQ(lake_.Bytes("b"), "theirs");
  EXPECT_EQ(lake_.Bytes("a"), std::nullopt);
  ASSERT_EQ(site().Conflicts().size(), 1u);
  EXPECT_EQ(lake_.Bytes(site().Conflicts().front().record.kept_as), "ours");
}

// The conflict is of what was moved away from the name; what has come under it since is not a part
// of that, and the lake may have its bytes under another name.
TEST_F(OffloadConflictTest, WhatCameUnderANameThatWasMovedAwayIsKept) {
  for (const std::string& ours : {std::string("ours"), std::string()}) {
    for (const bool moved : {true, false}) {
      SCOPED_TRACE(ours + (moved ? " moved" : " written"));
      lake_.Plant("a", "old");
      Open();
      if (moved) Put("d", ours);
      Sync();
      Down();
      Rename("a", "b");
      if (moved) {
        Rename("d", "a");
      } else {
        Put("a", ours);
      }
      lake_.Plant("a", "theirs");
      Sync();
      Converge();
      EXPECT_EQ(lake_.Bytes("a"), "theirs");
      EXPECT_EQ(lake_.Bytes("d"), std::nullopt);
      ASSERT_EQ(site().Conflicts().size(), 1u);
      EXPECT_EQ(lake_.Bytes(site().Conflicts().front().record.kept_as), ours);
      site_.reset();
      for (const std::string& name : lake_.Names()) lake_.Remove(name);
    }
  }
}

TEST_F(OffloadConflictTest, AttributesThenBytesOfWhatWasDeletedThereGoUpAnewAndOnce) {
  lake_.Plant("a", "old");
  Open();
  Down();
  ASSERT_TRUE(site().SetMetadata("a", {{"k", "v"}}));
  Put("between", "so that they stay two changes");
  Put("a", "ours");
  lake_.Remove("a");
  std::atomic<int> requests{0};
  lake_.OnRequest([&](LakeOperation, const std::string&) { ++requests; });
  Sync();
  lake_.OnRequest({});
  EXPECT_LT(requests, 20) << "it went round and round";
  Converge();
  EXPECT_EQ(lake_.Bytes("a"), "ours");
  ASSERT_EQ(site().Conflicts().size(), 1u);
  EXPECT_EQ(site().Conflicts().front().record.outcome, ConflictOutcome::kRestored);
}

TEST_F(OffloadConflictTest, ManyChangesOfOneNameAreOneDecision) {
  Open();
  Down();
  for (unsigned i = 0; i < 121; ++i) {
    Put("a", Pattern(600, i));
    if (i % 10 == 0) Put("other", std::to_string(i));
    if (i % 7 == 0) ASSERT_TRUE(site().engine().Delete("a"));
  }
  const std::string ours = site().Read("a");
  lake_.Plant("a", "theirs");
  Sync();
  Converge();
  EXPECT_EQ(lake_.Bytes("a"), "theirs");
  ASSERT_EQ(site().Conflicts().size(), 1u);
  EXPECT_EQ(lake_.Bytes(site().Conflicts().front().record.kept_as), ours);
  site().engine().Sweep();
  EXPECT_EQ(site().engine().KeysOfTable('r'), 0u);
}

// It is no use to store it once more: what is here has changed since.
TEST(OffloadConflict, ADecisionThatHoldsNoMoreIsAskedForAgain) {
  std::atomic<int> commits{0};
  OffloadFixtureOptions options;
  options.handler = ConflictDecision::Action::kTheirs;
  OffloadFixture* asked = nullptr;
  options.commit = [&](kv::Transaction&, const DroppedChanges&) -> Result<> {
    ++commits;
    if (asked->conflicts() >= 3) return {};
    return Fail(Code::kConditionNotMet, "The blob has changed since it was decided about.");
  };
  OffloadFixture fixture(options);
  asked = &fixture;
  fixture.AttachReadWrite();
  fixture.lake().Plant("a", "theirs");
  ASSERT_TRUE(fixture.engine().Put("a", "ours"));
  ASSERT_TRUE(fixture.Sync());
  EXPECT_EQ(fixture.conflicts(), 3);
  EXPECT_LT(commits, 20);
  EXPECT_EQ(fixture.lake().Bytes("a"), "theirs");
}

// --- A former process had sent it, and could not note that any more.

class OffloadRestartTest : public ::testing::Test {
 protected:
  // The lake has what `write` does; nothing here says so.
  void SentAndNotNoted(const std::function<void()>& write, LakeOperation last) {
    fixture_ = std::make_unique<OffloadFixture>();
    f().AttachReadWrite();
    std::atomic<bool> sent{false};
    f().lake().OnRequest([&](LakeOperation operation, const std::string&) {
      if (operation != last) return;
      f().engine().store().FailNext(Code::kIo, 1'000'000);
      sent = true;
    });
    f().faulty_lake().SetLink(lake::LinkState::kBlackHole);
    write();
    f().faulty_lake().SetLink(lake::LinkState::kUp);
    ASSERT_TRUE(f().Until([&] { return sent.load(); }));
    f().lake().OnRequest({});
    f().StopTier();
    f().engine().store().FailNext(Code::kIo, 0);
  }
  void GoOn() {
    f().engine().clock().Advance(std::chrono::hours(1));  // whoever had a lease is gone
    f().Restart();
    ASSERT_TRUE(f().Sync());
  }
  void Rename(const std::string& from, const std::string& to) {
    engine::RenamePathRequest request;
    request.source = f().engine().Blob(from);
    request.target = f().engine().Blob(to);
    ASSERT_TRUE(
        f().engine().Run(engine::RenamePath(f().engine().services(), {}, std::move(request))));
  }
  OffloadFixture& f() { return *fixture_; }

  std::unique_ptr<OffloadFixture> fixture_;
};

TEST_F(OffloadRestartTest, ADeleteFindsWhatAFormerProcessHadSent) {
  SentAndNotNoted([&] { ASSERT_TRUE(f().engine().Put("a", "bytes")); }, LakeOperation::kPut);
  ASSERT_EQ(f().lake().Names(), Names{"a"});
  ASSERT_TRUE(f().engine().Delete("a"));
  GoOn();
  EXPECT_TRUE(f().lake().Names().empty());
}

TEST_F(OffloadRestartTest, AMoveFindsWhatAFormerProcessHadSent) {
  SentAndNotNoted([&] { ASSERT_TRUE(f().engine().Put("a", "bytes")); }, LakeOperation::kPut);
  Rename("a", "b");
  GoOn();
  EXPECT_EQ(f().lake().Names(), Names{"b"});
  EXPECT_EQ(f().lake().Bytes("b"), "bytes");
}

// Each move finds that the lake is further than it would leave it.
TEST_F(OffloadRestartTest, MovesFindWhatFollowedThem) {
  fixture_ = std::make_unique<OffloadFixture>();
  f().AttachReadWrite();
  for (const char* name : {"a", "b", "c"}) ASSERT_TRUE(f().engine().Put(name, name));
  ASSERT_TRUE(f().Sync());
  f().faulty_lake().SetLink(lake::LinkState::kBlackHole);
  Rename("a", "d");
  ASSERT_TRUE(f().engine().Put("1", "so that they stay several changes"));
  Rename("b", "a");
  ASSERT_TRUE(f().engine().Put("2", "so that they stay several changes"));
  ASSERT_TRUE(f().engine().Put("d", "written over"));
  ASSERT_TRUE(f().engine().Put("3", "so that they stay several changes"));
  Rename("a", "e");
  std::atomic<bool> sent{false};
  f().lake().OnRequest([&](LakeOperation operation, const std::string& name) {
    if (operation == LakeOperation::kCopy) f().engine().store().FailNext(Code::kIo, 1'000'000);
    const bool last = operation == LakeOperation::kDelete && name == "a";
    if (last && f().lake().Bytes("e")) sent = true;
  });
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  ASSERT_TRUE(f().Until([&] { return sent.load(); }));
  f().lake().OnRequest({});
  f().StopTier();
  f().engine().store().FailNext(Code::kIo, 0);
  GoOn();
  EXPECT_EQ(f().lake().Names(), (Names{"1", "2", "3", "c", "d", "e"}));
  EXPECT_EQ(f().lake().Bytes("d"), "written over");
  EXPECT_EQ(f().lake().Bytes("e"), "b");
}

// --- Reads between the two.

TEST_F(OffloadConflictTest, WhatIsMovedThereAndNotNotedHereIsBusyNotGone) {
  lake_.Plant("a", "old");
  Open();
  std::atomic<bool> moved{false};
  lake_.OnRequest([&](LakeOperation operation, const std::string&) {
    if (operation != LakeOperation::kDelete) return;
    site().engine().store().FailNext(Code::kIo, 1);  // it is noted at the next try
    moved = true;
  });
  Rename("a", "b");
  ASSERT_TRUE(Site::Eventually([&] { return moved.load(); }));
  lake_.OnRequest({});
  EXPECT_EQ(lake_.Names(), Names{"b"});
  std::string read;
  ASSERT_TRUE(Site::Eventually([&] {
    read = site().Read("b");
    EXPECT_NE(read, "BlobNotFound");
    return read == "old" || HasFailure();
  })) << read;
}

// Behind a log that is much longer than what is in memory of it: what was searched is not searched
// again for each change that comes in meanwhile.
TEST_F(OffloadConflictTest, ANameThatIsWrittenAllTheTimeIsDecidedBehindALongLog) {
  window_ = 16;
  Open();
  Put("hot", "known");
  Sync();
  Down();
  Put("hot", "ours");
  for (int i = 0; i < 1'500; ++i) Put("cold" + std::to_string(i % 40), std::to_string(i));
  lake_.Plant("hot", "theirs");
  std::atomic<bool> decided{false};
  std::atomic<int> written{0};
  std::jthread writer([&] {
    for (; !decided; ++written) {
      ASSERT_TRUE(site().engine().Put("hot", "ours " + std::to_string(written)));
    }
  });
  site().link().Heal();
  const bool settled = Site::Eventually([&] { return !site().Conflicts().empty(); });
  decided = true;
  writer.join();
  EXPECT_TRUE(settled) << "after " << written << " writes";
  Put("hot", "written since");
  Converge();
  EXPECT_EQ(site().Conflicts().size(), 1u);
  EXPECT_EQ(lake_.Bytes("hot"), "written since");
  EXPECT_TRUE(lake_.Bytes(site().Conflicts().front().record.kept_as)->starts_with("ours"));
}

}  // namespace
}  // namespace forebay::tier
