#include "tier/overflow_lost.h"

#include "tier/events.h"
#include "tier/overflow_fixture.h"

namespace forebay::tier {
namespace {

class OverflowLostTest : public ::testing::TestWithParam<bool> {};

// The lake has lost the object, or somebody else has replaced it: it is said, the blob stays what
// it is, and what is here of it reads on.
TEST_P(OverflowLostTest, IsSaidOnceAndChangesNothing) {
  OverflowFixture f;
  const std::string text = Pattern(5'000);
  ASSERT_TRUE(f.engine().Put("a", text));
  ASSERT_TRUE(f.engine().Put("b", Pattern(900, 2)));
  ASSERT_EQ(f.Evict()->evicted, 2u);
  const std::string object = f.ObjectOf("a");
  if (GetParam()) {
    f.lake().Plant(object, Pattern(5'000, 7));
  } else {
    f.lake().Remove(object);
  }
  for (int i = 0; i < 3; ++i) {
    const auto read = f.engine().Read("a");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code(), Code::kCorruption) << read.error().ToString();
  }
  EXPECT_EQ(f.ListAll("", "", 100), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(f.engine().Properties("a")->record.length, 5'000u);
  const auto events =
      ListEvents(*f.engine().store().GetSnapshot(), f.attachment()->container, 0, 100);
  ASSERT_TRUE(events);
  ASSERT_EQ(events->events.size(), 1u);
  EXPECT_EQ(events->events[0].event.kind, EventKind::kLakeLost);
  EXPECT_EQ(events->events[0].event.name, "a");
  EXPECT_EQ(events->events[0].event.other, object);
  EXPECT_TRUE(Same(f.engine().Read("b"), Pattern(900, 2)));
  // Written anew it is whole.
  ASSERT_TRUE(f.engine().Put("a", text));
  EXPECT_TRUE(Same(f.engine().Read("a"), text));
}
INSTANTIATE_TEST_SUITE_P(Replaced, OverflowLostTest, ::testing::Bool());

// Bytes that are here still are the only ones.
TEST(OverflowLost, WhatIsHereOfItIsNotGivenUp) {
  OverflowFixture f;
  const std::string text = Pattern(5'000);
  ASSERT_TRUE(f.engine().Put("a", text));
  ASSERT_EQ(f.MakeRoom(5'000), 5'000u);
  const auto record = f.Record("a");
  ASSERT_TRUE(record->body.in_lake);
  const std::string object = f.ObjectOf("a");
  f.lake().Remove(object);
  const auto lost = f.engine().Run(
      CheckObject(f.services(), {}, f.attachment(), "a", object, record->lake->etag));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code(), Code::kCorruption);
  EXPECT_EQ(f.Evict()->evicted, 0u);
  EXPECT_TRUE(Same(f.engine().Read("a"), text));
}

TEST(OverflowLost, WhatIsThereAsItWasIsNotLost) {
  OverflowFixture f;
  ASSERT_TRUE(f.engine().Put("a", Pattern(900)));
  ASSERT_EQ(f.Evict()->evicted, 1u);
  const auto record = f.Record("a");
  const std::string object = f.ObjectOf("a");
  EXPECT_TRUE(f.engine().Run(
      CheckObject(f.services(), {}, f.attachment(), "a", object, record->lake->etag)));
  // Nor is what the blob does not name any more.
  ASSERT_TRUE(f.engine().Put("a", Pattern(900, 2)));
  f.lake().Remove(object);
  EXPECT_TRUE(f.engine().Run(
      CheckObject(f.services(), {}, f.attachment(), "a", object, record->lake->etag)));
  f.faulty_lake().SetLink(lake::LinkState::kDown);
  EXPECT_FALSE(f.engine().Run(
      CheckObject(f.services(), {}, f.attachment(), "a", object, record->lake->etag)));
}

}  // namespace
}  // namespace forebay::tier
