// Writing onto blobs whose bytes eviction gave to the lake: block lists that keep blocks of them,
// appends, atomic commits. Right here, right in the lake after the offload, and whatever fails in
// between.
#include <gtest/gtest.h>

#include "engine/append_path.h"
#include "engine/create_path.h"
#include "engine/flush_path.h"
#include "engine/get_block_list.h"
#include "engine/node_content.h"
#include "tier/evict_fixture.h"
#include "tier/offload_fixture.h"

namespace forebay::tier {
namespace {

using engine::BlockListEntry;
using engine::BlockSource;

Code CodeOf(const auto& result) { return result ? Code{} : result.error().code(); }
azure::BlockId Id(std::size_t i) { return azure::BlockId("block" + std::to_string(100'000 + i)); }

// A blob of `blocks` blocks that was uploaded, has travelled, and of which nothing is here.
class WriteEvictedTest : public ::testing::Test {
 protected:
  void Begin(std::size_t bytes, std::size_t blocks, OffloadFixtureOptions options = {}) {
    fixture_ = std::make_unique<OffloadFixture>(options);
    f().AttachReadWrite();
    text_ = Pattern(bytes);
    each_ = (bytes + blocks - 1) / blocks;
    std::vector<BlockListEntry> list;
    for (std::size_t i = 0; i < blocks; ++i) {
      ASSERT_TRUE(engine().Stage("a", Id(i).str(), text_.substr(i * each_, each_)));
      list.push_back({BlockSource::kLatest, Id(i)});
    }
    ASSERT_TRUE(engine().Commit("a", list));
    Evict();
  }
  void Evict(const std::string& pattern = "**") {
    ASSERT_TRUE(f().Sync());
    const auto evicted =
        engine().Run(f().tier().placement().EvictNow({}, engine().Container(), pattern));
    ASSERT_TRUE(evicted);
    ASSERT_EQ(evicted->evicted, 1u);
    ASSERT_TRUE(engine().Properties("a")->record.body.in_lake);
  }
  // The first and the last block, and new bytes between.
  std::vector<BlockListEntry> Outer(std::size_t blocks) {
    return {{BlockSource::kCommitted, Id(0)},
            {BlockSource::kUncommitted, Id(500)},
            {BlockSource::kCommitted, Id(blocks - 1)}};
  }
  OffloadFixture& f() { return *fixture_; }
  engine::EngineFixture& engine() { return f().engine(); }

  std::unique_ptr<OffloadFixture> fixture_;
  std::string text_;
  std::size_t each_ = 0;
};

TEST_F(WriteEvictedTest, ABlockListKeepsBlocksThatTheLakeHas) {
  Begin(200'000, 5);
  const std::string etag = azure::MakeETag(engine().Properties("a")->record.etag.value()).str();
  const std::string added = Pattern(30'000, 9);
  ASSERT_TRUE(engine().Stage("a", Id(500).str(), added));
  ASSERT_TRUE(engine().Commit("a", Outer(5)));
  const std::string want = text_.substr(0, each_) + added + text_.substr(4 * each_);
  EXPECT_TRUE(Same(engine().Read("a"), want));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("a"), want);
  engine::GetBlockListRequest request;
  request.target = engine().Blob("a");
  request.committed = true;
  const auto list =
      engine().Run(engine::GetBlockList(f().tier_fixture().services(), {}, std::move(request)));
  ASSERT_TRUE(list);
  ASSERT_EQ(list->committed.size(), 3u);
  EXPECT_NE(azure::MakeETag(engine().Properties("a")->record.etag.value()).str(), etag);
  // Once more, of what is here and in the lake by now.
  Evict();
  ASSERT_TRUE(engine().Commit("a", {{BlockSource::kCommitted, Id(500)}}));
  EXPECT_TRUE(Same(engine().Read("a"), added));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("a"), added);
}

TEST_F(WriteEvictedTest, AListThatIsWrongFetchesNothing) {
  Begin(100'000, 4);
  const std::uint64_t before = f().Requests(lake::LakeOperation::kGet);
  EXPECT_EQ(CodeOf(engine().Commit(
                "a", {{BlockSource::kCommitted, Id(0)}, {BlockSource::kCommitted, Id(77)}})),
            Code::kInvalidBlockList);
  EXPECT_EQ(f().Requests(lake::LakeOperation::kGet), before);
  EXPECT_TRUE(engine().Properties("a")->record.body.in_lake);
}

TEST_F(WriteEvictedTest, WithoutALinkTheBlobStaysAsItWas) {
  Begin(100'000, 4);
  ASSERT_TRUE(engine().Stage("a", Id(500).str(), "new"));
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  EXPECT_EQ(CodeOf(engine().Commit("a", Outer(4))), Code::kOffline);
  // One that keeps nothing needs no lake; and what is staged is still there for another try.
  engine::GetBlockListRequest request;
  request.target = engine().Blob("a");
  request.committed = request.uncommitted = true;
  const auto list =
      engine().Run(engine::GetBlockList(f().tier_fixture().services(), {}, std::move(request)));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->committed.size(), 4u);
  EXPECT_EQ(list->uncommitted.size(), 1u);
  ASSERT_TRUE(engine().Commit("a", {{BlockSource::kUncommitted, Id(500)}}));
  EXPECT_EQ(*engine().Read("a"), "new");
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("a"), "new");
}

TEST_F(WriteEvictedTest, AnAppendGoesOntoAFileThatTheLakeHas) {
  OffloadFixtureOptions options;
  options.tier.engine.hierarchical = true;
  options.tier.lake_hierarchical = true;
  Begin(150'000, 3, options);
  engine::TextReader reader(" and more");
  engine::AppendPathRequest append;
  append.target = engine().Blob("a");
  append.position = text_.size();
  append.body = &reader;
  engine::Services& services = f().tier_fixture().services();
  ASSERT_TRUE(engine().Run(engine::AppendPath(services, {}, std::move(append))));
  EXPECT_TRUE(engine().Properties("a")->record.body.in_lake);  // not a part of it yet
  engine::FlushPathRequest flush;
  flush.target = engine().Blob("a");
  flush.position = text_.size() + 9;
  ASSERT_TRUE(engine().Run(engine::FlushPath(services, {}, std::move(flush))));
  EXPECT_TRUE(Same(engine().Read("a"), text_ + " and more"));
  ASSERT_TRUE(f().Sync());
  EXPECT_EQ(f().lake().Bytes("a"), text_ + " and more");
  Evict();
  EXPECT_TRUE(Same(engine().Read("a"), text_ + " and more"));
}

// Where the lake acknowledges, these too are answered when it has them.
TEST(AcknowledgedInTheLakeTest, FlushesAndCommitsOfFiles) {
  OffloadFixtureOptions options;
  options.tier.engine.hierarchical = true;
  options.tier.lake_hierarchical = true;
  options.acknowledge = meta::Acknowledge::kLake;
  OffloadFixture f(options);
  f.AttachReadWrite();
  engine::EngineFixture& engine = f.engine();
  engine::Services& services = f.tier_fixture().services();
  (void)engine.Put("a", "one");
  ASSERT_TRUE(f.Sync());
  const auto append = [&](std::string text, std::uint64_t at) -> Result<> {
    engine::TextReader reader(text);
    engine::AppendPathRequest request;
    request.target = engine.Blob("a");
    request.position = at;
    request.body = &reader;
    FB_RETURN_IF_ERROR(engine.Run(engine::AppendPath(services, {}, std::move(request))));
    engine::FlushPathRequest flush;
    flush.target = engine.Blob("a");
    flush.position = at + text.size();
    FB_RETURN_IF_ERROR(engine.Run(engine::FlushPath(services, {}, std::move(flush))));
    return {};
  };
  // On a machine that is busy even the lake in memory may be too late for an answer.
  const auto expect_there = [&](const auto& done, const std::string& want) {
    if (done) EXPECT_EQ(f.lake().Bytes("a"), want);
    if (!done) EXPECT_EQ(CodeOf(done), Code::kOperationTimedOut) << done.error().ToString();
    EXPECT_TRUE(f.Sync());
  };
  expect_there(append(" two", 3), "one two");
  engine::CommitNodeRequest commit;
  commit.target.container = engine.Container();
  commit.target.path = "a";
  commit.pieces = *engine::ParsePlan("data 5\n");
  engine::TextReader reader("three");
  commit.body = &reader;
  expect_there(engine.Run(engine::CommitNode(services, {}, std::move(commit))), "three");
  // Out of reach it is stored here, and the answer says that it is not there.
  f.faulty_lake().SetLink(lake::LinkState::kDown);
  EXPECT_EQ(CodeOf(append(" four", 5)), Code::kOperationTimedOut);
  EXPECT_EQ(*engine.Read("a"), "three four");
  f.faulty_lake().SetLink(lake::LinkState::kUp);
  ASSERT_TRUE(f.Sync());
  EXPECT_EQ(f.lake().Bytes("a"), "three four");
}

// Every transaction of the way fails once, or commits and does not say so: the blob has its old or
// its new content, the next try succeeds, and nothing is left over.
TEST(WriteEvictedStepsTest, AnErrorAtAnyStepLosesNothing) {
  constexpr std::size_t kBytes = 700;  // 44 chunks: prepared ahead
  int failed = 0;
  bool all = false;
  for (std::size_t skip = 0; skip < 60 && !all; ++skip) {
    TierFixtureOptions options;
    options.engine.limits = engine::TinyLimits();
    EvictFixture f(options);
    const std::string bytes = Pattern(kBytes, 3);
    f.lake().Plant("a", bytes);
    ASSERT_TRUE(f.engine().MakeContainer());
    ASSERT_TRUE(f.engine().Run(f.tier().Attach({}, f.Request(meta::LakeMode::kReadWrite))));
    ASSERT_TRUE(f.Import());
    f.MakeBoth("a", bytes, /*blocks=*/7);
    ASSERT_TRUE(f.engine().Run(f.placement().EvictNow({}, f.engine().Container(), "**")));
    ASSERT_TRUE(f.Record("a")->body.in_lake);
    ASSERT_TRUE(f.engine().Stage("a", Id(500).str(), "new"));
    const std::vector<BlockListEntry> list = {{BlockSource::kUncommitted, Id(500)},
                                              {BlockSource::kCommitted, Id(6)},
                                              {BlockSource::kCommitted, Id(0)}};
    const std::string want = "new" + bytes.substr(600) + bytes.substr(0, 100);
    f.engine().store().FailNext(Code::kIo, 1, skip);
    const auto done = f.engine().Commit("a", list);
    f.engine().store().FailNext(Code::kIo, 0);
    f.Settle();
    const auto got = f.engine().Read("a");
    ASSERT_TRUE(got) << skip << " " << got.error().ToString();
    if (done) {
      EXPECT_TRUE(Same(got, want)) << skip;
    } else {
      ++failed;
      ASSERT_TRUE(*got == want || *got == bytes) << skip;
      if (*got == bytes) {
        ASSERT_TRUE(f.engine().Commit("a", list)) << skip;
        EXPECT_TRUE(Same(f.engine().Read("a"), want)) << skip;
      }
    }
    // All that stands in the way of a clean store is the body itself, the log's hold on it, and
    // what read-through keeps: none of that is garbage.
    f.engine().Sweep(4);
    EXPECT_EQ(f.engine().KeysOfTable('g'), 0u) << skip;
    EXPECT_TRUE(Same(f.engine().Read("a"), want)) << skip;
    all = done.has_value() && skip > 20;
  }
  EXPECT_GE(failed, 5);
  EXPECT_TRUE(all);
}

}  // namespace
}  // namespace forebay::tier
