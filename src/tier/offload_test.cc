// What is changed here becomes so in the lake, in order, once, and whatever fails in between.
#include "tier/offload.h"

#include <algorithm>
#include <random>
#include <thread>

#include "engine/update_blob.h"
#include "tier/offload_fixture.h"

namespace forebay::tier {
namespace {

using lake::Fault;
using lake::LakeOperation;

class OffloadTest : public ::testing::Test {
 protected:
  void Begin(OffloadFixtureOptions options = {}) {
    fixture_ = std::make_unique<OffloadFixture>(options);
    fixture_->AttachReadWrite();
  }
  OffloadFixture& f() { return *fixture_; }
  engine::EngineFixture& engine() { return f().engine(); }

  std::unique_ptr<OffloadFixture> fixture_;
};

TEST_F(OffloadTest, ABlobArrivesAsAnOrdinaryBlob) {
  Begin();
  engine::BlobAttributes attributes;
  attributes.http.content_type = "text/plain";
  attributes.http.cache_control = "no-cache";
  attributes.metadata = {{"owner", "me"}};
  attributes.tags = {{"project", "x"}};
  attributes.tier = azure::AccessTier::kCool;
  ASSERT_TRUE(engine().Put("dir/a.txt", "hello", attributes));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("dir/a.txt"), "hello");
  const auto state = f().lake().State("dir/a.txt");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->properties.http.content_type, "text/plain");
  EXPECT_EQ(state->properties.http.cache_control, "no-cache");
  EXPECT_EQ(state->properties.http.content_md5, std::string(AsText(Md5::Of(AsBytes("hello")))));
  EXPECT_EQ(state->metadata, (azure::Metadata{{"owner", "me"}}));
  EXPECT_EQ(state->tags, (azure::Tags{{"project", "x"}}));
  EXPECT_EQ(state->properties.tier, azure::AccessTier::kCool);
  // One round trip; and the record knows what the lake has.
  EXPECT_EQ(f().Requests(LakeOperation::kPut), 1u);
  EXPECT_EQ(f().TotalRequests(), 1u);
  const auto record = engine().Properties("dir/a.txt")->record;
  ASSERT_TRUE(record.lake);
  EXPECT_EQ(record.lake->etag, state->etag().str());
  EXPECT_EQ(record.lake->body, record.body.id);
  EXPECT_EQ(record.lake->unsent, 0u);
  EXPECT_EQ(f().Backlog(), 0u);
}

TEST_F(OffloadTest, NothingIsLeftInTheLogOrHeldByIt) {
  Begin();
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(
        engine().Put("a" + std::to_string(i % 7), Pattern(100'000, static_cast<unsigned>(i) + 1)));
  }
  for (int i = 0; i < 7; ++i) ASSERT_TRUE(engine().Delete("a" + std::to_string(i)));
  ASSERT_TRUE(f().Sync());
  EXPECT_TRUE(f().lake().Names().empty());
  engine().Sweep();
  EXPECT_EQ(engine().Stored(), "");
  EXPECT_EQ(engine().KeysOfTable('j'), 0u);
  EXPECT_EQ(engine().KeysOfTable('v'), 0u);
  EXPECT_EQ(f().Status().changes, 0u);
  EXPECT_EQ(f().Status().bytes, 0u);
}

TEST_F(OffloadTest, AttributesTagsAndTierTravelByThemselves) {
  Begin();
  ASSERT_TRUE(engine().Put("a", "hello"));
  ASSERT_TRUE(f().Sync());
  engine::UpdateBlobRequest update;
  update.target = engine().Blob("a");
  update.http.emplace().content_type = "image/png";
  update.metadata = azure::Metadata{{"k", "v"}};
  update.tags = azure::Tags{{"t", "1"}};
  update.tier = azure::AccessTier::kCold;
  ASSERT_TRUE(engine().Run(engine::UpdateBlob(engine().services(), {}, update)));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().Requests(LakeOperation::kPut), 1u);
  EXPECT_EQ(f().Requests(LakeOperation::kUpdate), 4u);
  const auto state = f().lake().State("a");
  EXPECT_EQ(state->properties.http.content_type, "image/png");
  EXPECT_EQ(state->metadata, (azure::Metadata{{"k", "v"}}));
  EXPECT_EQ(state->tags, (azure::Tags{{"t", "1"}}));
  EXPECT_EQ(state->properties.tier, azure::AccessTier::kCold);
  EXPECT_EQ(engine().Properties("a")->record.lake->etag, state->etag().str());
}

TEST_F(OffloadTest, OverwritesAndDeletesFollowTheLakesETag) {
  Begin();
  ASSERT_TRUE(engine().Put("a", "one"));
  ASSERT_TRUE(f().Sync());
  ASSERT_TRUE(engine().Put("a", "two"));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("a"), "two");
  ASSERT_TRUE(engine().Delete("a"));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("a"), std::nullopt);
  ASSERT_TRUE(engine().Put("a", "three"));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("a"), "three");
  EXPECT_EQ(f().TotalRequests(), 4u);
}

TEST_F(OffloadTest, WhatNeverGotThereIsNotDeletedThere) {
  Begin();
  // Once it has begun; what was noted before that might have been sent by somebody else.
  ASSERT_TRUE(engine().Put("zeroth", "one"));
  ASSERT_TRUE(f().Sync());
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  ASSERT_TRUE(engine().Put("first", "one"));
  ASSERT_TRUE(engine().Put("a", "one"));
  ASSERT_TRUE(engine().Delete("a"));
  // By then the offload has read of both: one that it had not read of could not be collapsed.
  EXPECT_FALSE(f().Sync(std::chrono::milliseconds(500)));
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Names(), (std::vector<std::string>{"first", "zeroth"}));
  EXPECT_EQ(f().TotalRequests(), 2u);
}

TEST_F(OffloadTest, ALargeBodyGoesInBlocksAndOnlyWhatChangedGoesAgain) {
  OffloadFixtureOptions options;
  options.offload.single_put_bytes = 300'000;
  options.offload.block_bytes = 100'000;
  options.tier.engine.limits.chunk_bytes = 100'000;
  Begin(options);
  std::vector<std::string> parts;
  for (std::uint64_t i = 0; i < 8; ++i) parts.push_back(Pattern(100'000, i + 1));
  const auto put = [&](const std::string& name, bool again) {
    std::vector<engine::BlockListEntry> list;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::string id = "block" + std::to_string(i);
      if (!again || i == 3) {
        ASSERT_TRUE(engine().Stage(name, id, parts[i]));
      }
      list.push_back({engine::BlockSource::kLatest, azure::BlockId(id)});
    }
    ASSERT_TRUE(engine().Commit(name, list));
  };
  const auto all = [&] {
    std::string bytes;
    for (const std::string& part : parts) bytes += part;
    return bytes;
  };
  put("big", false);
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("big"), all());
  EXPECT_EQ(f().Requests(LakeOperation::kPutBlock), 8u);
  EXPECT_EQ(f().BytesUp(), 800'000u);
  parts[3] = Pattern(100'000, 99);
  put("big", true);
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("big"), all());
  EXPECT_EQ(f().Requests(LakeOperation::kPutBlock), 9u);
  EXPECT_EQ(f().BytesUp(), 900'000u);
}

TEST_F(OffloadTest, StagedBlocksThatExpiredAreSentAgain) {
  OffloadFixtureOptions options;
  options.offload.single_put_bytes = 300'000;
  options.offload.block_bytes = 100'000;
  options.tier.engine.limits.chunk_bytes = 100'000;
  Begin(options);
  // All blocks get there; the commit is refused for a while.
  f().faulty_lake().FailNext({.kind = Fault::Kind::kError, .code = Code::kInvalidBlockList},
                             LakeOperation::kCommitBlocks);
  const std::string bytes = Pattern(800'000);
  ASSERT_TRUE(engine().Put("big", bytes));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("big"), bytes);
  // What was still there was found, not sent.
  EXPECT_EQ(f().Requests(LakeOperation::kPutBlock), 8u);
  EXPECT_EQ(f().Requests(LakeOperation::kGetBlockList), 1u);
}

TEST_F(OffloadTest, AnMd5ThatIsNotThatOfTheBytesTravelsAsItIs) {
  Begin();
  ASSERT_TRUE(engine().Put("a", "hello"));
  engine::UpdateBlobRequest update;
  update.target = engine().Blob("a");
  update.http.emplace().content_md5 = std::string(16, 'x');
  ASSERT_TRUE(engine().Run(engine::UpdateBlob(engine().services(), {}, update)));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("a"), "hello");
  EXPECT_EQ(f().lake().State("a")->properties.http.content_md5, std::string(16, 'x'));
}

TEST_F(OffloadTest, ALostAnswerIsRecognised) {
  Begin();
  for (const LakeOperation operation :
       {LakeOperation::kPut, LakeOperation::kUpdate, LakeOperation::kDelete}) {
    f().faulty_lake().FailNext({.kind = Fault::Kind::kLostAnswer}, operation);
  }
  ASSERT_TRUE(engine().Put("a", "one"));
  ASSERT_TRUE(f().Sync());
  engine::UpdateBlobRequest update;
  update.target = engine().Blob("a");
  update.metadata = azure::Metadata{{"k", "v"}};
  ASSERT_TRUE(engine().Run(engine::UpdateBlob(engine().services(), {}, update)));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().State("a")->metadata, (azure::Metadata{{"k", "v"}}));
  ASSERT_TRUE(engine().Delete("a"));
  ASSERT_TRUE(f().Sync());
  EXPECT_TRUE(f().lake().Names().empty());
  EXPECT_EQ(f().Requests(LakeOperation::kPut), 1u);
  EXPECT_EQ(f().Requests(LakeOperation::kUpdate), 1u);
  EXPECT_EQ(f().Requests(LakeOperation::kDelete), 1u);
  EXPECT_EQ(f().conflicts(), 0);
}

TEST_F(OffloadTest, WhatIsForeignIsNeverWrittenOver) {
  Begin();
  f().lake().Plant("a", "theirs");
  f().Forget("a");
  ASSERT_TRUE(engine().Put("a", "ours"));
  ASSERT_TRUE(engine().Put("b", "other"));
  ASSERT_TRUE(f().Until([&] { return f().Status().blocked == 1; }));
  EXPECT_EQ(f().lake().Bytes("a"), "theirs");
  EXPECT_EQ(f().Status().blocked_name, "a");
  EXPECT_FALSE(f().Status().blocked_error.empty());
}

TEST_F(OffloadTest, AHandlerMayDecideForOurs) {
  Begin({.handler = ConflictDecision::Action::kOurs});
  f().lake().Plant("a", "theirs");
  f().Forget("a");
  ASSERT_TRUE(engine().Put("a", "ours"));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("a"), "ours");
  EXPECT_EQ(f().conflicts(), 1);
  EXPECT_EQ(engine().Properties("a")->record.lake->etag, f().lake().State("a")->etag().str());
}

TEST_F(OffloadTest, AHandlerMayDecideForTheirs) {
  Begin({.handler = ConflictDecision::Action::kTheirs});
  f().lake().Plant("a", "theirs");
  f().Forget("a");
  ASSERT_TRUE(engine().Put("a", "ours"));
  ASSERT_TRUE(engine().Put("b", "between"));
  ASSERT_TRUE(engine().Put("a", "ours again"));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("a"), "theirs");
  EXPECT_EQ(f().lake().Bytes("b"), "between");
  // Asked again where another change of the name came in meanwhile.
  EXPECT_GE(f().conflicts(), 1);
  EXPECT_EQ(engine().KeysOfTable('j'), 0u);
}

TEST_F(OffloadTest, AcknowledgingInTheLakeWaitsForIt) {
  Begin({.acknowledge = meta::Acknowledge::kLake});
  ASSERT_TRUE(engine().Put("a", "one"));
  EXPECT_EQ(f().lake().Bytes("a"), "one");
  ASSERT_TRUE(engine().Delete("a"));
  EXPECT_EQ(f().lake().Bytes("a"), std::nullopt);
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  const auto late = engine().Put("b", "two");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kOperationTimedOut);
  EXPECT_EQ(*engine().Read("b"), "two");
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("b"), "two");
}

TEST_F(OffloadTest, TheQueueSurvivesARestart) {
  Begin();
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(engine().Put("a" + std::to_string(i), "bytes"));
  f().Restart();
  EXPECT_EQ(f().Status().changes, 20u);
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  const auto synced = f().Sync();
  ASSERT_TRUE(synced) << synced.error().ToString() << " " << f().Status().last_error << " "
                      << f().Status().changes;
  EXPECT_EQ(f().lake().Names().size(), 20u);
  EXPECT_EQ(f().Requests(LakeOperation::kPut), 20u);
}

TEST_F(OffloadTest, AFloodOfDeletesPausesAndAsks) {
  OffloadFixtureOptions options;
  options.offload.deletes.share_from = 10;
  options.offload.deletes.share = 0.3;
  Begin(options);
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(engine().Put("a" + std::to_string(i), "x"));
  ASSERT_TRUE(f().Sync());
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(engine().Delete("a" + std::to_string(i)));
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  ASSERT_TRUE(f().Until([&] { return !f().Status().deletes_paused.empty(); }));
  EXPECT_EQ(f().lake().Names().size(), 30u);
  f().Restart();
  ASSERT_TRUE(f().Until([&] { return f().Status().deletes_waiting == 20; }));
  EXPECT_EQ(f().lake().Names().size(), 30u);
  EXPECT_FALSE(f().Status().deletes_paused.empty());
  ASSERT_TRUE(engine().Run(f().tier().ApproveDeletes({}, engine().Container(), 20)));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Names().size(), 10u);
}

TEST_F(OffloadTest, DetachDrainsFirst) {
  Begin();
  f().faulty_lake().SetLatency(std::chrono::milliseconds(5));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(engine().Put("a" + std::to_string(i), "bytes"));
  ASSERT_TRUE(engine().Run(f().tier().Detach({}, engine().Container())));
  EXPECT_EQ(f().lake().Names().size(), 20u);
  EXPECT_EQ(*engine().Read("a3"), "bytes");
  EXPECT_EQ(engine().KeysOfTable('j'), 0u);
  EXPECT_EQ(engine().KeysOfTable('c'), 0u);
}

TEST_F(OffloadTest, DetachMayDropWhatHasNotTravelled) {
  Begin();
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  const std::string bytes = Pattern(200'000);
  ASSERT_TRUE(engine().Put("a", bytes));
  ASSERT_TRUE(engine().Put("b", bytes));
  ASSERT_TRUE(engine().Delete("b"));
  ASSERT_TRUE(engine().Run(f().tier().Detach({}, engine().Container(), DetachHow::kDrop)));
  EXPECT_EQ(*engine().Read("a"), bytes);
  ASSERT_TRUE(engine().Delete("a"));
  engine().Sweep();
  EXPECT_EQ(engine().Stored(), "");
}

}  // namespace
}  // namespace forebay::tier
