#include "vfs/local_files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "base/temp_dir_for_test.h"

namespace forebay::vfs {
namespace {

constexpr std::uint64_t kSize = 6u << 20;

class LocalFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    Write("segment", "headerABCDEFGHIJ");
    Write("board", std::string(16, '\0'));
  }

  std::string Path(const char* name) const { return directory_.path() + "/" + name; }
  void Write(const char* name, const std::string& bytes) {
    const int fd = ::open(Path(name).c_str(), O_WRONLY | O_CREAT, 0600);
    ASSERT_EQ(::pwrite(fd, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
    ::close(fd);
  }
  LocalPiece Piece(std::uint64_t length) const {
    struct stat status{};
    EXPECT_EQ(::stat(Path("segment").c_str(), &status), 0);
    LocalPiece piece;
    piece.kind = LocalPiece::Kind::kFile;
    piece.length = length;
    piece.offset = 6;
    piece.path = Path("segment");
    piece.device = status.st_dev;
    piece.inode = status.st_ino;
    piece.board = Path("board");
    piece.slot = 1;
    return piece;
  }
  static LocalPiece Zeros(std::uint64_t length) {
    LocalPiece piece;
    piece.kind = LocalPiece::Kind::kZero;
    piece.length = length;
    return piece;
  }
  bool Ask(std::uint64_t offset = 0, const char* etag = "one") {
    return local_.ShouldAsk(RemoteId(7), ETag(etag), offset, 4);
  }
  void AskUntilItIsWorthIt() {
    int reads = 0;
    while (!Ask() && reads < 100) ++reads;
    EXPECT_GT(reads, 1) << "one read of a file is no habit";
    EXPECT_LT(reads, 100);
  }
  void Learn(const std::vector<LocalPiece>& pieces, std::uint64_t begin = 0) {
    local_.Learn(RemoteId(7), ETag("one"), kSize, begin, pieces, clock_.SteadyNow());
  }
  // What is read at `offset`; "-": ask the server.
  std::string Read(std::uint64_t offset, std::size_t bytes, const char* etag = "one") {
    std::string out(bytes, '?');
    const auto size =
        local_.Read(RemoteId(7), ETag(etag), offset, std::as_writable_bytes(std::span(out)));
    if (size) EXPECT_EQ(*size, kSize);
    return size ? out : "-";
  }

  TempDir directory_;
  ManualClock clock_;
  LocalFiles local_{clock_};
};

TEST_F(LocalFilesTest, ReadsWhatItWasToldOf) {
  EXPECT_EQ(Read(0, 4), "-");
  AskUntilItIsWorthIt();
  LocalPiece elsewhere;
  elsewhere.length = 3;
  Learn({Piece(10), Zeros(5), elsewhere});
  EXPECT_EQ(Read(0, 4), "ABCD");
  EXPECT_EQ(Read(8, 4), std::string("IJ\0\0", 4));
  EXPECT_EQ(Read(14, 2), "-") << "what is elsewhere";
  EXPECT_EQ(Read(30, 2), "-") << "what was not told of";
  EXPECT_EQ(Read(0, 4, "two"), "-") << "another version";
  EXPECT_EQ(Read(LocalFiles::kWindow - 2, 4), "-") << "more than a window";
  EXPECT_FALSE(Ask()) << "it knows";
  EXPECT_TRUE(Ask(LocalFiles::kWindow));
  EXPECT_FALSE(Ask(0, "two")) << "a new version begins anew";
}

TEST_F(LocalFilesTest, AMovedCounterEndsIt) {
  AskUntilItIsWorthIt();
  Learn({Piece(10)});
  ASSERT_EQ(Read(0, 4), "ABCD");
  Write("board", std::string("\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(Read(0, 4), "-");
  EXPECT_TRUE(Ask());
  LocalPiece again = Piece(10);
  again.count = 1;
  Learn({again});
  EXPECT_EQ(Read(0, 4), "ABCD");
}

TEST_F(LocalFilesTest, OneReaderLooksAgainWhenTheVersionIsOld) {
  AskUntilItIsWorthIt();
  Learn({Piece(10)});
  clock_.Advance(LocalFiles::kTrust + std::chrono::milliseconds(1));
  EXPECT_EQ(Read(0, 4), "-");
  EXPECT_TRUE(Ask());
  EXPECT_EQ(Read(0, 4), "ABCD") << "the others go on meanwhile";
  clock_.Advance(LocalFiles::kTrust);
  EXPECT_EQ(Read(0, 4), "-") << "but not for ever";
  EXPECT_EQ(Read(0, 4), "-");
  Learn({Piece(10)});
  EXPECT_EQ(Read(0, 4), "ABCD");
}

TEST_F(LocalFilesTest, AServerThatSaidNothingIsNotAskedAtEveryRead) {
  AskUntilItIsWorthIt();
  local_.Failed(RemoteId(7), ETag("one"), 0, clock_.SteadyNow());
  EXPECT_EQ(Read(0, 4), "-");
  EXPECT_FALSE(Ask());
  clock_.Advance(LocalFiles::kTrust + std::chrono::milliseconds(1));
  EXPECT_TRUE(Ask());
}

TEST_F(LocalFilesTest, AnotherFileUnderThePathIsNotRead) {
  AskUntilItIsWorthIt();
  LocalPiece other = Piece(10);
  ++other.inode;
  Learn({other});
  EXPECT_EQ(Read(0, 4), "-");
  Learn({Piece(10)});
  EXPECT_EQ(Read(0, 4), "-") << "it is not the server's machine, and stays so";
  EXPECT_FALSE(Ask());
}

TEST_F(LocalFilesTest, CountersThatWereReplacedEndEverything) {
  AskUntilItIsWorthIt();
  Learn({Piece(10)});
  ASSERT_TRUE(Ask(LocalFiles::kWindow));
  Write("another", std::string(16, '\0'));
  std::filesystem::rename(Path("another"), Path("board"));
  Learn({Piece(10)}, LocalFiles::kWindow);
  EXPECT_EQ(Read(0, 4), "-");
  EXPECT_EQ(Read(LocalFiles::kWindow, 4), "-");
  AskUntilItIsWorthIt();
  Learn({Piece(10)});
  EXPECT_EQ(Read(0, 4), "ABCD");
}

TEST_F(LocalFilesTest, ASegmentThatEndsEarlyIsNoContent) {
  AskUntilItIsWorthIt();
  Learn({Piece(100)});
  EXPECT_EQ(Read(8, 4), "-");
  EXPECT_EQ(Read(4, 4), "EFGH");
}

TEST_F(LocalFilesTest, ASlotBehindTheBoardIsRefused) {
  AskUntilItIsWorthIt();
  LocalPiece piece = Piece(10);
  piece.slot = 2;
  Learn({piece});
  EXPECT_EQ(Read(0, 4), "-");
}

}  // namespace
}  // namespace forebay::vfs
