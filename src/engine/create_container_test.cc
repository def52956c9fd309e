#include "engine/create_container.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"
#include "engine/get_container.h"

namespace forebay::engine {
namespace {

TEST(CreateContainerTest, MakesAContainerOfTheAccountsLayout) {
  for (const bool hierarchical : {false, true}) {
    EngineFixture f({.hierarchical = hierarchical});
    const auto changed = f.Run(CreateContainer(f.services(), f.context(),
                                               {.target = f.Container(),
                                                .public_access = azure::PublicAccess::kBlob,
                                                .metadata = {{"Owner", "me"}, {"empty", ""}}}));
    ASSERT_TRUE(changed) << changed.error().ToString();
    EXPECT_EQ(changed->last_modified, f.clock().Now());
    const auto record = f.Run(GetContainer(f.services(), f.context(), f.Container()));
    ASSERT_TRUE(record);
    EXPECT_EQ(record->hierarchical, hierarchical);
    EXPECT_EQ(record->public_access, azure::PublicAccess::kBlob);
    EXPECT_EQ(record->metadata, (azure::Metadata{{"Owner", "me"}, {"empty", ""}}));
    EXPECT_EQ(azure::MakeETag(record->etag.value()), changed->etag);
    EXPECT_EQ(record->modified, changed->last_modified);
    EXPECT_EQ(record->created, changed->last_modified);
  }
}

TEST(CreateContainerTest, RefusesANameTwice) {
  EngineFixture f;
  const auto first = f.MakeContainer();
  ASSERT_TRUE(first);
  const auto again = f.MakeContainer();
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::kContainerAlreadyExists);
  const auto record = f.Run(GetContainer(f.services(), f.context(), f.Container()));
  EXPECT_EQ(azure::MakeETag(record->etag.value()), first->etag);
}

TEST(CreateContainerTest, AccountsAreApart) {
  EngineFixture f;
  ASSERT_TRUE(f.MakeContainer());
  ContainerTarget other = f.Container();
  other.account.name = azure::AccountName("other");
  EXPECT_EQ(f.Run(GetContainer(f.services(), f.context(), other)).error().code(),
            Code::kContainerNotFound);
  EXPECT_TRUE(f.Run(CreateContainer(f.services(), f.context(), {.target = other})));
}

TEST(CreateContainerTest, WritesNothingWhenTheCommitFails) {
  EngineFixture f;
  f.store().FailNext(Code::kNoSpace);
  EXPECT_EQ(f.MakeContainer().error().code(), Code::kNoSpace);
  EXPECT_EQ(f.KeysOfTable('a'), 0u);
  EXPECT_TRUE(f.MakeContainer());
}

TEST(CreateContainerTest, HonoursTheDeadline) {
  EngineFixture f;
  OpContext context;
  context.deadline = SteadyTime::min();
  const auto late = f.Run(CreateContainer(f.services(), context, {.target = f.Container()}));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(f.KeysOfTable('a'), 0u);
}

}  // namespace
}  // namespace forebay::engine
