#include "tier/glob.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

namespace forebay::tier {
namespace {

bool Match(std::string_view pattern, std::string_view name) {
  auto glob = Glob::Parse(pattern);
  EXPECT_TRUE(glob) << pattern;
  return glob && glob->Matches(name);
}

std::string Prefix(std::string_view pattern) {
  auto glob = Glob::Parse(pattern);
  EXPECT_TRUE(glob) << pattern;
  return glob ? glob->literal_prefix() : "?";
}

TEST(Glob, Matches) {
  struct Row {
    std::string_view pattern;
    std::string_view name;
    bool expected;
  };
  const Row rows[] = {
      {"a", "a", true},
      {"a", "ab", false},
      {"a", "A", false},
      {"*", "abc", true},
      {"*", "", true},
      {"*", "a/b", false},
      {"a*c", "abbc", true},
      {"a*c", "ab/c", false},
      {"?", "/", false},
      {"?", "é", true},
      {"??", "é", false},
      {"*.jpg", ".jpg", true},
      {"**", "a/b/c", true},
      {"imagenet/train/**", "imagenet/train/n01/x.jpg", true},
      {"imagenet/train/**", "imagenet/train", false},
      {"imagenet/train/**", "imagenet/trainer/x", false},
      {"imagenet/train/", "imagenet/train/n01/x.jpg", true},
      {"**/x", "x", true},
      {"**/x", "a/x", true},
      {"**/x", "a/b/x", true},
      {"**/x", "ax", false},
      {"a/**/z", "a/z", true},
      {"a/**/z", "a/b/c/z", true},
      {"a/**/z", "a/bz", false},
      {"a/**/b/**/c", "a/x/b/y/b/c", true},
      {"a/**/b/**/c", "a/x/c", false},
      {"a**c", "abbc", true},
      {"a**c", "ab/c", false},
      {"**a", "b/a", false},
      {"[a-c]", "b", true},
      {"[a-c]", "d", false},
      {"[!a-c]", "d", true},
      {"[^a-c]", "b", false},
      {"[!a]", "/", false},
      {"[]a]", "]", true},
      {"[a-]", "-", true},
      {"[ä-ö]", "ö", true},
      {"[\\]]", "]", true},
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"{a,b}c", "bc", true},
      {"{a,b}c", "cc", false},
      {"{a,{b,c}d}", "cd", true},
      {"x{,y}", "x", true},
      {"shard-{0000..0003}", "shard-0000..0003", true},
      {"a,b", "a,b", true},
      {"a}", "a}", true},
      {"a//b", "a//b", true},
      {"a/*/b", "a//b", true},
      {"a/**/b", "a//b", true},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Match(row.pattern, row.name), row.expected) << row.pattern << " on " << row.name;
  }
}

TEST(Glob, PrefixIsWhatEveryMatchBeginsWith) {
  EXPECT_EQ(Prefix("imagenet/train/**"), "imagenet/train/");
  EXPECT_EQ(Prefix("imagenet/train/"), "imagenet/train/");
  EXPECT_EQ(Prefix("a/b.txt"), "a/b.txt");
  EXPECT_EQ(Prefix("a\\*b*"), "a*b");
  EXPECT_EQ(Prefix("{train,test}/x"), "t");
  EXPECT_EQ(Prefix("data/{train,val}/*"), "data/");
  EXPECT_EQ(Prefix("**/x"), "");
  EXPECT_EQ(Prefix("{ä,å}/x"), "") << "a prefix never ends inside a character";
  EXPECT_EQ(Prefix("xä[b]"), "xä");
}

TEST(Glob, TellsWhichSubtreesToSkip) {
  auto below = [](std::string_view pattern, std::string_view path) {
    return Glob::Parse(pattern)->MayMatchBelow(path);
  };
  EXPECT_TRUE(below("a/*/c", "a/b/"));
  EXPECT_FALSE(below("a/*/c", "b/"));
  EXPECT_FALSE(below("a/*/c", "a/b/c/"));
  EXPECT_FALSE(below("a/*", "a/b/"));
  EXPECT_TRUE(below("a/**/c", "a/b/d/"));
  EXPECT_FALSE(below("a/**/c", "b/"));
  EXPECT_TRUE(below("**", "x/y/"));
  EXPECT_TRUE(below("a", ""));
  EXPECT_TRUE(below("{x,y}/z", "y/"));
  EXPECT_FALSE(below("{x,y}/z", "z/"));
}

TEST(Glob, ErrorsSayWhatAndWhere) {
  auto error = [](std::string_view pattern) {
    auto glob = Glob::Parse(pattern);
    if (glob) return std::string("accepted");
    EXPECT_EQ(glob.error().code(), Code::kInvalidInput);
    return glob.error().message();
  };
  EXPECT_EQ(error(""), "The pattern is empty; write ** for everything.");
  EXPECT_EQ(error("a[b"), "The pattern \"a[b\" is wrong at 2: '[' without ']'.");
  EXPECT_EQ(error("a{b"), "The pattern \"a{b\" is wrong at 2: '{' without '}'.");
  EXPECT_EQ(error("a\\"), "The pattern \"a\\\" is wrong at 2: '\\' at its end.");
  EXPECT_EQ(error("[b-a]"),
            "The pattern \"[b-a]\" is wrong at 1: a range in '[ ]' that runs backwards.");
  EXPECT_EQ(error("\xff"), "The pattern is not UTF-8.");
  EXPECT_NE(error(std::string(5000, 'a')).find("longer than 4096"), std::string::npos);
  EXPECT_NE(error("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}").find("more than 64 alternatives"),
            std::string::npos);
  EXPECT_TRUE(Glob::Parse("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"));
}

TEST(Glob, TakesTimeByLengthHoweverHostile) {
  std::string pattern;
  for (int i = 0; i < 60; ++i) pattern += "*a";
  const std::string name(1000, 'a');
  EXPECT_TRUE(Match(pattern, name));
  EXPECT_FALSE(Match(pattern + "b", name)) << "backtracking would take for ever";
  std::string deep = "x";
  for (int i = 0; i < 60; ++i) deep = "**/" + deep;
  std::string path;
  for (int i = 0; i < 250; ++i) path += "a/";
  EXPECT_FALSE(Match(deep, path + "y"));
}

// Every short pattern over a small alphabet on every short name, against the obvious recursion.
bool Naive(std::string_view p, std::string_view n, bool segment_start) {
  if (p.empty()) return n.empty();
  if (segment_start && (p == "**" || p.starts_with("**/"))) {
    if (p == "**") return true;
    if (Naive(p.substr(3), n, true)) return true;
    const auto slash = n.find('/');
    return slash != std::string_view::npos && Naive(p, n.substr(slash + 1), true);
  }
  if (p[0] == '*') {
    std::size_t stars = 1;
    while (stars < p.size() && p[stars] == '*') ++stars;
    for (std::size_t i = 0; i <= n.size(); ++i) {
      if (Naive(p.substr(stars), n.substr(i), false)) return true;
      if (i < n.size() && n[i] == '/') break;
    }
    return false;
  }
  if (n.empty() || (p[0] == '?' ? n[0] == '/' : p[0] != n[0])) return false;
  return Naive(p.substr(1), n.substr(1), p[0] == '/');
}

void EachWord(std::string_view alphabet, std::size_t length,
              const std::function<void(const std::string&)>& use, std::string word = "") {
  use(word);
  if (word.size() == length) return;
  for (const char c : alphabet) EachWord(alphabet, length, use, word + c);
}

TEST(Glob, AgreesWithTheObviousDefinition) {
  std::vector<std::string> names;
  EachWord("a/", 5, [&](const std::string& name) { names.push_back(name); });
  EachWord("a/*?", 5, [&](const std::string& pattern) {
    if (pattern.empty() || pattern.ends_with('/')) return;
    if (pattern.find("***") != std::string::npos) return;  // more than two stars are two
    auto glob = Glob::Parse(pattern);
    ASSERT_TRUE(glob);
    for (const std::string& name : names) {
      ASSERT_EQ(glob->Matches(name), Naive(pattern, name, true)) << pattern << " on " << name;
      for (std::size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
        const bool deeper = at + 1 < name.size();
        if (deeper && glob->Matches(name)) {
          ASSERT_TRUE(glob->MayMatchBelow(name.substr(0, at + 1))) << pattern << " on " << name;
        }
      }
      if (glob->Matches(name)) ASSERT_TRUE(name.starts_with(glob->literal_prefix()));
    }
  });
}

}  // namespace
}  // namespace forebay::tier
