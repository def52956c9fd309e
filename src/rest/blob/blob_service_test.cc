#include "rest/blob/blob_service.h"

#include <gmock/gmock.h>

#include "base/checksum.h"
#include "base/encoding.h"
#include "rest/blob/responses.h"
#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class BlobServiceTest : public ::testing::Test {
 protected:
  void SetUp() override { f_.MakeContainer(); }
  ServiceFixture f_;
};

TEST_F(BlobServiceTest, PutThenGet) {
  const Reply put = f_.PutBlob("/box/a", "hello",
                               {{"Content-Type", "text/plain"},
                                {"x-ms-blob-content-language", "en"},
                                {"x-ms-meta-Color", "blue"},
                                {"x-ms-tags", "k=v"},
                                {"x-ms-client-request-id", "mine"}});
  ASSERT_EQ(put.status, 201u) << put.body;
  EXPECT_EQ(put.Header("x-ms-request-id"), "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a");
  EXPECT_EQ(put.Header("x-ms-client-request-id"), "mine");
  EXPECT_EQ(put.Header("x-ms-version"), "2025-07-05");
  EXPECT_EQ(put.Header("x-ms-request-server-encrypted"), "true");
  EXPECT_EQ(put.Header("Content-MD5"), "XUFAKrxLKna5cZ2REBfFkg==");
  EXPECT_EQ(put.Header("x-ms-content-crc64"), azure::FormatCrc64(Crc64(AsBytes("hello"))));
  EXPECT_TRUE(put.Header("ETag").starts_with("\"0x"));

  const Reply get = f_.Get("/box/a");
  ASSERT_EQ(get.status, 200u) << get.body;
  EXPECT_EQ(get.body, "hello");
  EXPECT_EQ(get.content_length, 5u);
  EXPECT_EQ(get.Header("Content-Type"), "text/plain");
  EXPECT_EQ(get.Header("Content-Language"), "en");
  EXPECT_EQ(get.Header("Content-MD5"), "XUFAKrxLKna5cZ2REBfFkg==");
  EXPECT_EQ(get.Header("ETag"), put.Header("ETag"));
  EXPECT_EQ(get.Header("Last-Modified"), put.Header("Last-Modified"));
  EXPECT_EQ(get.Header("x-ms-creation-time"), put.Header("Last-Modified"));
  EXPECT_EQ(get.Header("x-ms-blob-type"), "BlockBlob");
  EXPECT_EQ(get.Header("x-ms-lease-status"), "unlocked");
  EXPECT_EQ(get.Header("x-ms-lease-state"), "available");
  EXPECT_EQ(get.Header("Accept-Ranges"), "bytes");
  EXPECT_EQ(get.Header("x-ms-server-encrypted"), "true");
  EXPECT_EQ(get.Header("x-ms-tag-count"), "1");
  EXPECT_EQ(get.Header("x-ms-meta-Color"), "blue");
  EXPECT_FALSE(get.headers.Has("x-ms-access-tier"));
  EXPECT_FALSE(get.headers.Has("Content-Range"));
}

TEST_F(BlobServiceTest, HeadShowsTheTierAndNoBody) {
  f_.PutBlob("/box/a", "hello", {{"x-ms-access-tier", "Cool"}});
  f_.PutBlob("/box/b", "hello");
  const Reply head = f_.Send("HEAD", "/box/a");
  EXPECT_EQ(head.status, 200u);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.content_length, 5u);
  EXPECT_EQ(head.Header("x-ms-access-tier"), "Cool");
  EXPECT_FALSE(head.headers.Has("x-ms-access-tier-inferred"));
  const Reply other = f_.Send("HEAD", "/box/b");
  EXPECT_EQ(other.Header("x-ms-access-tier"), "Hot");
  EXPECT_EQ(other.Header("x-ms-access-tier-inferred"), "true");
}

TEST_F(BlobServiceTest, NewerVersionsAreToldMore) {
  const std::string md5 = Base64Of(AsText(Md5::Of(AsBytes("one"))));
  const std::string crc64 = azure::FormatCrc64(Crc64(AsBytes("one")));
  for (const auto& [version, more] : {std::pair("2026-06-06", false), {"2026-10-06", true}}) {
    f_.version = version;
    f_.PutBlob("/box/a", "hello", {{"x-ms-access-tier", "Cool"}});
    EXPECT_EQ(f_.Get("/box/a").Header("x-ms-access-tier"), more ? "Cool" : "");
    EXPECT_EQ(f_.Get("/box/a").headers.Has("x-ms-access-tier-change-time"), more);
    const Reply block = f_.Put("/box/a?comp=block&blockid=MDAx", {{"Content-MD5", md5}}, "one");
    EXPECT_EQ(block.Header("Content-MD5"), md5);
    EXPECT_EQ(block.Header("x-ms-content-crc64"), more ? crc64 : "");
    const std::string url = "https://data.example/one";
    f_.fetcher().sources[url].content = "one";
    const Reply fetched = f_.Put("/box/a?comp=block&blockid=MDAy",
                                 {{"x-ms-copy-source", url}, {"x-ms-source-content-md5", md5}});
    EXPECT_EQ(fetched.Header("Content-MD5"), md5);
    EXPECT_EQ(fetched.Header("x-ms-content-crc64"), more ? crc64 : "");
  }
}

TEST_F(BlobServiceTest, BlocksMakeABlob) {
  const Reply one = f_.Put("/box/a?comp=block&blockid=MDAx", {}, "one-");
  ASSERT_EQ(one.status, 201u) << one.body;
  EXPECT_EQ(one.Header("x-ms-content-crc64"), azure::FormatCrc64(Crc64(AsBytes("one-"))));
  EXPECT_FALSE(one.headers.Has("Content-MD5"));
  const std::string md5 = Base64Of(AsText(Md5::Of(AsBytes("two"))));
  const Reply two = f_.Put("/box/a?comp=block&blockid=MDAy", {{"Content-MD5", md5}}, "two");
  ASSERT_EQ(two.status, 201u) << two.body;
  EXPECT_EQ(two.Header("Content-MD5"), md5);
  EXPECT_FALSE(two.headers.Has("x-ms-content-crc64"));

  const Reply list = f_.Get("/box/a?comp=blocklist&blocklisttype=all");
  EXPECT_EQ(list.status, 200u);
  EXPECT_THAT(list.body, HasSubstr("<UncommittedBlocks><Block><Name>MDAx</Name><Size>4</Size>"));
  EXPECT_EQ(list.Header("x-ms-blob-content-length"), "0");

  const Reply commit = f_.Put("/box/a?comp=blocklist", {{"x-ms-blob-content-type", "text/x"}},
                              "<?xml version=\"1.0\"?><BlockList><Latest>MDAx</Latest>"
                              "<Uncommitted>MDAy</Uncommitted></BlockList>");
  ASSERT_EQ(commit.status, 201u) << commit.body;
  const Reply get = f_.Get("/box/a");
  EXPECT_EQ(get.body, "one-two");
  EXPECT_EQ(get.Header("Content-Type"), "text/x");
  EXPECT_EQ(get.Header("ETag"), commit.Header("ETag"));
  const Reply committed = f_.Get("/box/a?comp=blocklist");
  EXPECT_THAT(committed.body, HasSubstr("<CommittedBlocks><Block><Name>MDAx</Name>"));
  EXPECT_THAT(committed.body, Not(HasSubstr("Uncommitted")));
  EXPECT_EQ(committed.Header("x-ms-blob-content-length"), "7");

  const Reply bad =
      f_.Put("/box/a?comp=blocklist", {}, "<BlockList><Committed>ZZZZ</Committed></BlockList>");
  EXPECT_EQ(bad.status, 400u);
  EXPECT_EQ(bad.ErrorCode(), "InvalidBlockList");
}

TEST_F(BlobServiceTest, RangesAndTheirChecksums) {
  f_.PutBlob("/box/a", "0123456789");
  const Reply part = f_.Get("/box/a", {{"x-ms-range", "bytes=2-4"}});
  EXPECT_EQ(part.status, 206u);
  EXPECT_EQ(part.body, "234");
  EXPECT_EQ(part.Header("Content-Range"), "bytes 2-4/10");
  EXPECT_FALSE(part.headers.Has("Content-MD5"));
  EXPECT_EQ(part.Header("x-ms-blob-content-md5"), Base64Of(AsText(Md5::Of(AsBytes("0123456789")))));
  // x-ms-range wins over Range, and ends where the blob ends.
  EXPECT_EQ(f_.Get("/box/a", {{"Range", "bytes=0-1"}, {"x-ms-range", "bytes=8-99"}}).body, "89");
  EXPECT_EQ(f_.Get("/box/a", {{"Range", "bytes=7-"}}).body, "789");

  const Reply md5 =
      f_.Get("/box/a", {{"Range", "bytes=0-3"}, {"x-ms-range-get-content-md5", "true"}});
  EXPECT_EQ(md5.status, 206u);
  EXPECT_EQ(md5.body, "0123");
  EXPECT_EQ(md5.Header("Content-MD5"), Base64Of(AsText(Md5::Of(AsBytes("0123")))));
  const Reply crc =
      f_.Get("/box/a", {{"Range", "bytes=0-3"}, {"x-ms-range-get-content-crc64", "true"}});
  EXPECT_EQ(crc.Header("x-ms-content-crc64"), azure::FormatCrc64(Crc64(AsBytes("0123"))));
  EXPECT_EQ(f_.Get("/box/a", {{"x-ms-range-get-content-md5", "true"}}).status, 400u);

  const Reply beyond = f_.Get("/box/a", {{"Range", "bytes=10-"}});
  EXPECT_EQ(beyond.status, 416u);
  EXPECT_EQ(beyond.ErrorCode(), "InvalidRange");
  EXPECT_EQ(beyond.Header("Content-Range"), "bytes */10");
}

TEST_F(BlobServiceTest, AChecksumOverTooLongARangeIsRefused) {
  f_.PutBlob("/box/a", std::string((4 << 20) + 1, 'x'));
  const HeaderList ask = {{"Range", "bytes=0-4194304"}, {"x-ms-range-get-content-md5", "true"}};
  EXPECT_EQ(f_.Get("/box/a", ask).ErrorCode(), "OutOfRangeInput");
  const HeaderList fits = {{"Range", "bytes=0-4194303"}, {"x-ms-range-get-content-md5", "true"}};
  EXPECT_EQ(f_.Get("/box/a", fits).status, 206u);
}

TEST_F(BlobServiceTest, Conditions) {
  const std::string etag = f_.PutBlob("/box/a", "x").Header("ETag");
  EXPECT_EQ(f_.Get("/box/a", {{"If-Match", etag}}).status, 200u);
  EXPECT_EQ(f_.Get("/box/a", {{"If-Match", "\"0x1\""}}).ErrorCode(), "ConditionNotMet");
  EXPECT_EQ(f_.PutBlob("/box/a", "y", {{"If-None-Match", "*"}}).ErrorCode(), "BlobAlreadyExists");
  EXPECT_EQ(f_.PutBlob("/box/a", "y", {{"If-Match", "\"0x1\""}}).status, 412u);
  EXPECT_EQ(f_.PutBlob("/box/a", "y", {{"If-Match", etag}}).status, 201u);
  EXPECT_EQ(f_.Get("/box/a", {{"x-ms-if-tags", "\"k\" = 'v'"}}).status, 412u);
  EXPECT_EQ(f_.Get("/box/a", {{"If-Modified-Since", "yesterday"}}).ErrorCode(),
            "InvalidHeaderValue");
  EXPECT_EQ(f_.Send("DELETE", "/box/a", {{"If-Match", etag}}).status, 412u);
  EXPECT_EQ(f_.Send("DELETE", "/box/a").status, 202u);
  EXPECT_EQ(f_.Get("/box/a").ErrorCode(), "BlobNotFound");
}

TEST_F(BlobServiceTest, ErrorsAreAzures) {
  const Reply get = f_.Get("/nobox/a");
  EXPECT_EQ(get.status, 404u);
  EXPECT_EQ(get.ErrorCode(), "ContainerNotFound");
  EXPECT_EQ(get.Header("Content-Type"), "application/xml");
  EXPECT_THAT(get.body, HasSubstr("<Error><Code>ContainerNotFound</Code><Message>"));
  EXPECT_THAT(get.body, HasSubstr("RequestId:7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a"));
  const Reply head = f_.Send("HEAD", "/box/none");
  EXPECT_EQ(head.status, 404u);
  EXPECT_EQ(head.ErrorCode(), "BlobNotFound");
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(f_.Put("/box?restype=container").ErrorCode(), "ContainerAlreadyExists");
  EXPECT_EQ(f_.Get("/box/a?comp=nonsense").ErrorCode(), "InvalidQueryParameterValue");
  EXPECT_EQ(f_.Send("PATCH", "/box/a").status, 405u);
  EXPECT_EQ(f_.Put("/box/a", {}, "x").ErrorCode(), "MissingRequiredHeader");
  EXPECT_EQ(f_.Put("/B?restype=container").status, 400u);
  EXPECT_EQ(f_.Put("/box/a", {{"x-ms-blob-type", "PageBlob"}}, "").ErrorCode(),
            "UnsupportedHeader");
  EXPECT_EQ(f_.Get("/box/a?snapshot=2025-01-01T10:00:00.1234567Z").ErrorCode(), "BlobNotFound");
  EXPECT_EQ(f_.Get("/box/a?snapshot=nonsense").ErrorCode(), "InvalidQueryParameterValue");
}

TEST_F(BlobServiceTest, ChecksumsOfTheBodyAreVerified) {
  EXPECT_EQ(f_.PutBlob("/box/a", "x", {{"Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="}}).ErrorCode(),
            "Md5Mismatch");
  EXPECT_EQ(f_.PutBlob("/box/a", "x", {{"Content-MD5", "nonsense"}}).ErrorCode(), "InvalidMd5");
  EXPECT_EQ(f_.PutBlob("/box/a", "x", {{"x-ms-content-crc64", "AAAA"}}).ErrorCode(),
            "InvalidHeaderValue");
  EXPECT_EQ(f_.PutBlob("/box/a", "x", {{"x-ms-content-crc64", "AAAAAAAAAAA="}}).ErrorCode(),
            "Crc64Mismatch");
  // The MD5 to store, whatever the transport's says; a block list takes any.
  const std::string right = Base64Of(AsText(Md5::Of(AsBytes("x"))));
  const HeaderList wrong = {{"x-ms-blob-content-md5", "XUFAKrxLKna5cZ2REBfFkg=="},
                            {"Content-MD5", right}};
  EXPECT_EQ(f_.PutBlob("/box/a", "x", wrong).ErrorCode(), "Md5Mismatch");
  EXPECT_EQ(f_.Get("/box/a").status, 404u);
  EXPECT_EQ(f_.PutBlob("/box/a", "x", {{"x-ms-blob-content-md5", right}}).status, 201u);
  EXPECT_EQ(f_.Get("/box/a").Header("Content-MD5"), right);
  EXPECT_EQ(f_.Put("/box/a?comp=blocklist", {wrong[0]}, "<BlockList></BlockList>").status, 201u);
  EXPECT_EQ(f_.Get("/box/a").Header("Content-MD5"), wrong[0].second);
}

TEST_F(BlobServiceTest, BlockIdsAreBase64) {
  for (const auto& [id, code] :
       {std::pair("", "InvalidBlockId"), {"AAAA-A", "InvalidQueryParameterValue"}}) {
    const std::string target = "/box/a?comp=block&blockid=" + std::string(id);
    EXPECT_EQ(f_.Put(target, {}, "x").ErrorCode(), code);
    const HeaderList source = {{"x-ms-copy-source", "https://data.example/one"}};
    EXPECT_EQ(f_.Put(target, source).ErrorCode(), code);
  }
  EXPECT_EQ(f_.Put("/box/a?comp=block", {}, "x").ErrorCode(), "MissingRequiredQueryParameter");
}

TEST_F(BlobServiceTest, ABodyWithoutALengthIsRefused) {
  f_.omit_length = true;
  EXPECT_EQ(f_.PutBlob("/box/a", "x").status, 411u);
  EXPECT_EQ(f_.Put("/box/a?comp=block&blockid=MDAx", {}, "x").ErrorCode(),
            "MissingContentLengthHeader");
  // Chunked bodies have none, and are taken.
  EXPECT_EQ(f_.PutBlob("/box/a", "x", {{"Transfer-Encoding", "chunked"}}).status, 201u);
}

TEST_F(BlobServiceTest, WhatIsNotOfferedIsRefusedAndNotIgnored) {
  EXPECT_EQ(f_.PutBlob("/box/a", "x", {{"x-ms-encryption-scope", "s"}}).ErrorCode(),
            "UnsupportedHeader");
  EXPECT_EQ(f_.PutBlob("/box/a", "x", {{"x-ms-encryption-key", "c2VjcmV0"}}).body.find("c2VjcmV0"),
            std::string::npos);
  EXPECT_EQ(f_.PutBlob("/box/a", "x", {{"x-ms-legal-hold", "true"}}).ErrorCode(),
            "UnsupportedHeader");
  EXPECT_EQ(f_.PutBlob("/box/a", "x", {{"x-ms-legal-hold", "false"}}).status, 201u);
  EXPECT_EQ(f_.PutBlob("/box/a", "x", {{"x-ms-lease-id", "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a"}})
                .ErrorCode(),
            "LeaseNotPresentWithBlobOperation");
  EXPECT_EQ(
      f_.Get("/box/none", {{"x-ms-lease-id", "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a"}}).ErrorCode(),
      "BlobNotFound");
}

TEST_F(BlobServiceTest, PropertiesMetadataTagsAndTier) {
  f_.PutBlob("/box/a", "x", {{"x-ms-blob-cache-control", "no-cache"}});
  EXPECT_EQ(f_.Put("/box/a?comp=properties", {{"x-ms-blob-content-type", "a/b"}}).status, 200u);
  const Reply head = f_.Send("HEAD", "/box/a");
  EXPECT_EQ(head.Header("Content-Type"), "a/b");
  EXPECT_FALSE(head.headers.Has("Cache-Control"));
  EXPECT_EQ(f_.Put("/box/a?comp=metadata", {{"x-ms-meta-k", "v"}}).status, 200u);
  EXPECT_EQ(f_.Get("/box/a?comp=metadata").Header("x-ms-meta-k"), "v");
  EXPECT_EQ(f_.Put("/box/a?comp=metadata", {{"x-ms-meta-bad-name", "v"}}).status, 400u);
  const std::string tags =
      "<Tags><TagSet><Tag><Key>k</Key><Value>v 1</Value></Tag></TagSet></Tags>";
  EXPECT_EQ(f_.Put("/box/a?comp=tags", {}, tags).status, 204u);
  EXPECT_THAT(f_.Get("/box/a?comp=tags").body, HasSubstr("<Key>k</Key><Value>v 1</Value>"));
  EXPECT_EQ(f_.Put("/box/a?comp=tier", {{"x-ms-access-tier", "Archive"}}).status, 200u);
  EXPECT_EQ(f_.Get("/box/a").ErrorCode(), "BlobArchived");
  EXPECT_EQ(f_.Put("/box/a?comp=tier", {{"x-ms-access-tier", "Hot"}}).status, 202u);
  // The bytes never left: what Azure takes hours for is done with the answer.
  EXPECT_EQ(f_.Get("/box/a").body, "x");
  EXPECT_EQ(f_.Put("/box/a?comp=tier").ErrorCode(), "MissingRequiredHeader");
  EXPECT_EQ(f_.Put("/box/a?comp=tier", {{"x-ms-access-tier", "Lukewarm"}}).status, 400u);
}

TEST_F(BlobServiceTest, FindsBlobsByTags) {
  f_.PutBlob("/box/a", "x", {{"x-ms-tags", "state=new&n=1"}});
  f_.PutBlob("/box/b", "x", {{"x-ms-tags", "state=old"}});
  f_.MakeContainer("second");
  f_.PutBlob("/second/c", "x", {{"x-ms-tags", "state=new"}});
  const Reply all = f_.Get("/?comp=blobs&where=%22state%22%3D%27new%27");
  EXPECT_EQ(all.status, 200u) << all.body;
  EXPECT_THAT(all.body, HasSubstr("<Name>a</Name>"));
  EXPECT_THAT(all.body, HasSubstr("<Name>c</Name>"));
  EXPECT_THAT(all.body, Not(HasSubstr("<Name>b</Name>")));
  const Reply one = f_.Get("/?comp=blobs&maxresults=1&where=%22state%22%3D%27new%27");
  EXPECT_THAT(one.body, Not(HasSubstr("<Name>c</Name>")));
  const std::size_t begin = one.body.find("<NextMarker>") + 12;
  const std::string marker = one.body.substr(begin, one.body.find("</NextMarker>") - begin);
  const Reply rest = f_.Get("/?comp=blobs&where=%22state%22%3D%27new%27&marker=" + marker);
  EXPECT_THAT(rest.body, HasSubstr("<Name>c</Name>"));
  EXPECT_THAT(rest.body, Not(HasSubstr("<Name>a</Name>")));
  EXPECT_EQ(f_.Get("/?comp=blobs").status, 400u);
  EXPECT_EQ(f_.Get("/?comp=blobs&where=nonsense").status, 400u);
}

TEST_F(BlobServiceTest, AccountInformation) {
  for (const std::string path : {"/", "/box", "/box/none"}) {
    const Reply reply = f_.Get(path + "?restype=account&comp=properties");
    EXPECT_EQ(reply.status, 200u);
    EXPECT_EQ(reply.Header("x-ms-sku-name"), "Standard_LRS");
    EXPECT_EQ(reply.Header("x-ms-account-kind"), "StorageV2");
    EXPECT_EQ(reply.Header("x-ms-is-hns-enabled"), "false");
  }
}

TEST_F(BlobServiceTest, EveryRequestIsLoggedOnce) {
  f_.logs().clear();
  f_.PutBlob("/box/a", "hello", {{"x-ms-client-request-id", "mine"}, {"User-Agent", "test/1"}});
  f_.Get("/box/a", {{"x-ms-range", "bytes=0-2"}});
  f_.Get("/box/none?sig=secret");
  ASSERT_EQ(f_.logs().size(), 3u);
  const RequestLog& put = f_.logs()[0];
  EXPECT_EQ(put.operation, "PutBlob");
  EXPECT_EQ(put.category, "StorageWrite");
  EXPECT_EQ(put.status, 201u);
  EXPECT_EQ(put.account, "devstoreaccount1");
  EXPECT_EQ(put.container, "box");
  EXPECT_EQ(put.blob, "a");
  EXPECT_EQ(put.bytes_in, 5u);
  EXPECT_EQ(put.auth, "SharedKey");
  EXPECT_EQ(put.client_request_id, "mine");
  EXPECT_EQ(put.user_agent, "test/1");
  EXPECT_EQ(put.client_ip, "127.0.0.1");
  const RequestLog& get = f_.logs()[1];
  EXPECT_EQ(get.operation, "GetBlob");
  EXPECT_EQ(get.bytes_out, 3u);
  EXPECT_TRUE(get.complete);
  const RequestLog& failed = f_.logs()[2];
  EXPECT_EQ(failed.status, 404u);
  EXPECT_EQ(failed.error_code, "BlobNotFound");
  EXPECT_EQ(failed.path.find("secret"), std::string::npos);
  EXPECT_EQ(failed.error_detail.find("secret"), std::string::npos);
}

TEST_F(BlobServiceTest, ClientRequestIdsThatCannotBeEchoedAreNot) {
  EXPECT_EQ(f_.Get("/box/a", {{"x-ms-client-request-id", std::string(1025, 'x')}})
                .Header("x-ms-client-request-id"),
            "");
  EXPECT_EQ(f_.Get("/box/a", {{"x-ms-client-request-id", std::string(1024, 'x')}})
                .Header("x-ms-client-request-id")
                .size(),
            1024u);
}

TEST_F(BlobServiceTest, NewerVersionsThanWeKnowAreTaken) {
  f_.version = "2031-01-01";
  EXPECT_EQ(f_.Get("/?comp=list").Header("x-ms-version"), "2031-01-01");
  f_.version = "nonsense";
  EXPECT_EQ(f_.Get("/?comp=list").ErrorCode(), "InvalidHeaderValue");
  f_.version = "";
  EXPECT_EQ(f_.Get("/?comp=list").Header("x-ms-version"), azure::kDefaultVersion.ToString());
}

TEST_F(BlobServiceTest, OnlyBytesThatWereReadCount) {
  f_.PutBlob("/box/a", "0123456789");
  EXPECT_EQ(f_.logs().back().bytes_in, 10u);
  f_.PutBlob("/box/a", "", {{"Content-Length", "18446744073709551615"}});
  EXPECT_EQ(f_.logs().back().bytes_in, 0u);
  f_.PutBlob("/nobox/a", "0123456789");
  EXPECT_EQ(f_.logs().back().status, 404u);
  EXPECT_EQ(f_.logs().back().bytes_in, 0u);
}

TEST(DocumentMemoryTest, ALargeBlockListGivesItsRoomBack) {
  ServiceFixture::Options options;
  options.service.document_bytes = 1;  // as little as there may be: one list of 8 MiB
  ServiceFixture f(options);
  f.MakeContainer();
  f.Put("/box/a?comp=block&blockid=MDAx", {}, "block");
  std::string list = "<BlockList>";
  for (int i = 0; i < 10'000; ++i) list += "<Latest>MDAx</Latest>";
  list += "</BlockList>";
  ASSERT_GT(list.size(), 64u << 10);
  for (int i = 0; i < 3; ++i) {
    // Of a chunked one nobody knows the length: it takes all of the room.
    const HeaderList chunked = {{"Transfer-Encoding", "chunked"}};
    EXPECT_EQ(f.Put("/box/a?comp=blocklist", i == 1 ? HeaderList{} : chunked, list).status, 201u);
  }
  EXPECT_EQ(f.Get("/box/a").content_length, 50'000u);
  const Reply large = f.Put("/box/a?comp=blocklist", {}, std::string((8 << 20) + 1, ' '));
  EXPECT_EQ(large.status, 413u);
}

}  // namespace
}  // namespace forebay::rest
