// Containers, service properties and CORS.
#include <gmock/gmock.h>

#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using ::testing::HasSubstr;

TEST(ContainersTest, Life) {
  ServiceFixture f;
  const Reply made = f.Put("/box?restype=container", {{"x-ms-meta-k", "v"}});
  EXPECT_EQ(made.status, 201u);
  const Reply properties = f.Get("/box?restype=container");
  EXPECT_EQ(properties.status, 200u);
  EXPECT_EQ(properties.Header("ETag"), made.Header("ETag"));
  EXPECT_EQ(properties.Header("x-ms-meta-k"), "v");
  EXPECT_EQ(properties.Header("x-ms-lease-state"), "available");
  EXPECT_EQ(properties.Header("x-ms-has-legal-hold"), "false");
  EXPECT_EQ(properties.body, "");
  EXPECT_EQ(f.Send("HEAD", "/box?restype=container").status, 200u);
  EXPECT_EQ(f.Put("/box?restype=container&comp=metadata", {{"x-ms-meta-n", "w"}}).status, 200u);
  const Reply metadata = f.Get("/box?restype=container&comp=metadata");
  EXPECT_EQ(metadata.Header("x-ms-meta-n"), "w");
  EXPECT_FALSE(metadata.headers.Has("x-ms-meta-k"));
  EXPECT_FALSE(metadata.headers.Has("x-ms-lease-state"));
  EXPECT_EQ(f.Send("DELETE", "/box?restype=container").status, 202u);
  EXPECT_EQ(f.Get("/box?restype=container").ErrorCode(), "ContainerNotFound");
  EXPECT_EQ(f.Put("/$root?restype=container").status, 201u);
  EXPECT_EQ(f.Put("/$logs?restype=container").status, 400u);
}

TEST(ContainersTest, Acl) {
  ServiceFixture f;
  f.MakeContainer();
  const std::string policies =
      "<?xml version=\"1.0\"?><SignedIdentifiers><SignedIdentifier><Id>one</Id><AccessPolicy>"
      "<Start>2026-01-01T00:00:00.0000000Z</Start><Expiry>2027-01-01T00:00:00.0000000Z</Expiry>"
      "<Permission>rwd</Permission></AccessPolicy></SignedIdentifier></SignedIdentifiers>";
  EXPECT_EQ(
      f.Put("/box?restype=container&comp=acl", {{"x-ms-blob-public-access", "container"}}, policies)
          .status,
      200u);
  const Reply acl = f.Get("/box?restype=container&comp=acl");
  EXPECT_EQ(acl.Header("x-ms-blob-public-access"), "container");
  EXPECT_THAT(acl.body, HasSubstr("<Id>one</Id>"));
  EXPECT_THAT(acl.body, HasSubstr("<Permission>rwd</Permission>"));
  EXPECT_EQ(f.Put("/box?restype=container&comp=acl", {}, "nonsense").ErrorCode(),
            "InvalidXmlDocument");
  EXPECT_EQ(f.Put("/box?restype=container&comp=acl", {{"x-ms-blob-public-access", "all"}}).status,
            400u);
  // No header, no body: private, no policies.
  EXPECT_EQ(f.Put("/box?restype=container&comp=acl").status, 200u);
  EXPECT_FALSE(f.Get("/box?restype=container&comp=acl").headers.Has("x-ms-blob-public-access"));
}

constexpr std::string_view kCors =
    "<StorageServiceProperties><Cors><CorsRule><AllowedOrigins>http://app.example</AllowedOrigins>"
    "<AllowedMethods>GET,PUT</AllowedMethods><MaxAgeInSeconds>60</MaxAgeInSeconds>"
    "<ExposedHeaders>x-ms-*</ExposedHeaders><AllowedHeaders>x-ms-*</AllowedHeaders></CorsRule>"
    "</Cors></StorageServiceProperties>";

TEST(ServicePropertiesTest, SetChangesWhatItNames) {
  ServiceFixture f;
  const std::string path = "/?restype=service&comp=properties";
  EXPECT_THAT(f.Get(path).body, HasSubstr("<StorageServiceProperties>"));
  EXPECT_EQ(f.Put(path, {}, std::string(kCors)).status, 202u);
  EXPECT_EQ(f.Put(path, {},
                  "<StorageServiceProperties><DefaultServiceVersion>2019-12-12"
                  "</DefaultServiceVersion></StorageServiceProperties>")
                .status,
            202u);
  const Reply reply = f.Get(path);
  EXPECT_THAT(reply.body, HasSubstr("<AllowedOrigins>http://app.example</AllowedOrigins>"));
  EXPECT_THAT(reply.body, HasSubstr("<DefaultServiceVersion>2019-12-12"));
  f.version = "";
  EXPECT_EQ(f.Get("/?comp=list").Header("x-ms-version"), "2019-12-12");
  EXPECT_EQ(f.Put(path, {}, "nonsense").status, 400u);
}

TEST(ServicePropertiesTest, TheOperatorsDefaultVersionHoldsWhereTheAccountHasNone) {
  ServiceFixture::Options options;
  options.service.default_version = azure::ServiceVersion(2020, 10, 2);
  ServiceFixture f(options);
  f.version = "";
  EXPECT_EQ(f.Get("/?comp=list").Header("x-ms-version"), "2020-10-02");
  EXPECT_EQ(f.Put("/?restype=service&comp=properties", {},
                  "<StorageServiceProperties><DefaultServiceVersion>2019-12-12"
                  "</DefaultServiceVersion></StorageServiceProperties>")
                .status,
            202u);
  EXPECT_EQ(f.Get("/?comp=list").Header("x-ms-version"), "2019-12-12");
}

TEST(ServicePropertiesTest, WhatWouldHaveNoEffectIsNotSwitchedOn) {
  ServiceFixture f;
  const std::string path = "/?restype=service&comp=properties";
  const auto set = [&](const std::string& part) {
    return f.Put(path, {}, "<StorageServiceProperties>" + part + "</StorageServiceProperties>");
  };
  const Reply retention =
      set("<DeleteRetentionPolicy><Enabled>true</Enabled><Days>7</Days></DeleteRetentionPolicy>");
  EXPECT_EQ(retention.status, 400u);
  EXPECT_EQ(retention.ErrorCode(), "UnsupportedXmlNode");
  EXPECT_THAT(retention.body, HasSubstr("Soft delete of blobs is not supported here."));
  EXPECT_EQ(set("<StaticWebsite><Enabled>true</Enabled></StaticWebsite>").ErrorCode(),
            "UnsupportedXmlNode");
  EXPECT_THAT(f.Get(path).body,
              HasSubstr("<DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>"));
  EXPECT_EQ(set("<DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>"
                "<StaticWebsite><Enabled>false</Enabled></StaticWebsite>")
                .status,
            202u);
}

TEST(ServicePropertiesTest, StatsAreOfTheSecondary) {
  ServiceFixture f;
  EXPECT_EQ(f.Get("/?restype=service&comp=stats").ErrorCode(), "InvalidQueryParameterValue");
  const std::string sas = f.AccountSas("r");
  const Reply reply =
      f.Send("GET", "//devstoreaccount1-secondary/?restype=service&comp=stats&" + sas, {}, "",
             As::kNobody);
  EXPECT_EQ(reply.status, 200u) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr("<Status>unavailable</Status>"));
}

class CorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    f_.MakeContainer();
    f_.PutBlob("/box/a", "x");
    f_.Put("/?restype=service&comp=properties", {}, std::string(kCors));
  }
  Reply Preflight(const std::string& origin, const std::string& method) {
    return f_.Send("OPTIONS", "/box/a",
                   {{"Origin", origin}, {"Access-Control-Request-Method", method}}, "",
                   As::kNobody);
  }
  ServiceFixture f_;
};

TEST_F(CorsTest, PreflightNeedsARule) {
  const Reply yes = Preflight("http://app.example", "PUT");
  EXPECT_EQ(yes.status, 200u) << yes.body;
  EXPECT_EQ(yes.Header("Access-Control-Allow-Origin"), "http://app.example");
  EXPECT_EQ(yes.Header("Access-Control-Max-Age"), "60");
  const Reply no = Preflight("http://evil.example", "PUT");
  EXPECT_EQ(no.status, 403u);
  EXPECT_EQ(no.ErrorCode(), "CorsPreflightFailure");
  EXPECT_THAT(no.body, HasSubstr("<Code>CorsPreflightFailure</Code>"));
  EXPECT_EQ(Preflight("http://app.example", "DELETE").status, 403u);
  EXPECT_EQ(f_.Send("OPTIONS", "/box/a", {}, "", As::kNobody).status, 400u);
}

TEST_F(CorsTest, AnswersCarryTheRule) {
  const Reply reply = f_.Get("/box/a", {{"Origin", "http://app.example"}});
  EXPECT_EQ(reply.status, 200u);
  EXPECT_EQ(reply.Header("Access-Control-Allow-Origin"), "http://app.example");
  EXPECT_FALSE(f_.Get("/box/a", {{"Origin", "http://evil.example"}})
                   .headers.Has("Access-Control-Allow-Origin"));
  // Errors too, or a script could not read them.
  EXPECT_TRUE(f_.Get("/box/none", {{"Origin", "http://app.example"}})
                  .headers.Has("Access-Control-Allow-Origin"));
}

}  // namespace
}  // namespace forebay::rest
