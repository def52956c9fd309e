#include "azure/sas.h"

#include <gtest/gtest.h>

#include "azure/vectors_for_test.h"

namespace forebay::azure {
namespace {

const WallTime kNow = ParseIsoTime("2026-06-01T12:00:00Z").value();

std::vector<SigningKey> Keys() { return {SigningKey::FromBase64(kTestKey).value()}; }

SasToken Parse(const std::string& query) {
  auto token = ParseSas(Query::Parse(query).value());
  EXPECT_TRUE(token) << token.error().detail();
  EXPECT_TRUE(token->has_value());
  return **token;
}

Error ParseFailure(const std::string& query) {
  auto token = ParseSas(Query::Parse(query).value());
  EXPECT_FALSE(token) << query;
  return token ? Error(Code::kInternal, "") : token.error();
}

SasScope Scope(const char* container, const char* blob = nullptr) {
  SasScope scope{AccountName(kTestAccount), ContainerName(container), std::nullopt, {}, {}};
  if (blob != nullptr) scope.blob = BlobName(blob);
  return scope;
}

SasToken Signed(SasToken token, const SasScope& scope) {
  if (token.expiry.empty() && token.identifier.empty()) token.expiry = "2099-01-01T00:00:00Z";
  return SignSas(std::move(token), scope, Keys()[0]);
}

class SasVectors : public testing::TestWithParam<std::pair<const char*, std::size_t>> {};

TEST_P(SasVectors, TokensOfRealClientsVerifyAndChangedOnesDoNot) {
  auto records = ReadVectors(GetParam().first);
  ASSERT_GE(records.size(), GetParam().second);
  const auto keys = Keys();
  for (const auto& record : records) {
    SCOPED_TRACE(record.Get("name") + " " + record.Get("query"));
    SasScope scope{AccountName(record.Get("account")), std::nullopt, std::nullopt, {}, {}};
    std::string snapshot = record.Get("snapshot");
    std::string version = record.Get("versionid");
    if (auto text = record.Get("container"); !text.empty()) scope.container = ContainerName(text);
    if (auto text = record.Get("blob"); !text.empty()) scope.blob = BlobName(text);
    scope.snapshot = snapshot;
    scope.version_id = version;
    SasToken token = Parse(record.Get("query"));
    auto verified = VerifySasSignature(token, scope, keys);
    EXPECT_TRUE(verified) << verified.error().detail();
    for (auto field : {&SasToken::permissions, &SasToken::expiry, &SasToken::version_text}) {
      SasToken changed = token;
      changed.*field += "x";
      EXPECT_FALSE(VerifySasSignature(changed, scope, keys));
    }
    if (token.kind == SasKind::kService) {
      SasScope other = scope;
      other.container = ContainerName("other");
      EXPECT_FALSE(VerifySasSignature(token, other, keys));
    }
    // What we would sign ourselves is the same signature.
    EXPECT_EQ(SignSas(token, scope, keys[0]).signature, token.signature);
    // And the text of the token survives a round trip.
    EXPECT_EQ(Parse(token.ToQuery()).signature, token.signature);
  }
}

INSTANTIATE_TEST_SUITE_P(Clients, SasVectors,
                         testing::Values(std::pair{"sas_js.txt", 100u},
                                         std::pair{"sas_python.txt", 7u}));

// "Create a service SAS" in the REST reference, one form a version.
TEST(Sas, DocumentedStringsToSign) {
  SasToken token;
  token.permissions = "r";
  token.start = "2009-02-09";
  token.expiry = "2009-02-10";
  token.identifier = "YWJjZGVmZw==";
  token.resource = "c";
  SasScope scope{
      AccountName("myaccount"), ContainerName("pictures"), BlobName("profile.jpg"), {}, {}};
  EXPECT_EQ(SasStringToSign(token, scope),
            "r\n2009-02-09\n2009-02-10\n/myaccount/pictures\nYWJjZGVmZw==");
  auto at = [&](int y, int m, int d) {
    token.version = ServiceVersion(y, m, d);
    token.version_text = token.version.ToString();
    return SasStringToSign(token, scope);
  };
  EXPECT_EQ(at(2012, 2, 12),
            "r\n2009-02-09\n2009-02-10\n/myaccount/pictures\nYWJjZGVmZw==\n2012-02-12");
  token.content_type = "text/plain";
  EXPECT_EQ(at(2013, 8, 15),
            "r\n2009-02-09\n2009-02-10\n/myaccount/pictures\nYWJjZGVmZw==\n2013-08-15\n\n\n\n\n"
            "text/plain");
  token.resource = "b";
  EXPECT_EQ(at(2015, 2, 21),
            "r\n2009-02-09\n2009-02-10\n/blob/myaccount/pictures/profile.jpg\nYWJjZGVmZw==\n"
            "2015-02-21\n\n\n\n\ntext/plain");
  token.ip = "168.1.5.65";
  token.protocol = "https";
  EXPECT_EQ(at(2015, 4, 5),
            "r\n2009-02-09\n2009-02-10\n/blob/myaccount/pictures/profile.jpg\nYWJjZGVmZw==\n"
            "168.1.5.65\nhttps\n2015-04-05\n\n\n\n\ntext/plain");
  token.resource = "bs";
  scope.snapshot = "2025-01-01T00:00:00.0000000Z";
  EXPECT_EQ(at(2018, 11, 9),
            "r\n2009-02-09\n2009-02-10\n/blob/myaccount/pictures/profile.jpg\nYWJjZGVmZw==\n"
            "168.1.5.65\nhttps\n2018-11-09\nbs\n2025-01-01T00:00:00.0000000Z\n\n\n\n\ntext/plain");
  token.encryption_scope = "e";
  EXPECT_EQ(
      at(2020, 12, 6),
      "r\n2009-02-09\n2009-02-10\n/blob/myaccount/pictures/profile.jpg\nYWJjZGVmZw==\n"
      "168.1.5.65\nhttps\n2020-12-06\nbs\n2025-01-01T00:00:00.0000000Z\ne\n\n\n\n\ntext/plain");
}

TEST(Sas, NoSignatureIsNoSas) {
  auto token = ParseSas(Query::Parse("sv=2020-12-06&sp=r").value());
  ASSERT_TRUE(token);
  EXPECT_FALSE(token->has_value());
}

TEST(Sas, MalformedTokensSayWhatIsWrong) {
  EXPECT_NE(ParseFailure("sig=x&sr=b&se=2099-01-01&sv=2020-12-06").detail().find("sp"),
            std::string::npos);
  EXPECT_NE(ParseFailure("sig=x&sr=b&sp=r&sv=2020-12-06").detail().find("se"), std::string::npos);
  for (const char* query :
       {"sig=&sr=b&sp=r&se=2099-01-01", "sig=x&sr=z&sp=r&se=2099-01-01",
        "sig=x&sr=b&sp=Q&se=2099-01-01", "sig=x&sr=b&sp=r&se=tomorrow",
        "sig=x&sr=b&sp=r&se=2099-01-01&sv=x", "sig=x&sig=y&sr=b&sp=r&se=2099-01-01",
        "sig=x&sr=b&sp=r&se=2099-01-01&spr=ftp", "sig=x&sr=d&sp=r&se=2099-01-01&sv=2020-12-06",
        "sig=x&ss=b&srt=sco&sp=r&se=2099-01-01&sv=2014-02-14",
        "sig=x&ss=z&srt=sco&sp=r&se=2099-01-01&sv=2020-12-06",
        "sig=x&ss=b&srt=q&sp=r&se=2099-01-01&sv=2020-12-06",
        "sig=x&sr=bs&sp=r&se=2099-01-01&sv=2017-11-09"}) {
    EXPECT_EQ(ParseFailure(query).code(), Code::kAuthenticationFailed) << query;
  }
}

TEST(Sas, UserDelegationIsRefusedClearly) {
  SasToken token = Parse("sig=x&sr=b&sp=r&se=2099-01-01&sv=2025-07-05&skoid=a&sktid=b");
  EXPECT_EQ(token.kind, SasKind::kUserDelegation);
  auto verified = VerifySasSignature(token, Scope("con", "b"), Keys());
  ASSERT_FALSE(verified);
  EXPECT_EQ(verified.error().code(), Code::kAuthenticationFailed);
  EXPECT_NE(verified.error().detail().find("User delegation"), std::string::npos);
}

TEST(Sas, ABlobTokenOpensNothingElse) {
  SasToken token;
  token.resource = "b";
  token.permissions = "r";
  token = Signed(token, Scope("con", "a/b"));
  EXPECT_TRUE(VerifySasSignature(token, Scope("con", "a/b"), Keys()));
  EXPECT_FALSE(VerifySasSignature(token, Scope("con", "a/b/c"), Keys()));
  EXPECT_FALSE(VerifySasSignature(token, Scope("con", "a"), Keys()));
  EXPECT_FALSE(VerifySasSignature(token, Scope("con"), Keys()));
  SasScope snapshot = Scope("con", "a/b");
  snapshot.snapshot = "2025-01-01T00:00:00.0000000Z";
  EXPECT_FALSE(VerifySasSignature(token, snapshot, Keys()));
  EXPECT_FALSE(
      VerifySasSignature(token, SasScope{AccountName(kTestAccount), {}, {}, {}, {}}, Keys()));
}

TEST(Sas, ADirectoryTokenCoversWhatIsBelowIt) {
  SasToken token;
  token.resource = "d";
  token.directory_depth = "2";
  token.permissions = "rl";
  token = Signed(token, Scope("con", "a/b/x"));
  EXPECT_TRUE(VerifySasSignature(token, Scope("con", "a/b/c/d"), Keys()));
  EXPECT_TRUE(VerifySasSignature(token, Scope("con", "a/b"), Keys()));
  EXPECT_TRUE(VerifySasSignature(token, Scope("con", "a/b/"), Keys()));
  for (const char* name : {"a/bc/x", "a", "x/a/b/c", "a/b2", "a//b/c"}) {
    EXPECT_FALSE(VerifySasSignature(token, Scope("con", name), Keys())) << name;
  }
  EXPECT_FALSE(VerifySasSignature(token, Scope("con"), Keys()));
  token.directory_depth = "1";
  EXPECT_FALSE(VerifySasSignature(token, Scope("con", "a/b/c"), Keys()));
}

TEST(Sas, AForgottenPercentEncodingOfPlusIsForgiven) {
  SasToken token;
  token.resource = "c";
  token.permissions = "r";
  for (int i = 0; i < 50; ++i) {
    token.cache_control = std::to_string(i);
    SasToken made = Signed(token, Scope("con"));
    std::string query = made.ToQuery();
    query = query.substr(0, query.find("sig=")) + "sig=" + made.signature;  // raw '+', '/', '='
    EXPECT_TRUE(VerifySasSignature(Parse(query), Scope("con"), Keys()));
  }
}

TEST(Sas, StoredPolicyFillsWhatTheTokenLeavesOut) {
  SasToken token;
  token.resource = "c";
  token.identifier = "p1";
  token = Signed(token, Scope("con"));
  EXPECT_FALSE(ResolveSas(token, nullptr));
  StoredPolicy policy{"p1", ParseIsoTime("2026-01-01"), ParseIsoTime("2027-01-01"), "rl"};
  auto sas = ResolveSas(token, &policy);
  ASSERT_TRUE(sas);
  EXPECT_EQ(sas->permissions, Permissions(Permissions::kRead | Permissions::kList));
  EXPECT_EQ(sas->expiry, policy.expiry);
  EXPECT_EQ(sas->start, policy.start);
  policy.id = "p2";
  EXPECT_FALSE(ResolveSas(token, &policy));
  policy.id = "p1";
  policy.expiry.reset();
  EXPECT_FALSE(ResolveSas(token, &policy)) << "no expiry anywhere";
  token.expiry = "2026-07-01";
  EXPECT_TRUE(ResolveSas(token, &policy));
  token.permissions = "r";
  EXPECT_FALSE(ResolveSas(token, &policy)) << "permissions in both";
}

TEST(Sas, TimeAddressAndProtocolLimits) {
  SasToken token;
  token.resource = "c";
  token.permissions = "r";
  token.start = "2026-06-01T11:00:00Z";
  token.expiry = "2026-06-01T13:00:00Z";
  token.version = kNewestSasVersion;
  EffectiveSas sas = ResolveSas(token, nullptr).value();
  EXPECT_TRUE(CheckSas(sas, kNow, "10.0.0.1", false));
  EXPECT_EQ(CheckSas(sas, kNow + std::chrono::hours(2), "10.0.0.1", false).error().code(),
            Code::kAuthenticationFailed);
  EXPECT_EQ(CheckSas(sas, kNow - std::chrono::hours(2), "10.0.0.1", false).error().code(),
            Code::kAuthenticationFailed);
  sas.ip = "10.0.0.5-10.0.1.2";
  for (const char* inside : {"10.0.0.5", "10.0.0.200", "10.0.1.2", "::ffff:10.0.1.0"}) {
    EXPECT_TRUE(CheckSas(sas, kNow, inside, false)) << inside;
  }
  for (const char* outside : {"10.0.0.4", "10.0.1.3", "9.255.255.255", "::1", ""}) {
    auto checked = CheckSas(sas, kNow, outside, false);
    ASSERT_FALSE(checked) << outside;
    EXPECT_EQ(checked.error().code(), Code::kAuthorizationSourceIpMismatch);
  }
  sas.ip.clear();
  sas.https_only = true;
  EXPECT_EQ(CheckSas(sas, kNow, "10.0.0.1", false).error().code(),
            Code::kAuthorizationProtocolMismatch);
  EXPECT_TRUE(CheckSas(sas, kNow, "10.0.0.1", true));
}

EffectiveSas Service(const char* letters, SasResource resource = SasResource::kContainer) {
  EffectiveSas sas;
  sas.kind = SasKind::kService;
  sas.permissions = Permissions::Parse(letters).value();
  sas.resource = resource;
  return sas;
}

TEST(Sas, OperationsNeedTheirPermissions) {
  EXPECT_TRUE(AuthorizeSas(Service("r"), Operation::kGetBlob, {}));
  EXPECT_EQ(AuthorizeSas(Service("wacdl"), Operation::kGetBlob, {}).error().code(),
            Code::kAuthorizationPermissionMismatch);
  EXPECT_TRUE(AuthorizeSas(Service("l"), Operation::kListBlobs, {}));
  EXPECT_FALSE(AuthorizeSas(Service("l", SasResource::kBlob), Operation::kListBlobs, {}));
  EXPECT_FALSE(AuthorizeSas(Service("racwdxltf"), Operation::kDeleteContainer, {}));
  EXPECT_FALSE(AuthorizeSas(Service("racwdxltf"), Operation::kSetContainerAcl, {}));
  EXPECT_FALSE(AuthorizeSas(Service("racwdxltf"), Operation::kListContainers, {}));
  EXPECT_FALSE(AuthorizeSas(Service("w"), Operation::kPutBlob, Permissions::kTags));
  EXPECT_TRUE(AuthorizeSas(Service("wt"), Operation::kPutBlob, Permissions::kTags));
  EXPECT_TRUE(AuthorizeSas(Service("x"), Operation::kDeleteBlob, Permissions::kDeleteVersion));
  EXPECT_FALSE(AuthorizeSas(Service("d"), Operation::kDeleteBlob, Permissions::kDeleteVersion));
}

TEST(Sas, CreateAloneNeverOverwrites) {
  for (auto operation : {Operation::kPutBlob, Operation::kPutBlockList, Operation::kCopyBlob,
                         Operation::kPutBlobFromUrl}) {
    EXPECT_TRUE(AuthorizeSas(Service("c"), operation, {})->create_only);
    EXPECT_FALSE(AuthorizeSas(Service("cw"), operation, {})->create_only);
    EXPECT_FALSE(AuthorizeSas(Service("w"), operation, {})->create_only);
  }
  EXPECT_FALSE(AuthorizeSas(Service("c"), Operation::kSnapshotBlob, {})->create_only);
}

TEST(Sas, OneBlobsTokenSaysNothingOfWhatLiesBelow) {
  OperationInfo tree = InfoOf(Operation::kDeleteBlob);
  tree.level = Level::kTree;
  for (const auto resource : {SasResource::kBlob, SasResource::kSnapshot, SasResource::kVersion}) {
    EXPECT_EQ(AuthorizeSas(Service("d", resource), tree, {}).error().code(),
              Code::kAuthorizationFailure);
    EXPECT_TRUE(AuthorizeSas(Service("d", resource), Operation::kDeleteBlob, {})->one_blob);
  }
  for (const auto resource : {SasResource::kContainer, SasResource::kDirectory}) {
    const auto decision = AuthorizeSas(Service("d", resource), tree, {});
    ASSERT_TRUE(decision);
    EXPECT_FALSE(decision->one_blob);
  }
}

TEST(Sas, WhoMayAddNeedsNoRightToCreate) {
  OperationInfo append = InfoOf(Operation::kAppendBlock);
  append.service_sas = Permissions::kAdd | Permissions::kCreate | Permissions::kWrite;
  EXPECT_TRUE(AuthorizeSas(Service("c"), append, {})->create_only);
  EXPECT_FALSE(AuthorizeSas(Service("a"), append, {})->create_only);
  EXPECT_FALSE(AuthorizeSas(Service("ac"), append, {})->create_only);
  EXPECT_FALSE(AuthorizeSas(Service("w"), append, {})->create_only);
}

TEST(Sas, AccountTokensAreLimitedByServiceAndResourceType) {
  EffectiveSas sas;
  sas.kind = SasKind::kAccount;
  sas.permissions = Permissions::Parse("rwdlac").value();
  sas.blob_service = true;
  EXPECT_EQ(AuthorizeSas(sas, Operation::kGetBlob, {}).error().code(),
            Code::kAuthorizationResourceTypeMismatch);
  sas.on_object = true;
  EXPECT_TRUE(AuthorizeSas(sas, Operation::kGetBlob, {}));
  EXPECT_FALSE(AuthorizeSas(sas, Operation::kListBlobs, {}));
  sas.on_container = true;
  EXPECT_TRUE(AuthorizeSas(sas, Operation::kListBlobs, {}));
  EXPECT_TRUE(AuthorizeSas(sas, Operation::kCreateContainer, {}));
  EXPECT_FALSE(AuthorizeSas(sas, Operation::kListContainers, {}));
  EXPECT_FALSE(AuthorizeSas(sas, Operation::kSetContainerAcl, {}));
  sas.blob_service = false;
  EXPECT_EQ(AuthorizeSas(sas, Operation::kGetBlob, {}).error().code(),
            Code::kAuthorizationServiceMismatch);
}

}  // namespace
}  // namespace forebay::azure
