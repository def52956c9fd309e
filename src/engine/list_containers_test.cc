#include "engine/list_containers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/engine_fixture.h"

namespace forebay::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ListContainersTest : public testing::Test {
 protected:
  ListContainersTest() {
    for (const char* name : {"b1", "a-b", "b2", "ab", "b10", "$root"}) {
      EXPECT_TRUE(f_.MakeContainer(name));
    }
    ContainerTarget other = f_.Container("b11");
    other.account.name = azure::AccountName("devstoreaccount10");
    EXPECT_TRUE(f_.Run(CreateContainer(f_.services(), f_.context(), {.target = other})));
  }
  ListContainersResult List(ListContainersRequest request) {
    request.account = f_.account();
    auto page = f_.Run(ListContainers(f_.services(), f_.context(), std::move(request)));
    EXPECT_TRUE(page);
    return page ? *std::move(page) : ListContainersResult();
  }
  static std::vector<std::string> Names(const ListContainersResult& page) {
    std::vector<std::string> names;
    for (const auto& [name, record] : page.containers) names.push_back(name.str());
    return names;
  }
  EngineFixture f_;
};

TEST_F(ListContainersTest, ListsOneAccountInOrder) {
  const auto page = List({.account = {}});
  EXPECT_THAT(Names(page), ElementsAre("$root", "a-b", "ab", "b1", "b10", "b2"));
  EXPECT_EQ(page.next, "");
  EXPECT_NE(page.containers[0].second.id, page.containers[1].second.id);
}

TEST_F(ListContainersTest, FiltersByPrefix) {
  EXPECT_THAT(Names(List({.account = {}, .prefix = "b1"})), ElementsAre("b1", "b10"));
  EXPECT_THAT(Names(List({.account = {}, .prefix = "c"})), IsEmpty());
}

TEST_F(ListContainersTest, PagesMeet) {
  std::vector<std::string> all;
  ListContainersRequest request;
  request.max_results = 2;
  do {
    const auto page = List(request);
    EXPECT_LE(page.containers.size(), 2u);
    for (const std::string& name : Names(page)) all.push_back(name);
    request.start = page.next;
  } while (!request.start.empty());
  EXPECT_THAT(all, ElementsAre("$root", "a-b", "ab", "b1", "b10", "b2"));
}

TEST_F(ListContainersTest, AFullLastPageIsTheLast) {
  EXPECT_EQ(List({.account = {}, .max_results = 6}).next, "");
  EXPECT_EQ(List({.account = {}, .max_results = 5}).next, "b2");
  EXPECT_EQ(List({.account = {}, .prefix = "a", .max_results = 2}).next, "");
}

TEST_F(ListContainersTest, AStartBeforeThePrefixIsNoHarm) {
  EXPECT_THAT(Names(List({.account = {}, .prefix = "b", .start = "a"})),
              ElementsAre("b1", "b10", "b2"));
  EXPECT_THAT(Names(List({.account = {}, .prefix = "b", .start = "b10"})),
              ElementsAre("b10", "b2"));
  EXPECT_THAT(Names(List({.account = {}, .prefix = "a", .start = "b"})), IsEmpty());
}

TEST_F(ListContainersTest, ReadErrorsAreErrors) {
  f_.store().SetFaults({.rerun_rate = 0, .conflict_rate = 0, .read_error_rate = 1});
  const auto page = f_.Run(ListContainers(f_.services(), f_.context(), {.account = f_.account()}));
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code(), Code::kIo);
}

}  // namespace
}  // namespace forebay::engine
