// Access tiers: Set Blob Tier, and what a blob in Archive takes.
#include <gmock/gmock.h>

#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kHere = "http://127.0.0.1:10000/devstoreaccount1";

class SetBlobTierTest : public ::testing::Test {
 protected:
  void SetUp() override {
    f_.MakeContainer();
    f_.PutBlob("/box/a", "content");
  }
  Reply Tier(const std::string& tier, HeaderList headers = {}) {
    headers.emplace_back("x-ms-access-tier", tier);
    return f_.Put("/box/a?comp=tier", std::move(headers));
  }
  std::string TierOf(const std::string& path) {
    return f_.Send("HEAD", path).Header("x-ms-access-tier");
  }
  Reply Copy(const std::string& path, HeaderList headers = {}) {
    headers.emplace_back("x-ms-copy-source", std::string(kHere) + "/box/a");
    return f_.Put(path, std::move(headers));
  }
  ServiceFixture f_;
};

TEST_F(SetBlobTierTest, ATierIsShown) {
  EXPECT_EQ(f_.Send("HEAD", "/box/a").Header("x-ms-access-tier-inferred"), "true");
  for (const char* tier : {"Cool", "Cold", "Hot"}) {
    EXPECT_EQ(Tier(tier).status, 200u);
    const Reply head = f_.Send("HEAD", "/box/a");
    EXPECT_EQ(head.Header("x-ms-access-tier"), tier);
    EXPECT_TRUE(head.headers.Has("x-ms-access-tier-change-time"));
    EXPECT_FALSE(head.headers.Has("x-ms-access-tier-inferred"));
  }
  EXPECT_EQ(Tier("Warm").ErrorCode(), "InvalidHeaderValue");
  EXPECT_EQ(f_.Put("/box/a?comp=tier").ErrorCode(), "MissingRequiredHeader");
}

TEST_F(SetBlobTierTest, ABlobInArchiveIsNotReadOrWritten) {
  ASSERT_EQ(Tier("Archive").status, 200u);
  const auto archived = [](const Reply& reply) {
    return reply.status == 409 && reply.ErrorCode() == "BlobArchived";
  };
  EXPECT_TRUE(archived(f_.Get("/box/a")));
  EXPECT_TRUE(archived(f_.Get("/box/a", {{"x-ms-range", "bytes=0-1"}})));
  EXPECT_TRUE(archived(f_.PutBlob("/box/a", "other")));
  EXPECT_TRUE(archived(f_.Put("/box/a?comp=block&blockid=MDAx", {}, "block")));
  EXPECT_TRUE(archived(f_.Put("/box/a?comp=blocklist", {}, "<BlockList></BlockList>")));
  EXPECT_TRUE(archived(f_.Put("/box/a?comp=metadata", {{"x-ms-meta-a", "b"}})));
  EXPECT_TRUE(archived(f_.Put("/box/a?comp=properties")));
  EXPECT_TRUE(
      archived(f_.PutBlob("/box/b", "", {{"x-ms-copy-source", std::string(kHere) + "/box/a"}})));
  // These it takes.
  EXPECT_EQ(f_.Send("HEAD", "/box/a").Header("x-ms-access-tier"), "Archive");
  EXPECT_EQ(f_.Get("/box/a?comp=metadata").status, 200u);
  EXPECT_EQ(f_.Put("/box/a?comp=tags", {}, "<Tags><TagSet></TagSet></Tags>").status, 204u);
  EXPECT_EQ(f_.Get("/box/a?comp=tags").status, 200u);
  EXPECT_THAT(f_.Get("/box?restype=container&comp=list").body,
              HasSubstr("<AccessTier>Archive</AccessTier>"));
  EXPECT_EQ(f_.Send("DELETE", "/box/a").status, 202u);
}

TEST_F(SetBlobTierTest, OutOfArchiveByTier) {
  Tier("Archive");
  EXPECT_EQ(Tier("Hot", {{"x-ms-rehydrate-priority", "Soon"}}).ErrorCode(), "InvalidHeaderValue");
  EXPECT_EQ(Tier("Hot", {{"x-ms-rehydrate-priority", "High"}}).status, 202u);
  EXPECT_EQ(f_.Get("/box/a").body, "content");
  const Reply head = f_.Send("HEAD", "/box/a");
  EXPECT_EQ(head.Header("x-ms-access-tier"), "Hot");
  EXPECT_FALSE(head.headers.Has("x-ms-archive-status"));
}

TEST_F(SetBlobTierTest, OutOfArchiveByCopy) {
  Tier("Archive");
  EXPECT_EQ(Copy("/box/b").ErrorCode(), "BlobArchived");
  EXPECT_EQ(Copy("/box/b", {{"x-ms-access-tier", "Archive"}}).ErrorCode(), "BlobArchived");
  EXPECT_EQ(
      Copy("/box/b", {{"x-ms-access-tier", "Hot"}, {"x-ms-rehydrate-priority", "No"}}).ErrorCode(),
      "InvalidHeaderValue");
  EXPECT_EQ(Copy("/box/a", {{"x-ms-access-tier", "Hot"}}).ErrorCode(), "BlobArchived");
  const Reply copy =
      Copy("/box/b", {{"x-ms-access-tier", "Cool"}, {"x-ms-rehydrate-priority", "High"}});
  EXPECT_EQ(copy.status, 202u) << copy.body;
  EXPECT_EQ(f_.Get("/box/b").body, "content");
  EXPECT_EQ(TierOf("/box/b"), "Cool");
  EXPECT_EQ(TierOf("/box/a"), "Archive");
}

TEST_F(SetBlobTierTest, AWriteWithoutATierKeepsTheOldOne) {
  Tier("Cool");
  f_.PutBlob("/box/a", "new");
  EXPECT_EQ(TierOf("/box/a"), "Cool");
  f_.Put("/box/a?comp=block&blockid=MDAx", {}, "block");
  f_.Put("/box/a?comp=blocklist", {}, "<BlockList><Latest>MDAx</Latest></BlockList>");
  EXPECT_EQ(TierOf("/box/a"), "Cool");
  f_.PutBlob("/box/a", "new", {{"x-ms-access-tier", "Hot"}});
  EXPECT_EQ(TierOf("/box/a"), "Hot");
  EXPECT_THAT(f_.Get("/box?restype=container&comp=list").body,
              Not(HasSubstr("AccessTierInferred")));
}

}  // namespace
}  // namespace forebay::rest
