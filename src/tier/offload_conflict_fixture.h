// For tests of changes that meet something else in the lake: a site whose container has small
// blocks and chunks, and ways to go offline, to move blobs, and to see both sides agree.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "engine/rename_path.h"
#include "tier/site_fixture.h"

namespace forebay::tier {

class OffloadConflictFixture : public ::testing::Test {
 protected:
  void Open(meta::ConflictPolicy policy = meta::ConflictPolicy::kKeepBoth) {
    SiteOptions options{.policy = policy};
    options.engine.limits.small_blob_bytes = 500;
    options.engine.limits.chunk_bytes = 1'000;
    options.offload.single_put_bytes = 3'000;
    options.offload.block_bytes = 1'000;
    options.offload.ahead = ahead_;
    options.offload.largest_put_bytes = largest_put_;
    options.offload.window = window_;
    site_.emplace(lake_, options);
  }
  Site& site() { return *site_; }
  void Put(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(site().engine().Put(name, bytes));
  }
  // Without an MD5, as an uploader of blocks leaves it.
  void PutBlocks(const std::string& name, const std::string& bytes) {
    ASSERT_TRUE(site().engine().Stage(name, "block1", bytes));
    std::vector<engine::BlockListEntry> list;
    list.push_back({engine::BlockSource::kLatest, azure::BlockId("block1")});
    ASSERT_TRUE(site().engine().Commit(name, std::move(list)));
  }
  void PlantBlocks(const std::string& name, const std::string& bytes) {
    const azure::BlockId id("theirs");
    ASSERT_TRUE(RunSync(lake_.PutBlock(
        {}, {.name = lake::BlobName(name), .id = id, .content = lake::TextContent(bytes)})));
    ASSERT_TRUE(RunSync(lake_.CommitBlocks(
        {}, {.name = lake::BlobName(name), .blocks = {{id, lake::BlockSource::kLatest}}})));
  }
  void Rename(const std::string& from, const std::string& to) {
    engine::RenamePathRequest request;
    request.source = site().engine().Blob(from);
    request.target = site().engine().Blob(to);
    auto done =
        site().engine().Run(engine::RenamePath(site().engine().services(), {}, std::move(request)));
    ASSERT_TRUE(done) << done.error().ToString();
  }
  void Down() { site().link().SetLink(lake::LinkState::kDown); }
  void Sync() {
    site().link().Heal();
    const auto synced = site().Sync();
    const OffloadStatus status = site().tier().Status().front().offload;
    ASSERT_TRUE(synced) << synced.error().ToString() << " " << status.last_error << " / "
                        << status.blocked_name << ": " << status.blocked_error;
  }
  // Both sides say the same, also when nothing is kept here that the lake has.
  void Converge() {
    for (int i = 0; i < 3; ++i) {
      Sync();
      ASSERT_TRUE(site().Walk());
    }
    ASSERT_TRUE(site().engine().Run(
        site().tier().placement().EvictNow({}, site().engine().Container(), "**")));
    ASSERT_EQ(*site().Names(), lake_.Names());
    for (const std::string& name : lake_.Names()) {
      EXPECT_EQ(site().Read(name), *lake_.Bytes(name)) << name;
    }
    EXPECT_EQ(site().engine().KeysOfTable('j'), 0u);
    EXPECT_EQ(site().engine().KeysOfTable('v'), 0u);
  }

  lake::MemoryLake lake_;
  // For Open.
  std::size_t ahead_ = OffloadOptions{}.ahead;
  std::size_t window_ = OffloadOptions{}.window;
  std::uint64_t largest_put_ = OffloadOptions{}.largest_put_bytes;
  std::optional<Site> site_;
};

}  // namespace forebay::tier
