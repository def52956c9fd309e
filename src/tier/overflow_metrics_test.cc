#include "tier/overflow_metrics.h"

#include <gmock/gmock.h>

#include "tier/overflow_fixture.h"

namespace forebay::tier {
namespace {

using ::testing::HasSubstr;

TEST(OverflowMetrics, SayWhatLiesThereAndWhatWent) {
  OverflowFixture f;
  metrics::Registry registry;
  const auto handle = CollectOverflow(registry, f.tier());
  ASSERT_TRUE(f.engine().Put("a", Pattern(900)));
  ASSERT_TRUE(f.engine().Put("b", Pattern(700, 2)));
  ASSERT_EQ(f.Evict()->evicted, 2u);
  ASSERT_TRUE(f.engine().Delete("b"));
  f.engine().Sweep();
  ASSERT_TRUE(f.engine().Put("c", Pattern(800, 3)));
  f.faulty_lake().FailNext({.kind = lake::Fault::Kind::kError, .code = Code::kAuthorizationFailure},
                           lake::LakeOperation::kPut);
  EXPECT_FALSE(f.Evict("c"));  // something of it may be there all the same
  const std::string text = registry.Expose();
  const std::string lake = "{lake=\"" + f.attachment()->record.account + "/box\"} ";
  for (const auto& [name, value] : std::map<std::string, int>{{"bodies", 1},
                                                              {"bytes", 900},
                                                              {"to_delete_objects", 2},
                                                              {"stuck_objects", 0},
                                                              {"sent_bodies_total", 2},
                                                              {"sent_bytes_total", 1'600},
                                                              {"failures_total", 1}}) {
    EXPECT_THAT(text, HasSubstr("forebay_overflow_" + name + lake + std::to_string(value) + "\n"));
  }
}

}  // namespace
}  // namespace forebay::tier
