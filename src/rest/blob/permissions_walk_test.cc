// Every operation, with every kind of credential and every single permission, over a running
// service: what azure/permissions.h says is what happens.
#include <array>

#include "azure/error_table.h"
#include "azure/permissions.h"
#include "rest/blob/handlers.h"
#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using azure::Level;
using azure::Operation;
using azure::PublicAccess;

// A request that is this operation and would be well-formed. Paths: "" is the account.
struct Sample {
  Operation operation;
  std::string method;
  std::string path;
  std::string query;
  HeaderList headers;
  std::string body;
};

const HeaderList kBlockBlob = {{"x-ms-blob-type", "BlockBlob"}};
const HeaderList kCopySource = {{"x-ms-copy-source", "http://source.example/blob"}};

HeaderList With(HeaderList a, const HeaderList& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
HeaderList Lease(const std::string& action) { return {{"x-ms-lease-action", action}}; }

std::vector<Sample> ServiceSamples() {
  return {
      {Operation::kListContainers, "GET", "/", "comp=list", {}, ""},
      {Operation::kGetBlobServiceProperties, "GET", "/", "restype=service&comp=properties", {}, ""},
      {Operation::kSetBlobServiceProperties,
       "PUT",
       "/",
       "restype=service&comp=properties",
       {},
       "<StorageServiceProperties></StorageServiceProperties>"},
      {Operation::kGetBlobServiceStats, "GET", "/", "restype=service&comp=stats", {}, ""},
      {Operation::kGetAccountInformation, "GET", "/", "restype=account&comp=properties", {}, ""},
      {Operation::kGetUserDelegationKey,
       "POST",
       "/",
       "restype=service&comp=userdelegationkey",
       {},
       ""},
      {Operation::kFindBlobsByTags, "GET", "/", "comp=blobs&where=%22a%22%3D%27b%27", {}, ""},
      {Operation::kBlobBatch, "POST", "/", "comp=batch", {}, ""},
  };
}

std::vector<Sample> ContainerSamples() {
  const std::string c = "restype=container";
  return {
      {Operation::kCreateContainer, "PUT", "/fresh", c, {}, ""},
      {Operation::kGetContainerProperties, "GET", "/box", c, {}, ""},
      {Operation::kGetContainerMetadata, "GET", "/box", c + "&comp=metadata", {}, ""},
      {Operation::kSetContainerMetadata, "PUT", "/box", c + "&comp=metadata", {}, ""},
      {Operation::kGetContainerAcl, "GET", "/box", c + "&comp=acl", {}, ""},
      {Operation::kSetContainerAcl, "PUT", "/box", c + "&comp=acl", {}, ""},
      {Operation::kDeleteContainer, "DELETE", "/box", c, {}, ""},
      {Operation::kRestoreContainer, "PUT", "/box", c + "&comp=undelete", {}, ""},
      {Operation::kAcquireContainerLease, "PUT", "/box", c + "&comp=lease", Lease("acquire"), ""},
      {Operation::kRenewContainerLease, "PUT", "/box", c + "&comp=lease", Lease("renew"), ""},
      {Operation::kChangeContainerLease, "PUT", "/box", c + "&comp=lease", Lease("change"), ""},
      {Operation::kReleaseContainerLease, "PUT", "/box", c + "&comp=lease", Lease("release"), ""},
      {Operation::kBreakContainerLease, "PUT", "/box", c + "&comp=lease", Lease("break"), ""},
      {Operation::kListBlobs, "GET", "/box", c + "&comp=list", {}, ""},
      {Operation::kFindBlobsByTagsInContainer,
       "GET",
       "/box",
       c + "&comp=blobs&where=%22a%22%3D%27b%27",
       {},
       ""},
      {Operation::kContainerBatch, "POST", "/box", c + "&comp=batch", {}, ""},
  };
}

std::vector<Sample> BlobSamples() {
  return {
      {Operation::kPutBlob, "PUT", "/box/fresh", "", kBlockBlob, "x"},
      {Operation::kPutBlobFromUrl, "PUT", "/box/fresh", "", With(kBlockBlob, kCopySource), ""},
      {Operation::kGetBlob, "GET", "/box/blob", "", {}, ""},
      {Operation::kGetBlobProperties, "HEAD", "/box/blob", "", {}, ""},
      {Operation::kSetBlobProperties, "PUT", "/box/blob", "comp=properties", {}, ""},
      {Operation::kGetBlobMetadata, "GET", "/box/blob", "comp=metadata", {}, ""},
      {Operation::kSetBlobMetadata, "PUT", "/box/blob", "comp=metadata", {}, ""},
      {Operation::kGetBlobTags, "GET", "/box/blob", "comp=tags", {}, ""},
      {Operation::kSetBlobTags, "PUT", "/box/blob", "comp=tags", {}, "<Tags><TagSet/></Tags>"},
      {Operation::kAcquireBlobLease, "PUT", "/box/blob", "comp=lease", Lease("acquire"), ""},
      {Operation::kRenewBlobLease, "PUT", "/box/blob", "comp=lease", Lease("renew"), ""},
      {Operation::kChangeBlobLease, "PUT", "/box/blob", "comp=lease", Lease("change"), ""},
      {Operation::kReleaseBlobLease, "PUT", "/box/blob", "comp=lease", Lease("release"), ""},
      {Operation::kBreakBlobLease, "PUT", "/box/blob", "comp=lease", Lease("break"), ""},
      {Operation::kSnapshotBlob, "PUT", "/box/blob", "comp=snapshot", {}, ""},
      {Operation::kCopyBlob, "PUT", "/box/fresh", "", kCopySource, ""},
      {Operation::kCopyBlobFromUrl, "PUT", "/box/fresh", "",
       With(kCopySource, {{"x-ms-requires-sync", "true"}}), ""},
      {Operation::kAbortCopyBlob,
       "PUT",
       "/box/blob",
       "comp=copy&copyid=x",
       {{"x-ms-copy-action", "abort"}},
       ""},
      {Operation::kDeleteBlob, "DELETE", "/box/blob", "", {}, ""},
      {Operation::kUndeleteBlob, "PUT", "/box/blob", "comp=undelete", {}, ""},
      {Operation::kSetBlobTier,
       "PUT",
       "/box/blob",
       "comp=tier",
       {{"x-ms-access-tier", "Cool"}},
       ""},
      {Operation::kSetBlobExpiry, "PUT", "/box/blob", "comp=expiry", {}, ""},
      {Operation::kSetBlobImmutabilityPolicy,
       "PUT",
       "/box/blob",
       "comp=immutabilityPolicies",
       {},
       ""},
      {Operation::kDeleteBlobImmutabilityPolicy,
       "DELETE",
       "/box/blob",
       "comp=immutabilityPolicies",
       {},
       ""},
      {Operation::kSetBlobLegalHold, "PUT", "/box/blob", "comp=legalhold", {}, ""},
      {Operation::kQueryBlobContents, "POST", "/box/blob", "comp=query", {}, ""},
      {Operation::kPutBlock, "PUT", "/box/blob", "comp=block&blockid=YQ%3D%3D", {}, "x"},
      {Operation::kPutBlockFromUrl, "PUT", "/box/blob", "comp=block&blockid=YQ%3D%3D", kCopySource,
       ""},
      {Operation::kPutBlockList,
       "PUT",
       "/box/fresh",
       "comp=blocklist",
       {},
       "<BlockList></BlockList>"},
      {Operation::kGetBlockList, "GET", "/box/blob", "comp=blocklist", {}, ""},
      {Operation::kPutPage, "PUT", "/box/blob", "comp=page", {}, ""},
      {Operation::kPutPageFromUrl, "PUT", "/box/blob", "comp=page", kCopySource, ""},
      {Operation::kGetPageRanges, "GET", "/box/blob", "comp=pagelist", {}, ""},
      {Operation::kIncrementalCopyBlob, "PUT", "/box/blob", "comp=incrementalcopy", {}, ""},
      {Operation::kAppendBlock, "PUT", "/box/blob", "comp=appendblock", {}, ""},
      {Operation::kAppendBlockFromUrl, "PUT", "/box/blob", "comp=appendblock", kCopySource, ""},
      {Operation::kAppendBlobSeal, "PUT", "/box/blob", "comp=seal", {}, ""},
  };
}

std::vector<Sample> AllSamples() {
  std::vector<Sample> out = ServiceSamples();
  for (auto& sample : ContainerSamples()) out.push_back(std::move(sample));
  for (auto& sample : BlobSamples()) out.push_back(std::move(sample));
  return out;
}

bool IsRefusal(const Reply& reply) {
  static constexpr auto kRefusals = std::to_array<std::string_view>(
      {"AuthenticationFailed", "AuthorizationFailure", "AuthorizationPermissionMismatch",
       "AuthorizationResourceTypeMismatch", "AuthorizationServiceMismatch",
       "NoAuthenticationInformation", "PublicAccessNotPermitted", "ResourceNotFound"});
  return std::ranges::find(kRefusals, reply.ErrorCode()) != kRefusals.end();
}

class PermissionsWalk : public ::testing::Test {
 protected:
  // Container "box" with a blob, nothing called "fresh".
  void Prepare(std::string_view public_access = {}) {
    HeaderList headers;
    if (!public_access.empty()) {
      headers.emplace_back("x-ms-blob-public-access", std::string(public_access));
    }
    f_.Put("/box?restype=container", headers);
    f_.Send("DELETE", "/fresh?restype=container");
    f_.Send("DELETE", "/box/fresh");
    f_.PutBlob("/box/blob", "content");
  }
  Reply Send(const Sample& sample, const std::string& sas, As as) {
    std::string target = sample.path;
    std::string query = sample.query;
    if (!sas.empty()) query += (query.empty() ? "" : "&") + sas;
    if (!query.empty()) target += "?" + query;
    return f_.Send(sample.method, target, sample.headers, sample.body, as);
  }

  ServiceFixture f_;
};

TEST_F(PermissionsWalk, EveryOperationHasASample) {
  const auto samples = AllSamples();
  // The preflight is OPTIONS and needs no credentials: cors_test.cc.
  EXPECT_EQ(samples.size() + 1, azure::AllOperations().size());
  for (const Sample& sample : samples) {
    azure::RequestTarget target;
    target.query = *azure::Query::Parse(sample.query);
    const auto level = azure::InfoOf(sample.operation).level;
    if (level != Level::kService) target.container = azure::ContainerName("box");
    if (level == Level::kBlob) target.blob = azure::BlobName("blob");
    const std::vector<azure::HeaderField> fields(sample.headers.begin(), sample.headers.end());
    const auto got = azure::RecognizeOperation(sample.method, target, fields);
    ASSERT_TRUE(got.has_value()) << azure::InfoOf(sample.operation).name;
    EXPECT_EQ(*got, sample.operation) << azure::InfoOf(sample.operation).name;
  }
}

TEST_F(PermissionsWalk, SharedKeyMayDoEverything) {
  for (const Sample& sample : AllSamples()) {
    for (const As as : {As::kSharedKey, As::kSharedKeyLite}) {
      Prepare();
      const Reply reply = Send(sample, "", as);
      EXPECT_FALSE(IsRefusal(reply)) << azure::InfoOf(sample.operation).name << reply.body;
      EXPECT_LT(reply.status, 500u) << azure::InfoOf(sample.operation).name;
      if (!IsSupported(sample.operation)) {
        EXPECT_EQ(reply.status, 400u) << azure::InfoOf(sample.operation).name;
      }
    }
  }
}

TEST_F(PermissionsWalk, SasNeedsThePermissionOfTheTable) {
  for (const Sample& sample : AllSamples()) {
    const azure::OperationInfo& info = azure::InfoOf(sample.operation);
    const std::string container = sample.path == "/fresh" ? "fresh" : "box";
    for (const char letter : std::string("racwdxltfi")) {
      const std::string permission(1, letter);
      const azure::Permissions bit = *azure::Permissions::Parse(permission);
      Prepare();
      const Reply account = Send(sample, f_.AccountSas(permission), As::kNobody);
      EXPECT_NE(IsRefusal(account), info.account_sas.HasAny(bit.bits()))
          << info.name << " account SAS " << letter << " " << account.status << account.body;
      Prepare();
      const Reply service = Send(sample, f_.ContainerSas(permission, container), As::kNobody);
      const bool reachable = info.level != Level::kService;
      EXPECT_NE(IsRefusal(service), reachable && info.service_sas.HasAny(bit.bits()))
          << info.name << " service SAS " << letter << " " << service.status << service.body;
    }
  }
}

TEST_F(PermissionsWalk, AccountSasNeedsTheResourceType) {
  for (const Sample& sample : AllSamples()) {
    const azure::OperationInfo& info = azure::InfoOf(sample.operation);
    if (info.account_sas.empty() || sample.operation == Operation::kGetAccountInformation ||
        sample.operation == Operation::kBlobBatch ||
        sample.operation == Operation::kContainerBatch) {
      continue;
    }
    Prepare();
    // All types but the operation's. Find Blobs by Tags reads objects and is taken with "o" too.
    std::string others = info.level == Level::kService     ? "co"
                         : info.level == Level::kContainer ? "so"
                                                           : "sc";
    if (sample.operation == Operation::kFindBlobsByTags) others = "c";
    const Reply reply = Send(sample, f_.AccountSas("rwdlacutfi", others), As::kNobody);
    EXPECT_EQ(reply.status, 403u) << info.name;
    EXPECT_EQ(reply.ErrorCode(), "AuthorizationResourceTypeMismatch") << info.name;
  }
}

TEST_F(PermissionsWalk, NobodyReadsWhatIsPublic) {
  for (const std::string access : {"", "blob", "container"}) {
    const PublicAccess level = access.empty()     ? PublicAccess::kNone
                               : access == "blob" ? PublicAccess::kBlob
                                                  : PublicAccess::kContainer;
    f_.Send("DELETE", "/box?restype=container");
    Prepare(access);
    for (const Sample& sample : AllSamples()) {
      const azure::OperationInfo& info = azure::InfoOf(sample.operation);
      const bool allowed = info.anonymous != PublicAccess::kNone && level >= info.anonymous &&
                           !sample.path.ends_with("/");
      const Reply reply = Send(sample, "", As::kNobody);
      EXPECT_NE(IsRefusal(reply), allowed) << info.name << " public: " << access << reply.body;
      if (!allowed) {
        EXPECT_EQ(reply.status, 401u) << info.name;
        EXPECT_FALSE(reply.Header("WWW-Authenticate").empty());
      }
    }
  }
}

TEST_F(PermissionsWalk, OldClientsAreToldThatThereIsNothing) {
  Prepare();
  f_.version = "";
  EXPECT_EQ(f_.Send("GET", "/box/blob", {}, "", As::kNobody).ErrorCode(), "ResourceNotFound");
  EXPECT_EQ(f_.Send("GET", "/nobox/blob", {}, "", As::kNobody).status, 404u);
  EXPECT_EQ(f_.Send("DELETE", "/box/blob", {}, "", As::kNobody).ErrorCode(),
            "AuthorizationFailure");
}

TEST_F(PermissionsWalk, AccountMayForbidPublicAccess) {
  f_.MakeContainer("box", {{"x-ms-blob-public-access", "container"}});
  f_.PutBlob("/box/blob", "content");
  EXPECT_EQ(f_.Send("GET", "/box/blob", {}, "", As::kNobody).status, 200u);
  f_.accounts().Swap(ServiceFixture::MakeAccounts(false, /*allow_public_access=*/false));
  const Reply reply = f_.Send("GET", "/box/blob", {}, "", As::kNobody);
  EXPECT_EQ(reply.status, 409u);
  EXPECT_EQ(reply.ErrorCode(), "PublicAccessNotPermitted");
  EXPECT_EQ(f_.Put("/other?restype=container", {{"x-ms-blob-public-access", "blob"}}).status, 409u);
}

}  // namespace
}  // namespace forebay::rest
