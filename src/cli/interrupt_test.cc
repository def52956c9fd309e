#include "cli/interrupt.h"

#include <gtest/gtest.h>

namespace forebay::cli {
namespace {

int before = 0;
extern "C" void Before(int) { ++before; }

TEST(InterruptTest, IsNoticedOnceAndLeavesThingsAsTheyWere) {
  struct sigaction action{}, old{};
  action.sa_handler = Before;
  sigaction(SIGINT, &action, &old);
  {
    Interrupt interrupt;
    EXPECT_FALSE(interrupt.requested());
    std::raise(SIGINT);
    EXPECT_TRUE(interrupt.requested());
    EXPECT_EQ(before, 0);
  }
  std::raise(SIGINT);
  EXPECT_EQ(before, 1);
  Interrupt again;
  EXPECT_FALSE(again.requested());
  sigaction(SIGINT, &old, nullptr);
}

}  // namespace
}  // namespace forebay::cli
