#include "vfs/inode_table.h"

#include <gtest/gtest.h>

namespace forebay::vfs {
namespace {

class InodeTableTest : public testing::Test {
 protected:
  explicit InodeTableTest(bool stable = true) {
    InodeTableOptions options;
    options.stable_ids = stable;
    options.clock = &clock_;
    options.max_idle = 4;
    table_ = std::make_unique<InodeTable>(options);
  }
  static Attributes File(std::uint64_t id, std::uint64_t size = 0) {
    Attributes out;
    out.id = RemoteId(id);
    out.size = size;
    return out;
  }
  static Attributes Directory(std::uint64_t id) {
    Attributes out = File(id);
    out.kind = FileKind::kDirectory;
    return out;
  }
  NodePtr Install(const NodePtr& parent, const char* name, const Attributes& fresh) {
    clock_.Advance(std::chrono::milliseconds(1));
    return table_->Install(parent, name, fresh, table_->Begin(), true);
  }

  ManualClock clock_;
  std::unique_ptr<InodeTable> table_;
};

class PathTableTest : public InodeTableTest {
 protected:
  PathTableTest() : InodeTableTest(false) {}
};

TEST_F(InodeTableTest, BelievesForAWhileAndNoLonger) {
  const NodePtr node = Install(table_->root(), "a", File(10, 5));
  auto known = table_->LookUp(table_->root(), "a");
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->node, node);
  EXPECT_GT(known->left.count(), 0);
  EXPECT_EQ(table_->GetAttributes(node).attributes.size, 5u);
  clock_.Advance(std::chrono::seconds(2));
  EXPECT_FALSE(table_->LookUp(table_->root(), "a").has_value());
  EXPECT_EQ(table_->GetAttributes(node).left.count(), 0);
}

TEST_F(InodeTableTest, ADirectoryIsKnownThroughOurOwnChangesWhenTheServerSaysItsTime) {
  Attributes directory;
  directory.id = RemoteId(20);
  directory.kind = FileKind::kDirectory;
  directory.mtime = directory.ctime = FileTime{100};
  const NodePtr d = Install(table_->root(), "d", directory);
  const auto times = [&] { return table_->GetAttributes(d).attributes; };
  Install(d, "a", File(21));
  table_->DirectoryChanged(d, FileTime{300});
  EXPECT_GT(table_->GetAttributes(d).left.count(), 0);
  EXPECT_EQ(times().mtime, FileTime{300});
  EXPECT_EQ(times().ctime, FileTime{300});
  table_->Removed(d, "a", FileTime{200});
  EXPECT_EQ(times().mtime, FileTime{300}) << "an answer that was overtaken";
  Install(d, "b", File(22));
  table_->Renamed(d, "b", d, "c", false, FileTime{400});
  EXPECT_EQ(times().mtime, FileTime{400});
  EXPECT_GT(table_->GetAttributes(d).left.count(), 0);
  // It is believed no longer for that than since it was asked for.
  clock_.Advance(std::chrono::seconds(2));
  table_->DirectoryChanged(d, FileTime{500});
  EXPECT_EQ(table_->GetAttributes(d).left.count(), 0);
  Install(table_->root(), "d", directory);
  table_->DirectoryChanged(d);
  EXPECT_EQ(table_->GetAttributes(d).left.count(), 0) << "when, nobody said";
}

TEST_F(InodeTableTest, AnAnswerThatCrossedAChangeIsNotRemembered) {
  const NodePtr node = Install(table_->root(), "a", File(10, 5));
  const Stamp asked = table_->Begin();
  clock_.Advance(std::chrono::milliseconds(5));
  const Attributes changed = File(10, 7);
  table_->Changed(node, &changed);
  EXPECT_FALSE(table_->InstallAttributes(node, File(10, 5), asked));
  EXPECT_EQ(table_->GetAttributes(node).attributes.size, 7u);
  // Neither does a name come back that was removed while the question was under way.
  const Stamp before = table_->Begin();
  clock_.Advance(std::chrono::milliseconds(5));
  table_->Removed(table_->root(), "a");
  EXPECT_TRUE(table_->GoneSince(table_->root(), "a", before));
  (void)table_->Install(table_->root(), "a", File(10, 5), before, false);
  const auto known = table_->LookUp(table_->root(), "a");
  ASSERT_TRUE(known) << "that it is not there is known";
  EXPECT_EQ(known->node, nullptr);
}

TEST_F(InodeTableTest, AnOlderListingTakesNoNameFromWhatWasMadeSince) {
  Install(table_->root(), "a", File(10));
  const Stamp asked = table_->Begin();
  clock_.Advance(std::chrono::milliseconds(5));
  table_->Removed(table_->root(), "a");
  table_->DirectoryChanged(table_->root());
  const NodePtr made = Install(table_->root(), "a", File(11));
  EXPECT_EQ(table_->Install(table_->root(), "a", File(10), asked, false), made);
  EXPECT_EQ(table_->Child(table_->root(), "a"), made);
  EXPECT_EQ(table_->Where(made)->path, "a");
}

TEST_F(PathTableTest, AnOlderListingDoesNotUndoARename) {
  const NodePtr file = Install(table_->root(), "a", File(0));
  const Stamp asked = table_->Begin();
  clock_.Advance(std::chrono::milliseconds(5));
  table_->Renamed(table_->root(), "a", table_->root(), "b", false);
  (void)table_->Install(table_->root(), "a", File(0), asked, false);
  ASSERT_TRUE(table_->Where(file));
  EXPECT_EQ(table_->Where(file)->path, "b");
  EXPECT_EQ(table_->Child(table_->root(), "b"), file);
}

TEST_F(InodeTableTest, NumbersAreTheServersAndTheRootIsOne) {
  EXPECT_EQ(InodeTable::NumberOf(Install(table_->root(), "a", File(77))), InodeNumber(77));
  const NodePtr other = Install(table_->root(), "b", File(1));
  EXPECT_NE(InodeTable::NumberOf(other), kRootInode);
  // A hard link is the same node.
  EXPECT_EQ(Install(table_->root(), "c", File(77)), table_->Child(table_->root(), "a"));
}

TEST_F(InodeTableTest, KeepsWhatIsUsedAndForgetsTheRest) {
  const NodePtr directory = Install(table_->root(), "d", Directory(5));
  for (std::uint64_t i = 0; i < 20; ++i) {
    const NodePtr node = Install(directory, ("f" + std::to_string(i)).c_str(), File(100 + i));
    if (i > 0) table_->Forget(InodeTable::NumberOf(node), 1);
  }
  EXPECT_LE(table_->size(), 2u + 1 + 4);
  EXPECT_TRUE(table_->Find(InodeNumber(100)).has_value());
  EXPECT_FALSE(table_->Find(InodeNumber(101)).has_value());
  // The directory stays for its entries though the kernel forgets it, and goes after them.
  table_->Forget(InodeNumber(5), 1);
  EXPECT_TRUE(table_->Find(InodeNumber(5)).has_value());
}

TEST_F(PathTableTest, PathsFollowRenames) {
  const NodePtr directory = Install(table_->root(), "d", Directory(0));
  const NodePtr file = Install(directory, "f", File(0));
  EXPECT_EQ(table_->Where(file)->path, "d/f");
  const InodeNumber number = InodeTable::NumberOf(file);
  table_->Renamed(table_->root(), "d", table_->root(), "e", false);
  EXPECT_EQ(table_->Where(file)->path, "e/f");
  EXPECT_EQ(InodeTable::NumberOf(*table_->Find(number)), number);
  // Another file at the old place is another file.
  const NodePtr again = Install(table_->root(), "d", Directory(0));
  EXPECT_NE(InodeTable::NumberOf(Install(again, "f", File(0))), number);
}

TEST_F(PathTableTest, NumbersComeFromPathsAndStay) {
  const NodePtr file = Install(table_->root(), "f", File(0));
  const InodeNumber number = InodeTable::NumberOf(file);
  table_->Forget(number, 1);
  for (int i = 0; i < 10; ++i) {
    const NodePtr other = Install(table_->root(), ("x" + std::to_string(i)).c_str(), File(0));
    table_->Forget(InodeTable::NumberOf(other), 1);
  }
  ASSERT_FALSE(table_->Find(number).has_value()) << "it should have been evicted";
  EXPECT_EQ(InodeTable::NumberOf(Install(table_->root(), "f", File(0))), number);
}

TEST_F(PathTableTest, AReplacedFileIsAnother) {
  Attributes first = File(0);
  first.btime = FileTime{1'000'000'000};
  const NodePtr old = Install(table_->root(), "f", first);
  Attributes second = File(0);
  second.btime = FileTime{2'000'000'000};
  const NodePtr now = Install(table_->root(), "f", second);
  EXPECT_NE(InodeTable::NumberOf(old), InodeTable::NumberOf(now));
  EXPECT_FALSE(table_->Where(old).has_value()) << "its path is another file's";
  EXPECT_EQ(table_->Where(now)->path, "f");
}

}  // namespace
}  // namespace forebay::vfs
