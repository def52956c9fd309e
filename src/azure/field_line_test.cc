#include "azure/field_line.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

TEST(FieldLineTest, WhatIsWrittenIsRead) {
  const std::string text = FieldLineWriter()
                               .Text("name", "a;b=c% d\xC3\xA9\n")
                               .Number("ino", 18446744073709551615ULL)
                               .Signed("mtime", -5)
                               .Octal("mode", 04755)
                               .Take();
  EXPECT_EQ(text, "name=a%3Bb%3Dc%25%20d%C3%A9%0A;ino=18446744073709551615;mtime=-5;mode=4755");
  const auto line = FieldLine::Parse(text);
  ASSERT_TRUE(line);
  EXPECT_EQ(line->Get("name"), "a;b=c% d\xC3\xA9\n");
  EXPECT_EQ(line->Number("ino")->value(), 18446744073709551615ULL);
  EXPECT_EQ(line->Signed("mtime")->value(), -5);
  EXPECT_EQ(line->Octal("mode")->value(), 04755u);
  EXPECT_FALSE(line->Number("absent")->has_value());
  EXPECT_FALSE(line->Has("absent"));
}

TEST(FieldLineTest, PathsStayReadable) {
  EXPECT_EQ(FieldLineWriter().Text("path", "/a-b/c_d.e~f:g+h,i@j$").str(),
            "path=/a-b/c_d.e~f:g+h,i@j$");
}

TEST(FieldLineTest, RefusesWhatIsNoLine) {
  for (const char* text : {"a", "=b", "a=%4", "a=1;a=2", "a=%zz"}) {
    EXPECT_EQ(FieldLine::Parse(text).error().code(), Code::kInvalidInput) << text;
  }
  std::string many;
  for (int i = 0; i < 65; ++i) many += "f" + std::to_string(i) + "=1;";
  EXPECT_FALSE(FieldLine::Parse(many));
  EXPECT_TRUE(FieldLine::Parse("a=1;;b=2;"));
  EXPECT_TRUE(FieldLine::Parse(""));
}

TEST(FieldLineTest, RefusesWhatIsNoNumber) {
  const auto line = FieldLine::Parse("a=;b=-1;c=99999999999999999999;d=8;e=1x;f=4294967296");
  ASSERT_TRUE(line);
  EXPECT_FALSE(line->Number("a"));
  EXPECT_FALSE(line->Number("b"));
  EXPECT_FALSE(line->Number("c"));
  EXPECT_FALSE(line->Octal("d"));
  EXPECT_FALSE(line->Signed("e"));
  EXPECT_FALSE(line->Number32("f"));
}

}  // namespace
}  // namespace forebay::azure
