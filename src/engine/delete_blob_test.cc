#include "engine/delete_blob.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"
#include "engine/get_block_list.h"

namespace forebay::engine {
namespace {

class DeleteBlobTest : public testing::TestWithParam<bool> {
 protected:
  DeleteBlobTest() { EXPECT_TRUE(f_.MakeContainer()); }
  EngineFixture f_{{.hierarchical = GetParam(), .limits = TinyLimits()}};
};

TEST_P(DeleteBlobTest, TakesTheBytesTagsAndUncommittedBlocks) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{5}, std::size_t{40}, std::size_t{400}}) {
    ASSERT_TRUE(f_.Put("a", Text(size), WithTags({{"t", "1"}})));
    ASSERT_TRUE(f_.Stage("a", "b1", Text(50)));
    ASSERT_TRUE(f_.Delete("a"));
    EXPECT_EQ(f_.Read("a").error().code(), Code::kBlobNotFound);
    EXPECT_EQ(f_.Run(GetBlockList(f_.services(), f_.context(),
                                  {.target = f_.Blob("a"), .uncommitted = true}))
                  .error()
                  .code(),
              Code::kBlobNotFound);
    EXPECT_EQ(f_.KeysOfTable('i'), 0u);
    f_.Sweep(1);
    EXPECT_EQ(f_.Stored(), "");
  }
}

TEST_P(DeleteBlobTest, HonoursConditions) {
  ASSERT_TRUE(f_.Put("a", "text"));
  azure::Conditions conditions;
  conditions.if_match = azure::ETagCondition{.any = false, .etags = {azure::ETag("0x0")}};
  EXPECT_EQ(f_.Delete("a", conditions).error().code(), Code::kConditionNotMet);
  EXPECT_EQ(*f_.Read("a"), "text");
  conditions.if_match->etags = {azure::MakeETag(f_.Properties("a")->record.etag.value())};
  EXPECT_TRUE(f_.Delete("a", conditions));
  EXPECT_EQ(f_.Delete("a", conditions).error().code(), Code::kBlobNotFound);
}

TEST_P(DeleteBlobTest, OnlySnapshotsDeletesNothing) {
  ASSERT_TRUE(f_.Put("a", "text"));
  DeleteBlobRequest request;
  request.target = f_.Blob("a");
  request.snapshots = azure::DeleteSnapshots::kOnly;
  EXPECT_TRUE(f_.Run(DeleteBlob(f_.services(), f_.context(), request)));
  EXPECT_EQ(*f_.Read("a"), "text");
}

TEST_P(DeleteBlobTest, RefusesWhatIsNotThere) {
  EXPECT_EQ(f_.Delete("a").error().code(), Code::kBlobNotFound);
  // Uncommitted blocks are no blob.
  ASSERT_TRUE(f_.Stage("a", "b1", "x"));
  EXPECT_EQ(f_.Delete("a").error().code(), Code::kBlobNotFound);
  DeleteBlobRequest request;
  request.target = f_.Blob("a", "none");
  EXPECT_EQ(f_.Run(DeleteBlob(f_.services(), f_.context(), request)).error().code(),
            Code::kContainerNotFound);
}

TEST_P(DeleteBlobTest, ADirectoryMustBeEmpty) {
  if (!GetParam()) return;
  ASSERT_TRUE(f_.Put("d/a", "x"));
  EXPECT_EQ(f_.Delete("d").error().code(), Code::kDirectoryNotEmpty);
  EXPECT_EQ(*f_.Read("d/a"), "x");
  ASSERT_TRUE(f_.Delete("d/a"));
  EXPECT_TRUE(f_.Properties("d")) << "it stays when it has become empty";
  EXPECT_TRUE(f_.Delete("d"));
  EXPECT_EQ(f_.KeysOfTable('d') + f_.KeysOfTable('h'), 0u);
}

TEST_P(DeleteBlobTest, AFailedCommitChangesNothing) {
  ASSERT_TRUE(f_.Put("a", Text(400)));
  const std::string stored = f_.Stored();
  f_.store().FailNext(Code::kNoSpace);
  EXPECT_EQ(f_.Delete("a").error().code(), Code::kNoSpace);
  EXPECT_EQ(*f_.Read("a"), Text(400));
  EXPECT_EQ(f_.Stored(), stored);
  EXPECT_EQ(
      f_.Run(DeleteBlob(f_.services(), f_.cancelled(), {.target = f_.Blob("a"), .conditions = {}}))
          .error()
          .code(),
      Code::kCancelled);
}

INSTANTIATE_TEST_SUITE_P(Layouts, DeleteBlobTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
