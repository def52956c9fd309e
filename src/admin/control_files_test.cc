#include "admin/control_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/temp_dir_for_test.h"

namespace forebay::admin {
namespace {

class ControlFilesTest : public testing::Test {
 protected:
  mode_t ModeOf(const std::string& name) const {
    struct stat status{};
    EXPECT_EQ(::stat((directory_ + "/" + name).c_str(), &status), 0) << name;
    return status.st_mode & 0777;
  }
  TempDir own_;
  const std::string directory_ = own_.path();
};

TEST_F(ControlFilesTest, TheTokenIsSecretRandomAndStays) {
  auto token = EnsureToken(directory_);
  ASSERT_TRUE(token) << token.error().message();
  EXPECT_EQ(token->size(), 64u);
  EXPECT_EQ(ModeOf("admin.token"), 0600u);
  EXPECT_EQ(*EnsureToken(directory_), *token);
  std::filesystem::remove(directory_ + "/admin.token");
  EXPECT_NE(*EnsureToken(directory_), *token);
}

TEST_F(ControlFilesTest, ATokenCutShortIsMadeAnew) {
  std::ofstream(directory_ + "/admin.token") << "short";
  EXPECT_EQ(EnsureToken(directory_)->size(), 64u);
}

TEST_F(ControlFilesTest, AConfiguredTokenStandsInForIt) {
  const std::string file = directory_ + "/mine";
  EXPECT_EQ(EnsureToken(directory_, file).error().code(), Code::kInvalidConfig);
  std::ofstream(file) << "short\n";
  auto refused = EnsureToken(directory_, file);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("shorter than 32"));
  const std::string token(40, 'x');
  std::ofstream(file) << token << "\n";
  EXPECT_EQ(*EnsureToken(directory_, file), token);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/admin.token"));
  ASSERT_TRUE(WriteEndpoint(directory_, "127.0.0.1:9464"));
  EXPECT_EQ(ReadControlFiles(directory_, file)->token, token);
}

TEST_F(ControlFilesTest, ACommandReadsBothOrLearnsWhatIsMissing) {
  auto none = ReadControlFiles(directory_);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), Code::kNotFound);
  EXPECT_THAT(none.error().message(), testing::HasSubstr("as the user of the server"));
  const std::string token = *EnsureToken(directory_);
  auto no_listener = ReadControlFiles(directory_);
  ASSERT_FALSE(no_listener);
  EXPECT_THAT(no_listener.error().message(), testing::HasSubstr("admin_listen"));
  ASSERT_TRUE(WriteEndpoint(directory_, "127.0.0.1:9464"));
  auto both = ReadControlFiles(directory_);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->token, token);
  EXPECT_EQ(both->endpoint, "127.0.0.1:9464");
  RemoveEndpoint(directory_);
  EXPECT_FALSE(ReadControlFiles(directory_));
}

TEST_F(ControlFilesTest, AFolderThatIsNotThereIsAnError) {
  EXPECT_FALSE(EnsureToken(directory_ + "/none"));
  EXPECT_FALSE(WriteEndpoint(directory_ + "/none", "x"));
}

}  // namespace
}  // namespace forebay::admin
