// The Data Lake API as clients see it: paths, bytes, access control, leases, errors.
#include <gtest/gtest.h>

#include "base/encoding.h"
#include "engine/append_path.h"
#include "rest/dfs/dfs_fixture.h"

namespace forebay::rest::dfs {
namespace {

using ::testing::Test;
constexpr char kLeaseId[] = "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a";

class DfsTest : public Test {
 protected:
  DfsFixture d_;
  ServiceFixture& f_ = d_.f;
};

TEST_F(DfsTest, FilesystemsAreContainers) {
  EXPECT_EQ(f_.Put("/box?resource=filesystem").ErrorCode(), "FilesystemAlreadyExists");
  const Reply made = f_.Put("/second?resource=filesystem", {{"x-ms-properties", "a=MQ==,b="}});
  EXPECT_EQ(made.status, 201u);
  EXPECT_EQ(made.Header("x-ms-namespace-enabled"), "true");
  const Reply head = f_.Send("HEAD", "/second?resource=filesystem");
  EXPECT_EQ(head.status, 200u);
  EXPECT_EQ(head.Header("x-ms-properties"), "a=MQ==,b=");
  EXPECT_EQ(f_.Get("/second?restype=container").Header("x-ms-meta-a"), "1");
  EXPECT_EQ(d_.Patch("/second?resource=filesystem", {{"x-ms-properties", "c=Mg=="}}).status, 200u);
  EXPECT_EQ(f_.Send("HEAD", "/second?resource=filesystem").Header("x-ms-properties"), "c=Mg==");
  const Reply list = f_.Get("/?resource=account&maxResults=1");
  EXPECT_EQ(list.status, 200u);
  EXPECT_NE(list.body.find("\"name\":\"box\""), std::string::npos) << list.body;
  EXPECT_EQ(list.body.find("second"), std::string::npos);
  const Reply next =
      f_.Get("/?resource=account&continuation=" + PercentEncode(list.Header("x-ms-continuation")));
  EXPECT_NE(next.body.find("second"), std::string::npos) << next.body;
  EXPECT_EQ(f_.Send("DELETE", "/second?resource=filesystem").status, 202u);
  EXPECT_EQ(f_.Send("DELETE", "/second?resource=filesystem").ErrorCode(), "FilesystemNotFound");
}

TEST_F(DfsTest, ErrorsAreJsonWithThisApisNames) {
  const Reply missing = d_.Append("none", 0, "x");
  EXPECT_EQ(missing.status, 404u);
  EXPECT_EQ(missing.ErrorCode(), "PathNotFound");
  EXPECT_EQ(missing.Header("Content-Type"), "application/json;charset=utf-8");
  EXPECT_EQ(missing.body.find("{\"error\":{\"code\":\"PathNotFound\",\"message\":\"The specified "
                              "path does not exist.\\u000aRequestId:"),
            0u)
      << missing.body;
  EXPECT_EQ(d_.Head("none").ErrorCode(), "PathNotFound");
  EXPECT_EQ(d_.Head("none").body, "");
  EXPECT_EQ(d_.Patch("/box/a?action=nonsense").ErrorCode(), "InvalidQueryParameterValue");
  EXPECT_EQ(f_.Get("/none?resource=filesystem&recursive=true").ErrorCode(), "FilesystemNotFound");
  EXPECT_EQ(f_.Send("PATCH", "/box/a?action=append&position=0", {}, "", As::kNobody).status, 401u);
}

TEST_F(DfsTest, ABadFilesystemNameIsToldInJsonToo) {
  for (const char* target :
       {"/D_S?resource=filesystem", "/D_S/file?resource=file", "/x?resource=filesystem"}) {
    const Reply refused = f_.Put(target);
    EXPECT_EQ(refused.status, 400u) << target;
    EXPECT_EQ(refused.Header("Content-Type"), "application/json;charset=utf-8") << target;
    EXPECT_TRUE(refused.body.starts_with("{\"error\":{\"code\":\"" + refused.ErrorCode() + "\""))
        << refused.body;
  }
  EXPECT_EQ(f_.Put("/D_S?resource=filesystem").ErrorCode(), "InvalidResourceName");
  // The Blob API keeps its own form.
  EXPECT_EQ(f_.Put("/D_S?restype=container").Header("Content-Type"), "application/xml");
}

TEST_F(DfsTest, AFileIsCreatedAppendedFlushedAndRead) {
  EXPECT_EQ(d_.Create("dir/file.bin", {{"x-ms-content-type", "a/b"}}).status, 201u);
  EXPECT_EQ(d_.Append("dir/file.bin", 3, "def").status, 202u);
  EXPECT_EQ(d_.Append("dir/file.bin", 0, "abc").status, 202u);
  EXPECT_EQ(d_.Flush("dir/file.bin", 7).ErrorCode(), "InvalidFlushPosition");
  const Reply flushed = d_.Flush("dir/file.bin", 6, {{"x-ms-content-md5", ""}}, "&close=true");
  EXPECT_EQ(flushed.status, 200u);
  EXPECT_TRUE(flushed.headers.Has("ETag"));
  const Reply read = f_.Get("/box/dir/file.bin");
  EXPECT_EQ(read.body, "abcdef");
  EXPECT_EQ(read.Header("Content-Type"), "a/b");
  EXPECT_EQ(read.Header("x-ms-resource-type"), "file");
  const Reply more = d_.Append("dir/file.bin", 6, "ghi", {}, "&flush=true");
  EXPECT_EQ(more.status, 202u);
  EXPECT_TRUE(more.headers.Has("ETag"));
  EXPECT_EQ(f_.Get("/box/dir/file.bin", {{"Range", "bytes=5-7"}}).body, "fgh");
  const Reply status = d_.Head("dir/file.bin");
  EXPECT_EQ(status.content_length, 9u);
  EXPECT_EQ(status.Header("x-ms-permissions"), "rw-r-----");
  EXPECT_EQ(
      d_.Append("dir/file.bin", 9, "x", {{"Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="}}).ErrorCode(),
      "Md5Mismatch");
  EXPECT_EQ(d_.Append("dir", 0, "x").ErrorCode(), "PathConflict");
}

TEST_F(DfsTest, APutMayMeanPatch) {
  d_.Create("f");
  const HeaderList patch = {{"X-HTTP-Method-Override", "PATCH"}};
  EXPECT_EQ(f_.Put("/box/f?action=append&position=0", patch, "abc").status, 202u);
  EXPECT_EQ(f_.Put("/box/f?action=flush&position=3", patch, "more").ErrorCode(),
            "InvalidHeaderValue");
  EXPECT_EQ(f_.Put("/box/f?action=flush&position=3", patch).status, 200u);
  EXPECT_EQ(f_.Get("/box/f").body, "abc");
}

TEST_F(DfsTest, OnADfsHostEveryRequestIsThisApis) {
  f_.host = "devstoreaccount1.dfs.example";
  EXPECT_EQ(f_.Put("//box/f?resource=file").status, 201u);
  EXPECT_EQ(d_.f.Send("PATCH", "//box/f?action=append&position=0", {{"Content-Length", "3"}}, "abc")
                .status,
            202u);
  EXPECT_EQ(f_.Send("PATCH", "//box/f?action=flush&position=3", {{"Content-Length", "0"}}).status,
            200u);
  const Reply read = f_.Get("//box/f");
  EXPECT_EQ(read.body, "abc");
  EXPECT_TRUE(read.headers.Has("x-ms-properties"));
  const Reply part =
      f_.Get("//box/f", {{"Range", "bytes=0-1"}, {"x-ms-range-get-content-md5", "true"}});
  EXPECT_EQ(part.status, 206u);
  EXPECT_EQ(part.body, "ab");
  EXPECT_EQ(part.Header("Content-MD5"), "GH70Q2Ei0cwvQNwrkvDroA==");
  EXPECT_EQ(f_.Send("HEAD", "//box/none").ErrorCode(), "PathNotFound");
  EXPECT_EQ(f_.Send("DELETE", "//box/f").status, 200u);
}

TEST_F(DfsTest, CreateTakesConditionsPropertiesAndPermissions) {
  EXPECT_EQ(d_.MakeDir("d", {{"x-ms-permissions", "0777"},
                             {"x-ms-umask", "0022"},
                             {"x-ms-properties", "k=dg=="}})
                .status,
            201u);
  const Reply head = d_.Head("d", "getAccessControl");
  EXPECT_EQ(head.Header("x-ms-permissions"), "rwxr-xr-x");
  EXPECT_EQ(head.Header("x-ms-acl"), "user::rwx,group::r-x,other::r-x");
  EXPECT_EQ(head.Header("x-ms-properties"), "k=dg==");
  EXPECT_EQ(d_.MakeDir("d", {{"If-None-Match", "*"}}).ErrorCode(), "PathAlreadyExists");
  EXPECT_EQ(d_.MakeDir("d", {{"If-None-Match", "*"}}).status, 409u);
  EXPECT_EQ(d_.Create("d").ErrorCode(), "PathConflict");
  EXPECT_EQ(d_.Create("f", {{"x-ms-permissions", "rwz"}}).ErrorCode(), "InvalidHeaderValue");
  EXPECT_EQ(d_.Create("f", {{"x-ms-expiry-option", "RelativeToNow"}, {"x-ms-expiry-time", "60000"}})
                .status,
            201u);
  EXPECT_TRUE(d_.Head("f").headers.Has("x-ms-expiry-time"));
  f_.engine().clock().Advance(std::chrono::minutes(2));
  EXPECT_EQ(d_.Head("f").status, 404u);
}

TEST_F(DfsTest, RenameMovesFilesAndDirectories) {
  d_.Create("a/b/c");
  EXPECT_EQ(d_.Rename("a", "moved").status, 201u);
  EXPECT_EQ(d_.Head("moved/b/c").status, 200u);
  EXPECT_EQ(d_.Head("a").status, 404u);
  EXPECT_EQ(d_.Rename("a", "x").ErrorCode(), "SourcePathNotFound");
  EXPECT_EQ(d_.Rename("moved", "moved/b/x").ErrorCode(), "InvalidRenameSourcePath");
  EXPECT_EQ(d_.Rename("moved", "no/parent").ErrorCode(), "RenameDestinationParentPathNotFound");
  // Path-style clients put the account in front, and encode.
  EXPECT_EQ(f_.Put("/box/d%20e?mode=legacy",
                   {{"x-ms-rename-source", "/devstoreaccount1/box/moved%2Fb/c"}})
                .status,
            201u);
  EXPECT_EQ(d_.Head("d%20e").Header("x-ms-resource-type"), "file");
  const std::string etag = d_.Head("d%20e").Header("ETag");
  EXPECT_EQ(d_.Rename("d%20e", "f", {{"x-ms-source-if-match", "\"0x1\""}}).ErrorCode(),
            "SourceConditionNotMet");
  EXPECT_EQ(d_.Rename("d%20e", "f", {{"x-ms-source-if-match", etag}}).status, 201u);
  EXPECT_EQ(d_.Head("f").Header("ETag"), etag);
  d_.Create("g");
  EXPECT_EQ(d_.Rename("f", "g", {{"If-None-Match", "*"}}).ErrorCode(), "PathAlreadyExists");
  EXPECT_EQ(f_.Put("/box/h?mode=legacy", {{"x-ms-rename-source", "/box"}}).ErrorCode(),
            "InvalidSourceUri");
  EXPECT_EQ(f_.Put("/box/h?mode=other", {{"x-ms-rename-source", "/box/g"}}).ErrorCode(),
            "InvalidQueryParameterValue");
}

TEST_F(DfsTest, PathsAreListedRecursivelyAndByDirectoryAndInPages) {
  d_.Create("a/1");
  d_.Create("a/2");
  d_.Create("b");
  d_.Create("\"q%5C");
  const Reply top = d_.List("recursive=false");
  EXPECT_EQ(top.Header("Content-Type"), "application/json;charset=utf-8");
  EXPECT_NE(top.body.find("\"isDirectory\":\"true\""), std::string::npos) << top.body;
  EXPECT_NE(top.body.find("\"name\":\"\\\"q\\\\\""), std::string::npos) << top.body;
  EXPECT_EQ(top.body.find("a/1"), std::string::npos);
  const Reply sub = d_.List("recursive=false&directory=a");
  EXPECT_NE(sub.body.find("\"name\":\"a/1\""), std::string::npos) << sub.body;
  EXPECT_EQ(sub.body.find("\"name\":\"b\""), std::string::npos);
  std::string names, token;
  int pages = 0;
  do {
    const Reply page = d_.List("recursive=true&maxResults=2&continuation=" + PercentEncode(token));
    ASSERT_EQ(page.status, 200u) << page.body;
    names += page.body;
    token = page.Header("x-ms-continuation");
    ++pages;
  } while (!token.empty());
  EXPECT_EQ(pages, 3);
  for (const char* name : {"a", "a/1", "a/2", "b"}) {
    EXPECT_NE(names.find("\"name\":\"" + std::string(name) + "\""), std::string::npos) << name;
  }
  EXPECT_EQ(d_.List("recursive=true&directory=none").ErrorCode(), "PathNotFound");
  EXPECT_EQ(d_.List("recursive=true&continuation=x").ErrorCode(), "InvalidQueryParameterValue");
  EXPECT_EQ(d_.List("recursive=perhaps").ErrorCode(), "InvalidQueryParameterValue");
}

TEST_F(DfsTest, AccessControlOfPathsAndOfTheRoot) {
  d_.Create("d/f");
  EXPECT_EQ(d_.Patch("/box/d?action=setAccessControl",
                     {{"x-ms-acl", "user::rwx,user:alice:r-x,group::---,other::---"},
                      {"x-ms-owner", "bob"}})
                .status,
            200u);
  const Reply head = d_.Head("d", "getAccessControl&upn=true");
  EXPECT_EQ(head.Header("x-ms-owner"), "bob");
  EXPECT_EQ(head.Header("x-ms-permissions"), "rwxr-x---+");
  EXPECT_EQ(head.Header("x-ms-acl"), "user::rwx,user:alice:r-x,group::---,mask::r-x,other::---");
  EXPECT_EQ(d_.Patch("/box/d?action=setAccessControl", {{"x-ms-permissions", "0700"}}).status,
            200u);
  EXPECT_EQ(d_.Head("d", "getAccessControl").Header("x-ms-permissions"), "rwx------+");
  EXPECT_EQ(d_.Patch("/box/d?action=setAccessControl").ErrorCode(), "MissingRequiredHeader");
  EXPECT_EQ(d_.Patch("/box/d?action=setAccessControl",
                     {{"x-ms-permissions", "0700"}, {"x-ms-acl", "user::rwx"}})
                .ErrorCode(),
            "InvalidInput");
  for (const char* root : {"/box/?action=", "/box/%2F?action="}) {
    EXPECT_EQ(f_.Send("HEAD", root + std::string("getAccessControl")).status, 200u) << root;
    EXPECT_EQ(
        d_.Patch(root + std::string("setAccessControl"), {{"x-ms-permissions", "0755"}}).status,
        200u);
  }
  EXPECT_EQ(f_.Send("HEAD", "/box/?action=getAccessControl").Header("x-ms-permissions"),
            "rwxr-xr-x");
  const Reply tree = d_.Patch("/box/%2F?action=setAccessControlRecursive&mode=modify",
                              {{"x-ms-acl", "user:eve:--x"}});
  EXPECT_EQ(tree.body,
            "{\"directoriesSuccessful\":2,\"failedEntries\":[],\"failureCount\":0,"
            "\"filesSuccessful\":1}");
  EXPECT_NE(d_.Head("d/f", "getAccessControl").Header("x-ms-acl").find("user:eve:--x"),
            std::string::npos);
}

TEST_F(DfsTest, SetPropertiesReplacesTheUsersOwn) {
  d_.Create("f", {{"x-ms-properties", "a=MQ=="}, {"x-ms-content-type", "a/b"}});
  EXPECT_EQ(d_.Patch("/box/f?action=setProperties",
                     {{"x-ms-properties", "b=Mg=="}, {"x-ms-cache-control", "no-cache"}})
                .status,
            200u);
  const Reply head = d_.Head("f");
  EXPECT_EQ(head.Header("x-ms-properties"), "b=Mg==");
  EXPECT_EQ(head.Header("Content-Type"), "a/b");
  EXPECT_EQ(head.Header("Cache-Control"), "no-cache");
  EXPECT_EQ(d_.Patch("/box/f?action=setProperties", {{"x-ms-properties", "b=%"}}).ErrorCode(),
            "InvalidHeaderValue");
}

TEST_F(DfsTest, DeleteTakesDirectoriesWhenAsked) {
  d_.Create("d/f");
  const Reply refused = f_.Send("DELETE", "/box/d?recursive=false");
  EXPECT_EQ(refused.status, 409u);
  EXPECT_EQ(refused.ErrorCode(), "DirectoryNotEmpty");
  EXPECT_EQ(f_.Send("DELETE", "/box/none?paginated=true").ErrorCode(), "PathNotFound");
  EXPECT_EQ(f_.Send("DELETE", "/box/d?recursive=true").status, 200u);
  EXPECT_EQ(f_.Send("DELETE", "/box/d?recursive=true").ErrorCode(), "PathNotFound");
}

TEST_F(DfsTest, AnEmptyPathIsNotTheFileSystem) {
  d_.Create("d/f");
  for (const char* target : {"/box?recursive=true", "/box/?recursive=true"}) {
    const Reply refused = f_.Send("DELETE", target);
    EXPECT_EQ(refused.status, 400u) << target;
    EXPECT_EQ(refused.ErrorCode(), "MissingRequiredQueryParameter") << target;
  }
  EXPECT_EQ(f_.Send("DELETE", "/box//?recursive=true").status, 400u);
  EXPECT_EQ(f_.Send("DELETE", "/box?resource=file&recursive=true").ErrorCode(),
            "InvalidQueryParameterValue");
  EXPECT_EQ(d_.Patch("/box", {{"x-ms-properties", "c=Mg=="}}).status, 400u);
  EXPECT_EQ(f_.Put("/other/?mode=legacy", {{"x-ms-rename-source", "/box/d"}}).status, 400u);
  EXPECT_EQ(f_.Put("/other?resource=directory").status, 400u);
  EXPECT_EQ(f_.Send("HEAD", "/other?resource=filesystem").status, 404u);
  EXPECT_EQ(d_.Head("d/f").status, 200u);
}

TEST_F(DfsTest, AFileSystemMayBearTheAccountsName) {
  EXPECT_EQ(f_.Put("/devstoreaccount1?resource=filesystem").status, 201u);
  EXPECT_EQ(f_.Put("/devstoreaccount1/box/g?resource=file").status, 201u);
  d_.Create("g", {{"x-ms-properties", "k=dg=="}});
  EXPECT_EQ(
      f_.Put("/box/h?mode=legacy", {{"x-ms-rename-source", "/devstoreaccount1/box/g"}}).status,
      201u);
  EXPECT_EQ(d_.Head("g").Header("x-ms-properties"), "k=dg==");
  EXPECT_EQ(f_.Send("HEAD", "/devstoreaccount1/box/g").status, 404u);
}

TEST_F(DfsTest, ALateAppendLeavesTheFileFlushable) {
  d_.Create("f");
  EXPECT_EQ(d_.Append("f", 0, "hello", {}, "&flush=true").status, 202u);
  const Reply late = d_.Append("f", 0, "hello");
  EXPECT_EQ(late.status, 400u);
  EXPECT_EQ(late.ErrorCode(), "InvalidFlushPosition");
  EXPECT_EQ(d_.Append("f", 5, "world").status, 202u);
  EXPECT_EQ(d_.Flush("f", 10).status, 200u);
  EXPECT_EQ(f_.Get("/box/f").body, "helloworld");
  const Reply far = d_.Append("f", INT64_MAX, "x");
  EXPECT_EQ(far.status, 400u);
  EXPECT_EQ(far.ErrorCode(), "OutOfRangeQueryParameterValue");
  EXPECT_EQ(d_.Append("f", engine::kMaxFileBytes - 1, "xy").status, 413u);
  EXPECT_EQ(d_.Append("f", engine::kMaxFileBytes - 1, "x").status, 202u);
}

TEST_F(DfsTest, LeasesHoldBothApis) {
  d_.Create("f");
  const auto lease = [&](const char* action, HeaderList headers = {}) {
    headers.emplace_back("x-ms-lease-action", action);
    return f_.Send("POST", "/box/f", std::move(headers));
  };
  const Reply acquired =
      lease("acquire", {{"x-ms-lease-duration", "-1"}, {"x-ms-proposed-lease-id", kLeaseId}});
  EXPECT_EQ(acquired.status, 201u);
  EXPECT_EQ(acquired.Header("x-ms-lease-id"), kLeaseId);
  EXPECT_EQ(d_.Append("f", 0, "x").ErrorCode(), "LeaseIdMissing");
  EXPECT_EQ(f_.PutBlob("/box/f", "x").ErrorCode(), "LeaseIdMissing");
  EXPECT_EQ(f_.Send("DELETE", "/box/f").ErrorCode(), "LeaseIdMissing");
  EXPECT_EQ(d_.Append("f", 0, "x", {{"x-ms-lease-id", kLeaseId}}, "&flush=true").status, 202u);
  const Reply head = f_.Send("HEAD", "/box/f");
  EXPECT_EQ(head.Header("x-ms-lease-state"), "leased");
  EXPECT_EQ(head.Header("x-ms-lease-duration"), "infinite");
  EXPECT_EQ(f_.PutBlob("/box/f", "y", {{"x-ms-lease-id", kLeaseId}}).status, 201u);
  EXPECT_EQ(f_.Send("HEAD", "/box/f").Header("x-ms-lease-state"), "leased");
  EXPECT_EQ(lease("renew", {{"x-ms-lease-id", kLeaseId}}).status, 200u);
  const Reply broken = lease("break", {{"x-ms-lease-break-period", "0"}});
  EXPECT_EQ(broken.status, 202u);
  EXPECT_EQ(broken.Header("x-ms-lease-time"), "0");
  EXPECT_EQ(lease("release", {{"x-ms-lease-id", kLeaseId}}).status, 200u);
  EXPECT_EQ(f_.Send("DELETE", "/box/f").status, 202u);
}

TEST_F(DfsTest, TheBlobApiShowsDirectories) {
  d_.MakeDir("d");
  const Reply head = f_.Send("HEAD", "/box/d");
  EXPECT_EQ(head.Header("x-ms-meta-hdi_isfolder"), "true");
  EXPECT_EQ(head.Header("x-ms-resource-type"), "directory");
  EXPECT_EQ(head.Header("x-ms-owner"), "$superuser");
  EXPECT_EQ(f_.PutBlob("/box/d", "x").status, 409u);
  EXPECT_EQ(f_.PutBlob("/box/e", "", {{"x-ms-meta-hdi_isfolder", "true"}}).status, 201u);
  EXPECT_EQ(d_.Head("e").Header("x-ms-resource-type"), "directory");
  EXPECT_EQ(f_.Put("/box/e?comp=expiry", {{"x-ms-expiry-option", "NeverExpire"}}).status, 400u);
}

TEST(FlatDfsTest, OffersWhatAzureOffersThere) {
  DfsFixture d(false);
  EXPECT_EQ(d.Create("a/f").status, 201u);
  EXPECT_EQ(d.Append("a/f", 0, "x", {}, "&flush=true").status, 202u);
  EXPECT_EQ(d.f.Get("/box/a/f").body, "x");
  const Reply acl = d.Head("", "getAccessControl");
  EXPECT_EQ(acl.status, 400u);
  EXPECT_EQ(acl.ErrorCode(), "HierarchicalNamespaceNotEnabled");
  EXPECT_EQ(d.f.Send("HEAD", "/box?resource=filesystem").Header("x-ms-namespace-enabled"), "false");
  EXPECT_NE(d.List("recursive=false").body.find("\"name\":\"a\""), std::string::npos);
  EXPECT_EQ(d.f.Send("DELETE", "/box/a?recursive=true").status, 200u);
  EXPECT_EQ(d.f.Get("/box/a/f").status, 404u);
}

// Azure refuses the blocks (docs/rest-api.md).
TEST_F(DfsTest, EitherApiGoesOnWithWhatTheOtherHasMade) {
  ASSERT_EQ(d_.Create("f").status, 201u);
  ASSERT_EQ(d_.Append("f", 0, "first").status, 202u);
  ASSERT_EQ(d_.Flush("f", 5).status, 200u);
  ASSERT_EQ(d_.Append("f", 5, " not flushed").status, 202u);
  ASSERT_EQ(d_.f.Put("/box/f?comp=block&blockid=MDAx", {}, "block").status, 201u);
  EXPECT_EQ(d_.f.Get("/box/f").body, "first");
  const std::string list = "<BlockList><Latest>MDAx</Latest></BlockList>";
  ASSERT_EQ(d_.f.Put("/box/f?comp=blocklist", {}, list).status, 201u);
  EXPECT_EQ(d_.f.Get("/box/f").body, "block");
  ASSERT_EQ(d_.Append("f", 5, "!").status, 202u);
  ASSERT_EQ(d_.Flush("f", 6).status, 200u);
  EXPECT_EQ(d_.f.Get("/box/f").body, "block!");
}

}  // namespace
}  // namespace forebay::rest::dfs
