#include "lake/advice.h"

#include <gmock/gmock.h>

namespace forebay::lake {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Of(Code code) { return Advise(Error(code, "what it said")); }

TEST(Advice, NamesTheCauseAndKeepsWhatTheLakeSaid) {
  const std::pair<Code, const char*> cases[] = {
      {Code::kAuthenticationFailed, "refuses our credential"},
      {Code::kAuthorizationPermissionMismatch, "lacks a permission"},
      {Code::kContainerNotFound, "is not there"},
      {Code::kClockSkew, "clock of this machine"},
      {Code::kNetwork, "out of reach"},
      {Code::kOffline, "out of reach"},
      {Code::kServerBusy, "slow down"},
      {Code::kBlobArchived, "archive"},
  };
  for (const auto& [code, words] : cases) {
    EXPECT_THAT(Of(code), AllOf(HasSubstr(words), HasSubstr("what it said"))) << CodeName(code);
  }
}

TEST(Advice, TellsACredentialThatIsWrongFromOneThatIsTooWeak) {
  EXPECT_THAT(Of(Code::kAuthenticationFailed), ::testing::Not(HasSubstr("permission")));
  for (const Code code : {Code::kAuthenticationFailed, Code::kAuthorizationPermissionMismatch}) {
    EXPECT_THAT(Of(code), HasSubstr("in the same file"));
  }
}

TEST(Advice, AddsNothingWhereTheMessageSaysItAll) {
  EXPECT_EQ(Of(Code::kInvalidConfig), "what it said");
  EXPECT_EQ(Of(Code::kUnsupported), "what it said");
}

}  // namespace
}  // namespace forebay::lake
