#include "vfs/look_ahead.h"

#include <gtest/gtest.h>

namespace forebay::vfs {
namespace {

using std::chrono::milliseconds;

class LookAheadTest : public testing::Test {
 protected:
  static constexpr milliseconds kAge{1000};

  void LookUp(std::size_t names, bool asked) {
    for (std::size_t i = 0; i < names; ++i) names_.LookedUp(asked, now_, kAge);
  }
  auto Next() { return names_.Next(now_, kAge); }
  // Names are asked for and a page is listed, of which nobody wants anything.
  bool ListInVain() {
    now_ += kAge;
    LookUp(LookAhead::kAsked, true);
    if (!Next()) return false;
    names_.Listed(LookAhead::kAsked * LookAhead::kWanted + 1, "more");
    return true;
  }

  LookAhead names_;
  SteadyTime now_{std::chrono::seconds(5)};
};

TEST_F(LookAheadTest, ListsOnceEnoughNamesWereAskedFor) {
  LookUp(LookAhead::kAsked - 1, true);
  LookUp(100, false);
  EXPECT_FALSE(Next().has_value());
  LookUp(1, true);
  const auto page = Next();
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->after, "");
  EXPECT_EQ(page->limit, LookAhead::kMost);
}

TEST_F(LookAheadTest, QuestionsOfLongAgoDoNotCount) {
  LookUp(LookAhead::kAsked - 1, true);
  now_ += kAge;
  LookUp(1, true);
  EXPECT_FALSE(Next().has_value());
}

TEST_F(LookAheadTest, ListsAsMuchAsTheNamesAreWorth) {
  LookUp(LookAhead::kAsked, true);
  const auto first = Next();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(first->limit, LookAhead::kLeast);
  EXPECT_FALSE(Next().has_value()) << "one page at a time";
  names_.Listed(first->limit, "m");
  EXPECT_FALSE(Next().has_value()) << "nothing was looked up since";
  LookUp(LookAhead::kAsked, false);
  const auto second = Next();
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(second->after, "m");
  names_.Listed(second->limit, "");
  LookUp(1000, true);
  EXPECT_FALSE(Next().has_value()) << "all of it was listed";
  now_ += kAge;
  LookUp(LookAhead::kAsked, true);
  const auto again = Next();
  ASSERT_TRUE(again.has_value()) << "what was listed is too old";
  EXPECT_EQ(again->after, "");
}

TEST_F(LookAheadTest, LeavesADirectoryAloneWhoseNamesAreNotWanted) {
  ASSERT_TRUE(ListInVain());
  EXPECT_FALSE(ListInVain());
  ASSERT_TRUE(ListInVain());
  // Longer each time.
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(ListInVain());
  now_ += kAge;
  LookUp(LookAhead::kAsked, true);
  ASSERT_TRUE(Next().has_value());
  // This time they are.
  names_.Listed(LookAhead::kLeast, "");
  LookUp(LookAhead::kLeast, false);
  now_ += kAge;
  LookUp(LookAhead::kAsked, true);
  EXPECT_TRUE(Next().has_value());
}

TEST_F(LookAheadTest, AFailureIsNotRepeatedAtOnce) {
  LookUp(LookAhead::kAsked, true);
  ASSERT_TRUE(Next().has_value());
  names_.Failed();
  LookUp(LookAhead::kAsked, true);
  EXPECT_FALSE(Next().has_value());
  now_ += kAge;
  LookUp(LookAhead::kAsked, true);
  EXPECT_FALSE(Next().has_value());
  now_ += kAge;
  LookUp(LookAhead::kAsked, true);
  EXPECT_TRUE(Next().has_value());
}

TEST_F(LookAheadTest, WhatIsNotBelievedAtAllIsNotListed) {
  for (std::size_t i = 0; i < 2 * LookAhead::kAsked; ++i) {
    names_.LookedUp(true, now_, milliseconds(0));
    EXPECT_FALSE(names_.Next(now_, milliseconds(0)).has_value());
  }
}

}  // namespace
}  // namespace forebay::vfs
