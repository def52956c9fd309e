// Paths of hierarchical accounts: create, rename, delete, access control, expiry.
#include <gtest/gtest.h>

#include "engine/lease.h"
#include "engine/list_blobs.h"
#include "engine/paths_fixture.h"
#include "engine/set_access_recursive.h"

namespace forebay::engine {
namespace {

class PathsTest : public testing::Test {
 protected:
  std::vector<std::string> Names() {
    ListBlobsRequest request;
    request.target = f_.Container();
    std::vector<std::string> names;
    for (auto& item : f_.Run(ListBlobs(f_.services(), f_.context(), request))->items) {
      names.push_back(item.name);
    }
    return names;
  }
  void SetAcl(std::string_view path, std::string_view acl) {
    SetPathAccessRequest request;
    request.target = {f_.Container(), std::nullopt};
    if (!path.empty()) request.target.path = azure::BlobName(path);
    request.acl = *azure::ParseAcl(acl);
    const auto done = f_.Run(SetPathAccess(f_.services(), f_.context(), std::move(request)));
    EXPECT_TRUE(done) << done.error().ToString();
  }
  PathsFixture f_{true};
};

const azure::Conditions kMustNotExist = [] {
  azure::Conditions conditions;
  conditions.if_none_match = azure::ETagCondition{.any = true, .etags = {}};
  return conditions;
}();

TEST_F(PathsTest, CreateMakesParentsAndKeepsKindsApart) {
  ASSERT_TRUE(f_.Create("a/b/f"));
  EXPECT_EQ(Names(), (std::vector<std::string>{"a", "a/b", "a/b/f"}));
  EXPECT_EQ(CodeOf(f_.Create("a/b/f", true)), Code::kPathConflict);
  EXPECT_EQ(CodeOf(f_.Create("a/b", false)), Code::kPathConflict);
  EXPECT_EQ(CodeOf(f_.Create("a/b/f/g")), Code::kPathConflict);
  EXPECT_EQ(CodeOf(f_.Create("a/b", true, kMustNotExist)), Code::kBlobAlreadyExists);
  // A directory that is made again keeps what is in it.
  ASSERT_TRUE(f_.Create("a/b", true));
  EXPECT_TRUE(f_.Exists("a/b/f"));
}

TEST_F(PathsTest, RenameMovesADirectoryWithEverythingInIt) {
  ASSERT_TRUE(f_.Put("src/deep/f", "body"));
  ASSERT_TRUE(f_.Append("src/deep/f", 4, "more"));
  ASSERT_TRUE(f_.Create("dst", true));
  const auto before = f_.Properties("src/deep/f")->record;
  ASSERT_TRUE(f_.Rename("src", "dst/moved"));
  EXPECT_FALSE(f_.Exists("src"));
  EXPECT_EQ(*f_.Read("dst/moved/deep/f"), "body");
  EXPECT_EQ(f_.Properties("dst/moved/deep/f")->record.etag, before.etag);
  // What was appended under the old name is flushed under the new one.
  ASSERT_TRUE(f_.Flush("dst/moved/deep/f", 8));
  EXPECT_EQ(*f_.Read("dst/moved/deep/f"), "bodymore");
  EXPECT_EQ(Names(),
            (std::vector<std::string>{"dst", "dst/moved", "dst/moved/deep", "dst/moved/deep/f"}));
}

TEST_F(PathsTest, RenameWritesAsMuchForManyFilesAsForFew) {
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(f_.Create("many/" + std::to_string(i)));
  const std::size_t entries = f_.KeysOfTable('h');
  ASSERT_TRUE(f_.Rename("many", "renamed"));
  EXPECT_EQ(f_.KeysOfTable('h'), entries);
  EXPECT_TRUE(f_.Exists("renamed/299"));
}

TEST_F(PathsTest, RenameReplacesAFileButNoDirectoryWithEntries) {
  ASSERT_TRUE(f_.Put("a", "new"));
  ASSERT_TRUE(f_.Put("b", "old"));
  EXPECT_EQ(CodeOf(f_.Rename("a", "b", kMustNotExist)), Code::kBlobAlreadyExists);
  ASSERT_TRUE(f_.Rename("a", "b"));
  EXPECT_EQ(*f_.Read("b"), "new");
  EXPECT_FALSE(f_.Exists("a"));
  f_.Sweep();
  EXPECT_EQ(f_.InlinePieces(), 1u);
  ASSERT_TRUE(f_.Create("d1/x"));
  ASSERT_TRUE(f_.Create("d2/y"));
  EXPECT_EQ(CodeOf(f_.Rename("d1", "d2")), Code::kDirectoryNotEmpty);
  EXPECT_EQ(CodeOf(f_.Rename("d1", "b")), Code::kInvalidSourceOrDestinationResourceType);
  EXPECT_EQ(CodeOf(f_.Rename("b", "d1")), Code::kInvalidSourceOrDestinationResourceType);
  ASSERT_TRUE(f_.Create("empty", true));
  ASSERT_TRUE(f_.Rename("d1", "empty"));
  EXPECT_TRUE(f_.Exists("empty/x"));
}

TEST_F(PathsTest, RenameRefusesWhatCannotBe) {
  ASSERT_TRUE(f_.Create("d/f"));
  EXPECT_EQ(CodeOf(f_.Rename("none", "x")), Code::kSourcePathNotFound);
  EXPECT_EQ(CodeOf(f_.Rename("d", "d/e")), Code::kInvalidRenameSourcePath);
  EXPECT_EQ(CodeOf(f_.Rename("d", "d")), Code::kInvalidRenameSourcePath);
  EXPECT_EQ(CodeOf(f_.Rename("d/f", "no/where")), Code::kRenameDestinationParentPathNotFound);
  EXPECT_TRUE(f_.Rename("d/f", "d/f"));
  EXPECT_TRUE(f_.Exists("d/f"));
  LeaseRequest lease;
  lease.proposed_id = "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a";
  lease.duration_seconds = -1;
  ASSERT_TRUE(f_.Run(LeaseBlob(f_.services(), f_.context(), f_.Blob("d/f"), lease)));
  EXPECT_EQ(CodeOf(f_.Rename("d/f", "g")), Code::kLeaseIdMissing);
  ASSERT_TRUE(f_.Create("other"));
  // A lease at the target is broken by what replaces it.
  EXPECT_TRUE(f_.Rename("other", "d/f"));
}

// A blob into which a copy is pending.
void PutPending(PathsFixture& f, std::string_view name) {
  PutBlobRequest pending;
  pending.target = f.Blob(name);
  pending.copy.status = azure::CopyStatus::kPending;
  pending.copy.id = "mine";
  const auto put = f.Run(PutBlob(f.services(), f.context(), std::move(pending)));
  ASSERT_TRUE(put) << put.error().ToString();
}

void Lease(PathsFixture& f, std::string_view name) {
  LeaseRequest lease;
  lease.proposed_id = "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a";
  lease.duration_seconds = -1;
  ASSERT_TRUE(f.Run(LeaseBlob(f.services(), f.context(), f.Blob(name), lease)));
}

TEST(RenamePendingTest, APendingCopyStaysUnderItsName) {
  for (const bool hierarchical : {true, false}) {
    PathsFixture f(hierarchical);
    PutPending(f, "pending");
    ASSERT_TRUE(f.Put("other", "x"));
    EXPECT_EQ(CodeOf(f.Rename("pending", "moved")), Code::kPendingCopyOperation);
    EXPECT_EQ(CodeOf(f.Rename("other", "pending")), Code::kPendingCopyOperation);
    EXPECT_EQ(CodeOf(f.Rename("pending", "pending")), Code::kPendingCopyOperation);
    EXPECT_FALSE(f.Exists("moved"));
    EXPECT_EQ(*f.Read("other"), "x");
    // Conditions are looked at first.
    azure::Conditions absent;
    absent.if_none_match = azure::ETagCondition{.any = true, .etags = {}};
    EXPECT_EQ(CodeOf(f.Rename("other", "pending", absent)), Code::kBlobAlreadyExists);
  }
}

TEST_F(PathsTest, NothingInsideHoldsADeletedDirectoryBack) {
  ASSERT_TRUE(f_.Create("d/leased"));
  Lease(f_, "d/leased");
  PutPending(f_, "d/pending");
  EXPECT_TRUE(f_.Delete("d", true));
  EXPECT_FALSE(f_.Exists("d/leased"));
  f_.Sweep();
  f_.Sweep();
  EXPECT_EQ(f_.KeysOfTable('h'), 0u);
}

TEST_F(PathsTest, DeleteTakesATreeAtOnceAndTheSweeperItsBytes) {
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(f_.Put("t/" + std::to_string(i % 10) + "/f" + std::to_string(i), "bytes"));
  }
  ASSERT_TRUE(f_.Append("t/1/f1", 5, "more"));
  ASSERT_TRUE(f_.Put("other", "kept"));
  EXPECT_EQ(CodeOf(f_.Delete("t")), Code::kDirectoryNotEmpty);
  const auto deleted = f_.Delete("t", true);
  ASSERT_TRUE(deleted);
  EXPECT_EQ(deleted->next, "");
  EXPECT_EQ(Names(), std::vector<std::string>{"other"});
  EXPECT_EQ(CodeOf(f_.Delete("t", true)), Code::kBlobNotFound);
  ASSERT_TRUE(f_.Create("t/new"));  // the name is free at once
  f_.Sweep();
  f_.Sweep();
  EXPECT_EQ(f_.InlinePieces(), 1u);
  EXPECT_EQ(f_.KeysOfTable('z') + f_.KeysOfTable('u') + f_.KeysOfTable('t'), 0u);
  EXPECT_EQ(f_.KeysOfTable('d'), 1u);
  EXPECT_TRUE(f_.Exists("t/new"));
}

TEST_F(PathsTest, AccessControlIsInheritedFromTheDefaultAcl) {
  EXPECT_EQ(f_.AclOf(""), "user::rwx,group::r-x,other::---");
  SetAcl("",
         "user::rwx,group::r-x,other::---,default:user::rwx,default:user:alice:rw-,"
         "default:group::r-x,default:other::---");
  ASSERT_TRUE(f_.Create("a/b/f"));
  EXPECT_EQ(f_.AclOf("a/b/f"), "user::rwx,user:alice:rw-,group::r-x,mask::rwx,other::---");
  EXPECT_NE(f_.AclOf("a/b").find("default:user:alice:rw-"), std::string::npos);
  // The Blob API makes no exception.
  ASSERT_TRUE(f_.Put("a/c/g", "x"));
  EXPECT_NE(f_.AclOf("a/c/g").find("user:alice:rw-"), std::string::npos);
  // An overwrite keeps what was set.
  SetAcl("a/c/g", "user::r--,group::---,other::---");
  ASSERT_TRUE(f_.Put("a/c/g", "y"));
  EXPECT_EQ(f_.AclOf("a/c/g"), "user::r--,group::---,other::---");
  EXPECT_EQ(f_.KeysOfTable('d'), 3u);
}

TEST_F(PathsTest, CreateTakesPermissionsLessTheUmask) {
  CreatePathRequest request;
  request.target = f_.Blob("f");
  request.mode = 0777;
  request.umask = 0022;
  request.owner = "alice";
  ASSERT_TRUE(f_.Create(std::move(request)));
  const auto status = f_.Status("f");
  EXPECT_EQ(azure::FormatPermissions(status->access), "rwxr-xr-x");
  EXPECT_EQ(status->access.owner, "alice");
  EXPECT_EQ(status->access.group, "$superuser");
}

TEST_F(PathsTest, AclsChangeRecursivelyPageByPage) {
  for (const auto* path : {"d/a/1", "d/a/2", "d/b/3", "e/4"}) ASSERT_TRUE(f_.Create(path));
  SetAccessRecursiveRequest request;
  request.target = {f_.Container(), azure::BlobName("d")};
  request.change = AclChange::kModify;
  request.entries = *azure::ParseAcl("user:bob:r--,default:user:bob:r--");
  request.max_records = 2;
  std::uint64_t directories = 0, files = 0;
  int calls = 0;
  do {
    const auto page = f_.Run(SetAccessRecursive(f_.services(), f_.context(), request));
    ASSERT_TRUE(page) << page.error().ToString();
    directories += page->directories;
    files += page->files;
    request.start = page->next;
    ++calls;
  } while (!request.start.empty());
  EXPECT_EQ(directories, 3u);
  EXPECT_EQ(files, 3u);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(f_.AclOf("d/b/3"), "user::rw-,user:bob:r--,group::r--,mask::r--,other::---");
  EXPECT_NE(f_.AclOf("d/a").find("default:user:bob:r--"), std::string::npos);
  EXPECT_EQ(f_.AclOf("e/4"), "user::rw-,group::r--,other::---");
  SetAccessRecursiveRequest root;
  root.target = {f_.Container(), std::nullopt};
  root.change = AclChange::kRemove;
  root.entries = *azure::ParseAcl("user:bob,default:user:bob", false);
  const auto all = f_.Run(SetAccessRecursive(f_.services(), f_.context(), root));
  ASSERT_TRUE(all);
  EXPECT_EQ(all->directories + all->files, 9u);  // the root too
  EXPECT_EQ(f_.AclOf("d/b/3"), "user::rw-,group::r--,other::---");
}

TEST_F(PathsTest, AFileThatExpiresIsGoneAndThenSweptAway) {
  ASSERT_TRUE(f_.Put("d/f", "bytes"));
  SetPathExpiryRequest request;
  request.target = f_.Blob("d/f");
  request.expiry = {ExpiryRequest::From::kNow, std::chrono::minutes(1), {}};
  ASSERT_TRUE(f_.Run(SetPathExpiry(f_.services(), f_.context(), request)));
  ASSERT_TRUE(f_.Rename("d", "moved"));
  ASSERT_TRUE(f_.Rename("moved/f", "moved/g"));
  f_.Sweep();
  EXPECT_EQ(*f_.Read("moved/g"), "bytes");
  f_.clock().Advance(std::chrono::minutes(2));
  EXPECT_EQ(CodeOf(f_.Read("moved/g")), Code::kBlobNotFound);
  f_.Sweep();
  f_.Sweep();
  EXPECT_EQ(Names(), std::vector<std::string>{"moved"});
  EXPECT_EQ(f_.InlinePieces() + f_.KeysOfTable('f'), 0u);
}

TEST(FlatPathsTest, OfferWhatAzureOffersThere) {
  PathsFixture f(false);
  ASSERT_TRUE(f.Create("d", true));
  EXPECT_EQ(f.Properties("d")->record.metadata, (azure::Metadata{{"hdi_isfolder", "true"}}));
  ASSERT_TRUE(f.Put("d/f", "x"));
  EXPECT_EQ(CodeOf(f.Delete("d")), Code::kDirectoryNotEmpty);
  EXPECT_EQ(CodeOf(f.Rename("d", "e")), Code::kUnsupported);
  ASSERT_TRUE(f.Rename("d/f", "e/f"));
  EXPECT_EQ(*f.Read("e/f"), "x");
  EXPECT_FALSE(f.Exists("d/f"));
  CreatePathRequest request;
  request.target = f.Blob("f");
  request.mode = 0700;
  EXPECT_EQ(CodeOf(f.Create(std::move(request))), Code::kHierarchicalNamespaceNotEnabled);
}

TEST(FlatPathsTest, DeleteADirectoryPageByPage) {
  PathsFixture f(false);
  for (int i = 0; i < 150; ++i) ASSERT_TRUE(f.Put("d/" + std::to_string(1000 + i), "x"));
  ASSERT_TRUE(f.Put("d2", "kept"));
  auto page = f.Delete("d", true, "", 60);
  ASSERT_TRUE(page);
  ASSERT_FALSE(page->next.empty());
  int calls = 1;
  while (!page->next.empty()) {
    page = f.Delete("d", true, page->next, 60);
    ASSERT_TRUE(page);
    ++calls;
  }
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(f.KeysOfTable('n'), 1u);
  EXPECT_EQ(CodeOf(f.Delete("d", true)), Code::kBlobNotFound);
}

TEST(FlatPathsTest, ALeaseOrAPendingCopyBelowEndsTheDelete) {
  PathsFixture f(false);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(f.Put("d/" + std::to_string(1000 + i), "x"));
  Lease(f, "d/1080");
  PutPending(f, "e/pending");
  EXPECT_EQ(CodeOf(f.Delete("d", true)), Code::kLeaseIdMissing);
  EXPECT_TRUE(f.Exists("d/1080"));
  EXPECT_EQ(CodeOf(f.Delete("e", true)), Code::kPendingCopyOperation);
  EXPECT_TRUE(f.Exists("e/pending"));
  LeaseRequest release;
  release.action = LeaseAction::kBreak;
  ASSERT_TRUE(f.Run(LeaseBlob(f.services(), f.context(), f.Blob("d/1080"), release)));
  EXPECT_TRUE(f.Delete("d", true));
  EXPECT_EQ(f.KeysOfTable('n'), 1u);
}

}  // namespace
}  // namespace forebay::engine
