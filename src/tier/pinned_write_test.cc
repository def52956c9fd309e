#include "tier/pinned_write.h"

#include <gtest/gtest.h>

namespace forebay::tier {
namespace {

TEST(PinnedWriteTest, AWriteIsPinnedToWhatIsThereOrToNothing) {
  EXPECT_TRUE(Expecting("").absent);
  EXPECT_TRUE(Expecting("").match.empty());
  EXPECT_FALSE(Expecting("0x1").absent);
  EXPECT_EQ(Expecting("0x1").match.str(), "0x1");
}

TEST(PinnedWriteTest, WhatFailedForGoodNeedsNoLook) {
  for (const Code open : {Code::kConditionNotMet, Code::kBlobNotFound, Code::kUnknownOutcome}) {
    EXPECT_TRUE(MustLook(Error(open, "")));
  }
  for (const Code sure : {Code::kNetwork, Code::kServerBusy, Code::kPathConflict}) {
    EXPECT_FALSE(MustLook(Error(sure, "")));
  }
}

}  // namespace
}  // namespace forebay::tier
