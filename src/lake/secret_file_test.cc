#include "lake/secret_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace forebay::lake {
namespace {

class SecretFileTest : public ::testing::Test {
 protected:
  SecretFileTest() { Write("one\r\n"); }
  ~SecretFileTest() override { std::filesystem::remove(path_); }
  void Write(const std::string& text) const { std::ofstream(path_) << text; }
  // What it shows; "" for nothing.
  std::string Shown(SecretFile& file, bool take = true) {
    std::string shown;
    file.LookAfterRefusal([&](const std::string& text) {
      shown = text;
      return take;
    });
    return shown;
  }

  const std::string path_ = testing::TempDir() + "/secret_file" + std::to_string(::getpid());
};

TEST_F(SecretFileTest, IsReadWithoutWhatEndsItsLine) {
  EXPECT_EQ(*ReadSecret(path_), "one");
  Write("\n");
  EXPECT_EQ(ReadSecret(path_).error().code(), Code::kInvalidConfig);
  std::filesystem::remove(path_);
  const auto missing = ReadSecret(path_);
  ASSERT_FALSE(missing);
  EXPECT_TRUE(missing.error().message().contains(path_));
}

TEST_F(SecretFileTest, ShowsItselfOnlyWhereItIsAnother) {
  SecretFile file(path_, "one");
  const auto unexpected = [](const std::string&) {
    ADD_FAILURE() << "it is what it was";
    return true;
  };
  file.Look(unexpected);
  SecretFile changed(path_, "one");
  Write("two, which is longer");
  std::string shown;
  changed.Look([&](const std::string& text) {
    shown = text;
    return true;
  });
  EXPECT_EQ(shown, "two, which is longer");
}

TEST_F(SecretFileTest, AFileThatIsBeingReplacedIsLookedAtAgain) {
  SecretFile file(path_, "one");
  Write("tw");
  EXPECT_EQ(Shown(file, /*take=*/false), "tw");
  std::string shown;
  file.Look([&](const std::string& text) {
    shown = text;
    return true;
  });
  EXPECT_EQ(shown, "tw") << "nobody has taken it";
  std::filesystem::remove(path_);
  EXPECT_EQ(Shown(file), "") << "the one in use stays";
}

// Requests that were under way with the old one are refused after the first of them has found the
// new one.
TEST_F(SecretFileTest, EachRequestThatIsRefusedAroundAChangeIsTriedAgain) {
  SecretFile file(path_, "one");
  const auto take = [](const std::string&) { return true; };
  EXPECT_FALSE(file.LookAfterRefusal(take));
  Write("two");
  EXPECT_TRUE(file.LookAfterRefusal(take));
  EXPECT_TRUE(file.LookAfterRefusal(take));
  SecretFile seen(path_, "two");
  Write("three");
  seen.Look(take);
  EXPECT_TRUE(seen.LookAfterRefusal(take)) << "found before it was refused";
}

}  // namespace
}  // namespace forebay::lake
