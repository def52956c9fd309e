#include "meta/keys.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "base/codec.h"

namespace forebay::meta::keys {
namespace {

// As docs/formats/meta-keys.md spells them. A change here is a change of what is on disk.
TEST(KeysTest, AreWrittenAsDocumented) {
  const ContainerId container(0x0102030405060708);
  const std::string id("\x01\x02\x03\x04\x05\x06\x07\x08", 8);
  const std::string end("\0\x01", 2);
  EXPECT_EQ(Container("acc", "box"), "aacc" + end + "box" + end);
  EXPECT_EQ(FlatName(container, "a/b"), "n" + id + "a/b");
  EXPECT_EQ(Entry(container, kRootInode, "a"),
            "h" + id + std::string("\0\0\0\0\0\0\0\x01", 8) + "a");
  EXPECT_EQ(Directory(InodeId(container.value())), "d" + id);
  EXPECT_EQ(Staging(container, "a/b"), "s" + id + "a/b");
  EXPECT_EQ(StagedBlock(BodyId(container.value()), "block"), "t" + id + "block");
  EXPECT_EQ(ExtentPage(BodyId(container.value()), 258),
            "p" + id + std::string("\0\0\0\0\0\0\x01\x02", 8));
  EXPECT_EQ(BlockListPage(BodyId(container.value()), 258),
            "l" + id + std::string("\0\0\0\0\0\0\x01\x02", 8));
  EXPECT_EQ(BodyRef(BodyId(container.value()), BlobId(container.value())), "r" + id + id);
  EXPECT_EQ(ChunkRef({container.value(), container.value()}, BodyId(container.value())),
            "q" + id + id + id);
  EXPECT_EQ(Tag(container, "k", "v", "a/b"), "i" + id + "k" + end + "v" + end + "a/b");
  EXPECT_EQ(GarbageBody(BodyId(container.value())), "g" + id);
  EXPECT_EQ(LakeObject(BodyId(container.value())), "k" + id + "o");
  EXPECT_EQ(DoomedObject(container, BodyId(container.value())), "c" + id + "x" + id);
  EXPECT_EQ(GarbageContainer(container), "x" + id);
  EXPECT_EQ(ServiceProperties("acc"), "yacc");
  EXPECT_EQ(PendingCopy("id"), "oid");
  EXPECT_EQ(Setting("next_id"), "mnext_id");
  EXPECT_EQ(InlinePiece(container.value()), id);
}

TEST(KeysTest, PartsComeBack) {
  const ContainerId container(77);
  EXPECT_EQ(NameOfFlatKey(FlatName(container, "n/a\xC3")), "n/a\xC3");
  EXPECT_EQ(ComponentOfEntryKey(Entry(container, InodeId(9), "comp")), "comp");
  EXPECT_EQ(NameOfStagingKey(Staging(container, "x/y")), "x/y");
  EXPECT_EQ(NameOfHydrationKey(Hydration(container, "x/\xFF")), "x/\xFF");
  EXPECT_EQ(BlockIdOfStagedKey(StagedBlock(BodyId(3), std::string("\0\xFF", 2))),
            std::string("\0\xFF", 2));
  EXPECT_EQ(BodyOfGarbageKey(GarbageBody(BodyId(5))), BodyId(5));
  EXPECT_EQ(BodyOfDoomedKey(DoomedObject(container, BodyId(5))), BodyId(5));
  EXPECT_FALSE(ContainerOfAttachmentKey(DoomedObject(container, BodyId('a'))));
  const TagKeyParts parts = PartsOfTagKey(Tag(container, "key", "", "name/x"));
  EXPECT_EQ(parts.key, "key");
  EXPECT_EQ(parts.value, "");
  EXPECT_EQ(parts.name, "name/x");
}

TEST(KeysTest, APrefixHoldsItsKeysAndNoOthers) {
  const ContainerId one(1), two(2);
  const auto inside = [](const std::string& prefix, const std::string& key) {
    return key >= prefix && key < PrefixEnd(prefix);
  };
  EXPECT_TRUE(inside(FlatNames(one), FlatName(one, "\xFF\xFF")));
  EXPECT_FALSE(inside(FlatNames(one), FlatName(two, "")));
  EXPECT_TRUE(inside(ContainersOf("acc"), Container("acc", "x")));
  EXPECT_FALSE(inside(ContainersOf("acc"), Container("acc1", "x")));
  EXPECT_TRUE(inside(EntriesOfContainer(one), Entry(one, InodeId(5), "x")));
  EXPECT_FALSE(inside(EntriesOf(one, InodeId(5)), Entry(one, InodeId(6), "x")));
  EXPECT_TRUE(inside(TagValuesOf(one, "k"), Tag(one, "k", "v", "n")));
  EXPECT_FALSE(inside(TagValuesOf(one, "k"), Tag(one, "k1", "v", "n")));
  EXPECT_FALSE(inside(TagNamesOf(one, "k", "v"), Tag(one, "k", "v1", "n")));
  EXPECT_TRUE(inside(AllStagings(), Staging(two, "n")));
  EXPECT_TRUE(inside(HydrationsOf(one), Hydration(one, "\xFF\xFF")));
  EXPECT_FALSE(inside(HydrationsOf(one), Hydration(two, "")));
  EXPECT_TRUE(inside(LakeDecisions(one), Hydration(one, "n"))) << "goes with the rest";
}

TEST(KeysTest, NoTwoTablesShareALetter) {
  const std::vector<std::string> keys = {Container("a", "c"),
                                         FlatName(ContainerId(1), "n"),
                                         Entry(ContainerId(1), kRootInode, "e"),
                                         Directory(InodeId(1)),
                                         Staging(ContainerId(1), "n"),
                                         StagedBlock(BodyId(1), "b"),
                                         StagedCount(BodyId(1)),
                                         ExtentPage(BodyId(1), 1),
                                         BlockListPage(BodyId(1), 0),
                                         BodyRef(BodyId(1), BlobId(1)),
                                         ChunkRef({1, 1}, BodyId(1)),
                                         Tag(ContainerId(1), "k", "v", "n"),
                                         GarbageBody(BodyId(1)),
                                         ReleasePage(BodyId(1), 0),
                                         GarbageContainer(ContainerId(1)),
                                         ServiceProperties("a"),
                                         PendingCopy("c"),
                                         Setting("s")};
  std::set<char> tables;
  for (const std::string& key : keys) {
    EXPECT_TRUE(tables.insert(key[0]).second) << key[0];
    EXPECT_TRUE(key[0] >= 'a' && key[0] <= 'z') << "upper case belongs to chunk/";
  }
}

}  // namespace
}  // namespace forebay::meta::keys
