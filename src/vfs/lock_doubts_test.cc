// Locks whose answers are lost: nobody is left with a lock that he does not know of.
#include <gtest/gtest.h>

#include <thread>

#include "async/run_sync.h"
#include "vfs/faulty_remote.h"
#include "vfs/memory_remote.h"
#include "vfs/mount_for_test.h"

namespace forebay::vfs {
namespace {

using namespace std::chrono_literals;

LockRange Exclusive(std::uint64_t owner, std::uint64_t offset, std::uint64_t length) {
  LockRange range;
  range.owner = LockOwner(owner);
  range.kind = LockKind::kExclusive;
  range.offset = offset;
  range.length = length;
  return range;
}

class LockDoubtsTest : public testing::Test {
 protected:
  LockDoubtsTest() {
    EXPECT_TRUE(there_.Put("f", "text"));
    mine_ = *here_.Open("f", O_RDWR);
    theirs_ = *there_.Open("f", O_RDWR);
  }
  // Waits for the lock until it has been asked for a few times, and is interrupted then.
  std::optional<Code> WaitInVain(LockRange range) {
    std::stop_source stop;
    const std::uint64_t before = link_.faults();
    std::thread interrupter([&] {
      while (link_.faults() < before + 2) std::this_thread::sleep_for(1ms);
      stop.request_stop();
    });
    const auto got = RunSync(
        here_.fs().Lock({.request_id = {}, .cancel = stop.get_token()}, mine_, range, true));
    interrupter.join();
    return got ? std::nullopt : std::optional(got.error().code());
  }
  bool TheyCanLock(std::uint64_t offset, std::uint64_t length) {
    LockRange range = Exclusive(9, offset, length);
    const bool got = RunSync(there_.fs().Lock({}, theirs_, range, false)).has_value();
    range.kind = LockKind::kUnlock;
    EXPECT_TRUE(RunSync(there_.fs().Lock({}, theirs_, range, false)));
    return got;
  }
  MemoryServer server_;
  MemoryRemote ours_{server_}, others_{server_};
  FaultyRemote link_{ours_, 1};
  MountForTest here_{link_}, there_{others_};
  HandleId mine_, theirs_;
};

TEST_F(LockDoubtsTest, AnInterruptedWaitLeavesNoLock) {
  link_.SetRates(0, 1000);  // granted, and never heard of
  EXPECT_EQ(WaitInVain(Exclusive(5, 0, 10)), Code::kCancelled);
  link_.SetRates(0, 0);
  EXPECT_TRUE(TheyCanLock(0, 10));
}

TEST_F(LockDoubtsTest, WhatWasHeldBeforeStays) {
  ASSERT_TRUE(RunSync(here_.fs().Lock({}, mine_, Exclusive(5, 4, 2), false)));
  link_.SetRates(0, 1000);
  EXPECT_EQ(WaitInVain(Exclusive(5, 0, 10)), Code::kCancelled);
  link_.SetRates(0, 0);
  EXPECT_TRUE(TheyCanLock(0, 4));
  EXPECT_FALSE(TheyCanLock(4, 2));
  EXPECT_TRUE(TheyCanLock(6, 4));
}

TEST_F(LockDoubtsTest, ALockInDoubtGoesWithTheClose) {
  link_.SetRates(0, 1000);
  std::stop_source stop;
  std::thread interrupter([&] {
    while (link_.faults() < 2) std::this_thread::sleep_for(1ms);
    link_.SetRates(1000, 0);  // from here on nothing reaches the server
    stop.request_stop();
  });
  EXPECT_FALSE(RunSync(here_.fs().Lock({.request_id = {}, .cancel = stop.get_token()}, mine_,
                                       Exclusive(5, 0, 10), true)));
  interrupter.join();
  link_.SetRates(0, 0);
  EXPECT_FALSE(TheyCanLock(0, 10)) << "the fault was to leave a lock";
  EXPECT_TRUE(RunSync(here_.fs().Flush({}, mine_, LockOwner(5))));
  EXPECT_TRUE(TheyCanLock(0, 10));
}

TEST_F(LockDoubtsTest, ACloseThatIsNotHeardIsMadeUpFor) {
  ASSERT_TRUE(RunSync(here_.fs().Lock({}, mine_, Exclusive(5, 0, 10), false)));
  link_.SetRates(1000, 0);
  EXPECT_FALSE(RunSync(here_.fs().Flush({}, mine_, LockOwner(5))));
  link_.SetRates(0, 0);
  EXPECT_FALSE(TheyCanLock(0, 10));
  EXPECT_TRUE(RunSync(here_.fs().Flush({}, mine_, LockOwner(5))));
  EXPECT_TRUE(TheyCanLock(0, 10));
}

}  // namespace
}  // namespace forebay::vfs
