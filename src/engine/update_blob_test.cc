#include "engine/update_blob.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"

namespace forebay::engine {
namespace {

class UpdateBlobTest : public testing::TestWithParam<bool> {
 protected:
  UpdateBlobTest() {
    EXPECT_TRUE(f_.MakeContainer());
    BlobAttributes attributes;
    attributes.http.content_type = "text/plain";
    attributes.http.cache_control = "no-cache";
    attributes.metadata = {{"old", "1"}};
    attributes.tags = {{"t", "1"}};
    EXPECT_TRUE(f_.Put("d/a", "body", attributes));
  }
  Result<UpdateBlobResult> Update(UpdateBlobRequest request) {
    if (request.target.blob.empty()) request.target = f_.Blob("d/a");
    return f_.Run(UpdateBlob(f_.services(), f_.context(), std::move(request)));
  }
  meta::BlobRecord Get() { return f_.Properties("d/a")->record; }
  EngineFixture f_{{.hierarchical = GetParam()}};
};

TEST_P(UpdateBlobTest, HttpHeadersAreReplacedAsAWhole) {
  const meta::BlobRecord before = Get();
  azure::BlobHttpHeaders http;
  http.content_type = "image/png";
  const auto result = Update({.target = {}, .http = http});
  ASSERT_TRUE(result) << result.error().ToString();
  const meta::BlobRecord after = Get();
  EXPECT_EQ(after.http, http);
  EXPECT_EQ(after.metadata, before.metadata);
  EXPECT_EQ(after.tags, before.tags);
  EXPECT_NE(after.etag, before.etag);
  EXPECT_GT(after.modified, before.modified);
  EXPECT_EQ(after.created, before.created);
  EXPECT_EQ(result->changed.etag, azure::MakeETag(after.etag.value()));
  EXPECT_EQ(result->changed.last_modified, after.modified);
  EXPECT_EQ(*f_.Read("d/a"), "body");
}

TEST_P(UpdateBlobTest, MetadataIsReplacedAsAWhole) {
  const meta::BlobRecord before = Get();
  ASSERT_TRUE(Update({.target = {}, .metadata = azure::Metadata{{"new", "2"}}}));
  const meta::BlobRecord after = Get();
  EXPECT_EQ(after.metadata, (azure::Metadata{{"new", "2"}}));
  EXPECT_EQ(after.http, before.http);
  EXPECT_NE(after.etag, before.etag);
}

TEST_P(UpdateBlobTest, TagsAndTierKeepTheETag) {
  const meta::BlobRecord before = Get();
  const auto tags = Update({.target = {}, .tags = azure::Tags{{"u", "2"}}});
  ASSERT_TRUE(tags);
  const auto tier = Update({.target = {}, .tier = azure::AccessTier::kCool});
  ASSERT_TRUE(tier);
  EXPECT_FALSE(tier->rehydration_pending);
  const meta::BlobRecord after = Get();
  EXPECT_EQ(after.etag, before.etag);
  EXPECT_EQ(after.modified, before.modified);
  EXPECT_EQ(after.tags, (azure::Tags{{"u", "2"}}));
  EXPECT_EQ(after.tier, azure::AccessTier::kCool);
  EXPECT_FALSE(after.tier_inferred);
  EXPECT_EQ(after.tier_changed, f_.clock().Now() - std::chrono::seconds(1));
  EXPECT_EQ(tags->changed.etag, azure::MakeETag(before.etag.value()));
}

TEST_P(UpdateBlobTest, SettingTheSameTierKeepsItsDate) {
  ASSERT_TRUE(Update({.target = {}, .tier = azure::AccessTier::kCool}));
  const auto changed = Get().tier_changed;
  ASSERT_TRUE(Update({.target = {}, .tier = azure::AccessTier::kCool}));
  EXPECT_EQ(Get().tier_changed, changed);
}

TEST_P(UpdateBlobTest, AnArchivedBlobTakesTagsAndATierOnly) {
  ASSERT_TRUE(Update({.target = {}, .tier = azure::AccessTier::kArchive}));
  EXPECT_EQ(Update({.target = {}, .metadata = azure::Metadata{}}).error().code(),
            Code::kBlobArchived);
  EXPECT_EQ(Update({.target = {}, .http = azure::BlobHttpHeaders{}}).error().code(),
            Code::kBlobArchived);
  EXPECT_EQ(Get().metadata, (azure::Metadata{{"old", "1"}}));
  EXPECT_TRUE(Update({.target = {}, .tags = azure::Tags{}}));
  EXPECT_EQ(f_.Read("d/a").error().code(), Code::kBlobArchived);
  const auto out = Update({.target = {}, .tier = azure::AccessTier::kHot});
  ASSERT_TRUE(out);
  EXPECT_TRUE(out->rehydration_pending);
  EXPECT_EQ(*f_.Read("d/a"), "body");
  EXPECT_TRUE(Update({.target = {}, .metadata = azure::Metadata{}}));
}

TEST_P(UpdateBlobTest, HonoursConditions) {
  const meta::BlobRecord before = Get();
  azure::Conditions conditions;
  conditions.if_match = azure::ETagCondition{.etags = {azure::ETag("0x0")}};
  const auto refused =
      Update({.target = {}, .conditions = conditions, .metadata = azure::Metadata{}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kConditionNotMet);
  EXPECT_EQ(Get().metadata, before.metadata);
  conditions.if_match->etags = {azure::MakeETag(before.etag.value())};
  EXPECT_TRUE(Update({.target = {}, .conditions = conditions, .metadata = azure::Metadata{}}));
  EXPECT_FALSE(Update({.target = {}, .conditions = conditions, .metadata = azure::Metadata{}}));

  azure::Conditions tags;
  tags.if_tags = *azure::TagCondition::Parse("\"t\" = '2'");
  EXPECT_EQ(Update({.target = {}, .conditions = tags, .tags = azure::Tags{}}).error().code(),
            Code::kConditionNotMet);
  EXPECT_EQ(Get().tags, (azure::Tags{{"t", "1"}}));
}

TEST_P(UpdateBlobTest, RefusesWhatIsNotThere) {
  EXPECT_EQ(Update({.target = f_.Blob("d/b"), .tags = azure::Tags{}}).error().code(),
            Code::kBlobNotFound);
  EXPECT_EQ(Update({.target = f_.Blob("d/a", "none"), .tags = azure::Tags{}}).error().code(),
            Code::kContainerNotFound);
}

TEST_P(UpdateBlobTest, AFailedCommitChangesNothing) {
  f_.store().FailNext(Code::kNoSpace);
  EXPECT_EQ(Update({.target = {}, .tags = azure::Tags{{"u", "2"}}}).error().code(), Code::kNoSpace);
  EXPECT_EQ(Get().tags, (azure::Tags{{"t", "1"}}));
  EXPECT_EQ(f_.KeysOfTable('i'), 1u);
}

INSTANTIATE_TEST_SUITE_P(Layouts, UpdateBlobTest, testing::Bool());

TEST(UpdateDirectoryTest, ADirectoryTakesMetadataButNoTier) {
  EngineFixture f({.hierarchical = true});
  ASSERT_TRUE(f.MakeContainer());
  ASSERT_TRUE(f.Put("d/a", "x"));
  ASSERT_TRUE(f.Run(
      UpdateBlob(f.services(), f.context(),
                 {.target = f.Blob("d"), .metadata = azure::Metadata{{"hdi_isfolder", "true"}}})));
  const auto record = f.Properties("d/")->record;
  EXPECT_TRUE(record.directory);
  EXPECT_EQ(record.metadata.size(), 1u);
  EXPECT_EQ(*f.Read("d/a"), "x");
  const auto tier = f.Run(UpdateBlob(f.services(), f.context(),
                                     {.target = f.Blob("d"), .tier = azure::AccessTier::kCool}));
  ASSERT_FALSE(tier);
  EXPECT_EQ(tier.error().code(), Code::kInvalidBlobTier);
}

}  // namespace
}  // namespace forebay::engine
