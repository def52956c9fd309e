// Set Blob Tier to Hot brings the bytes here, whatever happens meanwhile.
#include "tier/hydrate_wishes.h"

#include <functional>
#include <thread>

#include "engine/update_blob.h"
#include "tier/evict_fixture.h"

namespace forebay::tier {
namespace {

class HydrateWishesTest : public ::testing::Test {
 protected:
  void Plant(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      bytes_.push_back(Pattern(20'000, i + 1));
      f_.lake().Plant(Name(i), bytes_.back());
    }
    ASSERT_TRUE(f_.engine().MakeContainer());
    // Read-only ones take no change of a tier.
    const auto attached =
        f_.engine().Run(f_.tier().Attach({}, f_.Request(meta::LakeMode::kReadWrite)));
    ASSERT_TRUE(attached) << attached.error().ToString();
    f_.ImportAll(true);
  }
  static std::string Name(std::size_t i) { return "train/" + std::to_string(1000 + i); }
  static TierFixtureOptions Options() {
    TierFixtureOptions options;
    options.run_jobs = true;
    return options;
  }
  void SetHot(const std::string& name) {
    engine::UpdateBlobRequest request;
    request.target = f_.engine().Blob(name);
    request.tier = azure::AccessTier::kHot;
    const auto done = f_.engine().Run(engine::UpdateBlob(f_.services(), {}, std::move(request)));
    ASSERT_TRUE(done) << done.error().ToString();
  }
  std::size_t Wishes() {
    std::size_t count = 0;
    const auto snapshot = f_.engine().store().GetSnapshot();
    const auto container = engine::RequireContainer(*snapshot, f_.engine().account().name,
                                                    azure::ContainerName("box"));
    const std::string prefix = meta::keys::HydrationsOf(container->id);
    for (auto it = snapshot->Scan(prefix, PrefixEnd(prefix)); it->Valid(); it->Next()) ++count;
    return count;
  }
  bool Here(std::size_t i) { return f_.Where(Name(i)).residency == engine::Residency::kBoth; }
  bool AllHere() {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      if (!Here(i)) return false;
    }
    return true;
  }
  static bool Until(const std::function<bool()>& condition) {
    for (int i = 0; i < 30'000; ++i) {
      if (condition()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  std::uint64_t AllBytes() const {
    std::uint64_t sum = 0;
    for (const std::string& bytes : bytes_) sum += bytes.size();
    return sum;
  }

  EvictFixture f_{Options()};
  std::vector<std::string> bytes_;
};

TEST_F(HydrateWishesTest, WhatIsWantedComesInTheBackground) {
  Plant(30);
  for (std::size_t i = 0; i < 30; ++i) SetHot(Name(i));
  EXPECT_TRUE(Until([this] { return AllHere() && Wishes() == 0; }));
  EXPECT_EQ(f_.BytesDown(), AllBytes()) << "each once";
  SetHot(Name(0));
  EXPECT_TRUE(Until([this] { return Wishes() == 0; }));
  EXPECT_EQ(f_.BytesDown(), AllBytes()) << "it is here already";
}

TEST_F(HydrateWishesTest, AWishOutlivesTheProcess) {
  Plant(5);
  f_.faulty_lake().SetLink(lake::LinkState::kDown);
  for (std::size_t i = 0; i < 5; ++i) SetHot(Name(i));
  EXPECT_EQ(Wishes(), 5u) << "on record before it was answered";
  f_.Restart();
  f_.Settle();
  EXPECT_EQ(Wishes(), 5u) << "still no link";
  EXPECT_FALSE(Here(0));
  f_.faulty_lake().Heal();
  f_.Restart();
  // Nobody reads, and nobody asks again.
  EXPECT_TRUE(Until([this] { return AllHere() && Wishes() == 0; }));
}

TEST_F(HydrateWishesTest, WaitsForTheLinkByItself) {
  Plant(3);
  f_.faulty_lake().SetLink(lake::LinkState::kDown);
  for (std::size_t i = 0; i < 3; ++i) SetHot(Name(i));
  f_.faulty_lake().Heal();
  EXPECT_TRUE(Until([this] { return AllHere() && Wishes() == 0; }));
}

TEST_F(HydrateWishesTest, AWishForWhatIsGoneIsForgotten) {
  Plant(2);
  f_.faulty_lake().SetLink(lake::LinkState::kDown);
  SetHot(Name(0));
  SetHot(Name(1));
  ASSERT_TRUE(f_.engine().Delete(Name(1)));
  f_.faulty_lake().Heal();
  EXPECT_TRUE(Until([this] { return Wishes() == 0; }));
  EXPECT_TRUE(Here(0));
}

TEST_F(HydrateWishesTest, GoesWithADetach) {
  Plant(1);
  f_.faulty_lake().SetLink(lake::LinkState::kDown);
  SetHot(Name(0));
  EXPECT_EQ(Wishes(), 1u);
  ASSERT_TRUE(f_.engine().Run(f_.tier().Detach({}, f_.engine().Container(), DetachHow::kDrop)));
  EXPECT_EQ(Wishes(), 0u);
}

}  // namespace
}  // namespace forebay::tier
