// Copies that are pending: jobs, their records, and what may be done to a blob meanwhile.
#include "rest/blob/copy_jobs.h"

#include <gmock/gmock.h>

#include "base/checksum.h"
#include "base/encoding.h"
#include "engine/delete_path.h"
#include "engine/get_block_list.h"
#include "engine/rename_path.h"
#include "meta/keys.h"
#include "rest/blob/copy_parts.h"
#include "rest/blob/pending_copy.h"
#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kThere = "https://store.example/data/blob?token=secret";

class PendingCopyTest : public ::testing::Test {
 protected:
  PendingCopyTest() : PendingCopyTest(Options()) {}
  explicit PendingCopyTest(const ServiceFixture::Options& options) : g_(options) {}
  static ServiceFixture::Options Options() {
    ServiceFixture::Options options;
    options.service.copy_jobs.inline_bytes = 4;
    options.service.copy_jobs.attempts = 2;
    options.service.copy_jobs.retry_after = std::chrono::milliseconds(1);
    return options;
  }
  void SetUp() override {
    g_.MakeContainer();
    Source() = {.content = "0123456789", .headers = {}};
  }
  Reply Begin() {
    return g_.Put("/box/dst", {{"x-ms-copy-source", std::string(kThere)}, {"x-ms-meta-k", "v"}});
  }

  // A blob into which a copy is pending, with no job behind it.
  void MakePending(const std::string& name, const std::string& id) {
    engine::PutBlobRequest pending;
    pending.target = g_.engine().Blob(name);
    pending.copy = {.status = azure::CopyStatus::kPending,
                    .id = id,
                    .source = "x",
                    .description = {},
                    .completed = {},
                    .bytes_copied = 0,
                    .bytes_total = 10};
    ASSERT_TRUE(g_.engine()
                    .Run(engine::PutBlob(g_.engine().services(), {}, std::move(pending)))
                    .has_value());
  }
  // The record of the copy into it, as a stop leaves it.
  void PutJob(const std::string& name, const std::string& id, std::string source_etag = {}) {
    PendingCopy job;
    job.target = g_.engine().Blob(name);
    job.url = std::string(kThere);
    job.source_etag = std::move(source_etag);
    job.copy.id = id;
    job.copy.bytes_total = 10;
    const std::string value = Encode(job);
    ASSERT_TRUE(g_.engine()
                    .store()
                    .TransactBlocking([&](kv::Transaction& txn) -> Result<> {
                      txn.Put(meta::keys::PendingCopy(id), value);
                      return {};
                    })
                    .has_value());
  }
  FakeFetcher::Source& Source() { return g_.fetcher().sources[std::string(kThere)]; }

  ServiceFixture g_;
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
  EXPECT_EQ(g_.service().copy_jobs().stats().completed, 1u);
  EXPECT_EQ(g_.service().copy_jobs().stats().pending, 0u);
}

TEST_F(PendingCopyTest, ASourceThatBreaksOffFailsTheCopy) {
  ASSERT_TRUE(g_.service().copy_jobs().Start().has_value());
  g_.fetcher().sources[std::string(kThere)].cut_at = 5;
  ASSERT_EQ(Begin().status, 202u);
  g_.service().copy_jobs().WaitIdle();
  const Reply head = g_.Send("HEAD", "/box/dst");
  EXPECT_EQ(head.Header("x-ms-copy-status"), "failed");
  EXPECT_EQ(g_.service().copy_jobs().stats().failed, 1u);
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
  MakePending("dst", "mine");
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

TEST_F(PendingCopyTest, NobodyElseChangesTheBlobMeanwhile) {
  ASSERT_TRUE(g_.service().copy_jobs().Start().has_value());
  MakePending("dst", "mine");
  const std::string etag = g_.Send("HEAD", "/box/dst").Header("ETag");
  const auto refused = [](const Reply& reply) {
    return reply.status == 409 && reply.ErrorCode() == "PendingCopyOperation";
  };
  const HeaderList from = {{"x-ms-copy-source", std::string(kThere)}};
  g_.PutBlob("/box/here", "x");
  EXPECT_TRUE(refused(g_.PutBlob("/box/dst", "mine!")));
  EXPECT_TRUE(refused(g_.PutBlob("/box/dst", "", from)));
  EXPECT_TRUE(refused(g_.Put("/box/dst", from)));
  EXPECT_TRUE(refused(g_.Put(
      "/box/dst", {{"x-ms-copy-source", "http://127.0.0.1:10000/devstoreaccount1/box/here"}})));
  EXPECT_TRUE(refused(g_.Put("/box/dst?comp=block&blockid=MDAx", {}, "block")));
  EXPECT_TRUE(refused(g_.Put("/box/dst?comp=blocklist", {}, "<BlockList></BlockList>")));
  EXPECT_TRUE(refused(g_.Put("/box/dst?comp=metadata", {{"x-ms-meta-a", "b"}})));
  EXPECT_TRUE(refused(g_.Put("/box/dst?comp=properties")));
  EXPECT_TRUE(refused(g_.Put("/box/dst?comp=tags", {}, "<Tags><TagSet></TagSet></Tags>")));
  EXPECT_TRUE(refused(g_.Put("/box/dst?comp=tier", {{"x-ms-access-tier", "Cool"}})));
  EXPECT_TRUE(refused(g_.Send("DELETE", "/box/dst")));
  // Conditions are looked at first.
  EXPECT_EQ(g_.PutBlob("/box/dst", "x", {{"If-None-Match", "*"}}).ErrorCode(), "BlobAlreadyExists");
  const Reply head = g_.Send("HEAD", "/box/dst");
  EXPECT_EQ(head.Header("ETag"), etag);
  EXPECT_EQ(head.Header("x-ms-copy-status"), "pending");
  EXPECT_EQ(g_.Get("/box/dst").status, 200u);
  EXPECT_EQ(g_.Put("/box/dst?comp=copy&copyid=mine", {{"x-ms-copy-action", "abort"}}).status, 204u);
  EXPECT_EQ(g_.PutBlob("/box/dst", "mine!").status, 201u);
  EXPECT_EQ(g_.Get("/box/dst").body, "mine!");
}

TEST_F(PendingCopyTest, ADeletedContainerTakesItsCopiesAlong) {
  MakePending("dst", "mine");
  EXPECT_EQ(g_.Send("DELETE", "/box?restype=container").status, 202u);
}

TEST_F(PendingCopyTest, SetBlobPropertiesForgetsAFinishedCopy) {
  ASSERT_TRUE(g_.service().copy_jobs().Start().has_value());
  Begin();
  g_.service().copy_jobs().WaitIdle();
  EXPECT_EQ(g_.Put("/box/dst?comp=metadata", {{"x-ms-meta-a", "b"}}).status, 200u);
  EXPECT_EQ(g_.Send("HEAD", "/box/dst").Header("x-ms-copy-status"), "success");
  EXPECT_EQ(g_.Put("/box/dst?comp=properties").status, 200u);
  EXPECT_FALSE(g_.Send("HEAD", "/box/dst").headers.Has("x-ms-copy-status"));
}

// On a hierarchical account the directories above a pending copy can be renamed.
class MovedCopyTest : public PendingCopyTest {
 protected:
  MovedCopyTest() : PendingCopyTest(HierarchicalOptions()) {}
  static ServiceFixture::Options HierarchicalOptions() {
    ServiceFixture::Options options = Options();
    options.hierarchical = true;
    return options;
  }
  Code Rename(std::string_view from, std::string_view to) {
    engine::RenamePathRequest request;
    request.source = g_.engine().Blob(from);
    request.target = g_.engine().Blob(to);
    const auto done =
        g_.engine().Run(engine::RenamePath(g_.engine().services(), {}, std::move(request)));
    return done ? Code{} : done.error().code();
  }
  // A job that has not run yet, as a stop leaves it.
  void MakeJob(const std::string& name, const std::string& id) {
    MakePending(name, id);
    PutJob(name, id);
  }
  void RunJobs() {
    ASSERT_TRUE(g_.service().copy_jobs().Start().has_value());
    g_.service().copy_jobs().WaitIdle();
    EXPECT_EQ(g_.engine().KeysOfTable('o'), 0u);
  }
};

TEST_F(MovedCopyTest, ACopyFollowsItsDirectory) {
  MakeJob("d/e/dst", "mine");
  EXPECT_EQ(Rename("d/e/dst", "other"), Code::kPendingCopyOperation);
  ASSERT_EQ(Rename("d", "d2"), Code{});
  ASSERT_EQ(Rename("d2/e", "f"), Code{});
  // What took the name meanwhile stays what it is.
  ASSERT_EQ(g_.PutBlob("/box/d/e/dst", "another").status, 201u);
  RunJobs();
  const Reply moved = g_.Get("/box/f/dst");
  EXPECT_EQ(moved.body, "0123456789");
  EXPECT_EQ(moved.Header("x-ms-copy-status"), "success");
  EXPECT_EQ(g_.Get("/box/d/e/dst").body, "another");
  EXPECT_EQ(g_.PutBlob("/box/f/dst", "mine!").status, 201u);
}

TEST_F(MovedCopyTest, ACopyThatFailsSaysSoAtItsNewName) {
  MakeJob("d/dst", "mine");
  Source().status = 404;
  ASSERT_EQ(Rename("d", "d2"), Code{});
  RunJobs();
  EXPECT_EQ(g_.Send("HEAD", "/box/d2/dst").Header("x-ms-copy-status"), "failed");
  EXPECT_EQ(g_.Send("DELETE", "/box/d2/dst").status, 202u);
}

TEST_F(MovedCopyTest, ARenameWhileTheSourceIsRead) {
  ASSERT_TRUE(g_.service().copy_jobs().Start().has_value());
  g_.fetcher().delay = std::chrono::milliseconds(100);
  const Reply begun = g_.Put("/box/d/dst", {{"x-ms-copy-source", std::string(kThere)}});
  ASSERT_EQ(begun.status, 202u) << begun.body;
  ASSERT_EQ(Rename("d", "d2"), Code{});
  g_.service().copy_jobs().WaitIdle();
  EXPECT_EQ(g_.Get("/box/d2/dst").body, "0123456789");
  EXPECT_EQ(g_.Get("/box/d/dst").status, 404u);
  EXPECT_EQ(g_.engine().KeysOfTable('o'), 0u);
}

TEST_F(MovedCopyTest, ACopyInADeletedDirectoryEnds) {
  MakeJob("d/dst", "mine");
  engine::DeletePathRequest request;
  request.target = g_.engine().Blob("d");
  request.recursive = true;
  ASSERT_TRUE(g_.engine()
                  .Run(engine::DeletePath(g_.engine().services(), {}, std::move(request)))
                  .has_value());
  RunJobs();
  EXPECT_TRUE(g_.fetcher().asked.empty());
}

// Copies that are made in parts: what is large here is 10 bytes, and a part 3.
class CopyInPartsTest : public PendingCopyTest {
 protected:
  CopyInPartsTest() : PendingCopyTest(PartOptions()) {}
  static ServiceFixture::Options PartOptions() {
    ServiceFixture::Options options = Options();
    options.service.copy_jobs.whole_bytes = 5;
    options.service.copy_jobs.part_bytes = 3;
    options.service.copy_jobs.attempts = 3;
    return options;
  }
  void CopyNow() {
    ASSERT_TRUE(g_.service().copy_jobs().Start().has_value());
    const Reply begun = Begin();
    ASSERT_EQ(begun.status, 202u) << begun.body;
    g_.service().copy_jobs().WaitIdle();
  }
  void ExpectWhole() {
    const Reply get = g_.Get("/box/dst");
    EXPECT_EQ(get.body, "0123456789");
    EXPECT_EQ(get.Header("x-ms-copy-status"), "success");
    EXPECT_EQ(get.Header("x-ms-copy-progress"), "10/10");
    EXPECT_EQ(get.Header("x-ms-meta-k"), "v");
    EXPECT_EQ(g_.engine().KeysOfTable('o'), 0u);
  }
  std::vector<std::uint64_t> BlockSizes() {
    engine::GetBlockListRequest request{.target = g_.engine().Blob("dst"), .uncommitted = true};
    auto list =
        g_.engine().Run(engine::GetBlockList(g_.engine().services(), {}, std::move(request)));
    EXPECT_TRUE(list.has_value());
    EXPECT_TRUE(list->uncommitted.empty());
    std::vector<std::uint64_t> sizes;
    for (const auto& block : list->committed) sizes.push_back(block.size);
    return sizes;
  }
};

TEST_F(CopyInPartsTest, AVeryLargeSourceBecomesBlocks) {
  Source().headers.Add("ETag", "\"e\"");
  CopyNow();
  ExpectWhole();
  EXPECT_THAT(BlockSizes(), ElementsAre(3, 3, 3, 1));
  EXPECT_EQ(g_.fetcher().ranges.size(), 2u);  // one to look, one for all parts
}

TEST_F(CopyInPartsTest, ABrokenSourceIsAskedForItsRest) {
  Source().headers.Add("ETag", "\"e\"");
  Source().cut_at = 6;
  Source().cuts = 1;
  CopyNow();
  ExpectWhole();
  EXPECT_THAT(g_.fetcher().ranges, ElementsAre("", "", "6-9"));
  EXPECT_EQ(g_.fetcher().last_headers.Get("If-Match"), "\"e\"");
}

TEST_F(CopyInPartsTest, WithoutAnETagItBeginsAgain) {
  Source().cut_at = 7;
  Source().cuts = 1;
  CopyNow();
  ExpectWhole();
  EXPECT_THAT(g_.fetcher().ranges, ElementsAre("", "", ""));
  EXPECT_THAT(BlockSizes(), ElementsAre(3, 3, 3, 1));
}

TEST_F(CopyInPartsTest, AfterARestartItGoesOnBehindThePartsThatArrived) {
  struct Case {
    std::vector<std::string> staged;  // as an earlier process left them
    std::string source_etag;
    std::string asked;
  };
  const Case cases[] = {
      {{"012", "345"}, "\"e\"", "6-9"},
      {{"012", "345", "678", "9"}, "\"e\"", "none"},  // all but the list
      {{"0123", "4567"}, "\"e\"", ""},                // parts had another size
      {{"012", "345"}, "", ""},                       // nobody knows what they belong to
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::PrintToString(c.staged));
    Source().headers = {};
    if (!c.source_etag.empty()) Source().headers.Add("ETag", c.source_etag);
    g_.fetcher().ranges.clear();
    MakePending("dst", "mine");
    for (std::size_t n = 0; n < c.staged.size(); ++n) {
      engine::TextReader body(c.staged[n]);
      engine::PutBlockRequest block;
      block.target = g_.engine().Blob("dst");
      block.block_id = azure::BlockId("copy0000000" + std::to_string(n));
      block.body = &body;
      block.copy_id = "mine";
      ASSERT_TRUE(g_.engine().Run(engine::PutBlock(g_.engine().services(), {}, std::move(block))));
    }
    PutJob("dst", "mine", c.source_etag);
    ASSERT_TRUE(g_.service().copy_jobs().Start().has_value());
    g_.service().copy_jobs().WaitIdle();
    g_.service().copy_jobs().Stop();
    const Reply get = g_.Get("/box/dst");
    EXPECT_EQ(get.body, "0123456789");
    EXPECT_EQ(get.Header("x-ms-copy-status"), "success");
    EXPECT_THAT(BlockSizes(), ElementsAre(3, 3, 3, 1));
    if (c.asked == "none") {
      EXPECT_TRUE(g_.fetcher().ranges.empty());
    } else {
      EXPECT_THAT(g_.fetcher().ranges, ElementsAre(c.asked));
    }
    ASSERT_EQ(g_.Send("DELETE", "/box/dst").status, 202u);
  }
}

TEST_F(CopyInPartsTest, AFailedCopyLeavesNothingStaged) {
  Source().cut_at = 4;
  CopyNow();
  const Reply head = g_.Send("HEAD", "/box/dst");
  EXPECT_EQ(head.Header("x-ms-copy-status"), "failed");
  EXPECT_EQ(head.content_length, 0u);
  EXPECT_TRUE(BlockSizes().empty());
}

TEST_F(CopyInPartsTest, APartOfACopyThatIsOverIsRefused) {
  MakePending("dst", "mine");
  const auto stage = [this](const std::string& id) {
    engine::TextReader body("part");
    engine::PutBlockRequest block;
    block.target = g_.engine().Blob("dst");
    block.block_id = azure::BlockId("copy0001");
    block.body = &body;
    block.copy_id = id;
    auto put = g_.engine().Run(engine::PutBlock(g_.engine().services(), {}, std::move(block)));
    return put ? Code{} : put.error().code();
  };
  EXPECT_EQ(stage("mine"), Code{});
  EXPECT_EQ(stage("other"), Code::kNoPendingCopyOperation);
  g_.Put("/box/dst?comp=copy&copyid=mine", {{"x-ms-copy-action", "abort"}});
  EXPECT_EQ(stage("mine"), Code::kNoPendingCopyOperation);
  EXPECT_TRUE(BlockSizes().empty());
}

TEST(DivideCopyTest, StaysWithinTheBlocksOfABlob) {
  EXPECT_EQ(DivideCopy(10, 3).part_bytes, 3u);
  const std::uint64_t tera = 1ull << 40;
  const CopyParts parts = DivideCopy(100 * tera, 64 << 20);
  EXPECT_LE((parts.total + parts.part_bytes - 1) / parts.part_bytes, 50'000u);
  EXPECT_LE(parts.part_bytes, 4'000ull << 20);
  EXPECT_EQ(DivideCopy(0, 3).part_bytes, 3u);
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
  // docs/formats/pending-copy.md, version 1.
  const std::string golden =
      "0104616363740103626f78056469722f611168747470733a2f2f782f793f7369673d7a0322652202"
      "69640b68747470733a2f2f782f798080808080200174000000001001010101010101010101010101"
      "0101010301016b01760101740131";
  const std::string encoded = Encode(job);
  EXPECT_EQ(HexEncode(AsBytes(encoded)), golden);
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
