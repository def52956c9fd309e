// Put Blob From URL, Put Block From URL, Copy Blob and Copy Blob From URL.
#include <gmock/gmock.h>

#include "base/checksum.h"
#include "rest/blob/responses.h"
#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kHere = "http://127.0.0.1:10000/devstoreaccount1";
constexpr std::string_view kThere = "https://store.example/data/blob?token=secret";

class CopyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    f_.MakeContainer();
    f_.PutBlob("/box/src", "0123456789",
               {{"Content-Type", "text/plain"}, {"x-ms-meta-k", "v"}, {"x-ms-tags", "t=1"}});
  }
  std::string Here(const std::string& path) const { return std::string(kHere) + path; }
  Reply FromUrl(const std::string& path, const std::string& url, HeaderList headers = {}) {
    headers.emplace_back("x-ms-copy-source", url);
    return f_.PutBlob(path, "", std::move(headers));
  }
  Reply Copy(const std::string& path, const std::string& url, HeaderList headers = {}) {
    headers.emplace_back("x-ms-copy-source", url);
    return f_.Put(path, std::move(headers));
  }
  Reply AnonymousFromUrl(const std::string& sas, const std::string& url) {
    return f_.Send("PUT", "/box/dst?" + sas,
                   {{"x-ms-blob-type", "BlockBlob"}, {"x-ms-copy-source", url}}, "", As::kNobody);
  }
  void Elsewhere(std::string content, HeaderList headers = {}) {
    FakeFetcher::Source source{.content = std::move(content), .headers = {}};
    for (auto& [name, value] : headers) source.headers.Add(name, value);
    f_.fetcher().sources[std::string(kThere)] = std::move(source);
  }

  ServiceFixture f_;
};

TEST_F(CopyTest, PutBlobFromUrlOfThisServerTakesContentAndAttributes) {
  const Reply put = FromUrl("/box/dst", Here("/box/src"));
  ASSERT_EQ(put.status, 201u) << put.body;
  EXPECT_TRUE(put.headers.Has("ETag"));
  EXPECT_EQ(put.Header("Content-MD5"), Base64Of(AsText(Md5::Of(AsBytes("0123456789")))));
  const Reply get = f_.Get("/box/dst");
  EXPECT_EQ(get.body, "0123456789");
  EXPECT_EQ(get.Header("Content-Type"), "text/plain");
  EXPECT_EQ(get.Header("x-ms-meta-k"), "v");
  EXPECT_FALSE(get.headers.Has("x-ms-tag-count"));
  EXPECT_FALSE(get.headers.Has("x-ms-copy-id"));
  EXPECT_TRUE(f_.fetcher().asked.empty());
}

TEST_F(CopyTest, TheRequestsAttributesWin) {
  FromUrl("/box/dst", Here("/box/src"),
          {{"x-ms-blob-content-type", "a/b"}, {"x-ms-meta-n", "w"}, {"x-ms-tags", "u=2"}});
  const Reply get = f_.Get("/box/dst");
  EXPECT_EQ(get.Header("Content-Type"), "a/b");
  EXPECT_EQ(get.Header("x-ms-meta-n"), "w");
  EXPECT_FALSE(get.headers.Has("x-ms-meta-k"));
  EXPECT_THAT(f_.Get("/box/dst?comp=tags").body, HasSubstr("<Key>u</Key>"));
  FromUrl("/box/dst", Here("/box/src"), {{"x-ms-copy-source-tag-option", "COPY"}});
  EXPECT_THAT(f_.Get("/box/dst?comp=tags").body, HasSubstr("<Key>t</Key>"));
  FromUrl("/box/dst", Here("/box/src"), {{"x-ms-copy-source-blob-properties", "false"}});
  EXPECT_EQ(f_.Get("/box/dst").Header("Content-Type"), "application/octet-stream");
}

TEST_F(CopyTest, BytesComeFromTheUrlAlone) {
  for (const char* target : {"/box/dst", "/box/dst?comp=block&blockid=MDAx"}) {
    const Reply reply = f_.PutBlob(target, "bytes", {{"x-ms-copy-source", Here("/box/src")}});
    EXPECT_EQ(reply.ErrorCode(), "InvalidHeaderValue");
    EXPECT_THAT(reply.body, HasSubstr("<HeaderName>Content-Length</HeaderName>"));
  }
  EXPECT_EQ(f_.Get("/box/dst").status, 404u);
}

TEST_F(CopyTest, SourceChecksumsAndConditions) {
  const std::string md5 = Base64Of(AsText(Md5::Of(AsBytes("0123456789"))));
  EXPECT_EQ(FromUrl("/box/dst", Here("/box/src"), {{"x-ms-source-content-md5", md5}}).status, 201u);
  EXPECT_EQ(FromUrl("/box/dst", Here("/box/src"),
                    {{"x-ms-source-content-md5", "XUFAKrxLKna5cZ2REBfFkg=="}})
                .ErrorCode(),
            "Md5Mismatch");
  EXPECT_EQ(
      FromUrl("/box/dst", Here("/box/src"),
              {{"x-ms-source-content-md5", md5}, {"x-ms-source-content-crc64", "AAAAAAAAAAA="}})
          .ErrorCode(),
      "BothCrc64AndMd5HeaderPresent");
  EXPECT_EQ(FromUrl("/box/dst", Here("/box/src"), {{"x-ms-source-if-match", "\"0x1\""}}).status,
            412u);
  EXPECT_EQ(FromUrl("/box/dst", Here("/box/src"), {{"If-None-Match", "*"}}).status, 409u);
}

TEST_F(CopyTest, TheSourceIsAuthorizedLikeARead) {
  const std::string write = f_.ContainerSas("cw");
  // A SAS that writes does not read the source: its URL must carry its own.
  const Reply refused = AnonymousFromUrl(write, Here("/box/src"));
  EXPECT_EQ(refused.ErrorCode(), "CannotVerifyCopySource");
  EXPECT_EQ(refused.status, 404u);
  EXPECT_EQ(AnonymousFromUrl(write, Here("/box/src?" + f_.ContainerSas("w"))).status, 403u);
  EXPECT_EQ(AnonymousFromUrl(write, Here("/box/src?" + f_.ContainerSas("r"))).status, 201u);
  // The owner's key of one account is not another's.
  const Reply other = FromUrl("/box/dst", "http://127.0.0.1:10000/other/box/src");
  EXPECT_EQ(other.ErrorCode(), "CannotVerifyCopySource");
  // Public containers need nothing.
  f_.Put("/box?restype=container&comp=acl", {{"x-ms-blob-public-access", "blob"}});
  EXPECT_EQ(AnonymousFromUrl(write, Here("/box/src")).status, 201u);
}

TEST_F(CopyTest, TagsOfTheSourceTakeTheirOwnPermission) {
  const auto copy = [this](const std::string& to, const std::string& from,
                           std::pair<std::string, std::string> header) {
    return f_
        .Send("PUT", "/box/dst?" + f_.ContainerSas(to),
              {{"x-ms-blob-type", "BlockBlob"},
               {"x-ms-copy-source", Here("/box/src?" + f_.ContainerSas(from))},
               std::move(header)},
              "", As::kNobody)
        .status;
  };
  const std::pair<std::string, std::string> copies{"x-ms-copy-source-tag-option", "COPY"};
  EXPECT_EQ(copy("cw", "rt", copies), 403u);
  EXPECT_EQ(copy("cwt", "r", copies), 403u);
  EXPECT_EQ(copy("cwt", "rt", copies), 201u);
  const std::pair<std::string, std::string> asks{"x-ms-source-if-tags", "\"t\" = '1'"};
  EXPECT_EQ(copy("cw", "r", asks), 403u);
  EXPECT_EQ(copy("cw", "rt", asks), 201u);
  EXPECT_EQ(copy("cw", "r", {"x-ms-copy-source-tag-option", "REPLACE"}), 201u);
  EXPECT_EQ(FromUrl("/box/dst", Here("/box/src"), {copies, {"x-ms-tags", "u=2"}}).ErrorCode(),
            "BothUserTagsAndSourceTagsCopyPresentException");
}

TEST_F(CopyTest, ASourceThatIsNotThere) {
  const Reply reply = FromUrl("/box/dst", Here("/box/none"));
  EXPECT_EQ(reply.status, 404u);
  EXPECT_EQ(reply.ErrorCode(), "CannotVerifyCopySource");
  EXPECT_EQ(reply.Header("x-ms-copy-source-status-code"), "404");
  EXPECT_THAT(reply.body, HasSubstr("BlobNotFound"));
  EXPECT_EQ(FromUrl("/box/dst", Here("/nobox/src")).status, 404u);
  EXPECT_EQ(FromUrl("/nobox/dst", Here("/box/src")).ErrorCode(), "ContainerNotFound");
  EXPECT_EQ(FromUrl("/box/dst", "ftp://x/y").status, 400u);
  EXPECT_EQ(FromUrl("/box/dst", Here("/box/src?snapshot=2025-01-01T10:00:00.1234567Z")).status,
            404u);
}

TEST_F(CopyTest, OtherNamesOfThisServerAreThisServer) {
  EXPECT_EQ(FromUrl("/box/dst", "http://localhost:10000/devstoreaccount1/box/src").status, 201u);
  f_.host = "devstoreaccount1.blob.local:10000";
  const Reply sibling =
      f_.Send("PUT", "//box/dst",
              {{"x-ms-blob-type", "BlockBlob"},
               {"x-ms-copy-source", "http://devstoreaccount1.blob.local:10000/box/src"}});
  EXPECT_EQ(sibling.status, 201u) << sibling.body;
  EXPECT_TRUE(f_.fetcher().asked.empty());
}

// Whatever the client calls it: which addresses are ours, the listeners say
// (http/interface_addresses.h).
TEST_F(CopyTest, AnAddressOfThisServerIsThisServer) {
  const std::vector<std::pair<const char*, bool>> cases = {
      {"10.1.2.3:10000", true},        {"[::ffff:10.1.2.3]:10000", true},
      {"[2001:DB8:0::1]:10000", true}, {"10.1.2.4:10000", false},
      {"10.1.2.3:10001", false},       {"10.1.2.3.example:10000", false},
  };
  ServiceFixture::Options options;
  options.service.copy_sources.is_own = [](const IpBytes& address, std::uint16_t port) {
    return port == 10000 && (address == *ParseIp("10.1.2.3") || address == *ParseIp("2001:db8::1"));
  };
  ServiceFixture g(options);
  g.host = "outer.example";  // as a proxy in front passes it on
  g.MakeContainer();
  g.PutBlob("/box/src", "ours");
  for (const auto& [source, own] : cases) {
    g.fetcher().asked.clear();
    const std::string url = "http://" + std::string(source) + "/devstoreaccount1/box/src";
    const unsigned status = g.PutBlob("/box/dst", "", {{"x-ms-copy-source", url}}).status;
    EXPECT_EQ(status, own ? 201u : 404u) << source;
    EXPECT_EQ(g.fetcher().asked.size(), own ? 0u : 1u) << source;
  }
}

TEST_F(CopyTest, AnAccountOfTheSameNameAtAzureIsNotOurs) {
  ServiceFixture::Options options;
  options.service.copy_sources.domains = {"blob.core.windows.net"};
  ServiceFixture g(options);
  g.MakeContainer();
  g.PutBlob("/box/src", "ours");
  const std::string theirs = "https://devstoreaccount1.blob.core.windows.net/box/src";
  g.fetcher().sources[theirs] = {.content = "theirs", .headers = {}};
  const auto copy = [&g](const std::string& url) {
    return g.PutBlob("/box/dst", "", {{"x-ms-copy-source", url}}).status;
  };
  EXPECT_EQ(copy(theirs), 201u);
  EXPECT_EQ(g.Get("/box/dst").body, "theirs");
  // On the port that the client reached us by, the domain is ours.
  EXPECT_EQ(copy("http://devstoreaccount1.blob.core.windows.net:10000/box/src"), 201u);
  EXPECT_EQ(g.Get("/box/dst").body, "ours");
}

TEST_F(CopyTest, BlocksFromUrls) {
  const std::string first = "/box/dst?comp=block&blockid=MDAx";
  const Reply part =
      f_.Put(first, {{"x-ms-copy-source", Here("/box/src")}, {"x-ms-source-range", "bytes=2-5"}});
  ASSERT_EQ(part.status, 201u) << part.body;
  Elsewhere("abcdef");
  const Reply remote =
      f_.Put("/box/dst?comp=block&blockid=MDAy",
             {{"x-ms-copy-source", std::string(kThere)}, {"x-ms-source-range", "bytes=1-2"}});
  ASSERT_EQ(remote.status, 201u) << remote.body;
  EXPECT_EQ(remote.Header("x-ms-content-crc64"), azure::FormatCrc64(Crc64(AsBytes("bc"))));
  f_.Put("/box/dst?comp=blocklist", {},
         "<BlockList><Latest>MDAx</Latest><Latest>MDAy</Latest></BlockList>");
  EXPECT_EQ(f_.Get("/box/dst").body, "2345bc");
  EXPECT_EQ(
      f_.Put(first, {{"x-ms-copy-source", Here("/box/src")}, {"x-ms-source-range", "bytes=20-25"}})
          .ErrorCode(),
      "InvalidRange");
  EXPECT_EQ(
      f_.Put(first, {{"x-ms-copy-source", Here("/box/src")}, {"x-ms-source-range", "bytes=2-"}})
          .status,
      400u);
}

TEST_F(CopyTest, ABlockIsNeverShorterThanItsSourceRange) {
  Elsewhere("0123456789");
  for (const char* range : {"bytes=5-10", "bytes=0-18446744073709551615", "bytes=10-10"}) {
    const Reply here =
        f_.Put("/box/dst?comp=block&blockid=MDAx",
               {{"x-ms-copy-source", Here("/box/src")}, {"x-ms-source-range", range}});
    EXPECT_EQ(here.status, 416u) << range;
    EXPECT_EQ(here.ErrorCode(), "InvalidRange") << range;
  }
  EXPECT_EQ(f_.Put("/box/dst?comp=block&blockid=MDAx",
                   {{"x-ms-copy-source", Here("/box/src")}, {"x-ms-source-range", "bytes=5-9"}})
                .status,
            201u);
}

TEST_F(CopyTest, TheTimeOfTheClientBoundsTheOperation) {
  Elsewhere("remote");
  f_.fetcher().delay = std::chrono::milliseconds(1100);
  const auto put = [this](const std::string& query) {
    return f_.PutBlob("/box/dst" + query, "", {{"x-ms-copy-source", std::string(kThere)}});
  };
  const Reply late = put("?timeout=1");
  EXPECT_EQ(late.status, 500u) << late.body;
  EXPECT_EQ(late.ErrorCode(), "OperationTimedOut");
  EXPECT_EQ(f_.Get("/box/dst").status, 404u);
  f_.fetcher().delay = {};
  EXPECT_EQ(put("?timeout=1x").ErrorCode(), "InvalidQueryParameterValue");
  EXPECT_EQ(put("?timeout=60").status, 201u);
}

TEST_F(CopyTest, FromElsewhere) {
  Elsewhere("remote", {{"Content-Type", "text/x"}, {"x-ms-meta-m", "1"}});
  const Reply put = FromUrl(
      "/box/dst", std::string(kThere),
      {{"x-ms-source-if-match", "\"e\""}, {"x-ms-copy-source-authorization", "Bearer token"}});
  ASSERT_EQ(put.status, 201u) << put.body;
  EXPECT_EQ(f_.fetcher().last_headers.Get("If-Match"), "\"e\"");
  EXPECT_EQ(f_.fetcher().last_headers.Get("Authorization"), "Bearer token");
  const Reply get = f_.Get("/box/dst");
  EXPECT_EQ(get.body, "remote");
  EXPECT_EQ(get.Header("Content-Type"), "text/x");
  EXPECT_EQ(get.Header("x-ms-meta-m"), "1");
  EXPECT_EQ(FromUrl("/box/bad", std::string(kThere),
                    {{"x-ms-source-content-md5", "XUFAKrxLKna5cZ2REBfFkg=="}})
                .ErrorCode(),
            "Md5Mismatch");
  EXPECT_EQ(f_.Get("/box/bad").status, 404u);
}

TEST_F(CopyTest, ASourceElsewhereThatFails) {
  const Reply missing = FromUrl("/box/dst", std::string(kThere));
  EXPECT_EQ(missing.status, 404u);
  EXPECT_EQ(missing.ErrorCode(), "CannotVerifyCopySource");
  Elsewhere("x");
  f_.fetcher().sources[std::string(kThere)].status = 403;
  EXPECT_EQ(FromUrl("/box/dst", std::string(kThere)).status, 403u);
  f_.fetcher().sources[std::string(kThere)].status = 412;
  EXPECT_EQ(FromUrl("/box/dst", std::string(kThere)).ErrorCode(), "SourceConditionNotMet");
  EXPECT_EQ(f_.Get("/box/dst").status, 404u);
}

TEST_F(CopyTest, CopyBlobHereIsDoneAtOnce) {
  for (const bool sync : {false, true}) {
    const Reply copy = Copy("/box/dst", Here("/box/src"),
                            sync ? HeaderList{{"x-ms-requires-sync", "true"}} : HeaderList{});
    ASSERT_EQ(copy.status, 202u) << copy.body;
    EXPECT_EQ(copy.Header("x-ms-copy-status"), "success");
    const Reply head = f_.Send("HEAD", "/box/dst");
    EXPECT_EQ(head.Header("x-ms-copy-id"), copy.Header("x-ms-copy-id"));
    EXPECT_EQ(head.Header("x-ms-copy-status"), "success");
    EXPECT_EQ(head.Header("x-ms-copy-source"), Here("/box/src"));
    EXPECT_EQ(head.Header("x-ms-copy-progress"), "10/10");
    EXPECT_TRUE(head.headers.Has("x-ms-copy-completion-time"));
    EXPECT_EQ(head.Header("Content-Type"), "text/plain");
  }
  EXPECT_EQ(f_.Get("/box/dst").body, "0123456789");
  const Reply abort = f_.Put("/box/dst?comp=copy&copyid=x", {{"x-ms-copy-action", "abort"}});
  EXPECT_EQ(abort.ErrorCode(), "NoPendingCopyOperation");
  EXPECT_EQ(f_.Put("/box/dst?comp=copy&copyid=x", {{"x-ms-copy-action", "Abort"}}).ErrorCode(),
            "NoPendingCopyOperation");
}

TEST_F(CopyTest, CopyBlobOfASmallSourceElsewhereIsDoneAtOnce) {
  Elsewhere("remote");
  const Reply copy = Copy("/box/dst", std::string(kThere));
  ASSERT_EQ(copy.status, 202u) << copy.body;
  EXPECT_EQ(copy.Header("x-ms-copy-status"), "success");
  // The token of the source's URL is not shown to whoever reads the copy.
  EXPECT_EQ(f_.Send("HEAD", "/box/dst").Header("x-ms-copy-source"),
            "https://store.example/data/blob");
}

}  // namespace
}  // namespace forebay::rest
