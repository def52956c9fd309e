// One suite over every FileSystem.
#include "io/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/temp_dir_for_test.h"
#include "io/faulty.h"
#include "io/memory.h"
#include "io/posix.h"

namespace forebay::io {
namespace {

struct PosixFixture {
  TempDir directory;
  PosixFileSystem fs;
  std::string root = directory.path();
};

struct MemoryFixture {
  MemoryFixture() { EXPECT_TRUE(fs.MakeDirs(root)); }
  MemoryFileSystem fs;
  std::string root = "/data";
};

struct FaultyFixture {
  FaultyFixture() { EXPECT_TRUE(fs.MakeDirs(root)); }
  MemoryFileSystem base;
  FaultyFileSystem fs{base};
  std::string root = "/data";
};

template <class Fixture>
class FileSystemTest : public ::testing::Test {
 protected:
  FileSystem& fs() { return fixture_.fs; }
  std::string Path(const std::string& name) { return fixture_.root + "/" + name; }
  std::string Root() { return fixture_.root; }
  std::string Read(File& file, std::size_t n, std::uint64_t offset) {
    std::string out(n, '?');
    auto got = file.ReadAt({reinterpret_cast<std::byte*>(out.data()), n}, offset);
    EXPECT_TRUE(got);
    out.resize(got.value_or(0));
    return out;
  }
  std::unique_ptr<File> MustOpen(const std::string& name, OpenMode mode) {
    auto file = fs().Open(Path(name), mode);
    EXPECT_TRUE(file) << file.error().ToString();
    return std::move(*file);
  }

 private:
  Fixture fixture_;
};

using Fixtures = ::testing::Types<PosixFixture, MemoryFixture, FaultyFixture>;
TYPED_TEST_SUITE(FileSystemTest, Fixtures);

TYPED_TEST(FileSystemTest, OpenModesFollowExistence) {
  EXPECT_EQ(this->fs().Open(this->Path("a"), OpenMode::kRead).error().code(), Code::kNotFound);
  EXPECT_EQ(this->fs().Open(this->Path("a"), OpenMode::kReadWrite).error().code(), Code::kNotFound);
  EXPECT_EQ(this->fs().Open(this->Path("no/a"), OpenMode::kCreate).error().code(), Code::kNotFound);
  this->MustOpen("a", OpenMode::kCreate);
  EXPECT_EQ(this->fs().Open(this->Path("a"), OpenMode::kCreate).error().code(),
            Code::kAlreadyExists);
  auto file = this->MustOpen("a", OpenMode::kCreateOrOpen);
  EXPECT_TRUE(file->WriteAt(AsBytes("x"), 0));
  auto readonly = this->MustOpen("a", OpenMode::kRead);
  EXPECT_EQ(readonly->WriteAt(AsBytes("y"), 0).error().code(), Code::kIo);
  EXPECT_EQ(this->Read(*readonly, 5, 0), "x");
}

TYPED_TEST(FileSystemTest, ReadsStopAtTheEndAndHolesAreZeros) {
  auto file = this->MustOpen("a", OpenMode::kCreate);
  ASSERT_TRUE(file->WriteAt(AsBytes("tail"), 10'000));
  EXPECT_EQ(*file->Size(), 10'004u);
  EXPECT_EQ(this->Read(*file, 8, 9'998), std::string("\0\0tail", 6));
  EXPECT_EQ(this->Read(*file, 8, 10'004), "");
  EXPECT_EQ(this->Read(*file, 4, 0), std::string(4, '\0'));
}

TYPED_TEST(FileSystemTest, VectorWritesKeepOrderAndSkipEmptyBuffers) {
  auto file = this->MustOpen("a", OpenMode::kCreate);
  std::string big(100'000, 'b');
  std::vector<ByteView> parts{AsBytes(""), AsBytes("head"), AsBytes(big), AsBytes(""),
                              AsBytes("!")};
  for (int i = 0; i < 2'000; ++i) parts.push_back(AsBytes("ab"));  // more than one call can take
  ASSERT_TRUE(file->WriteVectorAt(parts, 3));
  std::string expected = "head" + big + "!";
  for (int i = 0; i < 2'000; ++i) expected += "ab";
  EXPECT_EQ(this->Read(*file, expected.size() + 10, 3), expected);
}

TYPED_TEST(FileSystemTest, PunchedHolesReadAsZerosAndFreeSpace) {
  auto file = this->MustOpen("a", OpenMode::kCreate);
  ASSERT_TRUE(file->WriteAt(AsBytes(std::string(256 << 10, 'x')), 0));
  ASSERT_TRUE(file->Sync());
  std::uint64_t before = *file->AllocatedBytes();
  EXPECT_GE(before, 256u << 10);
  ASSERT_TRUE(file->PunchHole(64 << 10, 128 << 10));
  EXPECT_LE(*file->AllocatedBytes(), before - (128 << 10));
  EXPECT_EQ(*file->Size(), 256u << 10);
  EXPECT_EQ(this->Read(*file, 2, (64 << 10) - 1), std::string("x\0", 2));
  EXPECT_EQ(this->Read(*file, 2, (192 << 10) - 1), std::string("\0x", 2));
  ASSERT_TRUE(file->PunchHole(10, 0));
}

TYPED_TEST(FileSystemTest, TruncateShrinksAndGrows) {
  auto file = this->MustOpen("a", OpenMode::kCreate);
  ASSERT_TRUE(file->WriteAt(AsBytes("abcdef"), 0));
  ASSERT_TRUE(file->Truncate(3));
  ASSERT_TRUE(file->Truncate(6));
  EXPECT_EQ(this->Read(*file, 10, 0), std::string("abc\0\0\0", 6));
}

TYPED_TEST(FileSystemTest, RenameReplacesAndLinkShares) {
  ASSERT_TRUE(WriteFileAtomically(this->fs(), this->Path("a"), "one"));
  ASSERT_TRUE(WriteFileAtomically(this->fs(), this->Path("b"), "two"));
  ASSERT_TRUE(this->fs().Rename(this->Path("a"), this->Path("b")));
  EXPECT_EQ(*ReadFile(this->fs(), this->Path("b")), "one");
  EXPECT_FALSE(*this->fs().Exists(this->Path("a")));
  ASSERT_TRUE(this->fs().Link(this->Path("b"), this->Path("c")));
  EXPECT_EQ(this->fs().Link(this->Path("b"), this->Path("c")).error().code(), Code::kAlreadyExists);
  ASSERT_TRUE(this->MustOpen("c", OpenMode::kReadWrite)->WriteAt(AsBytes("O"), 0));
  EXPECT_EQ(*ReadFile(this->fs(), this->Path("b")), "One");
  ASSERT_TRUE(this->fs().Remove(this->Path("b")));
  EXPECT_EQ(*ReadFile(this->fs(), this->Path("c")), "One");
  EXPECT_EQ(this->fs().Rename(this->Path("b"), this->Path("d")).error().code(), Code::kNotFound);
}

TYPED_TEST(FileSystemTest, AtomicWriteReplacesTheWholeFile) {
  ASSERT_TRUE(WriteFileAtomically(this->fs(), this->Path("a"), "a long first version"));
  ASSERT_TRUE(WriteFileAtomically(this->fs(), this->Path("a"), "short"));
  EXPECT_EQ(*ReadFile(this->fs(), this->Path("a")), "short");
  EXPECT_EQ(this->fs().List(this->Root())->size(), 1u);
  EXPECT_EQ(ReadFile(this->fs(), this->Path("none")).error().code(), Code::kNotFound);
}

TYPED_TEST(FileSystemTest, DirectoriesListSortedAndRefuseRemovalWhileFull) {
  ASSERT_TRUE(this->fs().MakeDirs(this->Path("d/e/f")));
  ASSERT_TRUE(this->fs().MakeDirs(this->Path("d/e/f")));
  ASSERT_TRUE(WriteFileAtomically(this->fs(), this->Path("d/z"), "12"));
  ASSERT_TRUE(WriteFileAtomically(this->fs(), this->Path("d/a"), ""));
  auto list = this->fs().List(this->Path("d"));
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 3u);
  EXPECT_EQ((*list)[0].name, "a");
  EXPECT_EQ((*list)[1].name, "e");
  EXPECT_TRUE((*list)[1].is_directory);
  EXPECT_EQ((*list)[2].name, "z");
  EXPECT_EQ((*list)[2].size, 2u);
  EXPECT_EQ(this->fs().Remove(this->Path("d")).error().code(), Code::kIo);
  EXPECT_EQ(this->fs().Remove(this->Path("d/e")).error().code(), Code::kIo);
  ASSERT_TRUE(this->fs().Remove(this->Path("d/e/f")));
  ASSERT_TRUE(this->fs().Remove(this->Path("d/e")));
  EXPECT_EQ(this->fs().Remove(this->Path("d/e")).error().code(), Code::kNotFound);
  EXPECT_EQ(this->fs().List(this->Path("none")).error().code(), Code::kNotFound);
  EXPECT_FALSE(this->fs().MakeDirs(this->Path("d/z/below")));
  EXPECT_FALSE(this->fs().Open(this->Path("d"), OpenMode::kReadWrite));
}

TYPED_TEST(FileSystemTest, OpenFilesOutliveTheirName) {
  auto file = this->MustOpen("a", OpenMode::kCreate);
  ASSERT_TRUE(file->WriteAt(AsBytes("kept"), 0));
  ASSERT_TRUE(this->fs().Remove(this->Path("a")));
  EXPECT_EQ(this->Read(*file, 4, 0), "kept");
}

TYPED_TEST(FileSystemTest, LocksExcludeUntilReleased) {
  auto lock = this->fs().Lock(this->Path("lock"));
  ASSERT_TRUE(lock);
  EXPECT_EQ(this->fs().Lock(this->Path("lock")).error().code(), Code::kLocked);
  lock->reset();
  EXPECT_TRUE(this->fs().Lock(this->Path("lock")));
}

TYPED_TEST(FileSystemTest, FreshlyWrittenBytesAreResident) {
  auto file = this->MustOpen("a", OpenMode::kCreate);
  ASSERT_TRUE(file->WriteAt(AsBytes(std::string(300'000, 'x')), 0));
  EXPECT_TRUE(file->Resident(0, 300'000));
  EXPECT_TRUE(file->Resident(1'000, 1));
  file->StartWriteback(0, 300'000);
  EXPECT_TRUE(file->Sync());
}

TYPED_TEST(FileSystemTest, SpaceIsPlausible) {
  auto space = this->fs().Space(this->Root());
  ASSERT_TRUE(space);
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->available_bytes, space->total_bytes);
  EXPECT_EQ(this->fs().Space(this->Path("none")).error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace forebay::io
