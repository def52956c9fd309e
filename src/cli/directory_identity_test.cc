#include "cli/directory_identity.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace forebay::cli {
namespace {

namespace fs = std::filesystem;

class DirectoryIdentityTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::temp_directory_path() / ("forebay_identity_" + std::to_string(::getpid()));
    fs::remove_all(root_);
    fs::create_directories(root_ / "data");
    std::ofstream(root_ / "data" / "file") << "text";
  }
  void TearDown() override { fs::remove_all(root_); }
  std::string Of(const char* name) {
    auto identity = DirectoryIdentity((root_ / name).string());
    EXPECT_TRUE(identity) << identity.error().ToString();
    return identity.value_or("");
  }

  fs::path root_;
};

TEST_F(DirectoryIdentityTest, StaysWhateverIsInIt) {
  const std::string before = Of("data");
  EXPECT_FALSE(before.empty());
  fs::remove(root_ / "data" / "file");
  std::ofstream(root_ / "data" / "other") << "more";
  EXPECT_EQ(Of("data"), before);
  fs::rename(root_ / "data", root_ / "moved");
  EXPECT_EQ(Of("moved"), before);
  fs::create_symlink(root_ / "moved", root_ / "link");
  EXPECT_EQ(Of("link"), before) << "another way to it";
}

TEST_F(DirectoryIdentityTest, ACopyIsAnother) {
  fs::copy(root_ / "data", root_ / "copy", fs::copy_options::recursive);
  EXPECT_NE(Of("copy"), Of("data"));
}

// Roots of mounts: the number is the same in each.
TEST(DirectoryIdentityOf, WithoutABirthTheFileSystemTellsRootsApart) {
  const auto of = [](const struct statx& directory, std::uint64_t file_system) {
    return DirectoryIdentity(directory, file_system).value_or("unsupported");
  };
  struct statx root{};
  root.stx_mask = STATX_INO | STATX_BTIME;
  root.stx_ino = 2;
  root.stx_btime.tv_sec = 1'763'735'120;
  root.stx_btime.tv_nsec = 5;
  EXPECT_EQ(of(root, 0xA), "2-1763735120.000000005");
  EXPECT_EQ(of(root, 0), "2-1763735120.000000005") << "a birth needs no more";
  struct statx unknown = root;
  unknown.stx_mask = STATX_INO;
  struct statx zero = root;
  zero.stx_btime = {};
  for (const auto& without : {unknown, zero}) {
    EXPECT_EQ(of(without, 0xA), "2-fsa");
    EXPECT_EQ(of(without, 0xB), "2-fsb");
    const auto none = DirectoryIdentity(without, 0);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code(), Code::kUnsupported);
  }
}

TEST_F(DirectoryIdentityTest, OneThatIsNotThereHasNone) {
  const auto none = DirectoryIdentity((root_ / "nowhere").string());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace forebay::cli
