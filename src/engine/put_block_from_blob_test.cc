#include "engine/put_block_from_blob.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"

namespace forebay::engine {
namespace {

class PutBlockFromBlobTest : public testing::TestWithParam<bool> {
 protected:
  PutBlockFromBlobTest() { EXPECT_TRUE(f_.MakeContainer()); }

  PutBlockFromBlobRequest Request(std::optional<GetBlobRequest::Range> range) {
    PutBlockFromBlobRequest request;
    request.source = f_.Blob("src");
    request.source_range = range;
    request.target = f_.Blob("d/a");
    request.block_id = azure::BlockId("b1");
    return request;
  }
  Result<PutBlockResult> Stage(PutBlockFromBlobRequest request) {
    return f_.Run(PutBlockFromBlob(f_.services(), f_.context(), std::move(request)));
  }
  Result<Changed> Commit() {
    return f_.Commit("d/a", {{BlockSource::kLatest, azure::BlockId("b1")}});
  }
  EngineFixture f_{{.hierarchical = GetParam(), .limits = TinyLimits()}};
};

TEST_P(PutBlockFromBlobTest, AnyRangeOfAnySource) {
  for (const std::size_t size : {std::size_t{7}, std::size_t{50}, std::size_t{300}}) {
    const std::string text = Text(size, 1);
    ASSERT_TRUE(f_.Put("src", text));
    for (std::size_t offset = 0; offset < size; offset += size / 5 + 1) {
      for (const std::size_t most : {std::size_t{1}, std::size_t{16}, size}) {
        const std::size_t length = std::min(most, size - offset);
        SCOPED_TRACE(std::to_string(offset) + "+" + std::to_string(length));
        const std::size_t pieces = f_.LinkedChunks() + f_.InlinePieces();
        ASSERT_TRUE(Stage(Request(GetBlobRequest::Range{offset, length})));
        EXPECT_EQ(f_.LinkedChunks() + f_.InlinePieces(), pieces) << "nothing is written";
        ASSERT_TRUE(Commit());
        EXPECT_EQ(*f_.Read("d/a"), text.substr(offset, length));
        f_.Sweep(1);
        EXPECT_EQ(*f_.Read("d/a"), text.substr(offset, length));
        EXPECT_EQ(*f_.Read("src"), text);
        ASSERT_TRUE(f_.Delete("d/a"));
        f_.Sweep(1);
      }
    }
    ASSERT_TRUE(f_.Delete("src"));
    f_.Sweep(1);
    EXPECT_EQ(f_.Stored(), "");
  }
}

TEST_P(PutBlockFromBlobTest, TheBlockOutlivesItsSource) {
  ASSERT_TRUE(f_.Put("src", Text(200, 2)));
  ASSERT_TRUE(Stage(Request(GetBlobRequest::Range{10, 100})));
  ASSERT_TRUE(f_.Put("src", "other"));
  f_.Sweep(1);
  ASSERT_TRUE(Commit());
  EXPECT_EQ(*f_.Read("d/a"), Text(200, 2).substr(10, 100));
  ASSERT_TRUE(f_.Delete("d/a"));
  ASSERT_TRUE(f_.Delete("src"));
  f_.Sweep(1);
  EXPECT_EQ(f_.Stored(), "");
}

TEST_P(PutBlockFromBlobTest, AStagedShareThatIsReplacedOrForgottenHoldsNothing) {
  ASSERT_TRUE(f_.Put("src", Text(200, 2)));
  ASSERT_TRUE(Stage(Request(std::nullopt)));
  ASSERT_TRUE(Stage(Request(GetBlobRequest::Range{0, 30})));
  ASSERT_TRUE(f_.Stage("d/a", "b1", "own"));
  ASSERT_TRUE(Stage(Request(GetBlobRequest::Range{0, 60})));
  ASSERT_TRUE(f_.Delete("src"));
  f_.Sweep(1);
  EXPECT_EQ(f_.LinkedChunks(), 4u) << "what the staged block names";
  f_.Sweep(8);
  EXPECT_EQ(f_.Stored(), "") << "after a week";
}

TEST_P(PutBlockFromBlobTest, ASourceCutVeryFineIsReadAndWritten) {
  ASSERT_TRUE(f_.Put("src", Text(16 * 320, 3)));
  const std::size_t chunks = f_.LinkedChunks();
  const auto staged = Stage(Request(std::nullopt));
  ASSERT_TRUE(staged) << staged.error().ToString();
  EXPECT_EQ(staged->crc64, Crc64(AsBytes(Text(16 * 320, 3))));
  EXPECT_EQ(f_.LinkedChunks(), 2 * chunks);
  ASSERT_TRUE(Commit());
  EXPECT_EQ(*f_.Read("d/a"), Text(16 * 320, 3));
}

// A share of many extents over a block of many: both in one transaction.
TEST_P(PutBlockFromBlobTest, AManyPartedBlockReplacesAnother) {
  ASSERT_TRUE(f_.Put("src", Text(16 * 290, 3)));
  ASSERT_TRUE(Stage(Request(GetBlobRequest::Range{0, 16 * 95})));
  const auto staged = Stage(Request(std::nullopt));
  ASSERT_TRUE(staged) << staged.error().ToString();
  ASSERT_TRUE(f_.Put("src", "gone"));
  f_.Sweep(1);
  const auto again = Stage(Request(std::nullopt));
  ASSERT_TRUE(again) << again.error().ToString();
  f_.Sweep(1);
  ASSERT_TRUE(Commit());
  EXPECT_EQ(*f_.Read("d/a"), "gone");
}

TEST_P(PutBlockFromBlobTest, ChecksumsAreHeldAgainstTheRange) {
  const std::string text = Text(100, 4);
  ASSERT_TRUE(f_.Put("src", text));
  PutBlockFromBlobRequest request = Request(GetBlobRequest::Range{10, 50});
  request.expected = ExpectMd5(text);
  EXPECT_EQ(Stage(request).error().code(), Code::kMd5Mismatch);
  request.expected = ExpectCrc64(text);
  EXPECT_EQ(Stage(request).error().code(), Code::kCrc64Mismatch);
  EXPECT_EQ(f_.KeysOfTable('t'), 0u);
  request.expected = ExpectMd5(text.substr(10, 50));
  const auto staged = Stage(request);
  ASSERT_TRUE(staged);
  EXPECT_EQ(staged->content_md5, *request.expected.md5);
}

TEST_P(PutBlockFromBlobTest, RefusesWhatIsNotThere) {
  EXPECT_EQ(Stage(Request(std::nullopt)).error().code(), Code::kBlobNotFound);
  ASSERT_TRUE(f_.Put("src", "text"));
  EXPECT_EQ(Stage(Request(GetBlobRequest::Range{4, 1})).error().code(), Code::kInvalidRange);
  EXPECT_EQ(Stage(Request(GetBlobRequest::Range{3, 2})).error().code(), Code::kInvalidRange);
  EXPECT_EQ(Stage(Request(GetBlobRequest::Range{1, UINT64_MAX})).error().code(),
            Code::kInvalidRange);
  EXPECT_EQ(f_.KeysOfTable('t'), 0u) << "a range that is partly there stages nothing";
  PutBlockFromBlobRequest request = Request(std::nullopt);
  request.source_conditions.if_match =
      azure::ETagCondition{.any = false, .etags = {azure::ETag("0x0")}};
  EXPECT_EQ(Stage(request).error().code(), Code::kSourceConditionNotMet);
  request = Request(std::nullopt);
  request.target = f_.Blob("x", "none");
  EXPECT_EQ(Stage(request).error().code(), Code::kContainerNotFound);
  ASSERT_TRUE(f_.Stage("d/a", "b10", "x"));
  EXPECT_EQ(Stage(Request(std::nullopt)).error().code(), Code::kInvalidBlobOrBlock);
}

INSTANTIATE_TEST_SUITE_P(Layouts, PutBlockFromBlobTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
