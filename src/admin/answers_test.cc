#include "admin/answers.h"

#include <gtest/gtest.h>

namespace forebay::admin {
namespace {

TEST(AnswersTest, SayWhatTheyAreAndAreKeptByNobody) {
  const http::Response text = TextAnswer(404, "not here\n");
  EXPECT_EQ(text.status, 404u);
  EXPECT_EQ(text.text, "not here\n");
  EXPECT_EQ(text.headers.Get("Content-Type"), "text/plain; charset=utf-8");
  const http::Response json = JsonAnswer(200, "{}");
  EXPECT_EQ(json.headers.Get("Content-Type"), "application/json");
  for (const http::Response* one : {&text, &json}) {
    EXPECT_EQ(one->headers.Get("Cache-Control"), "no-store");
  }
}

TEST(AnswersTest, ARefusalIsTheErrorForPrograms) {
  const Error error(Code::kNotFound, "There is no such thing.");
  const http::Response refused = Refusal(404, error);
  EXPECT_EQ(refused.status, 404u);
  EXPECT_EQ(refused.text, EncodeError(error));
  EXPECT_EQ(refused.headers.Get("Content-Type"), "application/json");
}

}  // namespace
}  // namespace forebay::admin
