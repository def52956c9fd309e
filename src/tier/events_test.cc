#include "tier/events.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"

namespace forebay::tier {
namespace {

constexpr meta::ContainerId kBox(7);
constexpr meta::ContainerId kOther(8);

class EventsTest : public ::testing::Test {
 protected:
  void Note(std::string name, meta::ContainerId container = kBox,
            EventKind kind = EventKind::kLakeChanged) {
    const LakeEvent event{.kind = kind, .at = engine_.clock().Now(), .name = std::move(name)};
    ASSERT_TRUE(engine_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      NoteEvent(txn, container, event);
      return {};
    }));
  }
  std::vector<std::string> Names(std::uint64_t after = 0, std::size_t max = 100'000) {
    std::vector<std::string> names;
    const auto page = ListEvents(*engine_.store().GetSnapshot(), kBox, after, max);
    EXPECT_TRUE(page);
    for (const StoredEvent& stored : page->events) names.push_back(stored.event.name);
    return names;
  }

  engine::EngineFixture engine_{{.faults = {}}};
};

TEST_F(EventsTest, ComesBackAsItWas) {
  const LakeEvent event{.kind = EventKind::kConflict,
                        .at = WallTime::FromSeconds(12),
                        .name = "a",
                        .other = "a (conflict)",
                        .etag_before = "0x1",
                        .etag_now = "0x2",
                        .text = "Both are kept."};
  const auto back = DecodeLakeEvent(Encode(event));
  ASSERT_TRUE(back);
  EXPECT_EQ(Encode(*back), Encode(event));
  EXPECT_EQ(back->other, "a (conflict)");
  EXPECT_FALSE(DecodeLakeEvent(Encode(event).substr(0, 9)));
  EXPECT_EQ(DecodeLakeEvent("\x02...").error().code(), Code::kCorruption);
}

// What is on disks already: a change of the format needs a new version.
TEST_F(EventsTest, TheBytesAreThese) {
  const LakeEvent event{.kind = EventKind::kLakeDeleted, .at = {5}, .name = "n", .text = "t"};
  EXPECT_EQ(Encode(event), std::string("\x01\x04\x0a\x01n\x00\x00\x00\x01t", 10));
}

TEST_F(EventsTest, ListsInOrderWithACursorAndByContainer) {
  for (int i = 0; i < 5; ++i) Note("b" + std::to_string(i));
  Note("elsewhere", kOther);
  EXPECT_EQ(Names(), (std::vector<std::string>{"b0", "b1", "b2", "b3", "b4"}));
  const auto first = ListEvents(*engine_.store().GetSnapshot(), kBox, 0, 2);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->more);
  ASSERT_EQ(first->events.size(), 2u);
  EXPECT_EQ(Names(first->events.back().cursor), (std::vector<std::string>{"b2", "b3", "b4"}));
}

TEST_F(EventsTest, AFailedTransactionLeavesNone) {
  EXPECT_FALSE(engine_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    NoteEvent(txn, kBox, {});
    return Fail(Code::kInternal, "no");
  }));
  EXPECT_TRUE(Names().empty());
}

TEST_F(EventsTest, KeepsTheNewestAndTheYoung) {
  Note("old");
  engine_.clock().Advance(std::chrono::hours(24 * 91));
  for (int i = 0; i < 30; ++i) Note("b" + std::to_string(i));
  ASSERT_TRUE(engine_.Run(TrimEvents(engine_.services(), {}, kBox)));
  EXPECT_EQ(Names().size(), 30u);
  ASSERT_TRUE(engine_.Run(TrimEvents(engine_.services(), {}, kBox, {.newest = 3})));
  EXPECT_EQ(Names(), (std::vector<std::string>{"b27", "b28", "b29"}));
  engine_.clock().Advance(std::chrono::hours(24 * 91));
  ASSERT_TRUE(engine_.Run(TrimEvents(engine_.services(), {}, kBox)));
  EXPECT_TRUE(Names().empty());
}

TEST_F(EventsTest, FollowerCountsEachOnceAndNotWhatWasBefore) {
  metrics::Registry registry;
  Note("before");
  EventFollower follower(engine_.services(), &registry);
  ASSERT_TRUE(follower.Add(kBox, "box"));
  Note("one");
  Note("two", kBox, EventKind::kConflict);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(engine_.Run(follower.Follow({})));
  Note("three");
  // The store tells of commits on a thread of its own.
  const metrics::Labels changed{{"lake", "box"}, {"event", "lake_changed"}};
  metrics::Counter& counter =
      registry.GetCounter({.name = "forebay_lake_events_total",
                           .help = "Decisions about blobs that are here and in a lake, by kind."},
                          changed);
  for (int i = 0; i < 2000 && counter.Value() < 2; ++i) {
    ASSERT_TRUE(engine_.Run(follower.Follow({})));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(counter.Value(), 2);
  EXPECT_NE(registry.Expose().find("event=\"conflict\""), std::string::npos);
}

}  // namespace
}  // namespace forebay::tier
