// Lease Blob and Lease Container, and what a lease asks of the other operations.
#include <gtest/gtest.h>

#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

constexpr char kId[] = "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a";
constexpr char kOther[] = "00000000-3f0a-4c53-9d55-0f1e2d3c4b5a";

class LeaseTest : public testing::TestWithParam<bool> {
 protected:
  LeaseTest() { f_.MakeContainer(); }
  Reply Lease(const std::string& target, const std::string& action, HeaderList headers = {}) {
    headers.emplace_back("x-ms-lease-action", action);
    return f_.Put(target + (target.find('?') == std::string::npos ? "?" : "&") + "comp=lease",
                  std::move(headers));
  }
  Reply Acquire(const std::string& target, const std::string& seconds = "15") {
    return Lease(target, "acquire",
                 {{"x-ms-lease-duration", seconds}, {"x-ms-proposed-lease-id", kId}});
  }
  ServiceFixture f_{{.hierarchical = GetParam()}};
};

TEST_P(LeaseTest, HoldsEveryWriteOfABlobWithoutItsId) {
  f_.PutBlob("/box/a", "x");
  const std::string etag = f_.Get("/box/a").Header("ETag");
  const Reply acquired = Acquire("/box/a", "-1");
  EXPECT_EQ(acquired.status, 201u);
  EXPECT_EQ(acquired.Header("ETag"), etag);
  const HeaderList with = {{"x-ms-lease-id", kId}};
  const HeaderList wrong = {{"x-ms-lease-id", kOther}};
  struct Write {
    const char* query;
    const char* method;
    HeaderList headers;
    std::string body;
  };
  const std::vector<Write> writes = {
      {"", "PUT", {{"x-ms-blob-type", "BlockBlob"}}, "y"},
      {"?comp=metadata", "PUT", {{"x-ms-meta-k", "v"}}, ""},
      {"?comp=properties", "PUT", {}, ""},
      {"?comp=block&blockid=MDAx", "PUT", {}, "z"},
      {"?comp=blocklist", "PUT", {}, "<BlockList><Latest>MDAx</Latest></BlockList>"},
      {"", "DELETE", {}, ""},
  };
  for (const Write& write : writes) {
    const std::string target = "/box/a" + std::string(write.query);
    EXPECT_EQ(f_.Send(write.method, target, write.headers, write.body).ErrorCode(),
              "LeaseIdMissing")
        << target;
    HeaderList headers = write.headers;
    headers.insert(headers.end(), wrong.begin(), wrong.end());
    EXPECT_EQ(f_.Send(write.method, target, headers, write.body).ErrorCode(),
              "LeaseIdMismatchWithBlobOperation")
        << target;
    headers = write.headers;
    headers.insert(headers.end(), with.begin(), with.end());
    EXPECT_LT(f_.Send(write.method, target, headers, write.body).status, 300u) << target;
  }
  EXPECT_EQ(f_.Get("/box/a").status, 404u);
}

TEST_P(LeaseTest, ReadsPassWithoutAnIdAndShowTheLease) {
  f_.PutBlob("/box/a", "x");
  EXPECT_EQ(f_.Get("/box/a", {{"x-ms-lease-id", kId}}).ErrorCode(),
            "LeaseNotPresentWithBlobOperation");
  Acquire("/box/a");
  const Reply read = f_.Get("/box/a");
  EXPECT_EQ(read.status, 200u);
  EXPECT_EQ(read.Header("x-ms-lease-status"), "locked");
  EXPECT_EQ(read.Header("x-ms-lease-duration"), "fixed");
  EXPECT_EQ(f_.Get("/box/a", {{"x-ms-lease-id", kId}}).status, 200u);
  EXPECT_EQ(f_.Get("/box/a", {{"x-ms-lease-id", kOther}}).ErrorCode(),
            "LeaseIdMismatchWithBlobOperation");
  EXPECT_NE(f_.Get("/box?restype=container&comp=list").body.find("<LeaseState>leased"),
            std::string::npos);
  f_.engine().clock().Advance(std::chrono::seconds(20));
  EXPECT_EQ(f_.Get("/box/a").Header("x-ms-lease-state"), "expired");
  EXPECT_EQ(f_.PutBlob("/box/a", "y").status, 201u);
  EXPECT_EQ(f_.Get("/box/a").Header("x-ms-lease-state"), "available");
}

TEST_P(LeaseTest, WalksThroughItsStates) {
  f_.PutBlob("/box/a", "x");
  EXPECT_EQ(Acquire("/box/a", "60").status, 201u);
  EXPECT_EQ(Lease("/box/a", "change", {{"x-ms-lease-id", kId}, {"x-ms-proposed-lease-id", kOther}})
                .Header("x-ms-lease-id"),
            kOther);
  EXPECT_EQ(Lease("/box/a", "renew", {{"x-ms-lease-id", kOther}}).status, 200u);
  EXPECT_EQ(Lease("/box/a", "renew", {{"x-ms-lease-id", kId}}).ErrorCode(),
            "LeaseIdMismatchWithLeaseOperation");
  const Reply breaking = Lease("/box/a", "break", {{"x-ms-lease-break-period", "5"}});
  EXPECT_EQ(breaking.status, 202u);
  EXPECT_EQ(breaking.Header("x-ms-lease-time"), "5");
  EXPECT_EQ(f_.Get("/box/a").Header("x-ms-lease-state"), "breaking");
  EXPECT_EQ(Acquire("/box/a").ErrorCode(), "LeaseAlreadyPresent");
  f_.engine().clock().Advance(std::chrono::seconds(6));
  EXPECT_EQ(f_.Get("/box/a").Header("x-ms-lease-state"), "broken");
  EXPECT_EQ(Lease("/box/a", "release", {{"x-ms-lease-id", kOther}}).status, 200u);
  EXPECT_EQ(f_.Get("/box/a").Header("x-ms-lease-state"), "available");
}

TEST_P(LeaseTest, RefusesWhatIsNotALease) {
  f_.PutBlob("/box/a", "x");
  EXPECT_EQ(Acquire("/box/a", "5").ErrorCode(), "InvalidHeaderValue");
  EXPECT_EQ(Acquire("/box/a", "61").ErrorCode(), "InvalidHeaderValue");
  EXPECT_EQ(Lease("/box/a", "acquire").ErrorCode(), "MissingRequiredHeader");
  EXPECT_EQ(Lease("/box/a", "renew").ErrorCode(), "MissingRequiredHeader");
  EXPECT_EQ(Lease("/box/a", "renew", {{"x-ms-lease-id", "no-guid"}}).ErrorCode(),
            "InvalidHeaderValue");
  EXPECT_EQ(Lease("/box/a", "break", {{"x-ms-lease-break-period", "61"}}).ErrorCode(),
            "InvalidHeaderValue");
  EXPECT_EQ(Acquire("/box/none").ErrorCode(), "BlobNotFound");
  EXPECT_FALSE(
      Lease("/box/a", "acquire", {{"x-ms-lease-duration", "-1"}}).Header("x-ms-lease-id").empty());
}

TEST_P(LeaseTest, AContainersLeaseHoldsItsDeletion) {
  EXPECT_EQ(Acquire("/box?restype=container", "-1").status, 201u);
  const Reply shown = f_.Get("/box?restype=container");
  EXPECT_EQ(shown.Header("x-ms-lease-state"), "leased");
  EXPECT_EQ(f_.PutBlob("/box/a", "x").status, 201u);
  EXPECT_EQ(f_.Put("/box?restype=container&comp=metadata", {{"x-ms-meta-k", "v"}}).status, 200u);
  EXPECT_EQ(f_.Put("/box?restype=container&comp=metadata", {{"x-ms-lease-id", kOther}}).ErrorCode(),
            "LeaseIdMismatchWithContainerOperation");
  for (const char* read : {"", "&comp=metadata", "&comp=acl"}) {
    const std::string target = "/box?restype=container" + std::string(read);
    EXPECT_EQ(f_.Get(target).status, 200u) << target;
    EXPECT_EQ(f_.Get(target, {{"x-ms-lease-id", kId}}).status, 200u) << target;
    EXPECT_EQ(f_.Get(target, {{"x-ms-lease-id", kOther}}).ErrorCode(),
              "LeaseIdMismatchWithContainerOperation")
        << target;
  }
  EXPECT_NE(f_.Get("/?comp=list").body.find("<LeaseState>leased"), std::string::npos);
  EXPECT_EQ(f_.Send("DELETE", "/box?restype=container").ErrorCode(), "LeaseIdMissing");
  EXPECT_EQ(f_.Send("DELETE", "/box?restype=container", {{"x-ms-lease-id", kId}}).status, 202u);
}

INSTANTIATE_TEST_SUITE_P(Layouts, LeaseTest, testing::Bool(),
                         [](const auto& param) { return param.param ? "hierarchical" : "flat"; });

TEST(HierarchicalAccount, HasNoTags) {
  ServiceFixture f({.hierarchical = true});
  f.MakeContainer();
  EXPECT_EQ(f.PutBlob("/box/a", "x", {{"x-ms-tags", "k=v"}}).ErrorCode(),
            "FeatureNotYetSupportedForHierarchicalNamespaceAccounts");
  EXPECT_EQ(f.PutBlob("/box/a", "x").status, 201u);
  EXPECT_EQ(f.Get("/box/a?comp=tags").status, 409u);
}

}  // namespace
}  // namespace forebay::rest
