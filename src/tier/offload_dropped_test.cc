// What leaves the log with a decision about one name, and what of it travels again: no blob that
// only the lake has is written over or deleted there before it is where it was moved here.
#include "tier/offload_dropped.h"

#include <gmock/gmock.h>

#include "tier/offload_conflict_fixture.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {
namespace {

using lake::LakeOperation;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using Names = std::vector<std::string>;

// --- What leaves the log.

LoggedChangePtr Entry(ChangeNumber number, meta::ChangeKind kind, std::string name,
                      std::string from = {}) {
  auto change = std::make_shared<LoggedChange>();
  change->number = number;
  change->record.kind = kind;
  change->record.name = std::move(name);
  change->record.from = std::move(from);
  change->record.holder = meta::BlobId(1'000 + number);
  return change;
}
LoggedChangePtr Content(ChangeNumber number, std::string name) {
  return Entry(number, meta::ChangeKind::kContent, std::move(name));
}
LoggedChangePtr Move(ChangeNumber number, std::string from, std::string name) {
  return Entry(number, meta::ChangeKind::kRename, std::move(name), std::move(from));
}
std::vector<ChangeNumber> NumbersOf(const std::vector<LoggedChangePtr>& changes) {
  std::vector<ChangeNumber> numbers;
  for (const LoggedChangePtr& change : changes) numbers.push_back(change->number);
  return numbers;
}
DroppedChanges Scan(const std::string& name, const std::set<ChangeNumber>& own,
                    const std::vector<LoggedChangePtr>& log,
                    const std::vector<ChangeWork>& waiting = {}) {
  DropScan scan(name, own, PendingTrees());
  while (true) {
    for (const LoggedChangePtr& change : log) scan.See(change);
    const std::set<ChangeNumber> more = scan.LeftBehind(waiting);
    if (more.empty()) return scan.Finish();
    scan.StartAnew(more);
  }
}

TEST(DropScan, TakesTheNamesChangesAndFollowsMoves) {
  const DroppedChanges dropped =
      Scan("a", {1},
           {Content(1, "a"), Content(2, "other"), Move(3, "a", "b"), Content(4, "b"),
            Move(5, "c", "b"), Entry(6, meta::ChangeKind::kDelete, "c"),
            Entry(7, meta::ChangeKind::kDone, "a"), Entry(8, meta::ChangeKind::kDeleteTree, "a")});
  EXPECT_THAT(NumbersOf(dropped.changes), ElementsAre(1, 3, 4, 5, 6));
  EXPECT_THAT(dropped.reached, UnorderedElementsAre("a", "b", "c"));
  EXPECT_TRUE(dropped.HasHolder(1'003));
  EXPECT_FALSE(dropped.HasHolder(1'002));
  EXPECT_FALSE(dropped.HasHolder(0)) << "nobody";
}

// What was noted of a name before a move led there stays: it does not hang on the decision.
TEST(DropScan, LeavesWhatCameBeforeTheMoveThatLeadsThere) {
  const DroppedChanges dropped =
      Scan("a", {1}, {Content(1, "a"), Move(2, "x", "b"), Move(3, "b", "a"), Content(4, "b")});
  EXPECT_THAT(NumbersOf(dropped.changes), ElementsAre(1, 3, 4));
  EXPECT_EQ(dropped.SourceOf("a"), "b") << "where the move that stays brings it";
}

TEST(DropScan, TakesWhatTravelsAsOneWithAnyOfThem) {
  ChangeWork work;
  work.last = 3;
  work.swallowed = {2};
  const DroppedChanges dropped =
      Scan("a", {1}, {Content(1, "a"), Move(2, "x", "b"), Move(3, "b", "a")}, {work});
  EXPECT_THAT(NumbersOf(dropped.changes), ElementsAre(1, 2, 3));
  EXPECT_EQ(dropped.SourceOf("a"), "x");
}

// The move from there is noted anew at the end of the log, and has to come before them.
TEST(DropScan, TakesWhatFollowsWhatTravelsAsOneWithAnyOfThem) {
  ChangeWork work;
  work.last = 4;
  work.swallowed = {3};
  const DroppedChanges dropped =
      Scan("a", {1},
           {Content(1, "a"), Content(2, "x"), Move(3, "x", "b"), Move(4, "b", "a"), Content(5, "x"),
            Move(6, "x", "y"), Content(7, "y"), Content(8, "other")},
           {work});
  EXPECT_THAT(NumbersOf(dropped.changes), ElementsAre(1, 3, 4, 5, 6, 7));
  EXPECT_THAT(dropped.reached, UnorderedElementsAre("a", "b", "x", "y"));
}

TEST(DropScan, SaysWhereABlobWasBeforeTheMoves) {
  const DroppedChanges dropped =
      Scan("a", {1}, {Content(1, "a"), Move(2, "a", "t"), Move(3, "b", "a"), Move(4, "t", "b")});
  EXPECT_EQ(dropped.SourceOf("a"), "b");
  EXPECT_EQ(dropped.SourceOf("b"), "a");
  EXPECT_EQ(dropped.SourceOf("c"), "c") << "none of them brought it";
}

// While a decision is being stored, more of the same names comes in.
TEST(DroppedChanges, WhatMayBeTakenAwayIsNotDoneInPassing) {
  for (const Ordering ordering : {Ordering::kCommit, Ordering::kRelaxed}) {
    ChangeOrder order(ordering);
    order.Append({.number = 1, .mark = 0, .name = "a", .from = {}});
    order.Append({.number = 2, .mark = 1, .kind = ChangeKind::kRename, .name = "b", .from = "a"});
    EXPECT_FALSE(order.Hold({1}, {})) << "2 stands for it";
    EXPECT_TRUE(order.Hold({2}, {1}));
    EXPECT_TRUE(order.Hold({1, 2}, {}));
    order.Append({.number = 3, .mark = 2, .name = "b", .from = {}});
    ASSERT_TRUE(order.Withdraw(2));
    const std::vector<ChangeWork> works = order.Start(10);
    ASSERT_EQ(works.size(), 1u);
    EXPECT_EQ(works[0].last, 3u);
    EXPECT_THAT(works[0].gone, IsEmpty());
    EXPECT_THAT(works[0].swallowed, IsEmpty());
  }
}

TEST(SupersededOf, AreChangesOfTheNameBeforeTheLastWrite) {
  const DroppedChanges dropped =
      Scan("a", {1},
           {Content(1, "a"), Content(2, "a"), Move(3, "a", "b"), Content(4, "a"), Content(5, "a"),
            Entry(6, meta::ChangeKind::kMetadata, "a")});
  EXPECT_THAT(NumbersOf(SupersededOf(dropped, {}, {1})), ElementsAre(2, 4));
  ChangeWork move;  // cannot do without what it moves
  move.last = 3;
  move.name = "b";
  move.from = "a";
  move.swallowed = {2};
  EXPECT_THAT(NumbersOf(SupersededOf(dropped, {move}, {1})), ElementsAre(4));
  EXPECT_THAT(SupersededOf(dropped, {move}, {1, 4}), IsEmpty());
}

// --- What travels again. Blobs that are planted before the site opens are only in the lake.

class OffloadDroppedTest : public OffloadConflictFixture {
 protected:
  // Something between two changes keeps them from travelling as one.
  void Between() { Put("between", std::to_string(++between_)); }
  // The lake refuses it, and all that is changed since waits.
  void HoldOthersUp(const std::string& name) {
    site().link().FailNext({.code = Code::kInvalidMetadata}, LakeOperation::kPut, 1'000'000);
    Put(name, "holds the others up");
  }
  std::size_t Staged(const std::string& name) {
    const auto lists = RunSync(lake_.GetBlockList({}, lake::BlobName(name)));
    return lists ? lists->uncommitted.size() : 0;
  }
  std::string KeptAs() {
    const auto conflicts = site().Conflicts();
    EXPECT_EQ(conflicts.size(), 1u);
    return conflicts.empty() ? "" : conflicts.front().record.kept_as;
  }

  int between_ = 0;
};

TEST_F(OffloadDroppedTest, WhatOnlyTheLakeHasAndWasMovedToATakenNameIsKeptBesideIt) {
  for (const auto policy : {meta::ConflictPolicy::kKeepBoth, meta::ConflictPolicy::kLakeWins}) {
    for (const bool taken : {false, true}) {
      SCOPED_TRACE(taken);
      lake_.Plant("a", "only there");
      Open(policy);
      Down();
      Rename("a", "b");
      Between();
      if (taken) Put("a", "written again");
      lake_.Plant("b", "theirs");
      Sync();
      Converge();
      EXPECT_EQ(lake_.Bytes("b"), "theirs");
      EXPECT_EQ(lake_.Bytes(KeptAs()), "only there");
      EXPECT_EQ(lake_.Bytes("a"),
                taken ? std::optional<std::string>("written again") : std::nullopt);
      site_.reset();
      for (const std::string& name : lake_.Names()) lake_.Remove(name);
    }
  }
}

// Nobody has told the lake what was said of it since it moved.
TEST_F(OffloadDroppedTest, WhatWasSaidOfABlobThatIsKeptTravelsWithIt) {
  lake_.Plant("a", "only there");
  Open();
  Down();
  Rename("a", "b");
  Between();
  ASSERT_TRUE(site().SetMetadata("b", {{"k", "v"}}));
  lake_.Plant("b", "theirs");
  Sync();
  Converge();
  EXPECT_EQ(lake_.Bytes("b"), "theirs");
  EXPECT_EQ(lake_.Bytes(KeptAs()), "only there");
  EXPECT_EQ(lake_.State(KeptAs())->metadata, (azure::Metadata{{"k", "v"}}));
}

TEST_F(OffloadDroppedTest, WhereTheLocalSideWinsWhatOnlyTheLakeHasReplacesTheirs) {
  lake_.Plant("a", "only there");
  Open(meta::ConflictPolicy::kLocalWins);
  Down();
  Rename("a", "b");
  lake_.Plant("b", "theirs");
  Sync();
  Converge();
  EXPECT_EQ(lake_.Names(), Names{"b"});
  EXPECT_EQ(lake_.Bytes("b"), "only there");
}

// The first move stays in the log and brings the bytes where the second one took them from.
TEST_F(OffloadDroppedTest, BytesThatAnEarlierMoveBringsAreTakenFromThere) {
  lake_.Plant("a", "only there");
  Open();
  Down();
  Put("d", "ours");
  Between();
  Rename("a", "b");
  Between();
  Rename("b", "d");
  lake_.Plant("d", "theirs");
  Sync();
  Converge();
  EXPECT_EQ(lake_.Bytes("d"), "theirs");
  EXPECT_EQ(lake_.Bytes(KeptAs()), "only there");
  EXPECT_EQ(lake_.Names().size(), 3u) << "and between";
}

// Each takes the place that the one before it has left.
TEST_F(OffloadDroppedTest, BlobsOfTheLakeMoveInAnOrderThatWritesOverNone) {
  for (const bool circle : {false, true}) {
    SCOPED_TRACE(circle);
    lake_.Plant("a", "A");
    lake_.Plant("b", "B");
    Open();
    Down();
    Put("d", "ours");
    Between();
    Rename("d", "x");
    Between();
    Rename("a", "x");
    Between();
    Rename("b", "a");
    if (circle) {
      Between();
      Rename("x", "b");
    }
    lake_.Plant("d", "theirs");
    Sync();
    Converge();
    EXPECT_EQ(lake_.Bytes("d"), "theirs");
    EXPECT_EQ(lake_.Bytes("a"), "B");
    EXPECT_EQ(lake_.Bytes(circle ? "b" : "x"), "A");
    EXPECT_EQ(lake_.Names().size(), 4u) << "and between";
    site_.reset();
    for (const std::string& name : lake_.Names()) lake_.Remove(name);
  }
}

// The moves travel as one; only the last of them touches the decided name, by what it replaced.
TEST_F(OffloadDroppedTest, BytesThatMovesBringTogetherAreTakenBeforeTheirOldNameIsWrittenOver) {
  for (const bool apart : {false, true}) {
    SCOPED_TRACE(apart);
    lake_.Plant("a", Pattern(4'000, 1));
    Open();
    Down();
    Put("d", "ours");
    Between();
    Rename("a", "b");
    Rename("d", "x");
    Rename("b", "x");
    if (apart) Between();
    Put("a", Pattern(4'000, 2));
    if (apart) Between();
    lake_.Plant("d", "theirs");
    Sync();
    Converge();
    EXPECT_EQ(lake_.Bytes("d"), "theirs");
    EXPECT_EQ(lake_.Bytes("x"), Pattern(4'000, 1));
    EXPECT_EQ(lake_.Bytes("a"), Pattern(4'000, 2));
    EXPECT_EQ(lake_.Names().size(), 4u) << "and between";
    site_.reset();
    for (const std::string& name : lake_.Names()) lake_.Remove(name);
  }
}

// A delete that follows is one of what came there since.
TEST_F(OffloadDroppedTest, WhatWasMovedAwayIsNotDeletedWithItsOldName) {
  lake_.Plant("a", "only there");
  Open();
  Down();
  Put("d", "ours");
  Between();
  Rename("a", "d");
  Between();
  Rename("d", "x");
  Between();
  Put("a", "written again");
  Between();
  ASSERT_TRUE(site().engine().Delete("a"));
  lake_.Plant("d", "theirs");
  Sync();
  Converge();
  EXPECT_EQ(lake_.Bytes("d"), "theirs");
  EXPECT_EQ(lake_.Bytes("x"), "only there");
  EXPECT_EQ(lake_.Bytes("a"), std::nullopt);
}

// --- What was staged ahead of its turn.

// As many bodies go ahead as may: one that was not forgotten would keep another from it.
TEST_F(OffloadDroppedTest, BlocksThatWentAheadOfWhatDoesNotTravelAreForgotten) {
  ahead_ = 4;
  Open();
  Put("d", "old");
  Sync();
  HoldOthersUp("first");
  for (std::size_t i = 1; i <= 6; ++i) {
    Put("swallowed", Pattern(4'000, i));
    EXPECT_TRUE(Site::Eventually([&] { return Staged("swallowed") == 4 * i; })) << i;
  }
  Put("d", "ours");
  Between();
  Put("d", Pattern(4'000, 9));
  EXPECT_TRUE(Site::Eventually([&] { return Staged("d") == 4; }));
  lake_.Plant("d", "theirs");
  Sync();
  EXPECT_EQ(lake_.Bytes(KeptAs()), Pattern(4'000, 9));
  HoldOthersUp("second");
  for (const char* name : {"one", "two", "three", "four"}) Put(name, Pattern(4'000, 1));
  for (const char* name : {"one", "two", "three", "four"}) {
    EXPECT_TRUE(Site::Eventually([&] { return Staged(name) == 4; })) << name;
  }
  Sync();
}

}  // namespace
}  // namespace forebay::tier
