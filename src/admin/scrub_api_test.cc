#include "admin/scrub_api.h"

#include <gmock/gmock.h>

#include <thread>

#include "admin/messages.h"
#include "admin/test_support.h"

namespace forebay::admin {
namespace {

class ScrubApiTest : public testing::StoreTest {
 protected:
  void SetUp() override {
    Open({"/a"});
    for (char c = 0; c < 10; ++c) Put(10'000, c);
    scrubber_ = std::make_unique<chunk::Scrubber>(*store_, kv_, clock_, chunk::ScrubberOptions{});
    ASSERT_TRUE(scrubber_->Load());
    scrubber_->Start();
    AddScrubOperations(api_, *scrubber_, *store_, pool_);
  }
  void TearDown() override { scrubber_.reset(); }
  ScrubInfo WaitIdle() {
    for (int i = 0; i < 2'000; ++i) {
      auto scrub = DecodeScrub(*Call("GET", "/v1/scrub"));
      if (!scrub->running) return *scrub;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ADD_FAILURE() << "it does not end";
    return {};
  }

  ManualClock clock_;
  std::unique_ptr<chunk::Scrubber> scrubber_;
};

TEST_F(ScrubApiTest, StartsAndTellsHowItStands) {
  auto before = DecodeScrub(*Call("GET", "/v1/scrub"));
  EXPECT_FALSE(before->running);
  EXPECT_EQ(before->finished, "");
  EXPECT_EQ(before->live_bytes, 10 * 12'288u);
  ASSERT_TRUE(Call("POST", "/v1/scrub"));
  ScrubInfo after = WaitIdle();
  EXPECT_EQ(after.chunks, 10u);
  EXPECT_EQ(after.bytes, 100'000u);
  EXPECT_EQ(after.damaged, 0u);
  EXPECT_EQ(after.finished, "2026-01-01T00:00:00Z");
}

TEST_F(ScrubApiTest, NamesWhatIsDamaged) {
  const std::string file = "/a/segments/" + disk_.List("/a/segments")->front().name;
  ASSERT_TRUE(disk_.CorruptByte(file, 4096 + 5));
  ASSERT_TRUE(Call("POST", "/v1/scrub", "{}"));
  ScrubInfo after = WaitIdle();
  EXPECT_EQ(after.damaged, 1u);
  ASSERT_EQ(after.findings.size(), 1u);
  EXPECT_THAT(after.findings[0], ::testing::HasSubstr(file));
}

TEST_F(ScrubApiTest, OneAtATimeAndItCanBeCancelled) {
  EXPECT_EQ(CodeOf("POST", "/v1/scrub/cancel"), Code::kNotFound);
  // A byte a second, by a clock that stands still.
  ASSERT_TRUE(Call("POST", "/v1/scrub", EncodeScrubRequest({.bytes_per_second = 1})));
  EXPECT_EQ(CodeOf("POST", "/v1/scrub"), Code::kBusy);
  ASSERT_TRUE(Call("POST", "/v1/scrub/cancel"));
  EXPECT_EQ(WaitIdle().finished, "");
  EXPECT_EQ(CodeOf("POST", "/v1/scrub", "[]"), Code::kInvalidInput);
}

}  // namespace
}  // namespace forebay::admin
