#include "engine/lake_objects.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"
#include "engine/sweep_steps.h"
#include "meta/garbage.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

constexpr meta::ContainerId kContainer{7};
constexpr meta::BodyId kBody{0xAB};

class LakeObjectsTest : public ::testing::Test {
 protected:
  template <class Fn>
  void Do(Fn change) {
    ASSERT_TRUE(fixture_.store().TransactBlocking(change));
  }
  std::unique_ptr<kv::Reader> Reader() { return fixture_.store().GetSnapshot(); }
  bool Owned(meta::BodyId body) { return *IsLakeObjectOwned(*Reader(), body); }
  std::vector<meta::BodyId> Doomed(std::size_t max = 10) {
    return *DoomedLakeObjects(*Reader(), kContainer, max);
  }
  LakeObjectCounts Counts() { return *CountLakeObjects(*Reader(), kContainer); }
  void Own(meta::BodyId body, std::uint64_t length) {
    Do([body, length](kv::Transaction& txn) -> Result<> {
      OwnLakeObject(txn, kContainer, body, length);
      return {};
    });
  }

  EngineFixture fixture_{{.faults = {}}};
};

TEST_F(LakeObjectsTest, NamesAreThoseOfBodies) {
  EXPECT_EQ(LakeObjectName(kBody), "00000000000000ab");
  EXPECT_EQ(BodyOfLakeObject("00000000000000ab"), kBody);
  EXPECT_EQ(BodyOfLakeObject(LakeObjectName(meta::BodyId(~0ULL))), meta::BodyId(~0ULL));
  for (const char* foreign : {"", "ab", "00000000000000AB", "0000000000000000", "x0000000000000ab",
                              "00000000000000ab/", "000000000000000ab"}) {
    EXPECT_FALSE(BodyOfLakeObject(foreign)) << foreign;
  }
}

TEST_F(LakeObjectsTest, LiveAsLongAsTheirBody) {
  Own(kBody, 1'000);
  Own(meta::BodyId(1), 24);
  EXPECT_TRUE(Owned(kBody));
  EXPECT_EQ(Counts().objects, 2u);
  EXPECT_EQ(Counts().bytes, 1'024u);
  // Nobody dooms what a body owns.
  Do([](kv::Transaction& txn) { return DoomLakeObject(txn, kContainer, kBody); });
  EXPECT_TRUE(Doomed().empty());
  Do([](kv::Transaction& txn) -> Result<> {
    txn.Put(meta::keys::GarbageBody(kBody), meta::Encode(meta::GarbageRecord{}));
    return {};
  });
  Do([this](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(const bool done, SweepBodyStep(fixture_.services(), txn, kBody));
    EXPECT_TRUE(done);
    return {};
  });
  EXPECT_FALSE(Owned(kBody));
  EXPECT_EQ(Doomed(), std::vector{kBody});
  EXPECT_EQ(Counts().objects, 1u);
  EXPECT_EQ(Counts().bytes, 24u);
  // A body without one leaves nothing.
  Do([](kv::Transaction& txn) { return ReleaseLakeObject(txn, kBody); });
  EXPECT_EQ(Counts().objects, 1u);
}

TEST_F(LakeObjectsTest, WhatNobodyOwnsIsDoomedByName) {
  for (std::uint64_t id = 1; id <= 3; ++id) {
    Do([id](kv::Transaction& txn) { return DoomLakeObject(txn, kContainer, meta::BodyId(id)); });
  }
  EXPECT_EQ(Doomed(2), (std::vector{meta::BodyId(1), meta::BodyId(2)}));
  EXPECT_EQ(Doomed().size(), 3u);
  EXPECT_EQ(*DoomedLakeObjects(*Reader(), kContainer, 10, meta::BodyId(1)),
            (std::vector{meta::BodyId(2), meta::BodyId(3)}));
  EXPECT_TRUE(DoomedLakeObjects(*Reader(), kContainer, 10, meta::BodyId(3))->empty());
  EXPECT_TRUE(*IsLakeObjectDoomed(*Reader(), kContainer, meta::BodyId(3)));
  EXPECT_FALSE(*IsLakeObjectDoomed(*Reader(), kContainer, meta::BodyId(4)));
  EXPECT_EQ(Counts().objects, 0u);
}

TEST_F(LakeObjectsTest, OneIsLostOnce) {
  Own(kBody, 5);
  const auto mark = [](bool want, meta::BodyId body) {
    return [want, body](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(const bool first, MarkLakeObjectLost(txn, body));
      EXPECT_EQ(first, want);
      return {};
    };
  };
  Do(mark(true, kBody));
  Do(mark(false, kBody));
  Do(mark(false, meta::BodyId(99)));
  EXPECT_TRUE(Owned(kBody));
}

}  // namespace
}  // namespace forebay::engine
