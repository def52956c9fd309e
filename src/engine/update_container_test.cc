#include "engine/update_container.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"
#include "engine/get_container.h"

namespace forebay::engine {
namespace {

class UpdateContainerTest : public testing::Test {
 protected:
  UpdateContainerTest() { EXPECT_TRUE(f_.MakeContainer()); }
  meta::ContainerRecord Get() {
    return *f_.Run(GetContainer(f_.services(), f_.context(), f_.Container()));
  }
  Result<Changed> Update(UpdateContainerRequest request) {
    return f_.Run(UpdateContainer(f_.services(), f_.context(), std::move(request)));
  }
  EngineFixture f_;
};

TEST_F(UpdateContainerTest, MetadataIsReplacedAndTheAclStays) {
  const azure::StoredPolicy policy{
      .id = "p", .start = WallTime::FromSeconds(5), .expiry = std::nullopt, .permissions = "rl"};
  ASSERT_TRUE(
      Update({.target = f_.Container(),
              .acl = UpdateContainerRequest::Acl{azure::PublicAccess::kContainer, {policy}}}));
  ASSERT_TRUE(Update({.target = f_.Container(), .metadata = azure::Metadata{{"a", "1"}}}));
  const auto changed = Update({.target = f_.Container(), .metadata = azure::Metadata{{"b", "2"}}});
  ASSERT_TRUE(changed);
  const meta::ContainerRecord record = Get();
  EXPECT_EQ(record.metadata, (azure::Metadata{{"b", "2"}}));
  EXPECT_EQ(record.public_access, azure::PublicAccess::kContainer);
  EXPECT_EQ(record.policies, std::vector{policy});
  EXPECT_EQ(azure::MakeETag(record.etag.value()), changed->etag);
  EXPECT_EQ(record.modified, changed->last_modified);
  EXPECT_LT(record.created, record.modified);
}

TEST_F(UpdateContainerTest, TheAclIsReplacedAsAWhole) {
  ASSERT_TRUE(Update({.target = f_.Container(), .metadata = azure::Metadata{{"a", "1"}}}));
  ASSERT_TRUE(Update({.target = f_.Container(),
                      .acl = UpdateContainerRequest::Acl{azure::PublicAccess::kBlob, {}}}));
  ASSERT_TRUE(Update({.target = f_.Container(), .acl = UpdateContainerRequest::Acl{}}));
  const meta::ContainerRecord record = Get();
  EXPECT_EQ(record.public_access, azure::PublicAccess::kNone);
  EXPECT_TRUE(record.policies.empty());
  EXPECT_EQ(record.metadata, (azure::Metadata{{"a", "1"}}));
}

TEST_F(UpdateContainerTest, EveryChangeMakesANewETag) {
  const meta::ContainerRecord before = Get();
  const auto changed = Update({.target = f_.Container(), .metadata = azure::Metadata{}});
  ASSERT_TRUE(changed);
  EXPECT_NE(changed->etag, azure::MakeETag(before.etag.value()));
  EXPECT_GT(changed->last_modified, before.modified);
}

TEST_F(UpdateContainerTest, HonoursConditions) {
  const meta::ContainerRecord before = Get();
  f_.clock().Advance(std::chrono::minutes(1));
  azure::Conditions conditions;
  conditions.if_modified_since = before.modified;
  const auto refused = Update({.target = f_.Container(),
                               .conditions = conditions,
                               .metadata = azure::Metadata{{"a", "1"}}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kConditionNotMet);
  EXPECT_EQ(Get().etag, before.etag);
  EXPECT_TRUE(Get().metadata.empty());
}

TEST_F(UpdateContainerTest, RefusesWhatIsNotThere) {
  const auto missing =
      Update({.target = f_.Container("other"), .metadata = azure::Metadata{{"a", "1"}}});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::kContainerNotFound);
}

TEST_F(UpdateContainerTest, ALostAnswerStillChangedIt) {
  f_.store().LoseNextAnswers();
  EXPECT_FALSE(Update({.target = f_.Container(), .metadata = azure::Metadata{{"a", "1"}}}));
  EXPECT_EQ(Get().metadata, (azure::Metadata{{"a", "1"}}));
}

}  // namespace
}  // namespace forebay::engine
