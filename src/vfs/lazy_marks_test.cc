#include "vfs/lazy_marks.h"

#include <gtest/gtest.h>

namespace forebay::vfs {
namespace {

TEST(LazyMarksTest, TheHighestOfEachStartIsPending) {
  LazyMarks marks;
  EXPECT_TRUE(marks.Get().empty());
  marks.Note("7/3");
  marks.Note("7/2");
  marks.Note("9/4");
  EXPECT_EQ(LazyMarks::ToLine(marks.Get()), "7/3,9/4");
  for (const char* bad : {"", "7", "7/", "7/x"}) marks.Note(bad);
  EXPECT_EQ(LazyMarks::ToLine(marks.Get()), "7/3,9/4");
}

TEST(LazyMarksTest, WhatCameAfterTheQuestionStaysPending) {
  LazyMarks marks;
  marks.Note("7/3");
  const LazyMarks::Pending asked = marks.Get();
  marks.Note("7/4");
  marks.Settle(asked);
  EXPECT_EQ(LazyMarks::ToLine(marks.Get()), "7/4");
  marks.Settle(marks.Get());
  EXPECT_TRUE(marks.Get().empty());
}

TEST(LazyMarksTest, ACommitSettlesItsOwnStartOnly) {
  LazyMarks marks;
  marks.Note("7/3");
  marks.Note("9/4");
  const LazyMarks::Pending asked = marks.Get();
  marks.SettleStart(asked, "9");
  EXPECT_EQ(LazyMarks::ToLine(marks.Get()), "7/3");
  marks.SettleStart(asked, "8");
  EXPECT_EQ(LazyMarks::ToLine(marks.Get()), "7/3");
}

}  // namespace
}  // namespace forebay::vfs
