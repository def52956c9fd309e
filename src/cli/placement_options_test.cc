// What of the configuration reaches eviction, prefetch and what overflows.
#include "cli/placement_options.h"

#include <gmock/gmock.h>

#include "cli/node.h"
#include "cli/test_support.h"

namespace forebay::cli {
namespace {

using ::testing::HasSubstr;

class PlacementOptionsTest : public testing::DirectoryTest {
 protected:
  void SetUp() override {
    auto node = Node::Open(config_);
    ASSERT_TRUE(node) << node.error().message();
    node_ = std::move(*node);
  }
  Result<tier::PlacementOptions> Options() { return PlacementOptionsOf(config_, node_->chunks()); }
  // Why it is refused.
  std::string Refusal() {
    const auto refused = Options();
    if (refused) return "it is not";
    EXPECT_EQ(refused.error().code(), Code::kInvalidConfig);
    return refused.error().message();
  }

  config::Config config_ = ConfigFor({"a"});
  std::unique_ptr<Node> node_;
};

TEST_F(PlacementOptionsTest, ValuesReachTheirPlaces) {
  const auto usual = Options();
  ASSERT_TRUE(usual) << usual.error().message();
  EXPECT_EQ(usual->overflow_least_bytes, 4096u);
  config_.lake_overflow_min_size = 123'456;
  config_.lake_high_watermark = 70;
  config_.lake_low_watermark = 60;
  config_.lake_cache_size = 5'000'000;
  config_.lake_backlog_limit = 7'000'000;
  config_.lake_prefetch_concurrency = 3;
  const auto changed = Options();
  ASSERT_TRUE(changed) << changed.error().message();
  EXPECT_EQ(changed->overflow_least_bytes, 123'456u);
  EXPECT_EQ(changed->evict.high_percent, 70u);
  EXPECT_EQ(changed->evict.low_percent, 60u);
  EXPECT_EQ(changed->evict.cache_bytes, 5'000'000u);
  EXPECT_EQ(changed->pressure.percent, 85u) << "halfway";
  EXPECT_EQ(changed->pressure.container_limit, 7'000'000u);
  EXPECT_EQ(changed->prefetch.fetches, 3u);
}

// What may not be written does not count as room.
TEST_F(PlacementOptionsTest, TheReserveIsNoRoom) {
  config_.disk_reserve = 0;
  const auto whole = Options()->evict.disk();
  ASSERT_TRUE(whole) << whole.error().message();
  config_.disk_reserve = 1 << 20;
  const auto less = Options()->evict.disk();
  ASSERT_TRUE(less) << less.error().message();
  EXPECT_EQ(less->capacity, whole->capacity - (1 << 20));
}

TEST_F(PlacementOptionsTest, WrongValuesNameTheirKey) {
  config_.lake_low_watermark = config_.lake_high_watermark + 1;
  EXPECT_THAT(Refusal(), HasSubstr("lake.low_watermark"));
  config_.lake_low_watermark = config_.lake_high_watermark;
  config_.lake_prefetch_rate = "fast";
  EXPECT_THAT(Refusal(), HasSubstr("lake.prefetch_rate: "));
}

}  // namespace
}  // namespace forebay::cli
