#include "chunk/scrubber.h"

#include <gmock/gmock.h>

#include <thread>

#include "chunk/store_fixture.h"

namespace forebay::chunk {
namespace {

using testing::CodeOf;
using ::testing::HasSubstr;

class ScrubberTest : public testing::SegmentStoreTest {
 protected:
  void Fill(std::uint64_t chunks, std::uint64_t small_ones = 0) {
    ASSERT_TRUE(Open());
    for (std::uint64_t i = 0; i < chunks; ++i) ASSERT_TRUE(Put(i < small_ones ? 10 : 10'000, i));
  }
  // Flips a byte of the first chunk of the first segment.
  void Damage() {
    auto files = *disk_.List("/a/segments");
    ASSERT_FALSE(files.empty());
    ASSERT_TRUE(disk_.CorruptByte("/a/segments/" + files.front().name, kAlignment + 100));
  }
  std::unique_ptr<Scrubber> Make(ScrubberOptions options = {}) {
    auto scrubber = std::make_unique<Scrubber>(*store_, kv_, clock_, options);
    EXPECT_TRUE(scrubber->Load());
    scrubber->Start();
    return scrubber;
  }
  static void WaitUntil(const std::function<bool()>& done) {
    for (int i = 0; i < 2'000 && !done(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    EXPECT_TRUE(done());
  }
  static void WaitIdle(const Scrubber& scrubber) {
    WaitUntil([&] { return !scrubber.state().running; });
  }

  ManualClock clock_;
};

TEST_F(ScrubberTest, ReadsEverythingAndFindsNothing) {
  Fill(150);
  auto scrubber = Make();
  EXPECT_EQ(scrubber->state().finished.ticks, 0);
  ASSERT_TRUE(scrubber->Begin());
  WaitIdle(*scrubber);
  ScrubState state = scrubber->state();
  EXPECT_EQ(state.chunks, 150u);
  EXPECT_EQ(state.bytes, 1'500'000u);
  EXPECT_EQ(state.damaged, 0u);
  EXPECT_EQ(state.finished, clock_.Now());
  EXPECT_EQ(scrubber->counters().completed, 1u);
}

TEST_F(ScrubberTest, FindsAFlippedByteAndForgetsItAtTheNextScrub) {
  Fill(20);
  Damage();
  auto scrubber = Make();
  ASSERT_TRUE(scrubber->Begin());
  WaitIdle(*scrubber);
  ScrubState state = scrubber->state();
  EXPECT_EQ(state.chunks, 20u);
  EXPECT_EQ(state.damaged, 1u);
  ASSERT_EQ(state.findings.size(), 1u);
  EXPECT_THAT(state.findings[0].what, HasSubstr("/a/segments/"));
  Damage();  // the same byte again: whole
  ASSERT_TRUE(scrubber->Begin());
  WaitIdle(*scrubber);
  EXPECT_EQ(scrubber->state().damaged, 0u);
  EXPECT_TRUE(scrubber->state().findings.empty());
  EXPECT_EQ(scrubber->counters().damaged, 1u) << "since the start";
}

TEST_F(ScrubberTest, AStoppedScrubGoesOnInTheNextProcess) {
  // What was read is told 64 chunks at a time: the first ones at once, the others take minutes.
  Fill(200, /*small_ones=*/64);
  std::uint64_t read = 0;
  {
    auto scrubber = Make({.bytes_per_second = 10'000});
    ASSERT_TRUE(scrubber->Begin());
    WaitUntil([&] { return scrubber->state().chunks > 0; });
    EXPECT_EQ(CodeOf(scrubber->Begin()), Code::kBusy);
    scrubber->Stop();
    EXPECT_TRUE(scrubber->state().running);
    read = scrubber->state().chunks;
    EXPECT_GT(read, 0u);
    EXPECT_LT(read, 200u);
  }
  auto scrubber = Make();
  WaitIdle(*scrubber);
  EXPECT_EQ(scrubber->state().chunks, 200u);
  EXPECT_EQ(scrubber->counters().chunks, 200u - read) << "what was read is not read again";
  EXPECT_NE(scrubber->state().finished.ticks, 0);
}

TEST_F(ScrubberTest, ACancelledScrubIsOverAndNotComplete) {
  Fill(50);
  auto scrubber = Make();
  EXPECT_EQ(CodeOf(scrubber->Cancel()), Code::kNotFound);
  ASSERT_TRUE(scrubber->Begin(1));  // a byte a second of a clock that stands still
  ASSERT_TRUE(scrubber->Cancel());
  WaitIdle(*scrubber);
  EXPECT_EQ(scrubber->state().finished.ticks, 0);
  ASSERT_TRUE(scrubber->Begin());
  WaitIdle(*scrubber);
  EXPECT_EQ(scrubber->state().chunks, 50u) << "it began anew";
}

TEST_F(ScrubberTest, TheIntervalCountsOverRestarts) {
  Fill(5);
  const ScrubberOptions daily{.interval = std::chrono::hours(24)};
  Make(daily)->Stop();
  clock_.Advance(std::chrono::hours(23));
  {
    auto scrubber = Make(daily);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_EQ(scrubber->counters().completed, 0u);
  }
  clock_.Advance(std::chrono::hours(1));
  auto scrubber = Make(daily);
  WaitUntil([&] { return scrubber->counters().completed == 1; });
  EXPECT_EQ(scrubber->state().chunks, 5u);
}

TEST_F(ScrubberTest, AVolumeOutOfReachIsLeftOut) {
  ASSERT_TRUE(Open({"/a", "/b"}));
  for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(Put(10'000, i));
  ASSERT_TRUE(store_->RemoveVolume(StatusOf("/b").uuid, /*force=*/true));
  auto scrubber = Make();
  ASSERT_TRUE(scrubber->Begin());
  WaitIdle(*scrubber);
  EXPECT_EQ(scrubber->state().damaged, 0u);
  EXPECT_GT(scrubber->state().chunks, 0u);
  EXPECT_LT(scrubber->state().chunks, 10u);
}

}  // namespace
}  // namespace forebay::chunk
