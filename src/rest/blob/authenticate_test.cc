#include "rest/blob/authenticate.h"

#include <gmock/gmock.h>

#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class AuthenticateTest : public ::testing::Test {
 protected:
  void SetUp() override {
    f_.MakeContainer();
    f_.PutBlob("/box/a", "content");
  }
  Reply Anonymous(std::string_view method, const std::string& target, HeaderList headers = {},
                  std::string body = {}) {
    return f_.Send(method, target, std::move(headers), std::move(body), As::kNobody);
  }
  azure::SasScope BlobScope(const std::string& blob) const {
    return {ServiceFixture::Account(), azure::ContainerName("box"), azure::BlobName(blob), {}, {}};
  }
  azure::SasScope BoxScope() const {
    return {ServiceFixture::Account(), azure::ContainerName("box"), {}, {}, {}};
  }
  azure::SasToken ReadToken(const std::string& resource = "b") const {
    azure::SasToken token;
    token.permissions = "r";
    token.resource = resource;
    return token;
  }
  void SetPolicy(const std::string& policy) {
    const Reply reply = f_.Put("/box?restype=container&comp=acl", {},
                               "<SignedIdentifiers>" + policy + "</SignedIdentifiers>");
    ASSERT_EQ(reply.status, 200u) << reply.body;
  }

  ServiceFixture f_;
};

TEST_F(AuthenticateTest, AWrongKeyIsToldWhatWasSigned) {
  const Reply reply =
      Anonymous("GET", "/box/a",
                {{"x-ms-date", azure::FormatHttpDate(f_.engine().clock().Now())},
                 {"Authorization", "SharedKey devstoreaccount1:AAAAAAAAAAAAAAAAAAAAAAAA"}});
  EXPECT_EQ(reply.status, 403u);
  EXPECT_EQ(reply.ErrorCode(), "AuthenticationFailed");
  EXPECT_THAT(reply.body, HasSubstr("<AuthenticationErrorDetail>"));
  EXPECT_THAT(reply.body, HasSubstr("/devstoreaccount1/devstoreaccount1/box/a"));
}

TEST_F(AuthenticateTest, AnotherAccountsKeyOpensNothingHere) {
  const Reply reply = Anonymous("GET", "/box/a",
                                {{"x-ms-date", azure::FormatHttpDate(f_.engine().clock().Now())},
                                 {"Authorization", "SharedKey other:AAAA"}});
  EXPECT_EQ(reply.ErrorCode(), "AuthenticationFailed");
  // An account that nobody knows.
  const Reply unknown = f_.Send("GET", "//nobody/box/a");
  EXPECT_EQ(unknown.status, 403u);
}

TEST_F(AuthenticateTest, ClocksMayDifferBy15Minutes) {
  const WallTime now = f_.engine().clock().Now();
  const auto at = [&](std::chrono::minutes skew) {
    return f_.Get("/box/a", {{"x-ms-date", azure::FormatHttpDate(now + skew)}});
  };
  EXPECT_EQ(at(std::chrono::minutes(14)).status, 200u);
  EXPECT_EQ(at(std::chrono::minutes(-14)).status, 200u);
  EXPECT_EQ(at(std::chrono::minutes(16)).ErrorCode(), "AuthenticationFailed");
  EXPECT_EQ(at(std::chrono::minutes(-16)).ErrorCode(), "AuthenticationFailed");
}

TEST_F(AuthenticateTest, BearerTokensAreNotOffered) {
  EXPECT_EQ(Anonymous("GET", "/box/a", {{"Authorization", "Bearer abc"}}).status, 403u);
  EXPECT_EQ(Anonymous("GET", "/box/a", {{"Authorization", "nonsense"}}).status, 400u);
}

TEST_F(AuthenticateTest, BlobSasOpensOneBlob) {
  f_.PutBlob("/box/b", "other");
  const std::string sas = f_.Sas(ReadToken(), BlobScope("a"));
  EXPECT_EQ(Anonymous("GET", "/box/a?" + sas).body, "content");
  EXPECT_EQ(Anonymous("GET", "/box/b?" + sas).ErrorCode(), "AuthenticationFailed");
  EXPECT_EQ(Anonymous("DELETE", "/box/a?" + sas).ErrorCode(), "AuthorizationPermissionMismatch");
  EXPECT_EQ(Anonymous("GET", "/box?restype=container&comp=list&" + sas).status, 403u);
}

TEST_F(AuthenticateTest, DirectorySasListsItsDirectoryOnly) {
  for (const char* name : {"dir/sub/x", "dir/sub/y/z", "dir/subway", "dir/b", "other"}) {
    f_.PutBlob("/box/" + std::string(name), "x");
  }
  azure::SasToken token = ReadToken();
  token.permissions = "rl";
  token.resource = "d";
  token.directory_depth = "2";
  const std::string sas = f_.Sas(token, BlobScope("dir/sub"));
  const auto list = [&](const std::string& more) {
    return Anonymous("GET", "/box?restype=container&comp=list&" + more + "&" + sas);
  };
  const Reply flat = list("prefix=dir/sub/");
  ASSERT_EQ(flat.status, 200u) << flat.body;
  EXPECT_THAT(flat.body, HasSubstr("<Name>dir/sub/x</Name>"));
  EXPECT_THAT(flat.body, HasSubstr("<Name>dir/sub/y/z</Name>"));
  EXPECT_THAT(flat.body, Not(HasSubstr("subway")));
  EXPECT_THAT(list("prefix=dir/sub/y/&delimiter=/").body, HasSubstr("dir/sub/y/z"));
  // Neither start nor marker lead out of the prefix.
  for (const char* start : {"startFrom=dir/b", "startFrom=a", "startFrom=", "startFrom=zzz"}) {
    const Reply reply = list("prefix=dir/sub/&include=uncommittedblobs&" + std::string(start));
    EXPECT_EQ(reply.status, 200u);
    EXPECT_THAT(reply.body, Not(HasSubstr("<Name>dir/b<")));
    EXPECT_THAT(reply.body, Not(HasSubstr("subway")));
    EXPECT_THAT(reply.body, Not(HasSubstr("other")));
  }
  // Nothing but what lies below it: "dir/sub" would show "dir/subway".
  for (const char* prefix : {"prefix=dir/sub", "prefix=dir/", "prefix=dir/su", "prefix=dir/subway",
                             "prefix=", "prefix=other/dir/sub/", "prefix=dir//sub/",
                             "prefix=/dir/sub/", "delimiter=/", "prefix=dir/b/&prefix=dir/sub/"}) {
    EXPECT_EQ(list(prefix).ErrorCode(), "AuthenticationFailed") << prefix;
  }
  EXPECT_EQ(Anonymous("GET", "/box/dir/sub/y/z?" + sas).status, 200u);
  EXPECT_EQ(Anonymous("GET", "/box/dir/subway?" + sas).status, 403u);
  EXPECT_EQ(Anonymous("GET", "/box/dir/sub/../b?" + sas).status, 404u);  // its own name, below it
  EXPECT_EQ(Anonymous("GET", "/box?restype=container&prefix=dir/sub/&" + sas).status, 403u);
  EXPECT_EQ(Anonymous("GET", "/box?restype=container&comp=acl&prefix=dir/sub/&" + sas).status,
            403u);
}

TEST_F(AuthenticateTest, DirectorySasOfTheRootListsAll) {
  azure::SasToken token = ReadToken();
  token.permissions = "l";
  token.resource = "d";
  token.directory_depth = "0";
  const std::string sas = f_.Sas(token, BoxScope());
  EXPECT_THAT(Anonymous("GET", "/box?restype=container&comp=list&" + sas).body,
              HasSubstr("<Name>a</Name>"));
  EXPECT_EQ(Anonymous("GET", "/box?restype=container&comp=list&prefix=x&" + sas).status, 200u);
}

TEST_F(AuthenticateTest, FieldsOfATokenCannotBeShifted) {
  // Each field is signed as a line: a line's end inside one would move those behind it.
  azure::SasToken token = ReadToken();
  const std::string sas = f_.Sas(token, BlobScope("a"));
  ASSERT_EQ(Anonymous("GET", "/box/a?" + sas).status, 200u);
  for (const char* more : {"&rscd=x%0Ay", "&sip=%0A", "&si=a%0Ab", "&rsct=%0D", "&ses=%00"}) {
    const Reply reply = Anonymous("GET", "/box/a?" + sas + more);
    EXPECT_EQ(reply.ErrorCode(), "AuthenticationFailed") << more;
    EXPECT_THAT(reply.body, HasSubstr("control character")) << more;
  }
  EXPECT_EQ(Anonymous("GET", "/box/a?" + sas + "&sp=rwd").ErrorCode(), "AuthenticationFailed");
}

TEST_F(AuthenticateTest, UserDelegationSasIsRefusedPlainly) {
  const Reply reply = Anonymous("GET", "/box/a?" + f_.Sas(ReadToken(), BlobScope("a")) +
                                           "&skoid=o&sktid=t&skt=x&ske=y&sks=b");
  EXPECT_EQ(reply.status, 403u);
  EXPECT_EQ(reply.ErrorCode(), "AuthenticationFailed");
  EXPECT_THAT(reply.body,
              HasSubstr("<AuthenticationErrorDetail>User delegation SAS is not offered"));
  const Reply key = f_.Send("POST", "/?restype=service&comp=userdelegationkey", {}, "<KeyInfo/>");
  EXPECT_EQ(key.status, 400u);
  EXPECT_EQ(key.ErrorCode(), "UnsupportedQueryParameter");
}

TEST_F(AuthenticateTest, SasEndsAndBegins) {
  azure::SasToken token = ReadToken();
  const WallTime now = f_.engine().clock().Now();
  token.expiry = azure::FormatIsoSeconds(now - std::chrono::minutes(1));
  EXPECT_EQ(Anonymous("GET", "/box/a?" + f_.Sas(token, BlobScope("a"))).ErrorCode(),
            "AuthenticationFailed");
  token.expiry = azure::FormatIsoSeconds(now + std::chrono::hours(2));
  token.start = azure::FormatIsoSeconds(now + std::chrono::hours(1));
  EXPECT_EQ(Anonymous("GET", "/box/a?" + f_.Sas(token, BlobScope("a"))).status, 403u);
  token.start = azure::FormatIsoSeconds(now - std::chrono::hours(1));
  EXPECT_EQ(Anonymous("GET", "/box/a?" + f_.Sas(token, BlobScope("a"))).status, 200u);
}

TEST_F(AuthenticateTest, SasOfAnAddressAndAProtocol) {
  azure::SasToken token = ReadToken();
  token.ip = "10.0.0.1-10.0.0.9";
  const std::string by_ip = f_.Sas(token, BlobScope("a"));
  EXPECT_EQ(Anonymous("GET", "/box/a?" + by_ip).ErrorCode(), "AuthorizationSourceIPMismatch");
  f_.client_ip = "10.0.0.5";
  EXPECT_EQ(Anonymous("GET", "/box/a?" + by_ip).status, 200u);
  token.ip = "";
  token.protocol = "https";
  const std::string secure = f_.Sas(token, BlobScope("a"));
  EXPECT_EQ(Anonymous("GET", "/box/a?" + secure).ErrorCode(), "AuthorizationProtocolMismatch");
  f_.tls = true;
  EXPECT_EQ(Anonymous("GET", "/box/a?" + secure).status, 200u);
}

TEST_F(AuthenticateTest, SasReplacesHeaders) {
  azure::SasToken token = ReadToken();
  token.content_type = "text/html";
  token.content_disposition = "attachment; filename=x";
  token.cache_control = "no-store";
  token.content_encoding = "gzip";
  token.content_language = "de";
  const std::string sas = f_.Sas(token, BlobScope("a"));
  for (const char* method : {"GET", "HEAD"}) {
    const Reply reply = Anonymous(method, "/box/a?" + sas);
    EXPECT_EQ(reply.status, 200u) << reply.body;
    EXPECT_EQ(reply.Header("Content-Type"), "text/html");
    EXPECT_EQ(reply.Header("Content-Disposition"), "attachment; filename=x");
    EXPECT_EQ(reply.Header("Cache-Control"), "no-store");
    EXPECT_EQ(reply.Header("Content-Encoding"), "gzip");
    EXPECT_EQ(reply.Header("Content-Language"), "de");
  }
}

TEST_F(AuthenticateTest, StoredPolicyGivesAndTakesAway) {
  SetPolicy(
      "<SignedIdentifier><Id>p1</Id><AccessPolicy><Expiry>2030-01-01</Expiry>"
      "<Permission>r</Permission></AccessPolicy></SignedIdentifier>");
  azure::SasToken token;
  token.resource = "c";
  token.identifier = "p1";
  const std::string sas = f_.Sas(token, BoxScope());
  EXPECT_EQ(Anonymous("GET", "/box/a?" + sas).status, 200u);
  EXPECT_EQ(Anonymous("DELETE", "/box/a?" + sas).ErrorCode(), "AuthorizationPermissionMismatch");
  SetPolicy("");
  EXPECT_EQ(Anonymous("GET", "/box/a?" + sas).ErrorCode(), "AuthenticationFailed");
}

TEST_F(AuthenticateTest, CreateWithoutWriteNeverOverwrites) {
  const std::string sas = f_.ContainerSas("c");
  const HeaderList type = {{"x-ms-blob-type", "BlockBlob"}};
  EXPECT_EQ(Anonymous("PUT", "/box/new?" + sas, type, "x").status, 201u);
  EXPECT_EQ(Anonymous("PUT", "/box/a?" + sas, type, "x").ErrorCode(), "UnauthorizedBlobOverwrite");
  EXPECT_EQ(Anonymous("PUT", "/box/a?comp=blocklist&" + sas, {}, "<BlockList/>").status, 403u);
  EXPECT_EQ(f_.Get("/box/a").body, "content");
  // A client that asks for it by itself gets the plain answer.
  EXPECT_EQ(Anonymous("PUT", "/box/a?" + sas,
                      {{"x-ms-blob-type", "BlockBlob"}, {"If-None-Match", "*"}}, "x")
                .ErrorCode(),
            "BlobAlreadyExists");
  // Deleting is another matter.
  EXPECT_EQ(Anonymous("DELETE", "/box/a?" + f_.ContainerSas("cd")).status, 202u);
}

TEST_F(AuthenticateTest, TagsNeedTheirOwnPermission) {
  const HeaderList headers = {{"x-ms-blob-type", "BlockBlob"}, {"x-ms-tags", "k=v"}};
  EXPECT_EQ(Anonymous("PUT", "/box/t?" + f_.ContainerSas("cw"), headers, "x").ErrorCode(),
            "AuthorizationPermissionMismatch");
  EXPECT_EQ(Anonymous("PUT", "/box/t?" + f_.ContainerSas("cwt"), headers, "x").status, 201u);
}

TEST_F(AuthenticateTest, AListingShowsTagsToThoseWhoMayReadThem) {
  f_.PutBlob("/box/t", "x", {{"x-ms-tags", "k=v"}});
  const auto list = [this](const std::string& include, const std::string& sas) {
    return Anonymous("GET", "/box?restype=container&comp=list&" + include + "&" + sas);
  };
  const std::string plain = f_.ContainerSas("rl");
  EXPECT_EQ(list("include=metadata", plain).status, 200u);
  for (const char* include :
       {"include=tags", "include=metadata,tags", "include=metadata&include=Tags"}) {
    EXPECT_EQ(list(include, plain).ErrorCode(), "AuthorizationPermissionMismatch") << include;
    EXPECT_THAT(list(include, f_.ContainerSas("rlt")).body, HasSubstr("<Key>k</Key>")) << include;
  }
  f_.Put("/box?restype=container&comp=acl", {{"x-ms-blob-public-access", "container"}});
  EXPECT_EQ(Anonymous("GET", "/box?restype=container&comp=list").status, 200u);
  EXPECT_EQ(Anonymous("GET", "/box?restype=container&comp=list&include=tags").status, 401u);
}

TEST_F(AuthenticateTest, RotatedKeysStopAndStartToWork) {
  const std::string sas = f_.Sas(ReadToken(), BlobScope("a"));
  EXPECT_EQ(Anonymous("GET", "/box/a?" + sas).status, 200u);
  auto rotated = Accounts::Make({{"devstoreaccount1", {"bmV3"}, false, true}});
  ASSERT_TRUE(rotated.has_value());
  f_.accounts().Swap(*rotated);
  EXPECT_EQ(Anonymous("GET", "/box/a?" + sas).status, 403u);
  auto both = Accounts::Make({{"devstoreaccount1", {"bmV3", std::string(kTestKey)}, false, true}});
  f_.accounts().Swap(*both);
  EXPECT_EQ(Anonymous("GET", "/box/a?" + sas).status, 200u);
}

TEST_F(AuthenticateTest, TheSecondaryOnlyReads) {
  const std::string sas = f_.AccountSas("rwdlc");
  EXPECT_EQ(Anonymous("GET", "//devstoreaccount1-secondary/box/a?" + sas).status, 200u);
  EXPECT_EQ(Anonymous("DELETE", "//devstoreaccount1-secondary/box/a?" + sas).ErrorCode(),
            "InsufficientAccountPermissions");
}

TEST_F(AuthenticateTest, HostStyle) {
  f_.host = "devstoreaccount1.blob.localhost:10000";
  const std::string sas = f_.Sas(ReadToken(), BlobScope("a"));
  EXPECT_EQ(Anonymous("GET", "//box/a?" + sas).body, "content");
  EXPECT_EQ(f_.Send("GET", "//box/a").body, "content");
}

TEST(AccountsTest, RefusesWhatIsNoAccount) {
  const auto code = [](std::vector<AccountConfig> configs) {
    auto made = Accounts::Make(configs);
    return made ? Code::kInternal : made.error().code();
  };
  EXPECT_EQ(code({{"Bad_Name", {"a2V5"}, false, true}}), Code::kInvalidConfig);
  EXPECT_EQ(code({{"good", {}, false, true}}), Code::kInvalidConfig);
  EXPECT_EQ(code({{"good", {"!!!"}, false, true}}), Code::kInvalidConfig);
  EXPECT_EQ(code({{"good", {"a2V5", "a2V5", "a2V5"}, false, true}}), Code::kInvalidConfig);
  EXPECT_EQ(code({{"good", {"a2V5"}, false, true}, {"good", {"a2V5"}, false, true}}),
            Code::kInvalidConfig);
}

}  // namespace
}  // namespace forebay::rest
