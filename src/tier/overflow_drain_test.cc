// Detaching a container from a lake that is room for it: everything comes back first.
#include "tier/overflow_drain.h"

#include <atomic>
#include <functional>

#include "engine/get_container.h"
#include "engine/node_names.h"
#include "lake/failure.h"
#include "meta/nodes.h"
#include "tier/overflow_fixture.h"

namespace forebay::tier {
namespace {

using lake::Fault;
using lake::LakeOperation;

class OverflowDrainTest : public ::testing::Test {
 protected:
  void Begin(TierFixtureOptions options = OverflowFixture::Small()) {
    options.run_jobs = true;  // somebody deletes there what has come back
    fixture_ = std::make_unique<OverflowFixture>(std::move(options));
    for (int i = 0; i < 30; ++i) {
      const std::string name = "n" + std::to_string(100 + i);
      want_[name] = Pattern(i % 3 == 0 ? 9'000 : 900, static_cast<std::uint64_t>(i) + 1);
      ASSERT_TRUE(f().engine().Put(name, want_[name]));
    }
    ASSERT_EQ(f().Evict()->evicted, 30u);
    f().engine().sweeper().Start(std::chrono::milliseconds(5));
  }
  ~OverflowDrainTest() override {
    if (fixture_) f().engine().sweeper().Stop();
  }
  Result<> Detach(DetachHow how = DetachHow::kDrain) {
    OpContext context;
    context.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    return f().engine().Run(f().tier().Detach(context, f().engine().Container(), how));
  }
  void ExpectDetached() {
    EXPECT_TRUE(f().lake().Names().empty());
    EXPECT_TRUE(f().tier().Status().empty());
    EXPECT_EQ(f().engine().KeysOfTable('c'), 0u);
    for (const auto& [name, text] : want_) {
      EXPECT_TRUE(Same(f().engine().Read(name), text)) << name;
      EXPECT_FALSE(f().Record(name)->lake) << name;
    }
  }
  OverflowFixture& f() { return *fixture_; }

  std::unique_ptr<OverflowFixture> fixture_;
  std::map<std::string, std::string> want_;
};

TEST_F(OverflowDrainTest, BringsEverythingBack) {
  Begin();
  ASSERT_TRUE(f().engine().Put("n100", want_["n100"] = Pattern(3'000, 77)));
  ASSERT_TRUE(f().engine().Delete("n101"));
  want_.erase("n101");
  const auto done = Detach();
  ASSERT_TRUE(done) << done.error().ToString();
  ExpectDetached();
}

TEST_F(OverflowDrainTest, GoesOnWhereItStopped) {
  Begin();
  // The link goes down in the middle.
  std::atomic<int> gets{0};
  f().lake().OnRequest([&](lake::LakeOperation operation, const std::string&) {
    if (operation == lake::LakeOperation::kGet && ++gets == 12) {
      f().faulty_lake().SetLink(lake::LinkState::kDown);
    }
  });
  EXPECT_FALSE(Detach());
  f().lake().OnRequest(nullptr);
  f().faulty_lake().Heal();
  const auto left = std::ranges::count_if(
      want_, [this](const auto& blob) { return f().Record(blob.first)->body.in_lake; });
  EXPECT_LT(left, 30);
  EXPECT_GT(left, 0);
  // It is attached still, and overflows again.
  f().Restart();
  ASSERT_TRUE(f().engine().Put("more", want_["more"] = Pattern(900, 5)));
  EXPECT_EQ(f().Evict("more")->evicted, 1u);
  const auto done = Detach();
  ASSERT_TRUE(done) << done.error().ToString();
  ExpectDetached();
}

TEST_F(OverflowDrainTest, IsRefusedWithoutRoomAndNothingIsDropped) {
  TierFixtureOptions options = OverflowFixture::Small();
  const auto used = std::make_shared<std::atomic<std::uint64_t>>(0);
  options.placement.evict.disk = [used]() -> Result<DiskUse> {
    return DiskUse{.capacity = 1'000'000, .used = *used};
  };
  Begin(options);
  const auto dropped = Detach(DetachHow::kDrop);
  ASSERT_FALSE(dropped);
  EXPECT_EQ(dropped.error().code(), Code::kInvalidInput);
  *used = 930'000;  // 108,000 bytes are there
  const std::uint64_t requests = f().Requests(lake::LakeOperation::kGet);
  const auto refused = Detach();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kNoSpace);
  EXPECT_NE(refused.error().message().find("there is room for"), std::string::npos);
  EXPECT_EQ(f().Requests(lake::LakeOperation::kGet), requests);
  EXPECT_EQ(f().Overflow().bodies, 30u);
  *used = 0;
  ASSERT_TRUE(Detach());
  ExpectDetached();
}

// Nobody waits for ever for what the lake does not let go; and nobody loses it unasked.
TEST_F(OverflowDrainTest, WhatIsNotLetGoIsToldOfAndMayBeLeft) {
  Begin();
  const std::string object = f().ObjectOf("n105");
  f().lake().SetLease(object, "somebody's");
  const auto refused = Detach();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kBusy) << refused.error().ToString();
  EXPECT_NE(refused.error().message().find(object), std::string::npos);
  EXPECT_EQ(f().Objects(), std::vector{object});
  const auto dropped = Detach(DetachHow::kDrop);
  ASSERT_TRUE(dropped) << dropped.error().ToString();
  EXPECT_EQ(f().lake().Names(), std::vector{object});
  f().lake().Remove(object);
  ExpectDetached();
}

// The credential may be good for all but deleting, which nobody else finds out.
TEST_F(OverflowDrainTest, EndsWhereTheLakeForbidsToDelete) {
  Begin();
  f().faulty_lake().FailNext(
      {.kind = Fault::Kind::kError, .code = Code::kAuthorizationPermissionMismatch},
      LakeOperation::kDelete, 1'000'000);
  const auto refused = Detach();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kBusy) << refused.error().ToString();
  for (const char* words : {"does not let go of 30", "lacks a permission", "--drop"}) {
    EXPECT_NE(refused.error().message().find(words), std::string::npos)
        << refused.error().message();
  }
  EXPECT_EQ(f().Objects().size(), 30u);
  f().faulty_lake().Heal();
  const auto done = Detach();
  ASSERT_TRUE(done) << done.error().ToString();
  ExpectDetached();
}

TEST_F(OverflowDrainTest, AHardLinkNeedsItsRoomOnce) {
  TierFixtureOptions options = OverflowFixture::Small();
  options.engine.hierarchical = true;
  const auto used = std::make_shared<std::atomic<std::uint64_t>>(0);
  options.placement.evict.disk = [used]() -> Result<DiskUse> {
    return DiskUse{.capacity = 100'000, .used = *used};
  };
  options.run_jobs = true;
  fixture_ = std::make_unique<OverflowFixture>(options);
  ASSERT_TRUE(f().engine().Put("dir/a", want_["dir/a"] = Pattern(9'000)));
  engine::LinkNodeRequest link;
  link.target.container = f().engine().Container();
  link.target.path = "dir/b";
  link.from = meta::InodeOf(*f().Record("dir/a"));
  link.from_path = "dir/a";
  ASSERT_TRUE(f().engine().Run(engine::LinkNode(f().services(), {}, std::move(link))));
  want_["dir/b"] = want_["dir/a"];
  ASSERT_TRUE(f().Evict());
  f().engine().sweeper().Start(std::chrono::milliseconds(5));
  *used = 90'000;
  const auto done = Detach();
  ASSERT_TRUE(done) << done.error().ToString();
  ExpectDetached();
}

// The keeper does not come to an end, and nobody waits for it.
TEST_F(OverflowDrainTest, EndsWhereTheKeeperCannotGoOn) {
  fixture_ = std::make_unique<OverflowFixture>();
  PlacementParts& parts = f().tier().placement_parts();
  OverflowKeeper keeper = f().Keeper();
  ASSERT_TRUE(f().engine().Put("a", Pattern(900)));
  ASSERT_EQ(f().Evict()->evicted, 1u);
  ASSERT_TRUE(f().engine().Delete("a"));
  f().engine().Sweep();
  ASSERT_EQ(f().Overflow().bodies, 0u);
  ASSERT_EQ(f().Overflow().to_delete, 1u);
  const auto after = [&](const std::function<void()>& happens) {
    // Another process on the same directory, that asks each time.
    f().attachment()->owner = std::make_unique<OverflowOwner>(
        f().attachment()->lake, OverflowIdentity{.directory = "1-1", .place = "here:/data"},
        "acct/box", std::chrono::milliseconds(0));
    std::atomic<bool> once{false};
    f().lake().OnRequest([&](lake::LakeOperation operation, const std::string&) {
      if (operation == lake::LakeOperation::kPut && !once.exchange(true)) happens();
    });
    OpContext context;
    context.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const auto done =
        f().engine().Run(BringAllBack({f().services(), parts.loop, parts.mover, keeper}, context,
                                      f().attachment(), f().engine().Container(), {}));
    f().lake().OnRequest(nullptr);
    EXPECT_TRUE(once);
    return done ? Code{} : done.error().code();
  };
  OverflowOwner other(f().attachment()->lake, {.directory = "2-2", .place = "there:/copy"},
                      "acct/box");
  EXPECT_EQ(after([&] { EXPECT_TRUE(RunSync(other.TakeOver({}))); }), Code::kResourceAlreadyExists);
  ASSERT_TRUE(RunSync(other.Leave({})));
  const Code down = after([&] { f().faulty_lake().SetLink(lake::LinkState::kDown); });
  EXPECT_EQ(lake::Classify(Error(down, "")), lake::Failure::kUnreachable);
  EXPECT_EQ(f().Overflow().to_delete, 1u);
}

// What has nothing there needs no lake to be detached from it.
TEST_F(OverflowDrainTest, WithNothingThereNoLakeIsNeeded) {
  fixture_ = std::make_unique<OverflowFixture>();
  ASSERT_TRUE(f().engine().Put("a", want_["a"] = Pattern(900)));
  f().Restart();
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  const auto done = Detach();
  ASSERT_TRUE(done) << done.error().ToString();
  f().lake().Remove(std::string(kOwnerObject));
  ExpectDetached();
}

}  // namespace
}  // namespace forebay::tier
