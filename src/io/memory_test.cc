#include "io/memory.h"

#include <gtest/gtest.h>

#include <set>

namespace forebay::io {
namespace {

std::unique_ptr<File> Open(MemoryFileSystem& fs, const std::string& path, OpenMode mode) {
  auto file = fs.Open(path, mode);
  EXPECT_TRUE(file);
  return std::move(*file);
}

TEST(MemoryFileSystemTest, PowerCutKeepsWhatWasSyncedAndNothingElse) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.MakeDirs("/d"));
  auto kept = Open(fs, "/d/kept", OpenMode::kCreate);
  ASSERT_TRUE(kept->WriteAt(AsBytes("synced"), 0));
  ASSERT_TRUE(kept->Sync());
  ASSERT_TRUE(fs.SyncDir("/d"));
  ASSERT_TRUE(kept->WriteAt(AsBytes("SYNC"), 0));
  ASSERT_TRUE(kept->Truncate(100));
  auto lost = Open(fs, "/d/lost", OpenMode::kCreate);
  ASSERT_TRUE(lost->WriteAt(AsBytes("x"), 0));
  ASSERT_TRUE(lost->Sync());  // the contents, but not the directory that names the file
  fs.DropUnsynced();
  EXPECT_EQ(*ReadFile(fs, "/d/kept"), "synced");
  EXPECT_FALSE(*fs.Exists("/d/lost"));
}

TEST(MemoryFileSystemTest, PowerCutUndoesUnsyncedDirectoryChanges) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.MakeDirs("/d"));
  ASSERT_TRUE(WriteFileAtomically(fs, "/d/a", "a"));
  ASSERT_TRUE(WriteFileAtomically(fs, "/d/b", "b"));
  ASSERT_TRUE(fs.Remove("/d/a"));
  ASSERT_TRUE(fs.Rename("/d/b", "/d/c"));
  fs.DropUnsynced();
  EXPECT_EQ(*ReadFile(fs, "/d/a"), "a");
  EXPECT_EQ(*ReadFile(fs, "/d/b"), "b");
  EXPECT_FALSE(*fs.Exists("/d/c"));
}

TEST(MemoryFileSystemTest, SeedsTearWrites) {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    MemoryFileSystem fs;
    ASSERT_TRUE(fs.MakeDirs("/d"));
    ASSERT_TRUE(WriteFileAtomically(fs, "/d/a", std::string(4096, 'o')));
    auto file = Open(fs, "/d/a", OpenMode::kReadWrite);
    ASSERT_TRUE(file->WriteAt(AsBytes(std::string(2048, 'n')), 0));
    ASSERT_TRUE(file->WriteAt(AsBytes(std::string(1024, 'm')), 2048));
    fs.DropUnsynced(seed);
    std::string now = *ReadFile(fs, "/d/a");
    ASSERT_EQ(now.size(), 4096u);
    EXPECT_EQ(now.substr(3072), std::string(1024, 'o')) << "never written since the sync";
    for (std::size_t i = 0; i < now.size(); ++i) {
      EXPECT_EQ(now[i], now[i / 512 * 512]) << "sectors are whole";
    }
    outcomes.insert(now);
  }
  EXPECT_GT(outcomes.size(), 5u);
  EXPECT_TRUE(outcomes.contains(std::string(4096, 'o'))) << "nothing kept is one outcome";
}

TEST(MemoryFileSystemTest, HandlesAndLocksDieWithThePowerCut) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.MakeDirs("/d"));
  ASSERT_TRUE(WriteFileAtomically(fs, "/d/a", "a"));
  auto file = Open(fs, "/d/a", OpenMode::kReadWrite);
  auto lock = fs.Lock("/d/lock");
  fs.DropUnsynced();
  EXPECT_EQ(file->WriteAt(AsBytes("b"), 0).error().code(), Code::kIo);
  EXPECT_EQ(file->Sync().error().code(), Code::kIo);
  auto again = fs.Lock("/d/lock");
  ASSERT_TRUE(again);
  lock->reset();  // of the dead process: must not release the new one
  EXPECT_EQ(fs.Lock("/d/lock").error().code(), Code::kLocked);
}

TEST(MemoryFileSystemTest, FullDisksRefuseAndRecover) {
  MemoryFileSystem fs({.capacity_bytes = 64 << 10});
  ASSERT_TRUE(fs.MakeDirs("/d"));
  auto file = Open(fs, "/d/a", OpenMode::kCreate);
  std::string block(48 << 10, 'x');
  ASSERT_TRUE(file->WriteAt(AsBytes(block), 0));
  EXPECT_EQ(fs.Space("/d")->available_bytes, 16u << 10);
  EXPECT_EQ(file->WriteAt(AsBytes(block), 48 << 10).error().code(), Code::kNoSpace);
  EXPECT_TRUE(file->WriteAt(AsBytes(block), 0)) << "overwriting needs no room";
  ASSERT_TRUE(file->PunchHole(0, 40 << 10));
  EXPECT_TRUE(file->WriteAt(AsBytes(block), 48 << 10));
  ASSERT_TRUE(fs.Remove("/d/a"));
  EXPECT_EQ(fs.Space("/d")->available_bytes, 64u << 10);
}

TEST(MemoryFileSystemTest, CorruptionChangesOneByteForGood) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.MakeDirs("/d"));
  ASSERT_TRUE(WriteFileAtomically(fs, "/d/a", "abc"));
  ASSERT_TRUE(fs.CorruptByte("/d/a", 1));
  EXPECT_NE(*ReadFile(fs, "/d/a"), "abc");
  fs.DropUnsynced();
  std::string now = *ReadFile(fs, "/d/a");
  EXPECT_EQ(now[0], 'a');
  EXPECT_NE(now[1], 'b');
  EXPECT_EQ(now[2], 'c');
}

}  // namespace
}  // namespace forebay::io
