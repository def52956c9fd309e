// What both layouts promise, and what each promises alone.
#include "meta/namespace.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meta/keys.h"
#include "meta/namespace_fixture.h"

namespace forebay::meta {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct FlatLayout {
  static const Namespace& Get() { return FlatNamespace(); }
};
struct HierarchicalLayout {
  static const Namespace& Get() { return HierarchicalNamespace(); }
};

template <class Layout>
class NamespaceTest : public testing::Test {
 protected:
  const Namespace& names() { return Layout::Get(); }
  std::unique_ptr<NameCursor> Cursor(const kv::Reader& reader, std::string_view prefix = {}) {
    return names().List(reader, NamespaceFixture::kContainer, prefix);
  }
  NamespaceFixture f_{Layout::Get()};
};
using Layouts = testing::Types<FlatLayout, HierarchicalLayout>;
TYPED_TEST_SUITE(NamespaceTest, Layouts);

TYPED_TEST(NamespaceTest, FindsWhatWasPut) {
  EXPECT_FALSE(this->f_.Find("a"));
  BlobRecord record = this->f_.MakeBlob();
  record.length = 17;
  record.metadata = {{"Key", "value"}};
  ASSERT_TRUE(this->f_.Put("a", record));
  const auto found = this->f_.Find("a");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, record.id);
  EXPECT_EQ(found->length, 17u);
  EXPECT_EQ(found->metadata, record.metadata);
  EXPECT_FALSE(this->f_.Find("b"));
}

TYPED_TEST(NamespaceTest, PutReplaces) {
  ASSERT_TRUE(this->f_.Put("x/a", this->f_.MakeBlob()));
  const BlobRecord second = this->f_.MakeBlob();
  ASSERT_TRUE(this->f_.Put("x/a", second));
  EXPECT_EQ(this->f_.Find("x/a")->id, second.id);
}

TYPED_TEST(NamespaceTest, EraseRemovesOneNameOnly) {
  ASSERT_TRUE(this->f_.Put("d/a", this->f_.MakeBlob()));
  ASSERT_TRUE(this->f_.Put("d/b", this->f_.MakeBlob()));
  ASSERT_TRUE(this->f_.Erase("d/a"));
  EXPECT_FALSE(this->f_.Find("d/a"));
  EXPECT_TRUE(this->f_.Find("d/b"));
}

TYPED_TEST(NamespaceTest, ContainersDoNotSeeEachOther) {
  ASSERT_TRUE(this->f_.Put("d/a", this->f_.MakeBlob(), ContainerId(1)));
  ASSERT_TRUE(this->f_.Put("d/b", this->f_.MakeBlob(), ContainerId(2)));
  EXPECT_FALSE(this->f_.Find("d/b", ContainerId(1)));
  EXPECT_FALSE(this->f_.Find("d/a", ContainerId(2)));
  for (const std::string& name : this->f_.List("", ContainerId(1))) EXPECT_NE(name, "d/b");
  EXPECT_THAT(this->f_.List("d/", ContainerId(2)), ElementsAre("d/b"));
}

TYPED_TEST(NamespaceTest, ListsOnlyThePrefix) {
  for (const char* name : {"ab", "abc", "abd", "ac", "b"}) {
    ASSERT_TRUE(this->f_.Put(name, this->f_.MakeBlob()));
  }
  EXPECT_THAT(this->f_.List("ab"), ElementsAre("ab", "abc", "abd"));
  EXPECT_THAT(this->f_.List("abcd"), IsEmpty());
  EXPECT_THAT(this->f_.List("c"), IsEmpty());
  EXPECT_THAT(this->f_.List(""), ElementsAre("ab", "abc", "abd", "ac", "b"));
}

TYPED_TEST(NamespaceTest, BytesSortUnsigned) {
  for (const char* name : {"z", "é", "日本", "A"}) {
    ASSERT_TRUE(this->f_.Put(name, this->f_.MakeBlob()));
  }
  EXPECT_THAT(this->f_.List(), ElementsAre("A", "z", "é", "日本"));
}

TYPED_TEST(NamespaceTest, SeekStaysInsideThePrefix) {
  for (const char* name : {"a", "p1", "p2", "z"}) {
    ASSERT_TRUE(this->f_.Put(name, this->f_.MakeBlob()));
  }
  const auto snapshot = this->f_.Snapshot();
  const auto cursor = this->Cursor(*snapshot, "p");
  cursor->Seek("");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->name(), "p1");
  cursor->Seek("p2");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->name(), "p2");
  cursor->Seek("q");
  EXPECT_FALSE(cursor->Valid());
  cursor->Seek("a");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->name(), "p1");
}

TYPED_TEST(NamespaceTest, CursorGivesTheRecord) {
  const BlobRecord record = this->f_.MakeBlob();
  ASSERT_TRUE(this->f_.Put("d/e/f", record));
  const auto snapshot = this->f_.Snapshot();
  const auto cursor = this->Cursor(*snapshot, "d/e/f");
  ASSERT_TRUE(cursor->Valid());
  const auto read = cursor->record();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->id, record.id);
}

TYPED_TEST(NamespaceTest, SnapshotsDoNotMove) {
  ASSERT_TRUE(this->f_.Put("a", this->f_.MakeBlob()));
  const auto snapshot = this->f_.Snapshot();
  ASSERT_TRUE(this->f_.Put("b", this->f_.MakeBlob()));
  ASSERT_TRUE(this->f_.Erase("a"));
  const auto cursor = this->Cursor(*snapshot);
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->name(), "a");
  cursor->Next();
  EXPECT_FALSE(cursor->Valid());
}

TYPED_TEST(NamespaceTest, TransactionsSeeTheirOwnWrites) {
  ASSERT_TRUE(this->f_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    FB_RETURN_IF_ERROR(this->names().Put(txn, NamespaceFixture::kContainer, "d/a",
                                         this->f_.MakeBlob(), this->f_.ids()));
    FB_RETURN_IF_ERROR(this->names().Put(txn, NamespaceFixture::kContainer, "d/b",
                                         this->f_.MakeBlob(), this->f_.ids()));
    FB_ASSIGN_OR_RETURN(const auto found,
                        this->names().Find(txn, NamespaceFixture::kContainer, "d/a"));
    EXPECT_TRUE(found);
    const auto cursor = this->names().List(txn, NamespaceFixture::kContainer, "d/");
    EXPECT_TRUE(cursor->Valid());
    return {};
  }));
  EXPECT_THAT(this->f_.List("d/"), ElementsAre("d/a", "d/b"));
}

TYPED_TEST(NamespaceTest, ACorruptRecordIsAnErrorAndNotTheEnd) {
  ASSERT_TRUE(this->f_.Put("a", this->f_.MakeBlob()));
  ASSERT_TRUE(this->f_.store().TransactBlocking([](kv::Transaction& txn) -> Result<> {
    txn.Put(keys::FlatName(NamespaceFixture::kContainer, "a"), "\x7Fgarbage");
    txn.Put(keys::Entry(NamespaceFixture::kContainer, kRootInode, "a"), "\x7Fgarbage");
    return {};
  }));
  const auto snapshot = this->f_.Snapshot();
  const auto found = this->names().Find(*snapshot, NamespaceFixture::kContainer, "a");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Code::kCorruption);
  const auto cursor = this->Cursor(*snapshot);
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->record().error().code(), Code::kCorruption);
}

TEST(FlatNamespaceTest, EveryNameIsItsOwn) {
  NamespaceFixture f(FlatNamespace());
  for (const char* name : {"a", "a/", "a/b", "a//b", "/", "//", ".", "..", "a/.."}) {
    EXPECT_EQ(*FlatNamespace().Normalize(name), name);
    ASSERT_TRUE(f.Put(name, f.MakeBlob()));
  }
  EXPECT_THAT(f.List(), ElementsAre(".", "..", "/", "//", "a", "a/", "a/..", "a//b", "a/b"));
}

TEST(FlatNamespaceTest, SkipPrefixLeapsOverIt) {
  NamespaceFixture f(FlatNamespace());
  for (const char* name : {"a/1", "a/2", "a/3", "a0", "b"}) ASSERT_TRUE(f.Put(name, f.MakeBlob()));
  const auto snapshot = f.Snapshot();
  const auto cursor = FlatNamespace().List(*snapshot, NamespaceFixture::kContainer, "");
  cursor->SkipPrefix("a/");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->name(), "a0");
}

class HierarchicalTest : public testing::Test {
 protected:
  std::unique_ptr<NameCursor> Cursor(const kv::Reader& reader, std::string_view prefix = {}) {
    return HierarchicalNamespace().List(reader, NamespaceFixture::kContainer, prefix);
  }
  NamespaceFixture f_{HierarchicalNamespace()};
};

TEST_F(HierarchicalTest, NormalizesPaths) {
  EXPECT_EQ(*HierarchicalNamespace().Normalize("a/b/"), "a/b");
  EXPECT_EQ(*HierarchicalNamespace().Normalize("a/b"), "a/b");
  EXPECT_EQ(*HierarchicalNamespace().Normalize("..."), "...");
  for (const char* name : {"", "/", "//", "/a", "a//b", "a//", ".", "a/./b", "a/..", "../a"}) {
    const auto result = HierarchicalNamespace().Normalize(name);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().code(), Code::kInvalidResourceName) << name;
  }
}

TEST_F(HierarchicalTest, MakesMissingParents) {
  const BlobRecord record = f_.MakeBlob();
  ASSERT_TRUE(f_.Put("a/b/c", record));
  EXPECT_THAT(f_.List(), ElementsAre("a", "a/b", "a/b/c"));
  const auto parent = f_.Find("a/b");
  ASSERT_TRUE(parent && parent->directory);
  EXPECT_EQ(parent->modified, record.modified);
  EXPECT_EQ(parent->created, record.modified);
  EXPECT_EQ(parent->etag, record.etag);
  EXPECT_FALSE(f_.Find("a/b/c")->directory);
}

TEST_F(HierarchicalTest, DirectoriesKnowTheirParent) {
  ASSERT_TRUE(f_.Put("a/b/c", f_.MakeBlob()));
  const auto inner = f_.Find("a/b");
  const auto outer = f_.Find("a");
  const auto value = f_.Snapshot()->Get(keys::Directory(*inner->directory));
  ASSERT_TRUE(value && *value);
  const auto record = DecodeDirectory(**value);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->container, NamespaceFixture::kContainer);
  EXPECT_EQ(record->parent, *outer->directory);
  EXPECT_EQ(record->name, "b");
}

TEST_F(HierarchicalTest, ABlobIsNoParent) {
  ASSERT_TRUE(f_.Put("a", f_.MakeBlob()));
  EXPECT_FALSE(f_.Find("a/b"));
  const auto put = f_.Put("a/b", f_.MakeBlob());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), Code::kPathConflict);
  EXPECT_THAT(f_.List("a/"), IsEmpty());
  EXPECT_THAT(f_.List(), ElementsAre("a"));
}

TEST_F(HierarchicalTest, ADirectoryDoesNotBecomeABlob) {
  ASSERT_TRUE(f_.Put("a/b", f_.MakeBlob()));
  const auto put = f_.Put("a", f_.MakeBlob());
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), Code::kPathConflict);
  EXPECT_TRUE(f_.Find("a/b"));
}

TEST_F(HierarchicalTest, AFailedPutLeavesNoParents) {
  ASSERT_TRUE(f_.Put("a/b", f_.MakeBlob()));
  ASSERT_FALSE(f_.Put("a/b/c/d", f_.MakeBlob()));
  EXPECT_THAT(f_.List(), ElementsAre("a", "a/b"));
  EXPECT_EQ(f_.KeysOfTable('d'), 1u);
}

TEST_F(HierarchicalTest, PuttingADirectoryAgainKeepsItsEntries) {
  ASSERT_TRUE(f_.Put("d", f_.MakeDirectory()));
  const auto inode = f_.Find("d")->directory;
  ASSERT_TRUE(f_.Put("d/x", f_.MakeBlob()));
  BlobRecord again = f_.MakeDirectory();
  again.metadata = {{"owner", "me"}};
  ASSERT_TRUE(f_.Put("d", again));
  EXPECT_EQ(f_.Find("d")->directory, inode);
  EXPECT_EQ(f_.Find("d")->metadata, again.metadata);
  EXPECT_TRUE(f_.Find("d/x"));
  EXPECT_EQ(f_.KeysOfTable('d'), 1u);
}

TEST_F(HierarchicalTest, ErasesEmptyDirectoriesOnly) {
  ASSERT_TRUE(f_.Put("a/b/c", f_.MakeBlob()));
  const auto erased = f_.Erase("a/b");
  ASSERT_FALSE(erased);
  EXPECT_EQ(erased.error().code(), Code::kDirectoryNotEmpty);
  ASSERT_TRUE(f_.Erase("a/b/c"));
  ASSERT_TRUE(f_.Erase("a/b"));
  ASSERT_TRUE(f_.Erase("a"));
  EXPECT_THAT(f_.List(), IsEmpty());
  EXPECT_EQ(f_.KeysOfTable('h'), 0u);
  EXPECT_EQ(f_.KeysOfTable('d'), 0u);
}

TEST_F(HierarchicalTest, ListsPreOrderByComponent) {
  for (const char* name : {"a-b", "a/z", "a/b/c", "a.txt", "b/1"}) {
    ASSERT_TRUE(f_.Put(name, f_.MakeBlob()));
  }
  EXPECT_THAT(f_.List(), ElementsAre("a", "a/b", "a/b/c", "a/z", "a-b", "a.txt", "b", "b/1"));
  EXPECT_THAT(f_.List("a"), ElementsAre("a", "a/b", "a/b/c", "a/z", "a-b", "a.txt"));
  EXPECT_THAT(f_.List("a/"), ElementsAre("a/b", "a/b/c", "a/z"));
  EXPECT_THAT(f_.List("a/b"), ElementsAre("a/b", "a/b/c"));
  EXPECT_THAT(f_.List("a/b/"), ElementsAre("a/b/c"));
  EXPECT_THAT(f_.List("a.txt/"), IsEmpty());
  EXPECT_THAT(f_.List("missing/x"), IsEmpty());
}

TEST_F(HierarchicalTest, SeekWithATrailingSlashSkipsTheDirectoryItself) {
  ASSERT_TRUE(f_.Put("a/b", f_.MakeBlob()));
  ASSERT_TRUE(f_.Put("c", f_.MakeBlob()));
  const auto snapshot = f_.Snapshot();
  const auto cursor = Cursor(*snapshot);
  cursor->Seek("a/");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->name(), "a/b");
  cursor->Seek("a/b/c");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->name(), "c");
}

TEST_F(HierarchicalTest, SkipPrefixLeavesADirectory) {
  for (const char* name : {"a/b/c", "a/b/d", "a/e", "f"}) ASSERT_TRUE(f_.Put(name, f_.MakeBlob()));
  const auto snapshot = f_.Snapshot();
  const auto cursor = Cursor(*snapshot);
  ASSERT_EQ(cursor->name(), "a");
  cursor->SkipPrefix("a/");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->name(), "f");
  cursor->Seek("a/b/c");
  cursor->SkipPrefix("a/b");
  ASSERT_TRUE(cursor->Valid());
  EXPECT_EQ(cursor->name(), "a/e");
}

TEST_F(HierarchicalTest, DeepPathsWork) {
  std::string deep = "0";
  for (int i = 1; i < 254; ++i) deep += "/" + std::to_string(i % 10);
  ASSERT_TRUE(f_.Put(deep, f_.MakeBlob()));
  EXPECT_TRUE(f_.Find(deep));
  EXPECT_EQ(f_.List().size(), 254u);
  EXPECT_EQ(f_.List().back(), deep);
}

}  // namespace
}  // namespace forebay::meta
