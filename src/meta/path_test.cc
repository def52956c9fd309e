#include "meta/path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace forebay::meta {
namespace {

using testing::ElementsAre;

TEST(PathTest, SplitsAtEverySlash) {
  EXPECT_THAT(SplitPath(""), ElementsAre(""));
  EXPECT_THAT(SplitPath("a"), ElementsAre("a"));
  EXPECT_THAT(SplitPath("a/b"), ElementsAre("a", "b"));
  EXPECT_THAT(SplitPath("a/b/"), ElementsAre("a", "b", ""));
  EXPECT_THAT(SplitPath("//"), ElementsAre("", "", ""));
}

TEST(PathTest, ADirectoryStandsBeforeWhatIsInItAndThatBeforeItsSiblings) {
  const std::vector<std::string> ordered = {"",    "a",   "a/",  "a/b", "a/b/c", "a/c",
                                            "a\1", "a b", "a-b", "a.b", "ab",    "b"};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      EXPECT_EQ(ComparePaths(ordered[i], ordered[j]) < 0, i < j) << ordered[i] << " " << ordered[j];
      EXPECT_EQ(ComparePaths(ordered[i], ordered[j]) == 0, i == j);
    }
  }
}

TEST(PathTest, IsTheOrderOfComponents) {
  std::mt19937 random(7);
  const auto text = [&] {
    std::string out(random() % 8, ' ');
    for (char& c : out) c = "ab/-\xC3"[random() % 5];
    return out;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string a = text();
    const std::string b = text();
    EXPECT_EQ(ComparePaths(a, b) < 0, SplitPath(a) < SplitPath(b)) << a << " " << b;
  }
}

}  // namespace
}  // namespace forebay::meta
