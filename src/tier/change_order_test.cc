#include "tier/change_order.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

namespace forebay::tier {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Change Write(ChangeNumber number, ChangeNumber mark, std::string name,
             ChangeParts parts = kContentPart) {
  return {number, mark, ChangeKind::kWrite, parts, std::move(name), ""};
}
Change Delete(ChangeNumber number, ChangeNumber mark, std::string name) {
  return {number, mark, ChangeKind::kDelete, 0, std::move(name), ""};
}
Change Rename(ChangeNumber number, ChangeNumber mark, std::string from, std::string to) {
  return {number, mark, ChangeKind::kRename, 0, std::move(to), std::move(from)};
}
Change Barrier(ChangeNumber number) {
  return {number, number - 1, ChangeKind::kBarrier, 0, "dir/", ""};
}

std::vector<ChangeNumber> Numbers(const std::vector<ChangeWork>& works) {
  std::vector<ChangeNumber> out;
  for (const ChangeWork& work : works) out.push_back(work.last);
  return out;
}

TEST(ChangeOrder, WhatWasWrittenOneAfterTheOtherGoesInThatOrder) {
  ChangeOrder order(Ordering::kCommit);
  for (ChangeNumber i = 1; i <= 3; ++i) order.Append(Write(i, i - 1, std::to_string(i)));
  for (ChangeNumber i = 1; i <= 3; ++i) {
    ASSERT_THAT(Numbers(order.Start(10)), ElementsAre(i));
    EXPECT_THAT(order.Start(10), IsEmpty());
    EXPECT_EQ(order.visible_up_to(), i - 1);
    EXPECT_TRUE(order.Done(i));
  }
  EXPECT_EQ(order.visible_up_to(), 3U);
  EXPECT_EQ(order.pending(), 0U);
}

ChangeOrder TwoAndOneAfter(ChangeNumber mark) {
  ChangeOrder order(Ordering::kCommit);
  for (const auto& c : {Write(1, 0, "a"), Write(2, 0, "b"), Write(3, mark, "c")}) order.Append(c);
  return order;
}

TEST(ChangeOrder, WhatOverlappedGoesInParallel) {
  ChangeOrder order = TwoAndOneAfter(1);
  EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(1, 2));
  EXPECT_THAT(Numbers(order.Ahead(10)), ElementsAre(3));
  EXPECT_TRUE(order.Done(1));
  EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(3));
  EXPECT_TRUE(order.Done(3));
  EXPECT_EQ(order.visible_up_to(), 1U) << "2 is still on its way";
  EXPECT_TRUE(order.Done(2));
  EXPECT_EQ(order.visible_up_to(), 3U);
}

TEST(ChangeOrder, ChangesOfOneNameNeverOvertakeOneAnother) {
  ChangeOrder order(Ordering::kCommit);
  order.Append(Write(1, 0, "a"));
  EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(1));
  order.Append(Write(2, 0, "a"));  // overlapped, yet of the same name
  EXPECT_THAT(order.Start(10), IsEmpty());
  EXPECT_TRUE(order.Done(1));
  EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(2));
}

TEST(ChangeOrder, AdjacentOverwritesCollapseAndOthersDoNot) {
  ChangeOrder order(Ordering::kCommit);
  order.Append(Write(1, 0, "a"));
  order.Append(Write(2, 1, "a"));
  order.Append(Write(3, 2, "b"));
  order.Append(Write(4, 3, "a"));
  auto first = order.Start(10);
  ASSERT_THAT(Numbers(first), ElementsAre(2));
  EXPECT_THAT(first[0].swallowed, ElementsAre(1));
  EXPECT_TRUE(order.Done(2));
  EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(3));
  EXPECT_TRUE(order.Done(3));
  EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(4));
}

TEST(ChangeOrder, RelaxedCollapsesEveryOverwrite) {
  ChangeOrder order(Ordering::kRelaxed);
  order.Append(Write(1, 0, "a"));
  order.Append(Write(2, 1, "b"));
  order.Append(Write(3, 2, "a"));
  order.Append(Delete(4, 3, "b"));
  auto first = order.Start(10);
  ASSERT_THAT(Numbers(first), ElementsAre(3)) << "2 was swallowed and 3 waits for nobody";
  EXPECT_TRUE(order.Done(3));
  auto second = order.Start(10);
  ASSERT_THAT(Numbers(second), ElementsAre(4));
  EXPECT_EQ(second[0].kind, ChangeKind::kDelete);
  EXPECT_TRUE(order.Done(4));
  EXPECT_EQ(order.visible_up_to(), 4U);
}

TEST(ChangeOrder, WhatWasAttemptedIsNotSwallowed) {
  ChangeOrder order(Ordering::kRelaxed);
  order.Append(Write(1, 0, "a"));
  EXPECT_THAT(Numbers(order.Start(1)), ElementsAre(1));
  order.Append(Write(2, 1, "a"));
  EXPECT_TRUE(order.Failed(1));
  EXPECT_FALSE(order.Failed(1));
  order.Append(Write(3, 2, "a"));
  EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(1)) << "its answer may have been lost";
  EXPECT_FALSE(order.Done(3));
  EXPECT_TRUE(order.Done(1));
  auto rest = order.Start(10);
  ASSERT_THAT(Numbers(rest), ElementsAre(3));
  EXPECT_THAT(rest[0].swallowed, ElementsAre(2));
}

// The lake may have it: a delete that takes the place of the write would leave it there.
TEST(ChangeOrder, WhatAFormerProcessMayHaveSentIsSwallowedByWritesOnly) {
  for (const Ordering ordering : {Ordering::kCommit, Ordering::kRelaxed}) {
    for (const Change& later :
         {Write(2, 1, "a"), Delete(2, 1, "a"), Rename(2, 1, "a", "b"), Rename(2, 1, "b", "a")}) {
      ChangeOrder order(ordering);
      Change earlier = Write(1, 0, "a");
      earlier.maybe_sent = true;
      order.Append(earlier);
      order.Append(later);
      const auto works = order.Start(10);
      ASSERT_EQ(works.size(), 1U);
      EXPECT_EQ(works[0].last, later.kind == ChangeKind::kWrite ? 2U : 1U);
    }
    ChangeOrder order(ordering);
    Change earlier = Rename(1, 0, "a", "b");
    earlier.maybe_sent = true;
    order.Append(earlier);
    order.Append(Write(2, 1, "b"));
    EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(1)) << "the move is looked up by itself";
  }
}

// Nothing in the lake tells a later write that it was ours.
TEST(ChangeOrder, AttributesThatAFormerProcessMayHaveSentAreSentAgain) {
  for (const Ordering ordering : {Ordering::kCommit, Ordering::kRelaxed}) {
    ChangeOrder order(ordering);
    Change attributes = Write(1, 0, "a", kAttributesPart);
    attributes.maybe_sent = true;
    order.Append(attributes);
    order.Append(Write(2, 1, "a"));
    EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(1));
  }
}

TEST(ChangeOrder, NothingIsStagedAheadOfABarrier) {
  ChangeOrder order(Ordering::kCommit);
  order.Append({.number = 1, .kind = ChangeKind::kBarrier, .name = "d", .from = ""});
  order.Append(Write(2, 1, "d/a"));
  EXPECT_TRUE(order.Ahead(10).empty());
  EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(1));
  EXPECT_TRUE(order.Ahead(10).empty()) << "it is on its way";
  EXPECT_TRUE(order.Done(1));
  EXPECT_THAT(Numbers(order.Ahead(10)), ElementsAre(2));
}

TEST(ChangeOrder, WhatIsWithdrawnHoldsNothingUp) {
  ChangeOrder order = TwoAndOneAfter(2);
  EXPECT_THAT(Numbers(order.Start(1)), ElementsAre(1));
  EXPECT_FALSE(order.Withdraw(1)) << "it is on its way";
  EXPECT_EQ(order.Waiting().size(), 2U);
  EXPECT_TRUE(order.Withdraw(2));
  EXPECT_FALSE(order.Withdraw(2));
  EXPECT_TRUE(order.Done(1));
  EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(3));
  EXPECT_EQ(order.visible_up_to(), 2U);
}

TEST(ChangeOrder, AFileRenamedBeforeItsOffloadGoesUpOnceUnderItsLastName) {
  ChangeOrder order(Ordering::kCommit);
  order.Append(Write(1, 0, "x.tmp"));
  order.Append(Write(2, 1, "x.tmp", kTagsPart));
  order.Append(Rename(3, 2, "x.tmp", "x.part"));
  order.Append(Rename(4, 3, "x.part", "x"));
  const auto works = order.Start(10);
  ASSERT_EQ(works.size(), 1U);
  EXPECT_EQ(works[0].kind, ChangeKind::kWrite);
  EXPECT_EQ(works[0].parts, kContentPart);
  EXPECT_EQ(works[0].name, "x");
  EXPECT_EQ(works[0].from, "");
  EXPECT_THAT(works[0].gone, ElementsAre("x.part", "x.tmp"));
  EXPECT_THAT(works[0].swallowed, ElementsAre(1, 2, 3));
}

TEST(ChangeOrder, ParallelWritersOfTemporaryFilesCollapseToo) {
  // Neither write waited for the other, so each can stand beside its rename.
  ChangeOrder order(Ordering::kCommit);
  order.Append(Write(1, 0, "a.tmp"));
  order.Append(Write(2, 0, "b.tmp"));
  order.Append(Rename(3, 1, "a.tmp", "a"));
  order.Append(Rename(4, 2, "b.tmp", "b"));  // arrived when 1 was acknowledged, so after a
  for (const char* name : {"a", "b"}) {
    const auto works = order.Start(10);
    ASSERT_EQ(works.size(), 1U);
    EXPECT_EQ(works[0].name, name);
    EXPECT_EQ(works[0].kind, ChangeKind::kWrite);
    EXPECT_TRUE(order.Done(works[0].last));
  }
  EXPECT_EQ(order.visible_up_to(), 4U);
}

TEST(ChangeOrder, WhatStandsBetweenTwoForEverybodyKeepsThemApart) {
  ChangeOrder order(Ordering::kCommit);
  order.Append(Write(1, 0, "a.tmp"));
  order.Append(Write(2, 1, "b"));  // its writer had seen a.tmp
  order.Append(Rename(3, 2, "a.tmp", "a"));
  for (const char* name : {"a.tmp", "b", "a"}) {
    const auto works = order.Start(10);
    ASSERT_EQ(works.size(), 1U);
    EXPECT_EQ(works[0].name, name);
    EXPECT_TRUE(order.Done(works[0].last));
  }
}

TEST(ChangeOrder, AMoveOfWhatTheLakeHasStaysAMove) {
  ChangeOrder order(Ordering::kCommit);
  order.Append(Rename(1, 0, "a", "b"));
  order.Append(Write(2, 1, "b", kAttributesPart));
  order.Append(Rename(3, 2, "b", "c"));
  const auto works = order.Start(10);
  ASSERT_EQ(works.size(), 1U);
  EXPECT_EQ(works[0].kind, ChangeKind::kRename);
  EXPECT_EQ(works[0].from, "a");
  EXPECT_EQ(works[0].name, "c");
  EXPECT_EQ(works[0].parts, kAttributesPart);
  EXPECT_THAT(works[0].gone, ElementsAre("b"));
}

TEST(ChangeOrder, ABarrierWaitsForAllAndHoldsUpAll) {
  for (const Ordering ordering : {Ordering::kCommit, Ordering::kRelaxed}) {
    ChangeOrder order(ordering);
    order.Append(Write(1, 0, "a"));
    order.Append(Write(2, 0, "b"));
    order.Append(Barrier(3));
    order.Append(Write(4, 0, "c"));
    order.Append(Write(5, 4, "a"));
    EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(1, 2)) << "5 must not swallow 1 across it";
    EXPECT_TRUE(order.Done(2));
    EXPECT_THAT(order.Start(10), IsEmpty());
    EXPECT_TRUE(order.Done(1));
    EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(3));
    EXPECT_THAT(order.Start(10), IsEmpty());
    EXPECT_TRUE(order.Done(3));
    EXPECT_THAT(Numbers(order.Start(1)), ElementsAre(4));
  }
}

TEST(ChangeOrder, NumbersThatTheLogNoLongerHasAreVisible) {
  ChangeOrder order(Ordering::kCommit);
  order.Append(Write(7, 6, "a"));
  order.Append(Write(9, 8, "b"));
  EXPECT_EQ(order.visible_up_to(), 6U);
  EXPECT_THAT(Numbers(order.Start(10)), ElementsAre(7));
  EXPECT_TRUE(order.Done(7));
  EXPECT_EQ(order.visible_up_to(), 8U);
}

// The definition, played out: a namespace that the clients change, a lake that the works change,
// and the set of changes whose work is done. After each finished piece, in kCommit, that set must
// contain all marks of its members, and the lake must be what those changes alone, in log order,
// make.
class Model {
 public:
  Model(Ordering ordering, std::uint64_t seed)
      : ordering_(ordering), order_(ordering), random_(seed) {}

  void Run() {
    for (int step = 0; step < 400; ++step) {
      switch (random_() % 4) {
        case 0:
          requests_.push_back(log_.size());  // it arrives: its mark is what is acknowledged now
          break;
        case 1:
          Acknowledge();
          break;
        case 2:
          Take(1 + random_() % 3);
          break;
        default:
          Finish();
      }
      if (testing::Test::HasFatalFailure()) return;
    }
    Drain();
  }

 private:
  struct Blob {
    std::uint64_t content = 0;  // the number of the change that wrote it
    std::uint64_t attributes = 0;
    friend bool operator==(const Blob&, const Blob&) = default;
  };
  using Tree = std::map<std::string, Blob>;

  std::string Pick() { return std::string(1, static_cast<char>('a' + random_() % 5)); }
  std::string PickFrom(const Tree& tree) {
    auto it = tree.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random_() % tree.size()));
    return it->first;
  }

  static void Apply(const Change& change, Tree& tree) {
    switch (change.kind) {
      case ChangeKind::kWrite:
        if ((change.parts & kContentPart) != 0) tree[change.name] = {change.number, change.number};
        if ((change.parts & kAttributesPart) != 0) tree[change.name].attributes = change.number;
        break;
      case ChangeKind::kDelete:
        tree.erase(change.name);
        break;
      case ChangeKind::kRename:
        tree[change.name] = tree.at(change.from);
        tree.erase(change.from);
        break;
      case ChangeKind::kBarrier:
        break;
    }
  }

  void Acknowledge() {
    if (requests_.empty()) return;
    const std::size_t which = random_() % requests_.size();
    const ChangeNumber mark = requests_[which];
    requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(which));
    const ChangeNumber number = log_.size() + 1;
    Change change = Write(number, mark, Pick());
    if (!here_.empty()) {
      const auto kind = random_() % 8;
      if (kind == 0) change = Delete(number, mark, PickFrom(here_));
      if (kind == 1) change = Write(number, mark, PickFrom(here_), kAttributesPart);
      if (kind == 2 || kind == 3) {
        const std::string from = PickFrom(here_);
        const std::string to = Pick();
        if (from != to) change = Rename(number, mark, from, to);
      }
      if (random_() % 40 == 0) change = Barrier(number);
    }
    Apply(change, here_);
    log_.push_back(change);
    if (here_.contains(change.name)) records_[number] = here_.at(change.name);
    order_.Append(change);
  }

  void Take(std::size_t max) {
    for (ChangeWork& work : order_.Start(max)) under_way_.push_back(std::move(work));
    CheckNothingWaitsInVain(max);
  }

  // Whatever waits and has all that it needs would have been started.
  void CheckNothingWaitsInVain(std::size_t max) {
    if (!under_way_.empty() || order_.pending() == 0) return;
    ASSERT_FALSE(order_.Start(max).empty()) << "stuck";
  }

  void Finish() {
    if (under_way_.empty()) return;
    const std::size_t which = random_() % under_way_.size();
    ChangeWork work = under_way_[which];
    under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(which));
    if (random_() % 8 == 0) {
      ASSERT_TRUE(order_.Failed(work.last));
      return;
    }
    ApplyWork(work);
    visible_.insert(work.last);
    visible_.insert(work.swallowed.begin(), work.swallowed.end());
    ASSERT_TRUE(order_.Done(work.last));
    Check(work);
  }

  void ApplyWork(const ChangeWork& work) {
    for (const std::string& name : work.gone) lake_.erase(name);
    switch (work.kind) {
      case ChangeKind::kWrite:
        if ((work.parts & kContentPart) != 0) {
          lake_[work.name] = records_.at(work.last);
        } else {
          ASSERT_TRUE(lake_.contains(work.name)) << "attributes of what is not there";
          lake_[work.name].attributes = records_.at(work.last).attributes;
        }
        break;
      case ChangeKind::kDelete:
        lake_.erase(work.name);
        break;
      case ChangeKind::kRename: {
        ASSERT_TRUE(lake_.contains(work.from)) << "a move of what is not there";
        Blob blob = lake_.at(work.from);
        lake_.erase(work.from);
        if (work.parts != 0) blob.attributes = records_.at(work.last).attributes;
        lake_[work.name] = blob;
        break;
      }
      case ChangeKind::kBarrier:
        break;
    }
  }

  void Check(const ChangeWork& work) {
    ChangeNumber prefix = 0;
    while (visible_.contains(prefix + 1)) ++prefix;
    ASSERT_EQ(order_.visible_up_to(), prefix);
    if (ordering_ == Ordering::kRelaxed) return;
    Tree expected;
    for (const ChangeNumber number : visible_) {
      const Change& change = log_[number - 1];
      ASSERT_GE(prefix, change.mark) << number << " shows before what preceded it";
      Apply(change, expected);
    }
    ASSERT_EQ(lake_, expected) << "after " << work.last;
  }

  void Drain() {
    for (int i = 0; i < 10'000 && order_.pending() > 0; ++i) {
      Take(4);
      Finish();
      if (testing::Test::HasFatalFailure()) return;
    }
    ASSERT_EQ(order_.pending(), 0U);
    ASSERT_EQ(lake_, here_);
    ASSERT_EQ(order_.visible_up_to(), log_.size());
  }

  Ordering ordering_;
  ChangeOrder order_;
  std::mt19937_64 random_;
  std::vector<Change> log_;
  std::vector<ChangeNumber> requests_;  // that have arrived: their marks
  std::map<ChangeNumber, Blob> records_;
  std::vector<ChangeWork> under_way_;
  std::set<ChangeNumber> visible_;
  Tree here_;
  Tree lake_;
};

TEST(ChangeOrderModel, CommitShowsAPrefixAtEveryMoment) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model(Ordering::kCommit, seed).Run();
    if (HasFatalFailure()) return;
  }
}

TEST(ChangeOrderModel, RelaxedEndsAtTheSameState) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Model(Ordering::kRelaxed, seed).Run();
    if (HasFatalFailure()) return;
  }
}

// What may start, against the definition: for changes of distinct names nothing collapses, and one
// may start iff everything up to its mark is visible.
TEST(ChangeOrderModel, StartsExactlyWhatTheDefinitionAllows) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 100; ++round) {
    ChangeOrder order(Ordering::kCommit);
    std::map<ChangeNumber, ChangeNumber> waiting;  // number -> mark
    std::set<ChangeNumber> pending;
    for (ChangeNumber number = 1; number <= 40; ++number) {
      const ChangeNumber mark = number - 1 - std::min<ChangeNumber>(random() % 6, number - 1);
      order.Append(Write(number, mark, std::to_string(number)));
      waiting[number] = mark;
      pending.insert(number);
    }
    std::vector<ChangeNumber> under_way;
    while (!pending.empty()) {
      std::vector<ChangeNumber> expected;
      for (const auto& [number, mark] : waiting) {
        if (*pending.begin() > mark) expected.push_back(number);
      }
      const std::vector<ChangeNumber> got = Numbers(order.Start(1000));
      ASSERT_EQ(got, expected);
      for (const ChangeNumber number : got) {
        waiting.erase(number);
        under_way.push_back(number);
      }
      std::ranges::shuffle(under_way, random);
      ASSERT_TRUE(order.Done(under_way.back()));
      pending.erase(under_way.back());
      under_way.pop_back();
    }
  }
}

}  // namespace
}  // namespace forebay::tier
