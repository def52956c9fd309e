// Get Blob, Get Blob Properties and Get Blob Metadata: conditional answers, ranges, headers.
#include <gmock/gmock.h>

#include "base/checksum.h"
#include "rest/blob/responses.h"
#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class GetBlobTest : public ::testing::Test {
 protected:
  void SetUp() override {
    f_.MakeContainer();
    put_ = f_.PutBlob("/box/a", "0123456789",
                      {{"x-ms-blob-cache-control", "max-age=60"}, {"x-ms-meta-Case", "Kept"}});
  }
  ServiceFixture f_;
  Reply put_;
};

TEST_F(GetBlobTest, NotModifiedSaysWhatTheCopyWasComparedWith) {
  const std::string etag = put_.Header("ETag");
  const std::string modified = put_.Header("Last-Modified");
  for (const HeaderList& condition :
       {HeaderList{{"If-None-Match", etag}}, HeaderList{{"If-Modified-Since", modified}}}) {
    for (const auto& [method, target] :
         {std::pair("GET", "/box/a"), std::pair("HEAD", "/box/a"),
          std::pair("GET", "/box/a?comp=metadata"), std::pair("GET", "/box/a?comp=tags")}) {
      const Reply reply = f_.Send(method, target, condition);
      EXPECT_EQ(reply.status, 304u) << method << target;
      EXPECT_EQ(reply.Header("ETag"), etag);
      EXPECT_EQ(reply.Header("Last-Modified"), modified);
      EXPECT_EQ(reply.Header("Cache-Control"), "max-age=60");
      EXPECT_EQ(reply.ErrorCode(), "ConditionNotMet");
      EXPECT_EQ(reply.body, "");
      EXPECT_FALSE(reply.headers.Has("Content-Type"));
    }
  }
  EXPECT_EQ(f_.logs().back().status, 304u);
  EXPECT_EQ(f_.logs().back().error_code, "ConditionNotMet");
  // What must hold comes first.
  EXPECT_EQ(f_.Get("/box/a", {{"If-None-Match", etag}, {"If-Match", "\"0x1\""}}).status, 412u);
  EXPECT_EQ(f_.Get("/box/a", {{"If-None-Match", "\"0x1\""}}).status, 200u);
}

// A wildcard on a read cannot be met by a blob that is there; one that is not there is just that.
TEST_F(GetBlobTest, AWildcardOfNoneIsNoConditionOfReads) {
  for (const char* method : {"GET", "HEAD"}) {
    const Reply there = f_.Send(method, "/box/a", {{"If-None-Match", "*"}});
    EXPECT_EQ(there.status, 400u) << method;
    EXPECT_EQ(there.ErrorCode(), "UnsatisfiableCondition") << method;
    const Reply absent = f_.Send(method, "/box/absent", {{"If-None-Match", "*"}});
    EXPECT_EQ(absent.status, 404u) << method;
    EXPECT_EQ(absent.ErrorCode(), "BlobNotFound") << method;
  }
}

// `timeout` is of the operation: a client that reads slowly gets all of what it began to read.
TEST_F(GetBlobTest, ASlowReaderOutlivesTheTimeItGave) {
  f_.slow_reader = std::chrono::milliseconds(1100);
  EXPECT_EQ(f_.Get("/box/a?timeout=1").body, "0123456789");
  EXPECT_EQ(f_.Get("/box/a?timeout=soon").ErrorCode(), "InvalidQueryParameterValue");
}

TEST_F(GetBlobTest, NoRangeOfAnEmptyBlobCanBeSatisfied) {
  f_.PutBlob("/box/empty", "");
  EXPECT_EQ(f_.Get("/box/empty").status, 200u);
  for (const char* range : {"bytes=0-", "bytes=0-9", "bytes=1-"}) {
    const Reply reply = f_.Get("/box/empty", {{"x-ms-range", range}});
    EXPECT_EQ(reply.status, 416u) << range;
    EXPECT_EQ(reply.Header("Content-Range"), "bytes */0");
  }
}

TEST_F(GetBlobTest, AChecksumIsOfTheBytesThatFollowIt) {
  std::string content(5 << 20, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 7 + i / 4096);
  f_.PutBlob("/box/large", content);
  const std::string range = content.substr(1000, 4 << 20);
  const HeaderList md5 = {{"x-ms-range", "bytes=1000-4195303"},
                          {"x-ms-range-get-content-md5", "true"}};
  const Reply by_md5 = f_.Get("/box/large", md5);
  EXPECT_EQ(by_md5.status, 206u);
  EXPECT_EQ(by_md5.body, range);
  EXPECT_EQ(by_md5.content_length, range.size());
  EXPECT_EQ(by_md5.Header("Content-MD5"), Base64Of(AsText(Md5::Of(AsBytes(range)))));
  const HeaderList crc = {{"Range", "bytes=1000-4195303"},
                          {"x-ms-range-get-content-crc64", "true"}};
  const Reply by_crc = f_.Get("/box/large", crc);
  EXPECT_EQ(by_crc.body, range);
  EXPECT_EQ(by_crc.Header("x-ms-content-crc64"), azure::FormatCrc64(Crc64(AsBytes(range))));
  HeaderList stale = md5;
  stale.emplace_back("If-Match", "\"0x1\"");
  EXPECT_EQ(f_.Get("/box/large", stale).status, 412u);
}

TEST_F(GetBlobTest, RangesAtTheEndsOfNumbers) {
  const auto get = [this](const std::string& range) {
    return f_.Get("/box/a", {{"x-ms-range", range}});
  };
  EXPECT_EQ(get("bytes=0-18446744073709551615").body, "0123456789");
  EXPECT_EQ(get("bytes=9-18446744073709551615").Header("Content-Range"), "bytes 9-9/10");
  EXPECT_EQ(get("bytes=18446744073709551615-18446744073709551615").status, 416u);
  EXPECT_EQ(get("bytes=18446744073709551615-").status, 416u);
  EXPECT_EQ(get("bytes=0-18446744073709551616").status, 400u);
  EXPECT_EQ(get("bytes=-1").status, 400u);
  EXPECT_EQ(get("bytes=5-4").status, 400u);
  EXPECT_EQ(get("bytes=0--1").status, 400u);
  // Range itself is what HTTP makes of it: what cannot be understood is not there.
  EXPECT_EQ(f_.Get("/box/a", {{"Range", "bytes=0--1"}}).status, 200u);
  EXPECT_EQ(f_.Get("/box/a", {{"Range", "bytes=0-1,4-5"}}).status, 200u);
}

TEST_F(GetBlobTest, MetadataKeepsTheCaseOfItsNames) {
  bool seen = false;
  for (const auto [name, value] : f_.Get("/box/a").headers) {
    seen |= name == "x-ms-meta-Case" && value == "Kept";
  }
  EXPECT_TRUE(seen);
  EXPECT_THAT(f_.Get("/box?restype=container&comp=list&include=metadata").body,
              HasSubstr("<Case>Kept</Case>"));
  // A name is one name whatever its case: the last change decides how it is spelt.
  f_.Put("/box/a?comp=metadata", {{"x-ms-meta-CASE", "b"}});
  const std::string list = f_.Get("/box?restype=container&comp=list&include=metadata").body;
  EXPECT_THAT(list, HasSubstr("<CASE>b</CASE>"));
  EXPECT_THAT(list, Not(HasSubstr("<Case>")));
}

TEST(GetDirectoryTest, ADirectoryIsMarkedOnce) {
  ServiceFixture f({.hierarchical = true});
  f.MakeContainer();
  f.PutBlob("/box/made", "", {{"x-ms-meta-hdi_isfolder", "true"}});
  f.PutBlob("/box/implied/x", "");
  for (const char* name : {"/box/made", "/box/implied"}) {
    EXPECT_EQ(f.Send("HEAD", name).Header("x-ms-meta-hdi_isfolder"), "true");
    EXPECT_EQ(f.Get(std::string(name) + "?comp=metadata").Header("x-ms-meta-hdi_isfolder"), "true");
  }
  const std::string list = f.Get("/box?restype=container&comp=list&include=metadata").body;
  std::size_t marks = 0;
  for (std::size_t at = 0; (at = list.find("<hdi_isfolder>", at)) != std::string::npos; ++at) {
    ++marks;
  }
  EXPECT_EQ(marks, 2u) << list;
}

}  // namespace
}  // namespace forebay::rest
