#include "fuse/interrupts.h"

#include <gtest/gtest.h>

namespace forebay::fuse {
namespace {

using When = Interrupts::When;

TEST(InterruptsTest, ALockEndsAtOnceAndAReadOnlyWhenItIsStuck) {
  Interrupts table;
  const auto lock = table.Begin(When::kAtOnce), read = table.Begin(When::kWhenStuck);
  table.Interrupt(lock.number);
  table.Interrupt(read.number);
  EXPECT_TRUE(lock.token.stop_requested());
  EXPECT_FALSE(read.token.stop_requested());
  const SteadyTime now = Clock::System().SteadyNow();
  table.Sweep(now + Interrupts::kPatience / 2);
  EXPECT_FALSE(read.token.stop_requested());
  table.Sweep(now + 2 * Interrupts::kPatience);
  EXPECT_TRUE(read.token.stop_requested());
  table.End(lock.number);
  table.End(read.number);
  EXPECT_EQ(table.size(), 0u);
}

TEST(InterruptsTest, WhatWasAnsweredIsForgotten) {
  Interrupts table;
  const auto ticket = table.Begin(When::kAtOnce);
  table.End(ticket.number);
  table.Interrupt(ticket.number);
  EXPECT_FALSE(ticket.token.stop_requested());
  // The next one is not taken for it.
  EXPECT_NE(table.Begin(When::kAtOnce).number, ticket.number);
}

TEST(InterruptsTest, WithoutASignalNothingStopsHoweverLongItTakes) {
  Interrupts table;
  const auto ticket = table.Begin(When::kWhenStuck);
  table.Sweep(Clock::System().SteadyNow() + std::chrono::hours(1));
  EXPECT_FALSE(ticket.token.stop_requested());
}

TEST(InterruptsTest, TheEndStopsWhatRunsAndWhatComes) {
  Interrupts table;
  const auto before = table.Begin(When::kWhenStuck);
  table.StopAll();
  EXPECT_TRUE(before.token.stop_requested());
  EXPECT_TRUE(table.Begin(When::kWhenStuck).token.stop_requested());
}

}  // namespace
}  // namespace forebay::fuse
