#include "engine/get_block_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/engine_fixture.h"

namespace forebay::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class GetBlockListTest : public testing::TestWithParam<bool> {
 protected:
  GetBlockListTest() { EXPECT_TRUE(f_.MakeContainer()); }
  Result<GetBlockListResult> Get(const char* blob, azure::Conditions conditions = {}) {
    return f_.Run(GetBlockList(
        f_.services(), f_.context(),
        {.target = f_.Blob(blob), .conditions = std::move(conditions), .uncommitted = true}));
  }
  static std::vector<std::string> Show(const std::vector<meta::CommittedBlock>& blocks) {
    std::vector<std::string> out;
    for (const auto& block : blocks) out.push_back(block.id + ":" + std::to_string(block.size));
    return out;
  }
  static BlockListEntry Latest(std::string_view id) {
    return {BlockSource::kLatest, azure::BlockId(id)};
  }
  EngineFixture f_{{.hierarchical = GetParam()}};
};

TEST_P(GetBlockListTest, CommittedBlocksInOrderUncommittedById) {
  for (const char* id : {"b", "a", "c"}) {
    ASSERT_TRUE(f_.Stage("d/x", id, std::string(static_cast<std::size_t>(id[0] - 'a' + 1), 'x')));
  }
  ASSERT_TRUE(f_.Commit("d/x", {Latest("c"), Latest("a"), Latest("c")}));
  ASSERT_TRUE(f_.Stage("d/x", "z", "12345"));
  ASSERT_TRUE(f_.Stage("d/x", "a", "replaced"));
  const auto list = Get("d/x");
  ASSERT_TRUE(list) << list.error().ToString();
  EXPECT_THAT(Show(list->committed), ElementsAre("c:3", "a:1", "c:3"));
  EXPECT_THAT(Show(list->uncommitted), ElementsAre("a:8", "z:5"));
  ASSERT_TRUE(list->blob);
  EXPECT_EQ(list->blob->length, 7u);
}

TEST_P(GetBlockListTest, GivesOnlyWhatWasAskedFor) {
  ASSERT_TRUE(f_.Stage("x", "a", "1"));
  ASSERT_TRUE(f_.Commit("x", {Latest("a")}));
  ASSERT_TRUE(f_.Stage("x", "b", "1"));
  const auto committed =
      f_.Run(GetBlockList(f_.services(), f_.context(), {.target = f_.Blob("x")}));
  ASSERT_TRUE(committed);
  EXPECT_THAT(Show(committed->committed), ElementsAre("a:1"));
  EXPECT_THAT(committed->uncommitted, IsEmpty());
  const auto uncommitted =
      f_.Run(GetBlockList(f_.services(), f_.context(),
                          {.target = f_.Blob("x"), .committed = false, .uncommitted = true}));
  ASSERT_TRUE(uncommitted);
  EXPECT_THAT(uncommitted->committed, IsEmpty());
  EXPECT_THAT(Show(uncommitted->uncommitted), ElementsAre("b:1"));
}

TEST_P(GetBlockListTest, ABlobOfOneRequestHasNoBlocks) {
  ASSERT_TRUE(f_.Put("x", "text"));
  const auto list = Get("x");
  ASSERT_TRUE(list);
  EXPECT_THAT(list->committed, IsEmpty());
  EXPECT_TRUE(list->blob);
}

TEST_P(GetBlockListTest, UncommittedBlocksAloneMakeNoBlob) {
  ASSERT_TRUE(f_.Stage("x", "a", "1"));
  const auto list = Get("x");
  ASSERT_TRUE(list);
  EXPECT_FALSE(list->blob);
  EXPECT_THAT(Show(list->uncommitted), ElementsAre("a:1"));
}

TEST_P(GetBlockListTest, RefusesWhatIsNotThere) {
  EXPECT_EQ(Get("x").error().code(), Code::kBlobNotFound);
  ASSERT_TRUE(f_.Stage("y", "a", "1"));
  EXPECT_EQ(Get("x").error().code(), Code::kBlobNotFound);
}

TEST_P(GetBlockListTest, HonoursConditions) {
  ASSERT_TRUE(f_.Put("x", "text", WithTags({{"t", "1"}})));
  azure::Conditions conditions;
  conditions.if_tags = *azure::TagCondition::Parse("\"t\" = '2'");
  EXPECT_EQ(Get("x", conditions).error().code(), Code::kConditionNotMet);
  conditions.if_tags = *azure::TagCondition::Parse("\"t\" = '1'");
  EXPECT_TRUE(Get("x", conditions));
}

TEST_P(GetBlockListTest, LongListsCrossPages) {
  std::vector<BlockListEntry> blocks;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(f_.Stage("x", "id" + std::to_string(i),
                         std::string(static_cast<std::size_t>(1 + i % 3), 'x')));
  }
  for (int i = 0; i < 5000; ++i) blocks.push_back(Latest("id" + std::to_string(i % 3)));
  ASSERT_TRUE(f_.Commit("x", blocks));
  const auto list = Get("x");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->committed.size(), 5000u);
  for (std::size_t i = 0; i < 5000; ++i) {
    ASSERT_EQ(list->committed[i].id, "id" + std::to_string(i % 3)) << i;
    ASSERT_EQ(list->committed[i].size, 1 + i % 3) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, GetBlockListTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
