#include "engine/find_blobs_by_tags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "engine/delete_blob.h"
#include "engine/delete_container.h"
#include "engine/engine_fixture.h"
#include "engine/update_blob.h"

namespace forebay::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class FindBlobsByTagsTest : public testing::TestWithParam<bool> {
 protected:
  FindBlobsByTagsTest() { EXPECT_TRUE(f_.MakeContainer()); }

  void Put(std::string_view blob, azure::Tags tags) {
    ASSERT_TRUE(f_.Put(blob, "x", WithTags(std::move(tags))));
  }
  Result<FindBlobsByTagsResult> TryFind(std::string_view where, std::size_t page_size = 5000,
                                        std::optional<std::string> container = "box") {
    FindBlobsByTagsResult all;
    FindBlobsByTagsRequest request{.account = f_.account(), .where = *azure::ParseTagQuery(where)};
    if (container) request.container = azure::ContainerName(*container);
    request.max_results = page_size;
    do {
      FB_ASSIGN_OR_RETURN(auto page, f_.Run(FindBlobsByTags(f_.services(), f_.context(), request)));
      EXPECT_LE(page.blobs.size(), page_size);
      for (FoundBlob& blob : page.blobs) all.blobs.push_back(std::move(blob));
      request.start_container = page.next_container;
      request.start_name = page.next_name;
    } while (!request.start_container.empty());
    return all;
  }
  std::vector<std::string> Find(std::string_view where, std::size_t page_size = 5000,
                                std::optional<std::string> container = "box") {
    const auto found = TryFind(where, page_size, container);
    EXPECT_TRUE(found) << found.error().ToString();
    std::vector<std::string> names;
    for (const FoundBlob& blob : found->blobs) names.push_back(blob.name.str());
    return names;
  }
  EngineFixture f_{{.hierarchical = GetParam()}};
};

TEST_P(FindBlobsByTagsTest, FindsByEquality) {
  Put("a", {{"k", "1"}, {"other", "x"}});
  Put("b", {{"k", "2"}});
  Put("d/c", {{"k", "1"}});
  Put("e", {});
  EXPECT_THAT(Find("\"k\" = '1'"), ElementsAre("a", "d/c"));
  EXPECT_THAT(Find("\"k\" = '3'"), IsEmpty());
  EXPECT_THAT(Find("\"K\" = '1'"), IsEmpty());
}

TEST_P(FindBlobsByTagsTest, GivesOnlyTheTagsOfTheExpression) {
  Put("a", {{"k", "1"}, {"other", "x"}, {"third", "y"}});
  const auto found = TryFind("\"k\" = '1' AND \"other\" > 'a'");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->blobs.size(), 1u);
  EXPECT_EQ(found->blobs[0].tags, (azure::Tags{{"k", "1"}, {"other", "x"}}));
  EXPECT_EQ(found->blobs[0].container, azure::ContainerName("box"));
}

TEST_P(FindBlobsByTagsTest, IntersectsTerms) {
  Put("a", {{"k", "1"}, {"l", "1"}});
  Put("b", {{"k", "1"}, {"l", "2"}});
  Put("c", {{"k", "1"}, {"l", "1"}, {"m", "5"}});
  Put("d", {{"l", "1"}, {"m", "5"}});
  EXPECT_THAT(Find("\"k\" = '1' AND \"l\" = '1'"), ElementsAre("a", "c"));
  EXPECT_THAT(Find("\"k\" = '1' AND \"l\" = '1' AND \"m\" >= '5'"), ElementsAre("c"));
  EXPECT_THAT(Find("\"k\" = '1' AND \"k\" = '2'"), IsEmpty());
}

TEST_P(FindBlobsByTagsTest, FindsByRange) {
  Put("a", {{"day", "2026-01-01"}});
  Put("b", {{"day", "2026-01-02"}});
  Put("c", {{"day", "2026-01-03"}});
  Put("d", {{"day", "2026-01-02"}});
  EXPECT_THAT(Find("\"day\" > '2026-01-01'"), UnorderedElementsAre("b", "c", "d"));
  EXPECT_THAT(Find("\"day\" >= '2026-01-01' AND \"day\" < '2026-01-03'"),
              UnorderedElementsAre("a", "b", "d"));
  EXPECT_THAT(Find("\"day\" <= '2026-01-02'"), UnorderedElementsAre("a", "b", "d"));
  EXPECT_THAT(Find("\"day\" > '2026-01-03'"), IsEmpty());
  EXPECT_THAT(Find("\"day\" > '2026-01-02' AND \"day\" < '2026-01-02'"), IsEmpty());
}

TEST_P(FindBlobsByTagsTest, FollowsEveryChange) {
  Put("a", {{"k", "1"}});
  Put("a", {{"k", "2"}});  // overwritten
  EXPECT_THAT(Find("\"k\" = '1'"), IsEmpty());
  EXPECT_THAT(Find("\"k\" = '2'"), ElementsAre("a"));
  ASSERT_TRUE(f_.Run(UpdateBlob(f_.services(), f_.context(),
                                {.target = f_.Blob("a"), .tags = azure::Tags{{"l", "3"}}})));
  EXPECT_THAT(Find("\"k\" = '2'"), IsEmpty());
  EXPECT_THAT(Find("\"l\" = '3'"), ElementsAre("a"));
  DeleteBlobRequest request;
  request.target = f_.Blob("a");
  ASSERT_TRUE(f_.Run(DeleteBlob(f_.services(), f_.context(), request)));
  EXPECT_THAT(Find("\"l\" = '3'"), IsEmpty());
  EXPECT_EQ(f_.KeysOfTable('i'), 0u);
}

TEST_P(FindBlobsByTagsTest, SearchesTheAccount) {
  ASSERT_TRUE(f_.MakeContainer("crate"));
  ASSERT_TRUE(f_.MakeContainer("gone"));
  for (const char* container : {"box", "crate", "gone"}) {
    PutBlobRequest request;
    request.target = f_.Blob("x", container);
    request.attributes.tags = {{"k", "1"}};
    ASSERT_TRUE(f_.Run(PutBlob(f_.services(), f_.context(), request)));
  }
  ASSERT_TRUE(
      f_.Run(DeleteContainer(f_.services(), f_.context(), {.target = f_.Container("gone")})));
  for (const std::size_t page_size : {1u, 2u, 10u}) {
    const auto found = TryFind("\"k\" = '1'", page_size, std::nullopt);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->blobs.size(), 2u);
    EXPECT_EQ(found->blobs[0].container.str(), "box");
    EXPECT_EQ(found->blobs[1].container.str(), "crate");
  }
  EXPECT_EQ(Find("@container = 'crate' AND \"k\" = '1'", 10, std::nullopt).size(), 1u);
  EXPECT_EQ(Find("@container = 'none' AND \"k\" = '1'", 10, std::nullopt).size(), 0u);
  EXPECT_EQ(Find("@container = 'crate' AND \"k\" = '1'", 10, "box").size(), 0u);
}

TEST_P(FindBlobsByTagsTest, RefusesAMissingContainer) {
  const auto missing = TryFind("\"k\" = '1'", 10, "none");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::kContainerNotFound);
}

// Random tags and expressions, in pages, against a plain filter.
TEST_P(FindBlobsByTagsTest, AgreesWithAFilter) {
  std::mt19937_64 random(4);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  std::map<std::string, azure::Tags> blobs;
  for (int i = 0; i < 60; ++i) {
    azure::Tags tags;
    for (const char* key : {"a", "b", "c"}) {
      if (pick(3) > 0) tags[key] = std::to_string(pick(4));
    }
    const std::string name = "n" + std::to_string(i);
    blobs[name] = tags;
    Put(name, tags);
  }
  const char* operators[] = {"=", "=", ">", ">=", "<", "<="};
  for (int i = 0; i < 60; ++i) {
    std::string where;
    for (std::size_t terms = 1 + pick(3); terms > 0; --terms) {
      if (!where.empty()) where += " AND ";
      where += std::string("\"") + "abc"[pick(3)] + "\" " + operators[pick(6)] + " '" +
               std::to_string(pick(4)) + "'";
    }
    const azure::TagQuery query = *azure::ParseTagQuery(where);
    std::multiset<std::string> expected;
    for (const auto& [name, tags] : blobs) {
      if (query.Matches(tags)) expected.insert(name);
    }
    for (const std::size_t page_size : {1u, 7u, 5000u}) {
      const auto found = Find(where, page_size);
      EXPECT_EQ(std::multiset<std::string>(found.begin(), found.end()), expected)
          << where << " in pages of " << page_size;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, FindBlobsByTagsTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
