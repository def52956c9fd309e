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

TEST_F(DirectoryIdentityTest, OneThatIsNotThereHasNone) {
  const auto none = DirectoryIdentity((root_ / "nowhere").string());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Code::kNotFound);
}

}  // namespace
}  // namespace forebay::cli
