#include "azure/answers.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

ListedBlob Sample() {
  ListedBlob blob;
  blob.name = BlobName("dir/a b & \x01.txt");
  blob.properties.etag = ETag("0x8D1");
  blob.properties.length = 1234;
  blob.properties.created = WallTime::FromSeconds(1'700'000'000);
  blob.properties.last_modified = WallTime::FromSeconds(1'700'000'100);
  blob.properties.http.content_type = "text/plain";
  blob.properties.http.content_md5 = std::string(16, '\x7f');
  blob.properties.http.cache_control = "no-cache";
  blob.properties.tier = AccessTier::kArchive;
  blob.properties.tier_inferred = false;
  blob.properties.rehydrating_to = AccessTier::kCool;
  blob.properties.rehydrate_priority = RehydratePriority::kHigh;
  blob.properties.lease = LeaseState::kLeased;
  blob.properties.copy.id = "1";
  blob.properties.copy.status = CopyStatus::kPending;
  blob.properties.copy.bytes_copied = 5;
  blob.properties.copy.bytes_total = 10;
  blob.properties.tag_count = 1;
  blob.properties.resource_type = "file";
  blob.metadata = {{"Owner", "me & you"}};
  blob.tags = {{"k", "v"}};
  return blob;
}

// What our own server writes is read back as it was.
TEST(Answers, ReadAListingBack) {
  ListBlobsInclude include;
  include.metadata = include.tags = include.copy = true;
  ListEcho echo;
  echo.container = "c";
  ListBlobsWriter writer(echo, include);
  writer.AddBlob(Sample());
  writer.AddPrefix("dir/sub/");
  const auto answer = ParseListBlobsAnswer(writer.Finish("next"));
  ASSERT_TRUE(answer.has_value()) << answer.error().ToString();
  ASSERT_EQ(answer->blobs.size(), 1u);
  const ListedBlob& blob = answer->blobs[0];
  const ListedBlob sample = Sample();
  EXPECT_EQ(blob.name, sample.name);
  EXPECT_EQ(blob.properties.etag, sample.properties.etag);
  EXPECT_EQ(blob.properties.length, 1234u);
  EXPECT_EQ(blob.properties.created, sample.properties.created);
  EXPECT_EQ(blob.properties.last_modified, sample.properties.last_modified);
  EXPECT_EQ(blob.properties.http, sample.properties.http);
  EXPECT_EQ(blob.properties.tier, AccessTier::kArchive);
  EXPECT_FALSE(blob.properties.tier_inferred);
  EXPECT_EQ(blob.properties.rehydrating_to, AccessTier::kCool);
  EXPECT_EQ(blob.properties.rehydrate_priority, RehydratePriority::kHigh);
  EXPECT_EQ(blob.properties.lease, LeaseState::kLeased);
  EXPECT_EQ(blob.properties.copy.status, CopyStatus::kPending);
  EXPECT_EQ(blob.properties.copy.bytes_total, 10u);
  EXPECT_EQ(blob.properties.resource_type, "file");
  EXPECT_EQ(blob.metadata, sample.metadata);
  EXPECT_EQ(blob.tags, sample.tags);
  EXPECT_EQ(answer->prefixes, std::vector<std::string>{"dir/sub/"});
  EXPECT_EQ(answer->next_marker, "next");
}

TEST(Answers, ReadABlockListBack) {
  const std::vector<ListedBlock> committed = {{BlockId("aa"), 5}, {BlockId("bb"), 7}};
  const std::vector<ListedBlock> staged = {{BlockId("cc"), 9}};
  const auto answer = ParseBlockListAnswer(BlockListAnswerXml(&committed, &staged));
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->committed.size(), 2u);
  EXPECT_EQ(answer->committed[1].id, BlockId("bb"));
  EXPECT_EQ(answer->committed[1].size, 7u);
  ASSERT_EQ(answer->uncommitted.size(), 1u);
  EXPECT_EQ(answer->uncommitted[0].size, 9u);
}

TEST(Answers, TellARangeFromTheBlob) {
  const std::vector<HeaderField> headers = {
      {"ETag", "\"0x8D2\""},
      {"Content-Length", "10"},
      {"Content-Range", "bytes 5-14/100"},
      {"Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="},
      {"x-ms-blob-content-md5", "f39/f39/f39/f39/f39/fw=="},
      {"x-ms-access-tier", "Cool"},
      {"x-ms-meta-Owner", " me "},
  };
  const auto properties = PropertiesFromAnswer(headers);
  ASSERT_TRUE(properties.has_value());
  EXPECT_EQ(properties->etag, ETag("0x8D2"));
  EXPECT_EQ(properties->length, 100u);
  EXPECT_EQ(properties->http.content_md5, std::string(16, '\x7f'));
  EXPECT_EQ(properties->tier, AccessTier::kCool);
  EXPECT_FALSE(properties->tier_inferred);
  EXPECT_EQ(MetadataFromAnswer(headers), (Metadata{{"Owner", "me"}}));
}

TEST(Answers, RefuseWhatTheyCannotUse) {
  EXPECT_FALSE(ParseListBlobsAnswer("<html/>").has_value());
  EXPECT_FALSE(
      ParseListBlobsAnswer("<EnumerationResults><Blobs><Blob/></Blobs></EnumerationResults>")
          .has_value());
  EXPECT_FALSE(ParseBlockListAnswer("").has_value());
  const std::vector<HeaderField> headers = {{"Content-Length", "10"}};
  EXPECT_FALSE(PropertiesFromAnswer(headers).has_value());
}

}  // namespace
}  // namespace forebay::azure
