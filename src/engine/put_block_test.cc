#include "engine/put_block.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"
#include "engine/get_block_list.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

class PutBlockTest : public testing::TestWithParam<bool> {
 protected:
  PutBlockTest() { EXPECT_TRUE(f_.MakeContainer()); }

  Result<PutBlockResult> Stage(TextReader& reader, std::string_view id,
                               ExpectedChecksums expected = {}, bool want_md5 = false) {
    PutBlockRequest request;
    request.target = f_.Blob("d/a");
    request.block_id = azure::BlockId(id);
    request.expected = std::move(expected);
    request.want_md5 = want_md5;
    request.body = &reader;
    return f_.Run(PutBlock(f_.services(), f_.context(), std::move(request)));
  }
  std::vector<std::pair<std::string, std::uint64_t>> Uncommitted() {
    const auto list = f_.Run(
        GetBlockList(f_.services(), f_.context(), {.target = f_.Blob("d/a"), .uncommitted = true}));
    std::vector<std::pair<std::string, std::uint64_t>> blocks;
    if (!list) return blocks;
    for (const auto& block : list->uncommitted) blocks.emplace_back(block.id, block.size);
    return blocks;
  }
  EngineFixture f_{{.hierarchical = GetParam(), .limits = TinyLimits()}};
};

using Blocks = std::vector<std::pair<std::string, std::uint64_t>>;

TEST_P(PutBlockTest, StagesAnySizeWithoutMakingABlob) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{8}, std::size_t{9}, std::size_t{64},
                                 std::size_t{65}, std::size_t{700}}) {
    SCOPED_TRACE("size " + std::to_string(size));
    const std::string text = Text(size, 1);
    TextReader reader(text);
    const auto staged = Stage(reader, "b1", {}, /*want_md5=*/true);
    ASSERT_TRUE(staged) << staged.error().ToString();
    EXPECT_EQ(staged->crc64, Crc64(AsBytes(text)));
    EXPECT_EQ(staged->content_md5, *ExpectMd5(text).md5);
    EXPECT_EQ(Uncommitted(), (Blocks{{"b1", size}}));
    EXPECT_EQ(f_.Read("d/a").error().code(), Code::kBlobNotFound);
    ASSERT_TRUE(f_.Commit("d/a", {{BlockSource::kUncommitted, azure::BlockId("b1")}}));
    EXPECT_EQ(*f_.Read("d/a"), text);
    ASSERT_TRUE(f_.Delete("d/a"));
    f_.Sweep(1);
    EXPECT_EQ(f_.Stored(), "");
  }
}

TEST_P(PutBlockTest, ABlockOfTheSameIdReplacesTheOneBefore) {
  // From and to every way of storing it, the last one with more extents than are freed at once.
  const std::size_t sizes[] = {5, 40, 700, 5, 16 * 150, 3, 16 * 150, 20};
  unsigned seed = 0;
  for (const std::size_t size : sizes) {
    ASSERT_TRUE(f_.Stage("d/a", "b1", Text(size, ++seed)));
    EXPECT_EQ(Uncommitted(), (Blocks{{"b1", size}}));
    f_.Sweep(0);
    ASSERT_TRUE(f_.sweeper().RunOnce());
    EXPECT_EQ(f_.LinkedChunks(), size > 8 ? (size + 15) / 16 : 0);
    EXPECT_EQ(f_.InlinePieces(), size > 8 ? 0u : 1u);
  }
  ASSERT_TRUE(f_.Commit("d/a", {{BlockSource::kLatest, azure::BlockId("b1")}}));
  EXPECT_EQ(*f_.Read("d/a"), Text(20, seed));
}

TEST_P(PutBlockTest, IdsOfOneBlobHaveOneLength) {
  ASSERT_TRUE(f_.Stage("d/a", "b1", "one"));
  EXPECT_EQ(f_.Stage("d/a", "b10", "two").error().code(), Code::kInvalidBlobOrBlock);
  ASSERT_TRUE(f_.Commit("d/a", {{BlockSource::kLatest, azure::BlockId("b1")}}));
  EXPECT_EQ(f_.Stage("d/a", "b10", "two").error().code(), Code::kInvalidBlobOrBlock);
  EXPECT_TRUE(f_.Stage("d/a", "b2", "two"));
  // A blob put whole has no ids.
  ASSERT_TRUE(f_.Put("d/a", "whole"));
  EXPECT_TRUE(f_.Stage("d/a", "b10", "two"));
}

TEST_P(PutBlockTest, ChecksumsAreHeldAgainstTheBody) {
  for (const std::size_t size : {std::size_t{5}, std::size_t{300}}) {
    const std::string text = Text(size, 1);
    const std::string other = Text(size, 2);
    {
      TextReader reader(text);
      EXPECT_EQ(Stage(reader, "b1", ExpectMd5(other)).error().code(), Code::kMd5Mismatch);
    }
    {
      TextReader reader(text);
      EXPECT_EQ(Stage(reader, "b1", ExpectCrc64(other)).error().code(), Code::kCrc64Mismatch);
    }
    EXPECT_EQ(f_.Stored(), "");
  }
  TextReader reader(Text(300, 1));
  EXPECT_TRUE(Stage(reader, "b1", ExpectCrc64(Text(300, 1))));
}

TEST_P(PutBlockTest, NoBytesOrTooManyAreRefused) {
  TextReader empty("");
  EXPECT_EQ(Stage(empty, "b1").error().code(), Code::kInvalidHeaderValue);
  class Huge final : public BodyReader {
   public:
    std::optional<std::uint64_t> content_length() const override { return kMaxBlockBytes + 1; }
    Task<std::size_t> Read(MutableByteView) override {
      ADD_FAILURE() << "a byte was asked for";
      co_return std::size_t{0};
    }
  };
  Huge huge;
  PutBlockRequest request;
  request.target = f_.Blob("d/a");
  request.block_id = azure::BlockId("b1");
  request.body = &huge;
  EXPECT_EQ(f_.Run(PutBlock(f_.services(), f_.context(), std::move(request))).error().code(),
            Code::kRequestBodyTooLarge);
  EXPECT_EQ(f_.Stored(), "");
}

TEST_P(PutBlockTest, ACutOrFailedBlockLeavesTheStagedOne) {
  ASSERT_TRUE(f_.Stage("d/a", "b1", Text(30, 1)));
  const std::string stored = f_.Stored();
  for (std::size_t at = 0; at < 200; at += 9) {
    TextReader reader(Text(200, 2), 7);
    reader.FailAt(at);
    ASSERT_EQ(Stage(reader, "b1").error().code(), Code::kConnectionClosed);
  }
  f_.chunks().FailNextSyncs(Code::kIo);
  EXPECT_EQ(f_.Stage("d/a", "b1", Text(200, 2)).error().code(), Code::kIo);
  EXPECT_EQ(f_.Stored(), stored);
  ASSERT_TRUE(f_.Commit("d/a", {{BlockSource::kLatest, azure::BlockId("b1")}}));
  EXPECT_EQ(*f_.Read("d/a"), Text(30, 1));
}

TEST_P(PutBlockTest, AnyTransactionMayFail) {
  ASSERT_TRUE(f_.Stage("d/a", "b1", Text(100, 1)));
  const std::string stored = f_.Stored();
  std::size_t failures = 0;
  for (;; ++failures) {
    SCOPED_TRACE("transaction " + std::to_string(failures));
    f_.store().FailNext(Code::kNoSpace, 1, failures);
    const auto staged = f_.Stage("d/a", "b1", Text(400, 2));
    f_.store().FailNext(Code::kNoSpace, 0);
    if (staged) break;
    ASSERT_EQ(staged.error().code(), Code::kNoSpace);
    ASSERT_TRUE(f_.sweeper().RunOnce());
    ASSERT_EQ(f_.Stored(), stored);
  }
  EXPECT_GT(failures, 5u) << "it must be prepared";
  ASSERT_TRUE(f_.Commit("d/a", {{BlockSource::kLatest, azure::BlockId("b1")}}));
  EXPECT_EQ(*f_.Read("d/a"), Text(400, 2));
}

TEST_P(PutBlockTest, ThereIsALimitOfUncommittedBlocks) {
  ASSERT_TRUE(f_.Stage("d/a", "b1", "one"));
  // As if they were there: the counter is what is asked.
  ASSERT_TRUE(f_.store().TransactBlocking([](kv::Transaction& txn) -> Result<> {
    const std::string prefix = meta::keys::AllStagings();
    std::string record;
    {
      const auto it = txn.Scan(prefix, PrefixEnd(prefix));
      record = it->value();
    }
    FB_ASSIGN_OR_RETURN(const auto staging, meta::DecodeStaging(record));
    txn.Max(meta::keys::StagedCount(staging.generation), kMaxUncommittedBlocks);
    return {};
  }));
  EXPECT_EQ(f_.Stage("d/a", "b2", "two").error().code(), Code::kUncommittedBlockCountExceedsLimit);
  EXPECT_TRUE(f_.Stage("d/b", "b2", "two"));
}

TEST_P(PutBlockTest, RefusesWhereThereIsNoPlaceForIt) {
  TextReader reader("text");
  PutBlockRequest request;
  request.target = f_.Blob("d/a", "none");
  request.block_id = azure::BlockId("b1");
  request.body = &reader;
  EXPECT_EQ(f_.Run(PutBlock(f_.services(), f_.context(), std::move(request))).error().code(),
            Code::kContainerNotFound);
  EXPECT_EQ(reader.bytes_read(), 0u);
  ASSERT_TRUE(f_.Put("d/a", "x"));
  const auto staged = f_.Stage("d", "b1", "over a directory");
  EXPECT_EQ(staged.has_value(), !GetParam());
  if (!staged) EXPECT_EQ(staged.error().code(), Code::kPathConflict);
}

INSTANTIATE_TEST_SUITE_P(Layouts, PutBlockTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
