#include "engine/node_names.h"

#include <gtest/gtest.h>

#include "azure/tag_expression.h"
#include "engine/find_blobs_by_tags.h"
#include "engine/fsck.h"
#include "engine/nodes_fixture.h"

namespace forebay::engine {
namespace {

using azure::FileKind;

TEST(NodeNamesTest, CreatesWithAllThatAFileHas) {
  NodesFixture f;
  const auto made = f.Make("a", FileKind::kFile, 04755, "hello");
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_TRUE(made->created);
  const auto stat = f.Stat("a");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->inode, made->attributes.inode);
  EXPECT_EQ(stat->mode, 04755u);
  EXPECT_EQ(stat->uid, 1000u);
  EXPECT_EQ(stat->gid, 100u);
  EXPECT_EQ(stat->size, 5u);
  EXPECT_EQ(stat->nlink, 1u);
  EXPECT_EQ(*f.Content("a"), "hello");
  // Public clients see an ordinary blob, with the owner and rights of it.
  EXPECT_EQ(*f.Read("a"), "hello");
  EXPECT_EQ(f.Status("a")->access.owner, "1000");
  EXPECT_EQ(azure::FormatPermissions(f.Status("a")->access), "rwxr-xr-x");
}

TEST(NodeNamesTest, ParentsMustBeThere) {
  NodesFixture f;
  f.File("file");
  EXPECT_EQ(CodeOf(f.Make("no/a")), Code::kPathNotFound);
  EXPECT_EQ(CodeOf(f.Make("file/a")), Code::kNotADirectory);
  EXPECT_EQ(CodeOf(f.Make("file")), Code::kPathAlreadyExists);
  EXPECT_EQ(CodeOf(f.Make("")), Code::kOperationNotPermitted);
  EXPECT_EQ(CodeOf(f.Make("a/../b")), Code::kInvalidResourceName);
  EXPECT_EQ(CodeOf(f.Make(std::string(256, 'n'))), Code::kFileNameTooLong);
  EXPECT_TRUE(f.Make(std::string(255, 'n')));
  EXPECT_EQ(CodeOf(f.Stat("no/a")), Code::kPathNotFound);
  EXPECT_EQ(CodeOf(f.Stat("file/a")), Code::kNotADirectory);
}

TEST(NodeNamesTest, OpensWhatIsThere) {
  NodesFixture f;
  const std::uint64_t inode = f.File("a", "content");
  CreateNodeRequest request;
  request.target = f.At("a");
  request.exclusive = false;
  auto opened = f.Run(CreateNode(f.services(), f.context(), request));
  ASSERT_TRUE(opened);
  EXPECT_FALSE(opened->created);
  EXPECT_EQ(opened->attributes.inode, inode);
  EXPECT_EQ(*f.Content("a"), "content");
  request.truncate = true;
  opened = f.Run(CreateNode(f.services(), f.context(), request));
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->attributes.size, 0u);
  EXPECT_EQ(opened->attributes.inode, inode);
  EXPECT_EQ(*f.Content("a"), "");
  f.Dir("d");
  request.target = f.At("d");
  EXPECT_EQ(CodeOf(f.Run(CreateNode(f.services(), f.context(), request))),
            Code::kPathAlreadyExists);
}

TEST(NodeNamesTest, KindsAreWhatTheyWereMade) {
  NodesFixture f;
  CreateNodeRequest device;
  device.target = f.At("null");
  device.set.kind = FileKind::kCharacterDevice;
  device.set.rdev = 259;
  ASSERT_TRUE(f.Run(CreateNode(f.services(), f.context(), device)));
  ASSERT_TRUE(f.Make("pipe", FileKind::kFifo));
  ASSERT_TRUE(f.Make("link", FileKind::kSymlink, 0777, "../some where"));
  EXPECT_EQ(f.Stat("null")->kind, FileKind::kCharacterDevice);
  EXPECT_EQ(f.Stat("null")->rdev, 259u);
  EXPECT_EQ(f.Stat("pipe")->kind, FileKind::kFifo);
  const auto link = f.Stat("link");
  EXPECT_EQ(link->kind, FileKind::kSymlink);
  EXPECT_EQ(link->target, "../some where");
  EXPECT_EQ(link->size, 13u);
  EXPECT_EQ(link->mode, 0777u);
  // BlobFuse2 and AzCopy know it by this.
  EXPECT_EQ(*f.Read("link"), "../some where");
  EXPECT_EQ(CodeOf(f.Make("bad", FileKind::kSymlink, 0777, "")), Code::kInvalidInput);
  EXPECT_EQ(CodeOf(f.Make("bad", FileKind::kSymlink, 0777, std::string(4096, 'x'))),
            Code::kInvalidInput);
  EXPECT_EQ(CodeOf(f.Stat("link/x")), Code::kNotADirectory);
}

TEST(NodeNamesTest, SetgidDirectoriesHandTheirGroupDown) {
  NodesFixture f;
  f.Dir("d", 02775);
  CreateNodeRequest request;
  request.target = f.At("d/sub");
  request.set.kind = FileKind::kDirectory;
  request.set.mode = 0700;
  request.set.gid = 7;
  const auto sub = f.Run(CreateNode(f.services(), f.context(), request));
  ASSERT_TRUE(sub);
  EXPECT_EQ(sub->attributes.gid, 100u);
  EXPECT_EQ(sub->attributes.mode, 02700u);
  request.target = f.At("d/file");
  request.set.kind = FileKind::kFile;
  const auto file = f.Run(CreateNode(f.services(), f.context(), request));
  EXPECT_EQ(file->attributes.gid, 100u);
  EXPECT_EQ(file->attributes.mode, 0700u);
}

TEST(NodeNamesTest, ADefaultAclStandsInForTheUmask) {
  NodesFixture f;
  f.Dir("d");
  SetNodeRequest set;
  set.target = f.At("d");
  set.acl = *azure::ParseAcl(
      "user::rwx,group::r-x,other::r-x,default:user::rwx,default:user:7:rwx,default:group::r-x,"
      "default:mask::rwx,default:other::---");
  ASSERT_TRUE(f.Run(SetNode(f.services(), f.context(), set)));
  CreateNodeRequest request;
  request.set.mode = 0664;
  request.umask = 077;
  request.target = f.At("d/a");
  auto made = f.Run(CreateNode(f.services(), f.context(), request));
  ASSERT_TRUE(made);
  EXPECT_EQ(made->attributes.mode, 0660u);
  EXPECT_EQ(f.AclOf("d/a"), "user::rw-,user:7:rwx,group::r-x,mask::rw-,other::---");
  request.target = f.At("b");
  made = f.Run(CreateNode(f.services(), f.context(), request));
  EXPECT_EQ(made->attributes.mode, 0600u);
}

TEST(NodeNamesTest, NumbersOutliveRenames) {
  NodesFixture f;
  const std::uint64_t dir = f.Dir("d");
  const std::uint64_t inode = f.File("d/a", "x");
  ASSERT_TRUE(f.Rename("d", "e"));  // by the public API
  EXPECT_EQ(*f.Content(f.Numbered(inode)), "x");
  EXPECT_EQ(f.Stat(f.In(dir, "a"))->inode, inode);
  ASSERT_TRUE(f.Rename("e/a", "b"));
  EXPECT_EQ(*f.Content(f.Numbered(inode)), "x");
  EXPECT_EQ(CodeOf(f.Stat(f.In(dir, "a"))), Code::kPathNotFound);
  ASSERT_TRUE(f.Delete("b"));
  EXPECT_EQ(CodeOf(f.Content(f.Numbered(inode))), Code::kFileGone);
  ASSERT_TRUE(f.Delete("e", /*recursive=*/true));
  EXPECT_EQ(CodeOf(f.Make(f.In(dir, "late"))), Code::kFileGone);
}

TEST(NodeNamesTest, HintsFindWhatHasNoPlace) {
  NodesFixture f;
  ASSERT_TRUE(f.Put("blob", "text"));
  const std::uint64_t inode = f.Stat("blob")->inode;
  EXPECT_EQ(CodeOf(f.Stat(f.Numbered(inode))), Code::kFileGone);
  EXPECT_EQ(f.Stat(f.Numbered(inode, "blob"))->inode, inode);
  ASSERT_TRUE(f.Put("blob", "other"));
  EXPECT_EQ(CodeOf(f.Stat(f.Numbered(inode, "blob"))), Code::kFileGone);
  NodeTarget expected = f.At("blob");
  expected.expected = meta::InodeId(inode);
  EXPECT_EQ(CodeOf(f.Stat(expected)), Code::kConditionNotMet);
}

TEST(NodeNamesTest, HardLinksAreOneFile) {
  NodesFixture f;
  f.Dir("d");
  const std::uint64_t inode = f.File("a", "one");
  const auto linked = f.Link(inode, "d/b");
  ASSERT_TRUE(linked) << linked.error().ToString();
  EXPECT_EQ(linked->attributes.nlink, 2u);
  EXPECT_EQ(f.Stat("a")->nlink, 2u);
  EXPECT_EQ(f.Stat("d/b")->inode, inode);
  ASSERT_TRUE(f.Write(f.At("d/b"), "data 3\n", "two"));
  EXPECT_EQ(*f.Content("a"), "two");
  EXPECT_EQ(*f.Read("a"), "two");
  EXPECT_EQ(*f.Read("d/b"), "two");
  // A flush of the public API writes through a link too.
  ASSERT_TRUE(f.Append("a", 3, "!"));
  ASSERT_TRUE(f.Flush("a", 4));
  EXPECT_EQ(*f.Read("d/b"), "two!");
  EXPECT_EQ(CodeOf(f.Link(inode, "a")), Code::kPathAlreadyExists);
  ASSERT_TRUE(f.Unlink("a"));
  EXPECT_EQ(CodeOf(f.Stat("a")), Code::kPathNotFound);
  EXPECT_EQ(f.Stat("d/b")->nlink, 1u);
  EXPECT_EQ(f.Stat(f.Numbered(inode))->inode, inode);
  ASSERT_TRUE(f.Unlink("d/b"));
  EXPECT_EQ(CodeOf(f.Stat(f.Numbered(inode))), Code::kFileGone);
  f.Sweep();
  EXPECT_EQ(f.Stored(), "");
  EXPECT_EQ(f.InlinePieces(), 0u);
}

TEST(NodeNamesTest, PutBlobOverOneNameLeavesTheOthers) {
  NodesFixture f;
  const std::uint64_t inode = f.File("a", "one");
  ASSERT_TRUE(f.Link(inode, "b"));
  ASSERT_TRUE(f.Put("a", "new"));
  EXPECT_NE(f.Stat("a")->inode, inode);
  EXPECT_EQ(*f.Content("b"), "one");
  EXPECT_EQ(f.Stat("b")->nlink, 1u);
  EXPECT_EQ(CodeOf(f.Link(f.Dir("d"), "e")), Code::kOperationNotPermitted);
  // Recursive deletes take names, not files.
  ASSERT_TRUE(f.Link(inode, "d/c"));
  ASSERT_TRUE(f.Delete("d", /*recursive=*/true));
  f.Sweep();
  EXPECT_EQ(*f.Content("b"), "one");
  EXPECT_EQ(f.Stat("b")->nlink, 1u);
}

TEST(NodeNamesTest, RemovesByKind) {
  NodesFixture f;
  f.Dir("d");
  f.File("d/a");
  EXPECT_EQ(CodeOf(f.Unlink("d")), Code::kIsADirectory);
  EXPECT_EQ(CodeOf(f.Unlink("d", true)), Code::kDirectoryNotEmpty);
  EXPECT_EQ(CodeOf(f.Unlink("d/a", true)), Code::kNotADirectory);
  EXPECT_EQ(CodeOf(f.Unlink("none")), Code::kPathNotFound);
  const auto gone = f.Unlink("d/a");
  ASSERT_TRUE(gone);
  EXPECT_EQ(gone->attributes.nlink, 0u);
  EXPECT_TRUE(f.Unlink("d", true));
}

TEST(NodeNamesTest, RenamesAsTheManualSays) {
  NodesFixture f;
  f.Dir("d");
  f.Dir("full");
  f.File("full/x");
  f.Dir("empty");
  const std::uint64_t a = f.File("a", "a");
  f.File("b", "b");
  EXPECT_EQ(CodeOf(f.Move("none", "x")), Code::kPathNotFound);
  EXPECT_EQ(CodeOf(f.Move("a", "no/x")), Code::kPathNotFound);
  EXPECT_EQ(CodeOf(f.Move("a", "b", RenameMode::kNoReplace)), Code::kPathAlreadyExists);
  EXPECT_EQ(CodeOf(f.Move("a", "d")), Code::kIsADirectory);
  EXPECT_EQ(CodeOf(f.Move("d", "a")), Code::kNotADirectory);
  EXPECT_EQ(CodeOf(f.Move("d", "full")), Code::kDirectoryNotEmpty);
  EXPECT_EQ(CodeOf(f.Move("full", "full/y")), Code::kInvalidRenameSourcePath);
  ASSERT_TRUE(f.Move("a", "b"));
  EXPECT_EQ(*f.Content("b"), "a");
  EXPECT_EQ(f.Stat("b")->inode, a);
  EXPECT_EQ(*f.Content(f.Numbered(a)), "a");
  ASSERT_TRUE(f.Move("full", "empty"));
  EXPECT_TRUE(f.Stat("empty/x"));
  EXPECT_EQ(CodeOf(f.Stat("full")), Code::kPathNotFound);
  EXPECT_TRUE(f.Move("b", "b"));
}

TEST(NodeNamesTest, ExchangesWhateverTheKinds) {
  NodesFixture f;
  const std::uint64_t dir = f.Dir("d");
  f.File("d/x", "x");
  const std::uint64_t file = f.File("f", "f");
  EXPECT_EQ(CodeOf(f.Move("f", "none", RenameMode::kExchange)), Code::kPathNotFound);
  EXPECT_EQ(CodeOf(f.Move("d", "d/x", RenameMode::kExchange)), Code::kInvalidRenameSourcePath);
  ASSERT_TRUE(f.Move("f", "d", RenameMode::kExchange));
  EXPECT_EQ(*f.Content("d"), "f");
  EXPECT_EQ(*f.Content("f/x"), "x");
  EXPECT_EQ(f.Stat(f.Numbered(file))->inode, file);
  EXPECT_EQ(f.Stat(f.In(dir, "x"))->size, 1u);
}

TEST(NodeNamesTest, LinksOfOneFileAreNotMovedOverEachOther) {
  NodesFixture f;
  const std::uint64_t inode = f.File("a", "x");
  ASSERT_TRUE(f.Link(inode, "b"));
  ASSERT_TRUE(f.Move("a", "b"));
  EXPECT_EQ(f.Stat("a")->nlink, 2u);
  ASSERT_TRUE(f.Move("a", "c"));
  EXPECT_EQ(f.Stat("c")->inode, inode);
  EXPECT_EQ(f.Stat("b")->nlink, 2u);
  f.File("d", "d");
  ASSERT_TRUE(f.Move("d", "b"));
  EXPECT_EQ(f.Stat("c")->nlink, 1u);
  EXPECT_EQ(*f.Content("c"), "x");
}

// The Data Lake API knows no links: there the source is gone after a rename, whatever it was.
TEST(NodeNamesTest, ARenameOfAPathOntoItsOtherNameTakesOneAway) {
  NodesFixture f;
  const std::uint64_t inode = f.File("a", "x");
  ASSERT_TRUE(f.Link(inode, "b"));
  ASSERT_TRUE(f.Link(inode, "c"));
  ASSERT_TRUE(f.Rename("a", "b"));
  EXPECT_EQ(CodeOf(f.Stat("a")), Code::kPathNotFound);
  EXPECT_EQ(f.Stat("b")->inode, inode);
  EXPECT_EQ(f.Stat("b")->nlink, 2u);
  ASSERT_TRUE(f.Rename("c", "b"));
  EXPECT_EQ(f.Stat("b")->nlink, 1u);
  EXPECT_EQ(*f.Content("b"), "x");
  EXPECT_EQ(CheckNamespace(f.store(), f.chunks(), {})->problem_count, 0u);
  ASSERT_TRUE(f.Unlink("b"));
  EXPECT_EQ(CodeOf(f.Content(f.Numbered(inode))), Code::kFileGone);
}

TEST(NodeNamesTest, ATokenIsDoneOnce) {
  NodesFixture f;
  CreateNodeRequest request;
  request.target = f.At("a");
  request.token = "t1";
  ASSERT_TRUE(f.Run(CreateNode(f.services(), f.context(), request))->created);
  const auto again = f.Run(CreateNode(f.services(), f.context(), request));
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->repeated);
  request.token = "t2";
  EXPECT_EQ(CodeOf(f.Run(CreateNode(f.services(), f.context(), request))),
            Code::kPathAlreadyExists);
  ASSERT_TRUE(f.Move("a", "b", RenameMode::kReplace, "t3"));
  f.File("a");
  EXPECT_TRUE(f.Move("a", "b", RenameMode::kReplace, "t3")->repeated);
  EXPECT_TRUE(f.Stat("a"));  // the repeat moved nothing
  ASSERT_TRUE(f.Unlink("b", false, "t4"));
  EXPECT_TRUE(f.Unlink("b", false, "t4")->repeated);
  EXPECT_EQ(CodeOf(f.Unlink("b", false, "t5")), Code::kPathNotFound);
}

TEST(NodeNamesTest, DirectoriesChangeWithTheirEntries) {
  NodesFixture f;
  f.Dir("d");
  const std::int64_t made = f.Stat("d")->mtime;
  f.File("d/a");
  const std::int64_t created = f.Stat("d")->mtime;
  EXPECT_GT(created, made);
  ASSERT_TRUE(f.Move("d/a", "d/b"));
  const std::int64_t moved = f.Stat("d")->mtime;
  EXPECT_GT(moved, created);
  ASSERT_TRUE(f.Unlink("d/b"));
  const std::int64_t removed = f.Stat("d")->mtime;
  EXPECT_GT(removed, moved);
  ASSERT_TRUE(f.Put("d/c", "by the public API"));
  EXPECT_GT(f.Stat("d")->mtime, removed);
  EXPECT_GT(f.Stat("")->mtime, 0);
}

// Clients of hierarchical accounts set none, but a lake may bring some (docs/formats/meta-keys.md).
TEST(NodeNamesTest, TagsAreFoundUnderEveryNameOfTheirFile) {
  NodesFixture f;
  f.Dir("d");
  ASSERT_TRUE(f.Put("a", "x", WithTags({{"k", "1"}, {"l", "2"}})));
  ASSERT_TRUE(f.Put("b", "y", WithTags({{"k", "1"}})));
  const auto expect_found = [&f](const std::vector<std::string>& names) {
    FindBlobsByTagsRequest request{.account = f.account(),
                                   .where = *azure::ParseTagQuery("\"k\" = '1'")};
    const auto found = f.Run(FindBlobsByTags(f.services(), f.context(), request));
    ASSERT_TRUE(found) << found.error().ToString();
    std::vector<std::string> there;
    for (const FoundBlob& blob : found->blobs) there.push_back(blob.name.str());
    EXPECT_EQ(there, names);
    const auto checked = CheckNamespace(f.store(), f.chunks(), {});
    ASSERT_TRUE(checked) << checked.error().ToString();
    EXPECT_EQ(checked->problem_count, 0u) << testing::PrintToString(checked->problems);
  };
  ASSERT_TRUE(f.Link(f.Stat("a")->inode, "d/link", "a"));
  expect_found({"a", "b", "d/link"});
  ASSERT_TRUE(f.Move("a", "d/moved"));
  expect_found({"b", "d/link", "d/moved"});
  ASSERT_TRUE(f.Move("d/link", "b"));  // in the place of another that has tags
  expect_found({"b", "d/moved"});
  ASSERT_TRUE(f.Put("plain", "z"));
  ASSERT_TRUE(f.Move("plain", "b", RenameMode::kExchange));
  expect_found({"d/moved", "plain"});
  ASSERT_TRUE(f.Rename("d/moved", "again"));
  expect_found({"again", "plain"});
  ASSERT_TRUE(f.Unlink("plain"));
  expect_found({"again"});
  ASSERT_TRUE(f.Unlink("again"));
  expect_found({});
  EXPECT_EQ(f.KeysOfTable('i'), 0u);
}

}  // namespace
}  // namespace forebay::engine
