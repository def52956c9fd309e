#include "engine/put_block_list.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"
#include "engine/get_block_list.h"
#include "engine/put_block_from_blob.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

std::string Id(int n) { return "b" + std::to_string(100 + n); }
std::string Bytes(int n) {
  return Text(n % 3 == 0 ? 5 : static_cast<std::size_t>(10 + n), 50U + static_cast<unsigned>(n));
}

class PutBlockListTest : public testing::TestWithParam<bool> {
 protected:
  PutBlockListTest() { EXPECT_TRUE(f_.MakeContainer()); }

  static BlockListEntry Entry(int n, BlockSource source = BlockSource::kLatest) {
    return {source, azure::BlockId(Id(n))};
  }
  static std::vector<BlockListEntry> Entries(int begin, int end,
                                             BlockSource source = BlockSource::kLatest) {
    std::vector<BlockListEntry> entries;
    for (int n = begin; n < end; ++n) entries.push_back(Entry(n, source));
    return entries;
  }
  static std::string BytesOf(int begin, int end) {
    std::string bytes;
    for (int n = begin; n < end; ++n) bytes += Bytes(n);
    return bytes;
  }
  void StageAll(int begin, int end) {
    for (int n = begin; n < end; ++n) ASSERT_TRUE(f_.Stage("d/a", Id(n), Bytes(n)));
  }
  // Deletes the blob and asks that nothing is left.
  void ExpectNothingAfterDelete() {
    ASSERT_TRUE(f_.Delete("d/a"));
    f_.Sweep(2);
    EXPECT_EQ(f_.Stored(), "");
  }
  EngineFixture f_{{.hierarchical = GetParam(), .limits = TinyLimits()}};
};

TEST_P(PutBlockListTest, ShortAndLongListsAreTheSame) {
  for (const int count : {1, 2, 4, 5, 12, 40}) {
    SCOPED_TRACE("blocks " + std::to_string(count));
    StageAll(0, count);
    BlobAttributes attributes;
    PutBlockListRequest request;
    request.target = f_.Blob("d/a");
    request.blocks = Entries(0, count);
    request.attributes.metadata = {{"n", std::to_string(count)}};
    request.attributes.tags = {{"t", "1"}};
    const auto done = f_.Run(PutBlockList(f_.services(), f_.context(), std::move(request)));
    ASSERT_TRUE(done) << done.error().ToString();
    EXPECT_EQ(*f_.Read("d/a"), BytesOf(0, count));
    const auto record = f_.Properties("d/a")->record;
    EXPECT_EQ(record.metadata, (azure::Metadata{{"n", std::to_string(count)}}));
    EXPECT_EQ(azure::MakeETag(record.etag.value()), done->etag);
    EXPECT_TRUE(record.http.content_md5.empty());
    const auto list = f_.Run(
        GetBlockList(f_.services(), f_.context(), {.target = f_.Blob("d/a"), .uncommitted = true}));
    ASSERT_TRUE(list);
    EXPECT_EQ(list->committed.size(), static_cast<std::size_t>(count));
    EXPECT_TRUE(list->uncommitted.empty());
    f_.Sweep(2);
    EXPECT_EQ(*f_.Read("d/a"), BytesOf(0, count)) << "after the sweep";
  }
  ExpectNothingAfterDelete();
}

TEST_P(PutBlockListTest, BlocksMayRepeatAndComeInAnyOrder) {
  StageAll(0, 6);
  auto list = Entries(0, 6);
  std::ranges::reverse(list);
  list.push_back(Entry(2));
  list.push_back(Entry(2));
  ASSERT_TRUE(f_.Commit("d/a", list));
  std::string expected;
  for (int n = 5; n >= 0; --n) expected += Bytes(n);
  expected += Bytes(2) + Bytes(2);
  EXPECT_EQ(*f_.Read("d/a"), expected);
  f_.Sweep(2);
  EXPECT_EQ(*f_.Read("d/a"), expected);
  ExpectNothingAfterDelete();
}

TEST_P(PutBlockListTest, CommittedAndStagedBlocksMix) {
  for (const int count : {2, 30}) {
    StageAll(0, count);
    ASSERT_TRUE(f_.Commit("d/a", Entries(0, count)));
    StageAll(count, 2 * count);
    auto list = Entries(count, 2 * count, BlockSource::kUncommitted);
    for (const auto& entry : Entries(1, count, BlockSource::kCommitted)) list.push_back(entry);
    ASSERT_TRUE(f_.Commit("d/a", list));
    const std::string expected = BytesOf(count, 2 * count) + BytesOf(1, count);
    EXPECT_EQ(*f_.Read("d/a"), expected);
    f_.Sweep(2);
    EXPECT_EQ(*f_.Read("d/a"), expected);
    // Once more over itself, from the references that are there now.
    ASSERT_TRUE(f_.Commit("d/a", Entries(1, count)));
    f_.Sweep(2);
    EXPECT_EQ(*f_.Read("d/a"), BytesOf(1, count));
    ExpectNothingAfterDelete();
  }
}

TEST_P(PutBlockListTest, LatestPrefersTheStagedBlock) {
  ASSERT_TRUE(f_.Stage("d/a", "b1", "old"));
  ASSERT_TRUE(f_.Commit("d/a", {{BlockSource::kLatest, azure::BlockId("b1")}}));
  ASSERT_TRUE(f_.Stage("d/a", "b1", "new"));
  ASSERT_TRUE(f_.Commit("d/a", {{BlockSource::kCommitted, azure::BlockId("b1")},
                                {BlockSource::kLatest, azure::BlockId("b1")},
                                {BlockSource::kUncommitted, azure::BlockId("b1")}}));
  EXPECT_EQ(*f_.Read("d/a"), "oldnewnew");
  f_.Sweep(1);
  EXPECT_EQ(*f_.Read("d/a"), "oldnewnew");
  ExpectNothingAfterDelete();
}

TEST_P(PutBlockListTest, WhatTheListDoesNotNameIsDropped) {
  for (const int count : {4, 60}) {
    StageAll(0, count);
    ASSERT_TRUE(f_.Commit("d/a", Entries(1, 2)));
    EXPECT_EQ(*f_.Read("d/a"), Bytes(1));
    f_.Sweep(1);
    EXPECT_EQ(f_.LinkedChunks() + f_.InlinePieces(), (Bytes(1).size() + 15) / 16);
    ASSERT_TRUE(f_.Commit("d/a", {}));
    EXPECT_EQ(*f_.Read("d/a"), "");
    f_.Sweep(1);
    EXPECT_EQ(f_.Stored(), "");
    // An empty list that drops many.
    StageAll(0, count);
    ASSERT_TRUE(f_.Commit("d/a", {}));
    f_.Sweep(1);
    EXPECT_EQ(f_.Stored(), "");
  }
}

TEST_P(PutBlockListTest, ABlockThatIsNotThereChangesNothing) {
  StageAll(0, 20);
  ASSERT_TRUE(f_.Commit("d/a", Entries(0, 20)));
  StageAll(20, 40);
  auto list = Entries(0, 40);
  list.push_back(Entry(77));
  EXPECT_EQ(f_.Commit("d/a", list).error().code(), Code::kInvalidBlockList);
  EXPECT_EQ(f_.Commit("d/a", {Entry(30, BlockSource::kCommitted)}).error().code(),
            Code::kInvalidBlockList);
  EXPECT_EQ(f_.Commit("d/a", {Entry(3, BlockSource::kUncommitted)}).error().code(),
            Code::kInvalidBlockList);
  EXPECT_EQ(f_.Commit("d/b", {Entry(3)}).error().code(), Code::kInvalidBlockList);
  EXPECT_EQ(*f_.Read("d/a"), BytesOf(0, 20));
  ASSERT_TRUE(f_.Commit("d/a", Entries(0, 40)));
  EXPECT_EQ(*f_.Read("d/a"), BytesOf(0, 40));
}

TEST_P(PutBlockListTest, ListsHaveALimit) {
  std::vector<BlockListEntry> list(kMaxBlocks + 1, Entry(0));
  EXPECT_EQ(f_.Commit("d/a", list).error().code(), Code::kBlockListTooLong);
}

// A block of many extents named often adds up to more than memory holds.
TEST_P(PutBlockListTest, WhatTheBlocksAreStoredInHasALimit) {
  f_.services().limits.plan_extents = 100;
  f_.services().limits.free_plan_extents = 20;
  ASSERT_TRUE(f_.Stage("d/a", Id(1), Text(160)));  // ten extents
  const auto times = [](std::size_t n, BlockSource source) {
    return std::vector<BlockListEntry>(n, Entry(1, source));
  };
  const auto refused = f_.Commit("d/a", times(11, BlockSource::kUncommitted));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kBlockListTooLong);
  ASSERT_TRUE(f_.Commit("d/a", times(10, BlockSource::kUncommitted))) << "nothing was lost";
  EXPECT_EQ(f_.Read("d/a")->size(), 1600u);
  EXPECT_EQ(f_.Commit("d/a", times(11, BlockSource::kCommitted)).error().code(),
            Code::kBlockListTooLong);
  ASSERT_TRUE(f_.Commit("d/a", times(10, BlockSource::kCommitted)));
  EXPECT_EQ(f_.Read("d/a")->size(), 1600u);
  f_.Sweep(2);
  EXPECT_EQ(f_.Read("d/a")->substr(1440), Text(160));
  ExpectNothingAfterDelete();
}

TEST_P(PutBlockListTest, LargePlansWaitForTheirTurn) {
  f_.services().limits.free_plan_extents = 20;
  ASSERT_TRUE(f_.Stage("d/a", Id(1), Text(160)));
  ASSERT_TRUE(f_.Stage("d/b", Id(1), Text(160)));
  auto all = f_.services().large_plans->TryAcquire(2);
  ASSERT_TRUE(all);
  EXPECT_TRUE(f_.Commit("d/b", {Entry(1), Entry(1)})) << "small ones do not wait";
  for (int n = 0; n < 3; ++n) ASSERT_TRUE(f_.Stage("d/b", Id(n), Text(160)));
  PutBlockListRequest request;
  request.target = f_.Blob("d/a");
  request.blocks = {Entry(1), Entry(1), Entry(1)};
  OpContext hurried;
  hurried.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
  const auto late = f_.Run(PutBlockList(f_.services(), hurried, request));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);
  PutBlockListRequest none;  // drops thirty extents
  none.target = f_.Blob("d/b");
  hurried.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(30);
  EXPECT_FALSE(f_.Run(PutBlockList(f_.services(), hurried, none)));
  all->ReleaseSome(1);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(f_.Commit("d/a", request.blocks)) << "each gives its turn back";
  }
  EXPECT_EQ(*f_.Read("d/a"), Text(160) + Text(160) + Text(160));
  EXPECT_TRUE(f_.Commit("d/b", {}));
  EXPECT_EQ(*f_.Read("d/b"), "");
}

// Halves of a chunk, put together again, are one extent.
TEST_P(PutBlockListTest, AdjacentRunsOfAChunkAreOneExtent) {
  ASSERT_TRUE(f_.Put("src", Text(32, 7)));
  for (int n = 0; n < 4; ++n) {
    PutBlockFromBlobRequest request;
    request.source = f_.Blob("src");
    request.source_range = GetBlobRequest::Range{static_cast<std::uint64_t>(n) * 8, 8};
    request.target = f_.Blob("d/a");
    request.block_id = azure::BlockId(Id(n));
    ASSERT_TRUE(f_.Run(PutBlockFromBlob(f_.services(), f_.context(), std::move(request))));
  }
  ASSERT_TRUE(f_.Commit("d/a", Entries(0, 4)));
  EXPECT_EQ(f_.Properties("d/a")->record.body.direct.size(), 2u);
  EXPECT_EQ(*f_.Read("d/a"), Text(32, 7));
  ASSERT_TRUE(f_.Commit("d/a", {Entry(1), Entry(0), Entry(2)}));
  EXPECT_EQ(*f_.Read("d/a"),
            Text(32, 7).substr(8, 8) + Text(32, 7).substr(0, 8) + Text(32, 7).substr(16, 8));
  ASSERT_TRUE(f_.Delete("src"));
  f_.Sweep(2);
  ExpectNothingAfterDelete();
}

TEST_P(PutBlockListTest, ConditionsAreAsked) {
  StageAll(0, 2);
  azure::Conditions absent;
  absent.if_none_match = azure::ETagCondition{.any = true, .etags = {}};
  azure::Conditions present;
  present.if_match = azure::ETagCondition{.any = true, .etags = {}};
  EXPECT_EQ(f_.Commit("d/a", Entries(0, 1), present).error().code(), Code::kConditionNotMet);
  ASSERT_TRUE(f_.Commit("d/a", Entries(0, 1), absent));
  ASSERT_TRUE(f_.Stage("d/a", Id(1), Bytes(1)));
  EXPECT_EQ(f_.Commit("d/a", Entries(1, 2), absent).error().code(), Code::kBlobAlreadyExists);
  EXPECT_EQ(*f_.Read("d/a"), Bytes(0));
  EXPECT_TRUE(f_.Commit("d/a", Entries(1, 2), present));
  EXPECT_EQ(*f_.Read("d/a"), Bytes(1));
}

// Whichever transaction of a prepared list fails: the staged blocks and the committed ones that it
// would have used are all there, also once the sweeper has been over what was prepared.
TEST_P(PutBlockListTest, AnyTransactionMayFail) {
  StageAll(0, 12);
  ASSERT_TRUE(f_.Commit("d/a", Entries(0, 12)));
  StageAll(12, 30);
  auto list = Entries(4, 24);
  std::size_t failures = 0;
  for (;; ++failures) {
    SCOPED_TRACE("transaction " + std::to_string(failures));
    f_.store().FailNext(Code::kNoSpace, 1, failures);
    const auto done = f_.Commit("d/a", list);
    f_.store().FailNext(Code::kNoSpace, 0);
    if (done) break;
    ASSERT_EQ(done.error().code(), Code::kNoSpace);
    ASSERT_TRUE(f_.sweeper().RunOnce());
    ASSERT_EQ(f_.KeysOfTable('g'), 0u);
    ASSERT_EQ(*f_.Read("d/a"), BytesOf(0, 12));
  }
  EXPECT_GT(failures, 8u) << "it must be prepared";
  f_.Sweep(2);
  EXPECT_EQ(*f_.Read("d/a"), BytesOf(4, 24));
  ExpectNothingAfterDelete();
}

// The process dies between the preparation and the commit; the client tries again, and a day later
// the sweeper comes by what the first attempt left.
TEST_P(PutBlockListTest, APreparationThatNobodyFinishedTakesNothingWithIt) {
  std::size_t lost = 1;
  for (;; ++lost) {
    SCOPED_TRACE("after transaction " + std::to_string(lost));
    StageAll(0, 14);
    f_.store().FailNext(Code::kIo, 1'000, lost);  // the abandoning, too
    const auto first = f_.Commit("d/a", Entries(0, 10));
    f_.store().FailNext(Code::kIo, 0);
    if (first) break;
    ASSERT_GT(f_.KeysOfTable('g'), 0u);
    ASSERT_TRUE(f_.Commit("d/a", Entries(0, 10)));
    f_.Sweep(2);
    EXPECT_EQ(*f_.Read("d/a"), BytesOf(0, 10));
    ExpectNothingAfterDelete();
  }
  EXPECT_GT(lost, 2u);
}

TEST_P(PutBlockListTest, SharedBlocksAreReleasedAsShared) {
  ASSERT_TRUE(f_.Put("src", Text(300, 7)));
  for (int n = 0; n < 6; ++n) {
    PutBlockFromBlobRequest request;
    request.source = f_.Blob("src");
    request.source_range = GetBlobRequest::Range{static_cast<std::uint64_t>(n) * 20, 40};
    request.target = f_.Blob("d/a");
    request.block_id = azure::BlockId(Id(n));
    ASSERT_TRUE(f_.Run(PutBlockFromBlob(f_.services(), f_.context(), std::move(request))));
  }
  ASSERT_TRUE(f_.Commit("d/a", {Entry(0), Entry(2), Entry(2), Entry(4)}));
  const std::string source = Text(300, 7);
  const std::string expected =
      source.substr(0, 40) + source.substr(40, 40) + source.substr(40, 40) + source.substr(80, 40);
  EXPECT_EQ(*f_.Read("d/a"), expected);
  ASSERT_TRUE(f_.Delete("src"));
  f_.Sweep(2);
  EXPECT_EQ(*f_.Read("d/a"), expected) << "without the source";
  ExpectNothingAfterDelete();
}

// A block of 4,000 MiB has a thousand extents, and one value holds 256 KiB.
TEST_P(PutBlockListTest, ManyLargeDroppedBlocksFitTheirPages) {
  constexpr int kBlocks = 40;
  StageAll(0, kBlocks);
  for (int n = 1; n < kBlocks; ++n) {
    // Chunks that are gone already, far apart from one another, which takes the most room.
    ASSERT_TRUE(f_.store().TransactBlocking([n](kv::Transaction& txn) -> Result<> {
      const std::string prefix = meta::keys::AllStagings();
      std::string record;
      {
        const auto it = txn.Scan(prefix, PrefixEnd(prefix));
        record = it->value();
      }
      FB_ASSIGN_OR_RETURN(const auto staging, meta::DecodeStaging(record));
      meta::StagedBlockRecord block;
      for (std::uint64_t i = 0; i < 1000; ++i) {
        block.extents.push_back({{9, (i * 0x9E3779B97F4A7C15ULL) >> 1}, 0, 4 << 20});
      }
      block.size = 1000ULL << 22;
      txn.Put(meta::keys::StagedBlock(staging.generation, Id(n)), meta::Encode(block));
      return {};
    }));
  }
  const auto done = f_.Commit("d/a", Entries(0, 1));
  ASSERT_TRUE(done) << done.error().ToString();
  f_.Sweep(1);
  EXPECT_EQ(f_.KeysOfTable('w') + f_.KeysOfTable('g') + f_.KeysOfTable('t'), 0u);
  EXPECT_EQ(*f_.Read("d/a"), Bytes(0));
}

INSTANTIATE_TEST_SUITE_P(Layouts, PutBlockListTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
