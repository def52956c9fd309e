#include "rest/blob/sas_cache.h"

#include <gtest/gtest.h>

#include <chrono>

#include "async/run_sync.h"
#include "rest/blob/authenticate.h"
#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

class SasCacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    f_.MakeContainer();
    f_.PutBlob("/box/a", "content");
    f_.PutBlob("/box/b", "other");
  }
  static azure::RequestTarget Target(const std::string& rest) {
    auto target = azure::ParseTarget("/devstoreaccount1" + rest, "127.0.0.1",
                                     [](std::string_view) { return false; });
    EXPECT_TRUE(target.has_value()) << rest;
    return target ? std::move(*target) : azure::RequestTarget();
  }
  std::optional<std::string> KeyOf(const std::string& rest) const {
    return SasCache::KeyOf(account_, Target(rest));
  }
  Reply Read(const std::string& target) { return f_.Send("GET", target, {}, {}, As::kNobody); }

  ServiceFixture f_;
  AccountEntry account_{azure::AccountName("devstoreaccount1"), {}, false, true, 7};
};

TEST_F(SasCacheTest, WhatATokenCoversDecidesWhatTellsEntriesApart) {
  // An account's token is the same on everything.
  EXPECT_EQ(KeyOf("/box/a?ss=b&sig=x"), KeyOf("/bix/b?ss=b&sig=x"));
  // A container's, on its blobs.
  EXPECT_EQ(KeyOf("/box/a?sr=c&sig=x"), KeyOf("/box/b?sr=c&sig=x"));
  EXPECT_NE(KeyOf("/box/a?sr=c&sig=x"), KeyOf("/bix/a?sr=c&sig=x"));
  // All others are for one blob.
  EXPECT_NE(KeyOf("/box/a?sr=b&sig=x"), KeyOf("/box/b?sr=b&sig=x"));
  EXPECT_NE(KeyOf("/box/a?sig=x"), KeyOf("/box/b?sig=x"));
  EXPECT_NE(KeyOf("/box/a?sr=d&sdd=1&sig=x"), KeyOf("/box/b?sr=d&sdd=1&sig=x"));
  EXPECT_NE(KeyOf("/box/a?sr=c&sr=b&sig=x"), KeyOf("/box/b?sr=c&sr=b&sig=x"));
}

TEST_F(SasCacheTest, WhatChangesWithEveryRequestIsLeftOut) {
  EXPECT_EQ(KeyOf("/box/a?sr=c&sig=x&blockid=MDE%3D&timeout=30"),
            KeyOf("/box/a?timeout=60&sr=c&sig=x&blockid=MDI%3D"));
  // What names an operation, a snapshot or a listing's prefix is not.
  EXPECT_NE(KeyOf("/box/a?sr=c&sig=x"), KeyOf("/box/a?sr=c&sig=x&comp=metadata"));
  EXPECT_NE(KeyOf("/box/a?sr=c&sig=x"), KeyOf("/box/a?sr=c&sig=x&snapshot=s"));
  EXPECT_NE(KeyOf("/box/a?sr=c&sig=x"), KeyOf("/box/a?sr=c&sig=x&prefix=p"));
}

TEST_F(SasCacheTest, KeepsOnlyWhatIsSurelyReadTheSameWay) {
  EXPECT_EQ(KeyOf("/box/a?sr=c&sp=r"), std::nullopt) << "no token";
  EXPECT_EQ(KeyOf("/box/a?sr=c&sig=x&s%73=b"), std::nullopt) << "an encoded name";
  EXPECT_EQ(KeyOf("/box/a?sr=c&sig=" + std::string(SasCache::kMaxTextBytes, 'x')), std::nullopt);
}

TEST_F(SasCacheTest, AnotherKeyIsAnotherEntry) {
  const auto before = KeyOf("/box/a?ss=b&sig=x");
  account_.generation = 8;
  EXPECT_NE(KeyOf("/box/a?ss=b&sig=x"), before);
}

TEST_F(SasCacheTest, FindsWhatItKept) {
  SasCache cache;
  EXPECT_EQ(cache.Find("key"), nullptr);
  const auto sas = std::make_shared<VerifiedSas>();
  cache.Keep("key", sas);
  EXPECT_EQ(cache.Find("key"), sas);
  EXPECT_EQ(cache.Find("kez"), nullptr);
  EXPECT_EQ(cache.Find("a longer key, over a word"), nullptr);
  cache.Keep(std::string(SasCache::kMaxTextBytes + 1, 'x'), sas);
  EXPECT_EQ(cache.Find(std::string(SasCache::kMaxTextBytes + 1, 'x')), nullptr);
}

TEST_F(SasCacheTest, StaysBounded) {
  SasCache cache;
  std::size_t found = 0;
  for (int i = 0; i < 5000; ++i) cache.Keep(std::to_string(i), std::make_shared<VerifiedSas>());
  for (int i = 0; i < 5000; ++i) found += cache.Find(std::to_string(i)) == nullptr ? 0 : 1;
  EXPECT_LE(found, SasCache::kSlots);
  EXPECT_GT(found, SasCache::kSlots / 2);
}

TEST_F(SasCacheTest, AKnownTokenIsStillHeldAgainstTheRequest) {
  const std::string sas = f_.ContainerSas("r");
  EXPECT_EQ(Read("/box/a?" + sas).body, "content");
  EXPECT_EQ(Read("/box/a?" + sas).body, "content");
  EXPECT_EQ(Read("/box/b?" + sas).body, "other");
  EXPECT_EQ(f_.Send("DELETE", "/box/a?" + sas, {}, {}, As::kNobody).ErrorCode(),
            "AuthorizationPermissionMismatch");
  std::string forged = sas;
  const std::size_t signature = forged.find("sig=") + 4;
  forged[signature] = forged[signature] == 'A' ? 'B' : 'A';
  EXPECT_EQ(Read("/box/a?" + forged).ErrorCode(), "AuthenticationFailed");
  f_.engine().clock().Advance(std::chrono::hours(2));
  EXPECT_EQ(Read("/box/a?" + sas).ErrorCode(), "AuthenticationFailed") << "expired meanwhile";
}

TEST_F(SasCacheTest, AnswersWithoutTheStoreOnlyWhatItSaw) {
  const std::string sas = f_.ContainerSas("r");
  const azure::RequestTarget target = Target("/box/a?" + sas);
  const AccountsPtr accounts = f_.accounts().Get();
  const AccountEntry* account = accounts->Find("devstoreaccount1");
  ASSERT_NE(account, nullptr);
  SasCache cache;
  AuthRequest request;
  request.method = "GET";
  request.target = &target;
  request.now = f_.engine().clock().Now();
  request.cache = &cache;
  EXPECT_FALSE(AuthenticateKnownSas(account, request).has_value());
  ASSERT_TRUE(RunSync(Authenticate(f_.engine().services(), {}, account, request)).has_value());
  const auto known = AuthenticateKnownSas(account, request);
  ASSERT_TRUE(known.has_value());
  ASSERT_TRUE(known->has_value());
  EXPECT_EQ((*known)->kind, AuthKind::kServiceSas);
  request.operation = azure::Operation::kDeleteBlob;
  const auto refused = AuthenticateKnownSas(account, request);
  ASSERT_TRUE(refused.has_value());
  ASSERT_FALSE(refused->has_value());
  EXPECT_EQ(refused->error().code(), Code::kAuthorizationPermissionMismatch);
}

TEST_F(SasCacheTest, ARotatedKeysTokensEnd) {
  const std::string sas = f_.ContainerSas("r");
  EXPECT_EQ(Read("/box/a?" + sas).status, 200u);
  auto rotated = Accounts::Make({{"devstoreaccount1", {"AAAAAAAAAAAAAAAAAAAAAA=="}, false, true}});
  ASSERT_TRUE(rotated.has_value());
  f_.accounts().Swap(*rotated);
  EXPECT_EQ(Read("/box/a?" + sas).ErrorCode(), "AuthenticationFailed");
}

TEST_F(SasCacheTest, AStoredPolicyIsReadEveryTime) {
  const auto set_policy = [&](const std::string& permissions) {
    const Reply reply = f_.Put(
        "/box?restype=container&comp=acl", {},
        "<SignedIdentifiers><SignedIdentifier><Id>p</Id><AccessPolicy><Expiry>2030-01-01</Expiry>"
        "<Permission>" +
            permissions + "</Permission></AccessPolicy></SignedIdentifier></SignedIdentifiers>");
    ASSERT_EQ(reply.status, 200u) << reply.body;
  };
  set_policy("r");
  azure::SasToken token;
  token.resource = "c";
  token.identifier = "p";
  token.version = azure::kNewestSasVersion;
  token.version_text = token.version.ToString();
  const azure::SasScope scope{ServiceFixture::Account(), azure::ContainerName("box"), {}, {}, {}};
  const std::string sas = azure::SignSas(token, scope, ServiceFixture::Key()).ToQuery();
  EXPECT_EQ(Read("/box/a?" + sas).status, 200u);
  EXPECT_EQ(Read("/box/a?" + sas).status, 200u);
  set_policy("w");
  EXPECT_EQ(Read("/box/a?" + sas).ErrorCode(), "AuthorizationPermissionMismatch");
}

}  // namespace
}  // namespace forebay::rest
