#include "engine/node_attributes.h"

#include <gtest/gtest.h>

#include "azure/posix_acl.h"
#include "engine/nodes_fixture.h"

namespace forebay::engine {
namespace {

TEST(NodeAttributesTest, ChangesKeepTheETag) {
  NodesFixture f;
  f.File("a", "x");
  const auto before = f.Stat("a");
  SetNodeRequest request;
  request.target = f.At("a");
  request.set.mode = 06711;
  request.set.uid = 5;
  request.set.atime = 1'000'000'001;
  request.set.mtime = -7;
  const auto set = f.Run(SetNode(f.services(), f.context(), request));
  ASSERT_TRUE(set) << set.error().ToString();
  const auto after = f.Stat("a");
  EXPECT_EQ(*after, *set);
  EXPECT_EQ(after->mode, 06711u);
  EXPECT_EQ(after->uid, 5u);
  EXPECT_EQ(after->gid, 100u);
  EXPECT_EQ(after->atime, 1'000'000'001);
  EXPECT_EQ(after->mtime, -7);
  EXPECT_GT(after->ctime, before->ctime);
  EXPECT_EQ(after->etag, before->etag);
  request.set = {};
  request.set.kind = azure::FileKind::kFifo;
  EXPECT_EQ(CodeOf(f.Run(SetNode(f.services(), f.context(), request))), Code::kInvalidInput);
}

TEST(NodeAttributesTest, TheRootHasAttributesToo) {
  NodesFixture f;
  EXPECT_EQ(f.Stat("")->inode, 1u);
  EXPECT_EQ(f.Stat("")->kind, azure::FileKind::kDirectory);
  SetNodeRequest request;
  request.target = f.At("");
  request.set.mode = 03777;
  request.set.uid = 1000;
  request.set.mtime = 42;
  ASSERT_TRUE(f.Run(SetNode(f.services(), f.context(), request)));
  EXPECT_EQ(f.Stat("")->mode, 03777u);
  EXPECT_EQ(f.Stat("")->uid, 1000u);
  EXPECT_EQ(f.Stat("")->mtime, 42);
  EXPECT_EQ(f.Status("")->access.owner, "1000");
  f.File("a");
  EXPECT_GT(f.Stat("")->mtime, 42);
  EXPECT_EQ(f.Stat("a")->gid, f.Stat("")->gid);
}

TEST(NodeAttributesTest, ListsOneDirectoryWithAllAttributes) {
  NodesFixture f;
  const std::uint64_t dir = f.Dir("d");
  for (const char* name : {"b", "a", "c"}) f.File(std::string("d/") + name, name);
  f.Dir("d/sub");
  f.File("d/sub/deep");
  ASSERT_TRUE(f.Make("d/link", azure::FileKind::kSymlink, 0777, "b"));
  ASSERT_TRUE(f.Link(f.Stat("d/a")->inode, "d/z"));
  ListNodesRequest request;
  request.directory = f.Numbered(dir);
  auto page = f.Run(ListNodes(f.services(), f.context(), request));
  ASSERT_TRUE(page) << page.error().ToString();
  std::string names;
  for (const auto& entry : page->entries) {
    names += entry.name + " ";
    azure::PosixAttributes stat = *f.Stat("d/" + entry.name);
    stat.name = entry.name;
    EXPECT_EQ(entry, stat);
  }
  EXPECT_EQ(names, "a b c link sub z ");
  EXPECT_FALSE(page->more);
  // Page by page, while what was told goes away.
  request.max_results = 2;
  page = f.Run(ListNodes(f.services(), f.context(), request));
  EXPECT_TRUE(page->more);
  EXPECT_EQ(page->entries.back().name, "b");
  ASSERT_TRUE(f.Unlink("d/b"));
  request.after = "b";
  page = f.Run(ListNodes(f.services(), f.context(), request));
  EXPECT_EQ(page->entries.front().name, "c");
  request.directory = f.At("d/c");
  EXPECT_EQ(CodeOf(f.Run(ListNodes(f.services(), f.context(), request))), Code::kNotADirectory);
}

TEST(NodeAttributesTest, XattrsAreKeptAndBounded) {
  NodesFixture f;
  f.File("a");
  auto set = [&](const std::string& name, std::string value, XattrMode mode = XattrMode::kSet) {
    return f.Run(SetXattr(f.services(), f.context(), f.At("a"), name, std::move(value), mode));
  };
  auto get = [&](const std::string& name) {
    return f.Run(GetXattr(f.services(), f.context(), f.At("a"), name));
  };
  EXPECT_EQ(CodeOf(get("user.x")), Code::kAttributeNotFound);
  EXPECT_EQ(CodeOf(set("user.x", "1", XattrMode::kReplace)), Code::kAttributeNotFound);
  ASSERT_TRUE(set("user.x", std::string("a\0b", 3), XattrMode::kCreate));
  EXPECT_EQ(CodeOf(set("user.x", "1", XattrMode::kCreate)), Code::kResourceAlreadyExists);
  EXPECT_EQ(*get("user.x"), std::string("a\0b", 3));
  ASSERT_TRUE(set("security.capability", ""));
  EXPECT_EQ(*get("security.capability"), "");
  ASSERT_TRUE(set("trusted.big", std::string(kMaxXattrBytes, 'z')));
  EXPECT_EQ(CodeOf(set("user.big", std::string(kMaxXattrBytes + 1, 'z'))),
            Code::kAttributeTooLarge);
  EXPECT_EQ(CodeOf(set("other.x", "1")), Code::kUnsupported);
  EXPECT_EQ(CodeOf(set("user.", "1")), Code::kInvalidInput);
  EXPECT_EQ(CodeOf(set("user." + std::string(251, 'n'), "1")), Code::kAttributeTooLarge);
  ASSERT_TRUE(f.Move("a", "b"));
  const auto listed = f.Run(ListXattrs(f.services(), f.context(), f.At("b")));
  ASSERT_TRUE(listed);
  std::string names;
  for (const XattrEntry& entry : *listed) names += entry.name + " ";
  EXPECT_EQ(names, "security.capability trusted.big user.x ");
  ASSERT_TRUE(f.Run(RemoveXattr(f.services(), f.context(), f.At("b"), "user.x")));
  EXPECT_EQ(CodeOf(f.Run(RemoveXattr(f.services(), f.context(), f.At("b"), "user.x"))),
            Code::kAttributeNotFound);
  ASSERT_TRUE(f.Put("b", "replaced by another client"));
  EXPECT_EQ(f.KeysOfTable('2'), 0u);
  for (int i = 0; i < 16; ++i) {
    auto done = f.Run(SetXattr(f.services(), f.context(), f.At("b"), "user.n" + std::to_string(i),
                               std::string(kMaxXattrBytes, 'z'), XattrMode::kSet));
    EXPECT_EQ(done.has_value(), i < 15) << i;
  }
}

TEST(NodeAttributesTest, KernelAclsAreTheAcl) {
  NodesFixture f;
  f.File("a");
  azure::AccessControl access = *f.Status("a")->record.access;
  ASSERT_TRUE(azure::SetAcl(
      access, *azure::ParseAcl("user::rw-,user:7:r--,group::r--,mask::r--,other::r--"), false));
  const std::string bytes = azure::EncodeKernelAcl(access, false);
  const std::string name(azure::kAclAccessXattr);
  ASSERT_TRUE(f.Run(SetXattr(f.services(), f.context(), f.At("a"), name, bytes, XattrMode::kSet)));
  EXPECT_EQ(f.AclOf("a"), "user::rw-,user:7:r--,group::r--,mask::r--,other::r--");
  EXPECT_EQ(*f.Run(GetXattr(f.services(), f.context(), f.At("a"), name)), bytes);
  ASSERT_TRUE(f.Run(RemoveXattr(f.services(), f.context(), f.At("a"), name)));
  EXPECT_EQ(CodeOf(f.Run(GetXattr(f.services(), f.context(), f.At("a"), name))),
            Code::kAttributeNotFound);
}

TEST(NodeAttributesTest, FlatAccountsHaveNone) {
  PathsFixture f(/*hierarchical=*/false);
  NodeTarget target;
  target.container = f.Container();
  target.path = "a";
  EXPECT_EQ(CodeOf(f.Run(StatNode(f.services(), f.context(), target))),
            Code::kHierarchicalNamespaceNotEnabled);
}

}  // namespace
}  // namespace forebay::engine
