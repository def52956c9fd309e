#include "azure/tag_expression.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

bool Holds(std::string_view text, const Tags& tags) {
  auto condition = TagCondition::Parse(text);
  EXPECT_TRUE(condition) << text;
  return condition && condition->Evaluate(tags);
}

TEST(TagCondition, ComparisonsAndConnectives) {
  const Tags tags = {{"Project", "Contoso"}, {"n", "10"}, {"it's", "x'y"}};
  EXPECT_TRUE(Holds("\"Project\" = 'Contoso'", tags));
  EXPECT_TRUE(Holds("Project='Contoso'", tags));
  EXPECT_FALSE(Holds("project='Contoso'", tags)) << "keys have case";
  EXPECT_TRUE(Holds("n > '09' and n >= '10' AND n < '11' And n <= '10'", tags));
  EXPECT_FALSE(Holds("n > '9'", tags)) << "values compare as text";
  EXPECT_TRUE(Holds("Project <> 'x'", tags));
  EXPECT_TRUE(Holds("missing <> 'x'", tags));
  EXPECT_FALSE(Holds("missing >= ''", tags));
  EXPECT_TRUE(Holds("Project='no' OR n='10'", tags));
  EXPECT_FALSE(Holds("Project='no' AND n='10' OR n='11'", tags));
  EXPECT_TRUE(Holds("n='10' OR n='11' AND Project='no'", tags)) << "AND binds tighter";
  EXPECT_FALSE(Holds("(n='10' OR n='11') AND Project='no'", tags));
  EXPECT_TRUE(Holds("NOT n='11'", tags));
  EXPECT_TRUE(Holds("NOT (n='11' OR Project='no')", tags));
  EXPECT_TRUE(Holds("\"it's\" = 'x''y'", tags));
}

TEST(TagCondition, NonsenseIsRefused) {
  for (const char* text :
       {"", " ", "a", "a=", "a='", "='x'", "a=x", "a='x' AND", "a='x' b='y'", "(a='x'", "a='x')",
        "a=='x'", "@container='x'", "a='x' ANDb='y'", "\"\"='x'", "NOT"}) {
    auto parsed = TagCondition::Parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidHeaderValue);
  }
}

TEST(TagCondition, DepthAndSizeAreBounded) {
  EXPECT_FALSE(TagCondition::Parse(std::string(100'000, '(')));
  EXPECT_FALSE(TagCondition::Parse(std::string(5'000, '(') + "a='1'" + std::string(5'000, ')')));
  std::string many = "a='1'";
  for (int i = 0; i < 100; ++i) many += " AND a='1'";
  EXPECT_FALSE(TagCondition::Parse(many));
  std::string nots;
  for (int i = 0; i < 1000; ++i) nots += "NOT ";
  EXPECT_FALSE(TagCondition::Parse(nots + "a='1'"));
}

TEST(TagQuery, ContainerAndTags) {
  auto query =
      ParseTagQuery("@container = 'logs' AND \"Status\" >= 'A' AND Status < 'C' and k='v'");
  ASSERT_TRUE(query);
  EXPECT_EQ(query->container, "logs");
  EXPECT_EQ(query->Keys(), (std::vector<std::string>{"Status", "k"}));
  EXPECT_TRUE(query->Matches({{"Status", "B"}, {"k", "v"}}));
  EXPECT_FALSE(query->Matches({{"Status", "C"}, {"k", "v"}}));
  EXPECT_FALSE(query->Matches({{"Status", "B"}}));
}

TEST(TagQuery, WhatFindBlobsDoesNotOfferIsRefused) {
  for (const char* text :
       {"", "a<>'x'", "a='x' OR b='y'", "NOT a='x'", "@container='c'", "@container>'c' AND a='1'",
        "@container='c' AND @container='d' AND a='1'", "@other='c' AND a='1'", "(a='x')"}) {
    auto parsed = ParseTagQuery(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidQueryParameterValue);
  }
}

}  // namespace
}  // namespace forebay::azure
