// Put Blob From URL, Put Block From URL, Copy Blob and Copy Blob From URL.
#include <gmock/gmock.h>

#include "base/checksum.h"
#include "meta/keys.h"
#include "rest/blob/copy_jobs.h"
#include "rest/blob/pending_copy.h"
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

TEST_F(CopyTest, SourceChecksumsAndConditions) {
  const std::string md5 = Base64Of(AsText(Md5::Of(AsBytes("0123456789"))));
  EXPECT_EQ(FromUrl("/box/dst", Here("/box/src"), {{"x-ms-source-content-md5", md5}}).status, 201u);
  EXPECT_EQ(FromUrl("/box/dst", Here("/box/src"),
                    {{"x-ms-source-content-md5", "XUFAKrxLKna5cZ2REBfFkg=="}})
                .ErrorCode(),
            "Md5Mismatch");
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

class PendingCopyTest : public CopyTest {
 protected:
  PendingCopyTest() : options_(Options()), jobs_fixture_(options_) {}
  static ServiceFixture::Options Options() {
    ServiceFixture::Options options;
    options.service.copy_jobs.inline_bytes = 4;
    options.service.copy_jobs.attempts = 2;
    options.service.copy_jobs.retry_after = std::chrono::milliseconds(1);
    return options;
  }
  void SetUp() override {
    g_.MakeContainer();
    g_.fetcher().sources[std::string(kThere)] = {.content = "0123456789", .headers = {}};
  }
  Reply Begin() {
    return g_.Put("/box/dst", {{"x-ms-copy-source", std::string(kThere)}, {"x-ms-meta-k", "v"}});
  }

  ServiceFixture::Options options_;
  ServiceFixture jobs_fixture_;
  ServiceFixture& g_ = jobs_fixture_;
};

TEST_F(PendingCopyTest, ALargeSourceIsCopiedBehindTheAnswer) {
  ASSERT_TRUE(g_.service().copy_jobs().Start().has_value());
  const Reply begun = Begin();
  ASSERT_EQ(begun.status, 202u) << begun.body;
  EXPECT_EQ(begun.Header("x-ms-copy-status"), "pending");
  g_.service().copy_jobs().WaitIdle();
  const Reply get = g_.Get("/box/dst");
  EXPECT_EQ(get.body, "0123456789");
  EXPECT_EQ(get.Header("x-ms-copy-status"), "success");
  EXPECT_EQ(get.Header("x-ms-copy-id"), begun.Header("x-ms-copy-id"));
  EXPECT_EQ(get.Header("x-ms-copy-progress"), "10/10");
  EXPECT_EQ(get.Header("x-ms-meta-k"), "v");
  EXPECT_EQ(g_.engine().KeysOfTable('o'), 0u);
}

TEST_F(PendingCopyTest, ASourceThatBreaksOffFailsTheCopy) {
  ASSERT_TRUE(g_.service().copy_jobs().Start().has_value());
  g_.fetcher().sources[std::string(kThere)].cut_at = 5;
  ASSERT_EQ(Begin().status, 202u);
  g_.service().copy_jobs().WaitIdle();
  const Reply head = g_.Send("HEAD", "/box/dst");
  EXPECT_EQ(head.Header("x-ms-copy-status"), "failed");
  EXPECT_TRUE(head.headers.Has("x-ms-copy-status-description"));
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_EQ(g_.engine().KeysOfTable('o'), 0u);
}

TEST_F(PendingCopyTest, NothingPendingIsTakenWhileStopped) {
  EXPECT_EQ(Begin().status, 503u);
  EXPECT_EQ(g_.Get("/box/dst").status, 404u);
  EXPECT_EQ(g_.engine().KeysOfTable('o'), 0u);
}

TEST_F(PendingCopyTest, AbortLeavesAnEmptyBlob) {
  engine::PutBlobRequest pending;
  pending.target = g_.engine().Blob("dst");
  pending.copy = {.status = azure::CopyStatus::kPending,
                  .id = "mine",
                  .source = "x",
                  .description = {},
                  .completed = {},
                  .bytes_copied = 0,
                  .bytes_total = 10};
  ASSERT_TRUE(
      g_.engine().Run(engine::PutBlob(g_.engine().services(), {}, std::move(pending))).has_value());
  const HeaderList abort = {{"x-ms-copy-action", "abort"}};
  EXPECT_EQ(g_.Send("HEAD", "/box/dst").Header("x-ms-copy-progress"), "0/10");
  EXPECT_EQ(g_.Put("/box/dst?comp=copy&copyid=other", abort).ErrorCode(), "CopyIdMismatch");
  EXPECT_EQ(g_.Put("/box/dst?comp=copy&copyid=mine", abort).status, 204u);
  const Reply head = g_.Send("HEAD", "/box/dst");
  EXPECT_EQ(head.Header("x-ms-copy-status"), "aborted");
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_EQ(g_.Put("/box/dst?comp=copy&copyid=mine", abort).ErrorCode(), "NoPendingCopyOperation");
}

TEST_F(PendingCopyTest, ARecordOnDiskIsResumedAndAnObsoleteOneDropped) {
  CopyJobs& jobs = g_.service().copy_jobs();
  ASSERT_TRUE(jobs.Start().has_value());
  ASSERT_EQ(Begin().status, 202u);
  jobs.WaitIdle();
  // As a crash would leave it: the same record, and a blob that is not pending any more.
  PendingCopy stale;
  stale.target = g_.engine().Blob("dst");
  stale.url = std::string(kThere);
  stale.copy.id = "stale";
  jobs.Stop();
  const std::string value = Encode(stale);
  ASSERT_TRUE(g_.engine()
                  .store()
                  .TransactBlocking([&value](kv::Transaction& txn) -> Result<> {
                    txn.Put(meta::keys::PendingCopy("stale"), value);
                    return {};
                  })
                  .has_value());
  // And a pending blob with its record, whose job never ran.
  engine::PutBlobRequest pending;
  pending.target = g_.engine().Blob("second");
  pending.copy = {.status = azure::CopyStatus::kPending,
                  .id = "live",
                  .source = "x",
                  .description = {},
                  .completed = {},
                  .bytes_copied = 0,
                  .bytes_total = 10};
  PendingCopy live = stale;
  live.target = pending.target;
  live.copy = pending.copy;
  const std::string live_value = Encode(live);
  ASSERT_TRUE(
      g_.engine().Run(engine::PutBlob(g_.engine().services(), {}, std::move(pending))).has_value());
  ASSERT_TRUE(g_.engine()
                  .store()
                  .TransactBlocking([&live_value](kv::Transaction& txn) -> Result<> {
                    txn.Put(meta::keys::PendingCopy("live"), live_value);
                    return {};
                  })
                  .has_value());
  ASSERT_TRUE(jobs.Start().has_value());
  jobs.WaitIdle();
  EXPECT_EQ(g_.Get("/box/dst").body, "0123456789");
  const Reply second = g_.Get("/box/second");
  EXPECT_EQ(second.body, "0123456789");
  EXPECT_EQ(second.Header("x-ms-copy-status"), "success");
  EXPECT_EQ(g_.engine().KeysOfTable('o'), 0u);
}

TEST(PendingCopyRecordTest, ReadsWhatItWrote) {
  PendingCopy job;
  job.target.account = {azure::AccountName("acct"), true};
  job.target.container = azure::ContainerName("box");
  job.target.blob = azure::BlobName("dir/a");
  job.url = "https://x/y?sig=z";
  job.source_etag = "\"e\"";
  job.copy.id = "id";
  job.copy.source = "https://x/y";
  job.copy.bytes_total = 1ull << 40;
  job.attributes.http.content_type = "t";
  job.attributes.http.content_md5 = std::string(16, '\x01');
  job.attributes.metadata = {{"k", "v"}};
  job.attributes.tags = {{"t", "1"}};
  job.attributes.tier = azure::AccessTier::kCold;
  const std::string encoded = Encode(job);
  auto read = DecodePendingCopy(encoded);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->target.blob, job.target.blob);
  EXPECT_TRUE(read->target.account.hierarchical);
  EXPECT_EQ(read->url, job.url);
  EXPECT_EQ(read->copy.bytes_total, job.copy.bytes_total);
  EXPECT_EQ(read->attributes.http, job.attributes.http);
  EXPECT_EQ(read->attributes.metadata, job.attributes.metadata);
  EXPECT_EQ(read->attributes.tags, job.attributes.tags);
  EXPECT_EQ(read->attributes.tier, job.attributes.tier);
  EXPECT_EQ(Encode(*read), encoded);
  for (std::size_t cut = 0; cut < encoded.size(); ++cut) {
    EXPECT_FALSE(DecodePendingCopy(encoded.substr(0, cut)).has_value()) << cut;
  }
  EXPECT_FALSE(DecodePendingCopy("\x09").has_value());
}

}  // namespace
}  // namespace forebay::rest
