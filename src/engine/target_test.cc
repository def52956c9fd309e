#include "engine/target.h"

#include <gtest/gtest.h>

namespace forebay::engine {
namespace {

meta::BlobRecord Record() {
  meta::BlobRecord record;
  record.created = WallTime{1};
  record.modified = WallTime{2};
  record.etag = meta::ETagNumber(0x8DCAFE0123456789);
  record.length = 42;
  record.http.content_type = "text/plain";
  record.tags = {{"a", "1"}, {"b", "2"}};
  record.tier = azure::AccessTier::kCool;
  record.tier_inferred = false;
  record.tier_changed = WallTime{3};
  record.copy.status = azure::CopyStatus::kSuccess;
  record.copy.id = "id";
  return record;
}

TEST(PropertiesOfTest, SaysWhatTheRecordHolds) {
  const azure::BlobProperties properties = PropertiesOf(Record(), false);
  EXPECT_EQ(properties.type, azure::BlobType::kBlock);
  EXPECT_EQ(properties.created, WallTime{1});
  EXPECT_EQ(properties.last_modified, WallTime{2});
  EXPECT_EQ(properties.etag, azure::MakeETag(0x8DCAFE0123456789));
  EXPECT_EQ(properties.length, 42u);
  EXPECT_EQ(properties.http.content_type, "text/plain");
  EXPECT_EQ(properties.tag_count, 2u);
  EXPECT_EQ(properties.tier, azure::AccessTier::kCool);
  EXPECT_FALSE(properties.tier_inferred);
  EXPECT_EQ(properties.tier_changed, WallTime{3});
  EXPECT_EQ(properties.copy.status, azure::CopyStatus::kSuccess);
  EXPECT_EQ(properties.copy.id, "id");
  EXPECT_EQ(properties.lease, azure::LeaseState::kAvailable);
  EXPECT_FALSE(properties.committed_blocks || properties.sequence_number);
}

TEST(PropertiesOfTest, HierarchicalAccountsTellDirectoriesFromFiles) {
  meta::BlobRecord record = Record();
  EXPECT_EQ(PropertiesOf(record, false).resource_type, "");
  EXPECT_EQ(PropertiesOf(record, true).resource_type, "file");
  record.directory = meta::InodeId(9);
  EXPECT_EQ(PropertiesOf(record, true).resource_type, "directory");
}

}  // namespace
}  // namespace forebay::engine
