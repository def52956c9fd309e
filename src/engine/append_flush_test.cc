// Append and flush: positions in any order, gaps, retention, many small flushes, sharing, leases.
#include <gtest/gtest.h>

#include "engine/copy_blob.h"
#include "engine/fsck.h"
#include "engine/lease.h"
#include "engine/paths_fixture.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

class AppendFlushTest : public testing::TestWithParam<bool> {
 protected:
  AppendFlushTest() { EXPECT_TRUE(f_.Create("d/f")); }
  PathsFixture f_{GetParam()};
};

TEST_P(AppendFlushTest, PiecesComeInAnyOrderAndShowWhenFlushed) {
  ASSERT_TRUE(f_.Append("d/f", 5, "world"));
  ASSERT_TRUE(f_.Append("d/f", 0, "hello"));
  EXPECT_EQ(*f_.Read("d/f"), "");
  const auto before = f_.Properties("d/f")->record.etag;
  const auto flushed = f_.Flush("d/f", 10);
  ASSERT_TRUE(flushed) << flushed.error().ToString();
  EXPECT_EQ(flushed->length, 10u);
  EXPECT_EQ(*f_.Read("d/f"), "helloworld");
  EXPECT_NE(f_.Properties("d/f")->record.etag, before);
  EXPECT_EQ(f_.KeysOfTable('u') + f_.KeysOfTable('t'), 0u);
  // Nothing new, same end: taken, as a close is.
  EXPECT_TRUE(f_.Flush("d/f", 10));
}

TEST_P(AppendFlushTest, AGapAnOverlapAndAWrongEndAreRefused) {
  ASSERT_TRUE(f_.Append("d/f", 0, "abc"));
  EXPECT_EQ(CodeOf(f_.Flush("d/f", 2)), Code::kInvalidFlushPosition);
  EXPECT_EQ(CodeOf(f_.Flush("d/f", 4)), Code::kInvalidFlushPosition);
  ASSERT_TRUE(f_.Append("d/f", 4, "x"));
  EXPECT_EQ(CodeOf(f_.Flush("d/f", 5)), Code::kInvalidFlushPosition);
  ASSERT_TRUE(f_.Append("d/f", 2, "xy"));
  EXPECT_EQ(CodeOf(f_.Flush("d/f", 5)), Code::kInvalidFlushPosition);
  EXPECT_EQ(*f_.Read("d/f"), "");
  EXPECT_EQ(CodeOf(f_.Append("d/none", 0, "x")), Code::kBlobNotFound);
  EXPECT_EQ(CodeOf(f_.Append("d/f", 0, "")), Code::kInvalidHeaderValue);
}

TEST_P(AppendFlushTest, APieceSentAgainReplacesTheFirst) {
  ASSERT_TRUE(f_.Append("d/f", 0, "old"));
  ASSERT_TRUE(f_.Append("d/f", 0, "new!"));
  ASSERT_TRUE(f_.Flush("d/f", 4));
  EXPECT_EQ(*f_.Read("d/f"), "new!");
  f_.Sweep();
  EXPECT_EQ(f_.InlinePieces(), 1u);
}

TEST_P(AppendFlushTest, WhatLiesBelowTheLengthIsRefusedAndDropped) {
  ASSERT_TRUE(f_.Append("d/f", 0, "hello"));
  ASSERT_TRUE(f_.Flush("d/f", 5));
  EXPECT_EQ(CodeOf(f_.Append("d/f", 0, "hello")), Code::kInvalidFlushPosition);
  EXPECT_EQ(CodeOf(f_.Append("d/f", 4, "overlap")), Code::kInvalidFlushPosition);
  ASSERT_TRUE(f_.Append("d/f", 5, "world"));
  // A piece that was staged there before such appends were refused.
  const auto file = f_.Properties("d/f")->record.id;
  ASSERT_TRUE(f_.Run(f_.services().store.Transact([file](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(auto stored, txn.Get(meta::keys::Appends(file)));
    FB_ASSIGN_OR_RETURN(meta::StagingRecord staging, meta::DecodeStaging(*stored));
    meta::StagedBlockRecord block;
    block.size = 3;
    txn.Put(meta::keys::StagedBlock(staging.generation, AppendId(1).view()), meta::Encode(block));
    txn.Add(meta::keys::StagedCount(staging.generation), 1);
    return {};
  })));
  const auto flushed = f_.Flush("d/f", 10);
  ASSERT_TRUE(flushed) << flushed.error().ToString();
  EXPECT_EQ(*f_.Read("d/f"), "helloworld");
  EXPECT_EQ(f_.KeysOfTable('u') + f_.KeysOfTable('t'), 0u);
}

TEST_P(AppendFlushTest, WhatLiesBeyondIsDroppedOrKept) {
  ASSERT_TRUE(f_.Append("d/f", 0, "ab"));
  ASSERT_TRUE(f_.Append("d/f", 2, "cd"));
  ASSERT_TRUE(f_.Flush("d/f", 2, /*retain=*/true));
  EXPECT_EQ(*f_.Read("d/f"), "ab");
  ASSERT_TRUE(f_.Append("d/f", 4, "ef"));
  ASSERT_TRUE(f_.Flush("d/f", 4));  // drops "ef"
  EXPECT_EQ(*f_.Read("d/f"), "abcd");
  EXPECT_EQ(CodeOf(f_.Flush("d/f", 6)), Code::kInvalidFlushPosition);
  f_.Sweep();
  EXPECT_EQ(f_.InlinePieces(), 2u);
  EXPECT_EQ(f_.KeysOfTable('t') + f_.KeysOfTable('u') + f_.KeysOfTable('k'), 0u);
}

TEST_P(AppendFlushTest, ManySmallFlushesGrowOneBody) {
  std::string expected;
  for (int i = 0; i < 2500; ++i) {
    const std::string piece = std::to_string(i) + ";";
    ASSERT_TRUE(f_.Append("d/f", expected.size(), piece));
    expected += piece;
    ASSERT_TRUE(f_.Flush("d/f", expected.size()));
  }
  EXPECT_EQ(*f_.Read("d/f"), expected);
  EXPECT_EQ(*f_.Read("d/f", GetBlobRequest::Range{5000, 100}), expected.substr(5000, 100));
  // In place: pages of a thousand extents, and not one body after the other.
  EXPECT_EQ(f_.KeysOfTable('p'), 3u);
  EXPECT_EQ(f_.KeysOfTable('g'), 0u);
  ASSERT_TRUE(f_.Delete("d/f"));
  f_.Sweep();
  EXPECT_EQ(f_.InlinePieces(), 0u);
  EXPECT_EQ(f_.KeysOfTable('p'), 0u);
}

TEST_P(AppendFlushTest, ABodyThatACopySharesStaysAsItIs) {
  ASSERT_TRUE(f_.Append("d/f", 0, "one"));
  ASSERT_TRUE(f_.Flush("d/f", 3));
  CopyBlobRequest copy;
  copy.source = f_.Blob("d/f");
  copy.target = f_.Blob("d/copy");
  ASSERT_TRUE(f_.Run(CopyBlob(f_.services(), f_.context(), std::move(copy))));
  ASSERT_TRUE(f_.Append("d/f", 3, "two"));
  ASSERT_TRUE(f_.Flush("d/f", 6));
  EXPECT_EQ(*f_.Read("d/copy"), "one");
  EXPECT_EQ(*f_.Read("d/f"), "onetwo");
  ASSERT_TRUE(f_.Delete("d/copy"));
  f_.Sweep();
  EXPECT_EQ(*f_.Read("d/f"), "onetwo");
  ASSERT_TRUE(f_.Delete("d/f"));
  f_.Sweep();
  EXPECT_EQ(f_.InlinePieces(), 0u);
  EXPECT_EQ(f_.KeysOfTable('q') + f_.KeysOfTable('r'), 0u);
}

// What is appended is no block: the list that Put Block List left must not outlive its length.
TEST_P(AppendFlushTest, AppendingToABlockListLeavesASoundStore) {
  ASSERT_TRUE(f_.Stage("d/f", "b1", Text(100)));
  ASSERT_TRUE(f_.Commit("d/f", {{BlockSource::kLatest, azure::BlockId("b1")}}));
  ASSERT_TRUE(f_.Properties("d/f")->record.body.has_block_list);
  for (unsigned at = 100; at < 250; at += 50) {
    ASSERT_TRUE(f_.Append("d/f", at, Text(50, at)));
    ASSERT_TRUE(f_.Flush("d/f", at + 50));
  }
  EXPECT_EQ(*f_.Read("d/f"), Text(100) + Text(50, 100) + Text(50, 150) + Text(50, 200));
  EXPECT_FALSE(f_.Properties("d/f")->record.body.has_block_list);
  for (int pass = 0; pass < 2; ++pass) {
    const auto report = CheckNamespace(f_.store(), f_.chunks(), {});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->problem_count, 0u) << report->problems.front();
    EXPECT_EQ(report->short_block_lists, 0u);
    f_.Sweep();
  }
  EXPECT_EQ(f_.KeysOfTable('l'), 0u);
}

TEST_P(AppendFlushTest, ManyPiecesInOneFlush) {
  std::string expected;
  for (int i = 0; i < 700; ++i) {
    const std::string piece(static_cast<std::size_t>(i % 7 + 1), static_cast<char>('a' + i % 26));
    ASSERT_TRUE(f_.Append("d/f", expected.size(), piece));
    expected += piece;
  }
  ASSERT_TRUE(f_.Flush("d/f", expected.size()));
  EXPECT_EQ(*f_.Read("d/f"), expected);
  f_.Sweep();
  EXPECT_EQ(f_.KeysOfTable('t') + f_.KeysOfTable('g') + f_.KeysOfTable('k'), 0u);
  EXPECT_EQ(*f_.Read("d/f"), expected);
  // And once more on top of a large body.
  const std::size_t half = expected.size();
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(f_.Append("d/f", half + static_cast<std::size_t>(i), "z"));
  }
  ASSERT_TRUE(f_.Flush("d/f", half + 300));
  f_.Sweep();
  EXPECT_EQ(*f_.Read("d/f"), expected + std::string(300, 'z'));
}

TEST_P(AppendFlushTest, OverwritingOrForgettingTheFileDropsWhatWasAppended) {
  ASSERT_TRUE(f_.Append("d/f", 0, "lost"));
  ASSERT_TRUE(f_.Create("d/f"));
  EXPECT_EQ(CodeOf(f_.Flush("d/f", 4)), Code::kInvalidFlushPosition);
  ASSERT_TRUE(f_.Append("d/f", 0, "late"));
  f_.clock().Advance(std::chrono::hours(24 * 9));
  f_.Sweep();
  f_.Sweep();
  EXPECT_EQ(f_.InlinePieces(), 0u);
  EXPECT_EQ(CodeOf(f_.Flush("d/f", 4)), Code::kInvalidFlushPosition);
}

TEST_P(AppendFlushTest, ALeaseHoldsAppendAndFlush) {
  LeaseRequest lease;
  lease.proposed_id = "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a";
  lease.duration_seconds = 60;
  ASSERT_TRUE(f_.Run(LeaseBlob(f_.services(), f_.context(), f_.Blob("d/f"), lease)));
  EXPECT_EQ(CodeOf(f_.Append("d/f", 0, "x")), Code::kLeaseIdMissing);
  EXPECT_TRUE(f_.Append("d/f", 0, "x", lease.proposed_id));
  EXPECT_EQ(CodeOf(f_.Flush("d/f", 1)), Code::kLeaseIdMissing);
  FlushPathRequest flush;
  flush.target = f_.Blob("d/f");
  flush.position = 1;
  flush.conditions.lease_id = lease.proposed_id;
  flush.lease = FlushLease::kRelease;
  ASSERT_TRUE(f_.Run(FlushPath(f_.services(), f_.context(), std::move(flush))));
  EXPECT_TRUE(f_.Properties("d/f")->record.lease.empty());
}

INSTANTIATE_TEST_SUITE_P(Layouts, AppendFlushTest, testing::Bool(),
                         [](const auto& param) { return param.param ? "hierarchical" : "flat"; });

}  // namespace
}  // namespace forebay::engine
