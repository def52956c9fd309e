// For the tests of eviction and prefetch: blobs in every state of residency, and shorter words.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/references.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {

// Says no more than that they differ: the bytes are many, and random.
inline testing::AssertionResult Same(const Result<std::string>& got, const std::string& want) {
  if (!got) return testing::AssertionFailure() << got.error().ToString();
  if (*got == want) return testing::AssertionSuccess();
  const auto at = std::ranges::mismatch(*got, want).in1 - got->begin();
  return testing::AssertionFailure()
         << got->size() << " bytes, wanted " << want.size() << ", they differ from " << at;
}

class EvictFixture : public TierFixture {
 public:
  explicit EvictFixture(TierFixtureOptions options = {}) : TierFixture(std::move(options)) {}

  Evictor& evictor() { return tier().placement_parts().evictor; }
  EvictionBook& book() { return tier().placement_parts().book; }
  Placement& placement() { return tier().placement(); }

  // Of jobs that run by themselves, until they have imported everything; else here.
  void ImportAll(bool run_jobs) {
    if (!run_jobs) {
      ASSERT_TRUE(Import());
      return;
    }
    const auto finished = [this] {
      const auto status = tier().Status();
      return !status.empty() && status.front().import.finished;
    };
    for (int i = 0; i < 5000 && !finished(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_TRUE(finished());
  }

  std::optional<meta::BlobRecord> Record(const std::string& name) {
    const auto snapshot = engine().store().GetSnapshot();
    const auto container =
        engine::RequireContainer(*snapshot, engine().account().name, azure::ContainerName("box"));
    EXPECT_TRUE(container);
    auto record = meta::NamespaceOf(*container).Find(*snapshot, container->id, name);
    EXPECT_TRUE(record);
    return record.value_or(std::nullopt);
  }
  engine::Resident Where(const std::string& name) {
    auto got = engine().Run(placement().ResidencyOf({}, engine().Blob(name)));
    EXPECT_TRUE(got) << got.error().ToString();
    return got ? got->resident : engine::Resident{};
  }
  CacheStatus Cache() { return placement().Cache(); }

  // The imported blob becomes a local one with the same bytes, which the lake is known to hold: as
  // after an upload that has travelled. `blocks`: put together of so many.
  void MakeBoth(const std::string& name, const std::string& bytes, std::size_t blocks = 0,
                std::uint64_t unsent = 0) {
    if (!engine().Properties("x", {}, "plain")) (void)engine().MakeContainer("plain");
    if (blocks == 0) {
      engine::TextReader reader(bytes);
      engine::PutBlobRequest request;
      request.target = engine().Blob(name, "plain");
      request.body = &reader;
      ASSERT_TRUE(engine().Run(engine::PutBlob(services(), {}, std::move(request))));
    } else {
      PutBlocks(name, bytes, blocks);
    }
    ASSERT_TRUE(engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(auto box, engine::RequireContainer(txn, engine().account().name,
                                                             azure::ContainerName("box")));
      FB_ASSIGN_OR_RETURN(auto plain, engine::RequireContainer(txn, engine().account().name,
                                                               azure::ContainerName("plain")));
      const meta::Namespace& names = meta::NamespaceOf(box);
      FB_ASSIGN_OR_RETURN(auto lake, names.Find(txn, box.id, name));
      FB_ASSIGN_OR_RETURN(auto local, names.Find(txn, plain.id, name));
      FB_RETURN_IF_ERROR(names.Erase(txn, plain.id, name));
      FB_RETURN_IF_ERROR(
          engine::ReleaseBody(services().chunks, txn, *lake, services().clock.Now()));
      meta::BlobRecord both = *lake;
      both.body = local->body;
      both.lake->body = local->body.id;
      both.lake->unsent = unsent;
      return names.Put(txn, box.id, name, both, services().ids);
    }));
  }

 private:
  void PutBlocks(const std::string& name, const std::string& bytes, std::size_t blocks) {
    std::vector<engine::BlockListEntry> list;
    const std::size_t each = (bytes.size() + blocks - 1) / blocks;
    for (std::size_t i = 0; i < blocks; ++i) {
      const std::string id = "block" + std::to_string(100'000 + i);
      engine::TextReader reader(bytes.substr(i * each, each));
      engine::PutBlockRequest request;
      request.target = engine().Blob(name, "plain");
      request.block_id = azure::BlockId(id);
      request.body = &reader;
      ASSERT_TRUE(engine().Run(engine::PutBlock(services(), {}, std::move(request))));
      list.push_back({engine::BlockSource::kLatest, azure::BlockId(id)});
    }
    engine::PutBlockListRequest request;
    request.target = engine().Blob(name, "plain");
    request.blocks = std::move(list);
    ASSERT_TRUE(engine().Run(engine::PutBlockList(services(), {}, std::move(request))));
  }
};

}  // namespace forebay::tier
