#include "engine/delete_container.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"
#include "engine/get_container.h"
#include "engine/list_blobs.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

class DeleteContainerTest : public testing::TestWithParam<bool> {
 protected:
  Result<> Delete(azure::Conditions conditions = {}) {
    return f_.Run(DeleteContainer(f_.services(), f_.context(),
                                  {.target = f_.Container(), .conditions = conditions}));
  }
  EngineFixture f_{{.hierarchical = GetParam()}};
};

TEST_P(DeleteContainerTest, TheNameIsFreeAtOnce) {
  ASSERT_TRUE(f_.MakeContainer());
  ASSERT_TRUE(f_.Put("a/b", "text"));
  ASSERT_TRUE(Delete());
  EXPECT_EQ(f_.Run(GetContainer(f_.services(), f_.context(), f_.Container())).error().code(),
            Code::kContainerNotFound);
  EXPECT_EQ(f_.Read("a/b").error().code(), Code::kContainerNotFound);
  ASSERT_TRUE(f_.MakeContainer());
  EXPECT_EQ(f_.Read("a/b").error().code(), Code::kBlobNotFound);
  const auto page = f_.Run(ListBlobs(f_.services(), f_.context(), {.target = f_.Container()}));
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->items.empty());
}

TEST_P(DeleteContainerTest, LeavesWhatTheSweeperNeeds) {
  ASSERT_TRUE(f_.MakeContainer());
  const auto record = f_.Run(GetContainer(f_.services(), f_.context(), f_.Container()));
  ASSERT_TRUE(record);
  ASSERT_TRUE(Delete());
  const auto value = f_.store().GetSnapshot()->Get(meta::keys::GarbageContainer(record->id));
  ASSERT_TRUE(value && *value);
  const auto left = meta::DecodeContainer(**value);
  ASSERT_TRUE(left);
  EXPECT_EQ(left->id, record->id);
  EXPECT_EQ(left->hierarchical, GetParam());
}

TEST_P(DeleteContainerTest, RefusesWhatIsNotThere) {
  EXPECT_EQ(Delete().error().code(), Code::kContainerNotFound);
  ASSERT_TRUE(f_.MakeContainer());
  ASSERT_TRUE(Delete());
  EXPECT_EQ(Delete().error().code(), Code::kContainerNotFound);
}

TEST_P(DeleteContainerTest, HonoursDates) {
  ASSERT_TRUE(f_.MakeContainer());
  const WallTime made = f_.clock().Now();
  f_.clock().Advance(std::chrono::minutes(1));
  azure::Conditions conditions;
  conditions.if_modified_since = made;
  EXPECT_EQ(Delete(conditions).error().code(), Code::kConditionNotMet);
  EXPECT_EQ(f_.KeysOfTable('a'), 1u);
  EXPECT_EQ(f_.KeysOfTable('x'), 0u);
  azure::Conditions unmodified;
  unmodified.if_unmodified_since = made;
  EXPECT_TRUE(Delete(unmodified));
}

TEST_P(DeleteContainerTest, AFailedCommitChangesNothing) {
  ASSERT_TRUE(f_.MakeContainer());
  f_.store().FailNext(Code::kIo);
  EXPECT_EQ(Delete().error().code(), Code::kIo);
  EXPECT_TRUE(f_.Run(GetContainer(f_.services(), f_.context(), f_.Container())));
  EXPECT_EQ(f_.KeysOfTable('x'), 0u);
}

INSTANTIATE_TEST_SUITE_P(Layouts, DeleteContainerTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
