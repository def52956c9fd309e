#include "azure/attach_trail.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

TEST(AttachTrail, ComesBackAsItWas) {
  const auto back = ParseAttachTrail(FormatAttachTrail({.token = "a-b-c", .steps = 7}));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->token, "a-b-c");
  EXPECT_EQ(back->steps, 7u);
}

TEST(AttachTrail, WhatIsNoneAsksNothing) {
  const std::string long_token(65, 'x');
  for (const std::string& text :
       {std::string(), std::string("token"), std::string("token;"), std::string(";3"),
        std::string("token;x"), std::string("token;-1"), std::string("token;3;3"),
        std::string("token;17"), long_token + ";3"}) {
    EXPECT_FALSE(ParseAttachTrail(text)) << text;
  }
  EXPECT_TRUE(ParseAttachTrail("token;16")) << "as many as there may be";
}

}  // namespace
}  // namespace forebay::azure
