// Copies into blobs with a lease: the copy may take longer than a lease that runs out.
#include <gtest/gtest.h>

#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using Field = std::pair<std::string, std::string>;

constexpr char kId[] = "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a";
constexpr char kOther[] = "00000000-3f0a-4c53-9d55-0f1e2d3c4b5a";
constexpr char kThere[] = "https://store.example/data/blob";

class CopyLeaseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    f_.MakeContainer();
    f_.PutBlob("/box/src", "here");
    f_.PutBlob("/box/dst", "old");
    f_.fetcher().sources[kThere] = {.content = "there", .headers = {}};
    ASSERT_TRUE(f_.service().copy_jobs().Start().has_value());
  }
  Reply Lease(const std::string& action, const std::string& seconds = "") {
    HeaderList headers = {{"x-ms-lease-action", action}};
    if (action == "acquire") headers.emplace_back("x-ms-proposed-lease-id", kId);
    if (action == "acquire") headers.emplace_back("x-ms-lease-duration", seconds);
    if (action == "release") headers.emplace_back(with_);
    return f_.Put("/box/dst?comp=lease", headers);
  }
  Reply Copy(HeaderList headers) { return f_.Put("/box/dst", std::move(headers)); }
  // A copy that stays pending, as one from far away does.
  void MakePending(const std::string& id) {
    engine::PutBlobRequest pending;
    pending.target = f_.engine().Blob("dst");
    pending.conditions.lease_id = kId;
    pending.copy.status = azure::CopyStatus::kPending;
    pending.copy.id = id;
    ASSERT_TRUE(f_.engine()
                    .Run(engine::PutBlob(f_.engine().services(), {}, std::move(pending)))
                    .has_value());
  }

  ServiceFixture f_;
  const Field with_{"x-ms-lease-id", kId};
  const Field here_{"x-ms-copy-source", "http://127.0.0.1:10000/devstoreaccount1/box/src"};
  const Field there_{"x-ms-copy-source", kThere};
};

TEST_F(CopyLeaseTest, CopyBlobAsksForALeaseWithoutEnd) {
  ASSERT_EQ(Lease("acquire", "60").status, 201u);
  for (const Field& source : {here_, there_}) {
    EXPECT_EQ(Copy({source}).ErrorCode(), "LeaseIdMissing");
    EXPECT_EQ(Copy({source, {"x-ms-lease-id", kOther}}).ErrorCode(),
              "LeaseIdMismatchWithBlobOperation");
    const Reply finite = Copy({source, with_});
    EXPECT_EQ(finite.status, 412u);
    EXPECT_EQ(finite.ErrorCode(), "InfiniteLeaseDurationRequired");
    EXPECT_EQ(f_.Get("/box/dst").body, "old");
  }
  ASSERT_EQ(Lease("release").status, 200u);
  ASSERT_EQ(Lease("acquire", "-1").status, 201u);
  EXPECT_EQ(Copy({here_, with_}).status, 202u);
  EXPECT_EQ(f_.Get("/box/dst").body, "here");
  EXPECT_EQ(Copy({there_, with_}).status, 202u);
  EXPECT_EQ(f_.Get("/box/dst").body, "there");
}

TEST_F(CopyLeaseTest, ACopyThatIsDoneWhenItAnswersTakesAnyLease) {
  ASSERT_EQ(Lease("acquire", "60").status, 201u);
  const Field sync = {"x-ms-requires-sync", "true"};
  EXPECT_EQ(Copy({here_, with_, sync}).status, 202u);
  EXPECT_EQ(Copy({there_, with_, sync}).status, 202u);
  EXPECT_EQ(f_.PutBlob("/box/dst", "", {here_, with_}).status, 201u);
}

TEST_F(CopyLeaseTest, TheLeaseStaysWhileTheCopyIsPending) {
  ASSERT_EQ(Lease("acquire", "-1").status, 201u);
  MakePending("mine");
  EXPECT_EQ(Lease("release").ErrorCode(), "PendingCopyOperation");
  EXPECT_EQ(Lease("break").ErrorCode(), "PendingCopyOperation");
  const Field abort = {"x-ms-copy-action", "abort"};
  const std::string copy = "/box/dst?comp=copy&copyid=mine";
  EXPECT_EQ(f_.Put(copy, {abort}).ErrorCode(), "LeaseIdMissing");
  EXPECT_EQ(f_.Put(copy, {abort, {"x-ms-lease-id", kOther}}).ErrorCode(),
            "LeaseIdMismatchWithBlobOperation");
  EXPECT_EQ(f_.Put(copy, {abort, with_}).status, 204u);
  EXPECT_EQ(f_.Send("HEAD", "/box/dst").Header("x-ms-copy-status"), "aborted");
  EXPECT_EQ(Lease("release").status, 200u);
}

}  // namespace
}  // namespace forebay::rest
