// For the tests of attach mode `capacity`: a container of ours, and a lake that is room for it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/lake_objects.h"
#include "tier/evict_fixture.h"
#include "tier/overflow_keeper.h"

namespace forebay::tier {

class OverflowFixture : public EvictFixture {
 public:
  // Bodies of a few thousand bytes have several chunks, and go up in blocks.
  static TierFixtureOptions Small() {
    TierFixtureOptions options;
    options.engine.limits.small_blob_bytes = 500;
    options.engine.limits.chunk_bytes = 1'000;
    options.offload.single_put_bytes = 6'000;
    options.offload.block_bytes = 2'000;
    options.offload.retry = std::chrono::milliseconds(1);
    return options;
  }

  explicit OverflowFixture(TierFixtureOptions options = Small())
      : EvictFixture(std::move(options)) {
    EXPECT_TRUE(engine().MakeContainer());
    auto done = engine().Run(tier().Attach({}, Request(meta::LakeMode::kCapacity)));
    EXPECT_TRUE(done) << done.error().ToString();
  }

  OverflowMover& mover() { return tier().placement_parts().mover; }
  AttachmentPtr attachment() {
    auto found = engine().Run(tier().AttachmentOf(engine().Container()));
    EXPECT_TRUE(found);
    return found ? *found : nullptr;
  }

  // Has bodies of about so much sent. Answers how much went.
  Result<std::uint64_t> MakeRoom(std::uint64_t bytes) {
    const std::uint64_t before = mover().sent(attachment()->container).bytes;
    (void)mover().Want(bytes);
    FB_RETURN_IF_ERROR(engine().Run(mover().SendWanted({})));
    return mover().sent(attachment()->container).bytes - before;
  }
  // One look of eviction, and what it wants sent.
  Result<> Pass() {
    FB_RETURN_IF_ERROR(engine().Run(evictor().Pass({})));
    return engine().Run(mover().SendWanted({}));
  }
  // What lies in the lake but for whose it is.
  std::vector<std::string> Objects() {
    std::vector<std::string> names = lake().Names();
    std::erase(names, kOwnerObject);
    return names;
  }

  // What is named goes to the lake, and nothing of it stays.
  Result<EvictAnswer> Evict(const std::string& pattern = "**") {
    return engine().Run(placement().EvictNow({}, engine().Container(), pattern));
  }
  OverflowKeeper Keeper(OverflowKeeperOptions options = {}) {
    PlacementParts& parts = tier().placement_parts();
    return OverflowKeeper(services(), parts.loop, parts.mover, attachment(), options);
  }
  Result<> Turn() {
    OverflowKeeper keeper = Keeper();
    return engine().Run(keeper.Turn({}));
  }
  // What nobody names any more goes, here and there.
  void Collect() {
    engine().Sweep();
    const auto done = Turn();
    ASSERT_TRUE(done) << done.error().ToString();
    // What the listing has found.
    ASSERT_TRUE(Turn());
  }
  OverflowStatus Overflow() {
    const auto status = OverflowStatusOf(*engine().store().GetSnapshot(), attachment()->container);
    EXPECT_TRUE(status);
    return status.value_or(OverflowStatus{});
  }
  std::string ObjectOf(const std::string& name) {
    const auto record = Record(name);
    return record ? engine::LakeObjectName(record->body.id) : "";
  }

  // Each blob reads as it should, and the lake has an object for each that is there, and no other.
  void ExpectWhole(const std::map<std::string, std::string>& want) {
    std::vector<std::string> objects;
    std::uint64_t bytes = 0;
    for (const auto& [name, text] : want) {
      EXPECT_TRUE(Same(engine().Read(name), text)) << name;
      const auto record = Record(name);
      ASSERT_TRUE(record) << name;
      EXPECT_EQ(record->lake.has_value(), record->body.in_lake) << name;
      if (!record->body.in_lake) continue;
      objects.push_back(ObjectOf(name));
      bytes += text.size();
      EXPECT_EQ(lake().Bytes(objects.back()), text) << name;
      EXPECT_EQ(lake().State(objects.back())->etag().str(), record->lake->etag) << name;
    }
    Settle();
    std::ranges::sort(objects);
    EXPECT_EQ(Objects(), objects);
    const OverflowStatus status = Overflow();
    EXPECT_EQ(status.bodies, objects.size());
    EXPECT_EQ(status.bytes, bytes);
    EXPECT_EQ(status.to_delete, 0u);
  }
};

}  // namespace forebay::tier
