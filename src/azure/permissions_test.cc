#include "azure/permissions.h"

#include <gtest/gtest.h>

#include <set>

namespace forebay::azure {
namespace {

using Fields = std::vector<HeaderField>;

Result<Operation> Recognize(std::string_view method, std::string_view target,
                            const Fields& headers = {}) {
  auto parsed = ParseTarget(target, "127.0.0.1", [](std::string_view) { return true; });
  EXPECT_TRUE(parsed) << target;
  return RecognizeOperation(method, *parsed, headers);
}

struct Case {
  const char* method;
  const char* target;
  Fields headers;
  Operation operation;
};

// Every operation, as the REST reference writes its request.
const std::vector<Case>& Cases() {
  using enum Operation;
  static const std::vector<Case> cases = {
      {"GET", "/acc/?comp=list", {}, kListContainers},
      {"GET", "/acc/?restype=service&comp=properties", {}, kGetBlobServiceProperties},
      {"PUT", "/acc/?restype=service&comp=properties", {}, kSetBlobServiceProperties},
      {"GET", "/acc/?restype=service&comp=stats", {}, kGetBlobServiceStats},
      {"GET", "/acc/?restype=account&comp=properties", {}, kGetAccountInformation},
      {"HEAD", "/acc/con/b?restype=account&comp=properties", {}, kGetAccountInformation},
      {"GET", "/acc/con?restype=account&comp=properties", {}, kGetAccountInformation},
      {"POST", "/acc/?restype=service&comp=userdelegationkey", {}, kGetUserDelegationKey},
      {"GET", "/acc/?comp=blobs&where=x", {}, kFindBlobsByTags},
      {"POST", "/acc/?comp=batch", {}, kBlobBatch},
      {"OPTIONS", "/acc/con/b", {}, kBlobPreflightRequest},
      {"PUT", "/acc/con?restype=container", {}, kCreateContainer},
      {"GET", "/acc/con?restype=container", {}, kGetContainerProperties},
      {"HEAD", "/acc/con?restype=container", {}, kGetContainerProperties},
      {"GET", "/acc/con?restype=container&comp=metadata", {}, kGetContainerMetadata},
      {"PUT", "/acc/con?restype=container&comp=metadata", {}, kSetContainerMetadata},
      {"GET", "/acc/con?restype=container&comp=acl", {}, kGetContainerAcl},
      {"PUT", "/acc/con?comp=acl&restype=container", {}, kSetContainerAcl},
      {"DELETE", "/acc/con?restype=container", {}, kDeleteContainer},
      {"PUT", "/acc/con?restype=container&comp=undelete", {}, kRestoreContainer},
      {"PUT",
       "/acc/con?restype=container&comp=lease",
       {{"x-ms-lease-action", "acquire"}},
       kAcquireContainerLease},
      {"PUT",
       "/acc/con?restype=container&comp=lease",
       {{"x-ms-lease-action", "Renew"}},
       kRenewContainerLease},
      {"PUT",
       "/acc/con?restype=container&comp=lease",
       {{"x-ms-lease-action", "change"}},
       kChangeContainerLease},
      {"PUT",
       "/acc/con?restype=container&comp=lease",
       {{"x-ms-lease-action", "release"}},
       kReleaseContainerLease},
      {"PUT",
       "/acc/con?restype=container&comp=lease",
       {{"x-ms-lease-action", "break"}},
       kBreakContainerLease},
      {"GET", "/acc/con?restype=container&comp=list", {}, kListBlobs},
      {"GET", "/acc/con?restype=container&comp=blobs&where=x", {}, kFindBlobsByTagsInContainer},
      {"POST", "/acc/con?restype=container&comp=batch", {}, kContainerBatch},
      {"PUT", "/acc/con/b", {{"x-ms-blob-type", "BlockBlob"}}, kPutBlob},
      {"PUT",
       "/acc/con/b",
       {{"x-ms-blob-type", "BlockBlob"}, {"x-ms-copy-source", "http://x/y"}},
       kPutBlobFromUrl},
      {"GET", "/acc/con/b", {}, kGetBlob},
      {"HEAD", "/acc/con/b", {}, kGetBlobProperties},
      {"PUT", "/acc/con/b?comp=properties", {}, kSetBlobProperties},
      {"HEAD", "/acc/con/b?comp=metadata", {}, kGetBlobMetadata},
      {"PUT", "/acc/con/b?comp=metadata", {}, kSetBlobMetadata},
      {"GET", "/acc/con/b?comp=tags", {}, kGetBlobTags},
      {"PUT", "/acc/con/b?comp=tags", {}, kSetBlobTags},
      {"PUT", "/acc/con/b?comp=lease", {{"x-ms-lease-action", "acquire"}}, kAcquireBlobLease},
      {"PUT", "/acc/con/b?comp=lease", {{"x-ms-lease-action", "renew"}}, kRenewBlobLease},
      {"PUT", "/acc/con/b?comp=lease", {{"x-ms-lease-action", "change"}}, kChangeBlobLease},
      {"PUT", "/acc/con/b?comp=lease", {{"x-ms-lease-action", "release"}}, kReleaseBlobLease},
      {"PUT", "/acc/con/b?comp=lease", {{"x-ms-lease-action", "break"}}, kBreakBlobLease},
      {"PUT", "/acc/con/b?comp=snapshot", {}, kSnapshotBlob},
      {"PUT", "/acc/con/b", {{"x-ms-copy-source", "http://x/y"}}, kCopyBlob},
      {"PUT",
       "/acc/con/b",
       {{"x-ms-copy-source", "http://x/y"}, {"x-ms-requires-sync", "true"}},
       kCopyBlobFromUrl},
      {"PUT", "/acc/con/b?comp=copy&copyid=1", {{"x-ms-copy-action", "abort"}}, kAbortCopyBlob},
      {"DELETE", "/acc/con/b?snapshot=x", {}, kDeleteBlob},
      {"PUT", "/acc/con/b?comp=undelete", {}, kUndeleteBlob},
      {"PUT", "/acc/con/b?comp=tier", {}, kSetBlobTier},
      {"PUT", "/acc/con/b?comp=expiry", {}, kSetBlobExpiry},
      {"PUT", "/acc/con/b?comp=immutabilityPolicies", {}, kSetBlobImmutabilityPolicy},
      {"DELETE", "/acc/con/b?comp=immutabilityPolicies", {}, kDeleteBlobImmutabilityPolicy},
      {"PUT", "/acc/con/b?comp=legalhold", {}, kSetBlobLegalHold},
      {"POST", "/acc/con/b?comp=query", {}, kQueryBlobContents},
      {"PUT", "/acc/con/b?comp=block&blockid=x", {}, kPutBlock},
      {"PUT",
       "/acc/con/b?comp=block&blockid=x",
       {{"x-ms-copy-source", "http://x/y"}},
       kPutBlockFromUrl},
      {"PUT", "/acc/con/b?comp=blocklist", {}, kPutBlockList},
      {"GET", "/acc/con/b?comp=blocklist&blocklisttype=all", {}, kGetBlockList},
      {"PUT", "/acc/con/b?comp=page", {}, kPutPage},
      {"PUT", "/acc/con/b?comp=page", {{"x-ms-copy-source", "http://x/y"}}, kPutPageFromUrl},
      {"GET", "/acc/con/b?comp=pagelist", {}, kGetPageRanges},
      {"PUT",
       "/acc/con/b?comp=incrementalcopy",
       {{"x-ms-copy-source", "http://x/y"}},
       kIncrementalCopyBlob},
      {"PUT", "/acc/con/b?comp=appendblock", {}, kAppendBlock},
      {"PUT",
       "/acc/con/b?comp=appendblock",
       {{"x-ms-copy-source", "http://x/y"}},
       kAppendBlockFromUrl},
      {"PUT", "/acc/con/b?comp=seal", {}, kAppendBlobSeal},
  };
  return cases;
}

TEST(Operations, EveryOneIsRecognised) {
  std::set<Operation> seen;
  for (const Case& c : Cases()) {
    auto operation = Recognize(c.method, c.target, c.headers);
    ASSERT_TRUE(operation) << c.method << " " << c.target << " " << operation.error().ToString();
    EXPECT_EQ(InfoOf(*operation).name, InfoOf(c.operation).name) << c.method << " " << c.target;
    EXPECT_EQ(*operation, c.operation) << c.method << " " << c.target;
    seen.insert(*operation);
  }
  EXPECT_EQ(seen.size(), AllOperations().size()) << "an operation has no case here";
}

TEST(Operations, WhatIsNoneIsToldPrecisely) {
  auto code = [](auto&&... arguments) { return Recognize(arguments...).error().code(); };
  EXPECT_EQ(code("PATCH", "/acc/con/b"), Code::kUnsupportedHttpVerb);
  EXPECT_EQ(code("POST", "/acc/con/b"), Code::kUnsupportedHttpVerb);
  EXPECT_EQ(code("DELETE", "/acc/con/b?comp=tags"), Code::kUnsupportedHttpVerb);
  EXPECT_EQ(code("GET", "/acc/con/b?comp=nonsense"), Code::kInvalidQueryParameterValue);
  EXPECT_EQ(code("PUT", "/acc/con/b"), Code::kMissingRequiredHeader);
  EXPECT_EQ(code("PUT", "/acc/con/b?comp=lease"), Code::kMissingRequiredHeader);
  EXPECT_EQ(code("PUT", "/acc/con/b?comp=lease", Fields{{"x-ms-lease-action", "steal"}}),
            Code::kInvalidHeaderValue);
  EXPECT_EQ(code("GET", "/acc/?restype=service"), Code::kMissingRequiredQueryParameter);
  EXPECT_EQ(code("GET", "/acc/con/?comp=list"), Code::kMissingRequiredQueryParameter);
  EXPECT_EQ(code("GET", "/acc/con/?restype=share"), Code::kInvalidQueryParameterValue);
}

// The table says for each operation what lets whom in; these are the rules that hold over all of
// it.
TEST(Operations, TheTableKeepsItsRules) {
  for (const OperationInfo& info : AllOperations()) {
    SCOPED_TRACE(info.name);
    EXPECT_EQ(InfoOf(info.operation).name, info.name);
    bool writes = info.effect != Effect::kRead;
    if (writes) EXPECT_EQ(info.anonymous, PublicAccess::kNone);
    bool is_batch = info.method == "POST";
    if (writes && !is_batch) {
      constexpr std::uint32_t kReading =
          Permissions::kRead | Permissions::kList | Permissions::kFilter;
      EXPECT_FALSE(info.account_sas.HasAny(kReading));
      EXPECT_FALSE(info.service_sas.HasAny(kReading));
    }
    if (info.effect == Effect::kRead && info.method != "OPTIONS" &&
        info.operation != Operation::kGetAccountInformation) {
      EXPECT_FALSE(info.account_sas.HasAny(Permissions::kWrite | Permissions::kDelete));
      EXPECT_FALSE(info.service_sas.HasAny(Permissions::kWrite | Permissions::kDelete));
    }
    // A service SAS never changes a container itself.
    if (info.level == Level::kContainer && writes && !is_batch)
      EXPECT_TRUE(info.service_sas.empty());
  }
  EXPECT_TRUE(InfoOf(Operation::kSetContainerAcl).account_sas.empty());
  EXPECT_TRUE(InfoOf(Operation::kGetContainerAcl).account_sas.empty());
  EXPECT_EQ(InfoOf(Operation::kListBlobs).anonymous, PublicAccess::kContainer);
  EXPECT_EQ(InfoOf(Operation::kGetBlob).anonymous, PublicAccess::kBlob);
}

TEST(Operations, ExtraPermissions) {
  auto target =
      ParseTarget("/acc/con/b?versionid=1&deletetype=permanent", "127.0.0.1", [](std::string_view) {
        return true;
      }).value();
  Fields tags = {{"x-ms-tags", "a=b"}};
  EXPECT_EQ(ExtraPermissions(Operation::kPutBlob, target, tags), Permissions(Permissions::kTags));
  EXPECT_EQ(ExtraPermissions(Operation::kDeleteBlob, target, {}),
            Permissions(Permissions::kDeleteVersion | Permissions::kPermanentDelete));
  EXPECT_TRUE(ExtraPermissions(Operation::kGetBlob, target, {}).empty());
}

TEST(Permissions, ParseAndPrint) {
  auto all = Permissions::Parse("racwdxyltfmeopi");
  ASSERT_TRUE(all);
  EXPECT_EQ(all->ToString(), "racwdxyltfmeopi");
  EXPECT_EQ(Permissions::Parse("wr")->ToString(), "rw");
  EXPECT_FALSE(Permissions::Parse("rz"));
  EXPECT_TRUE(Permissions::Parse("")->empty());
}

}  // namespace
}  // namespace forebay::azure
