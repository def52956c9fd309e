#include "admin/lake_errors.h"

#include <gmock/gmock.h>

#include "admin/control_api.h"

namespace forebay::admin {
namespace {

using ::testing::HasSubstr;

TEST(LakeErrorsTest, WhatIsWrongHereIsToldAsItIs) {
  for (const Code code :
       {Code::kInvalidInput, Code::kInvalidConfig, Code::kUnsupported, Code::kLimitExceeded,
        Code::kResourceAlreadyExists, Code::kResourceNotFound, Code::kBlobNotFound, Code::kNotFound,
        Code::kBusy, Code::kNoSpace, Code::kCancelled, Code::kDeadlineExceeded, Code::kInternal,
        Code::kCorruption, Code::kIo}) {
    const Error told = ToldByLake({code, "as it is"});
    EXPECT_EQ(told.code(), code);
    EXPECT_EQ(told.message(), "as it is");
  }
}

// A lake's 403 that came through as ours would send people after the wrong credential.
TEST(LakeErrorsTest, WhatTheLakeSaysIsItsOwnWithWhatToDo) {
  const std::pair<Error, const char*> cases[] = {
      {{Code::kAuthenticationFailed, "Signature did not match."}, "refuses our credential"},
      {{Code::kAuthorizationFailure, "No permission."}, "refuses our credential"},
      {{Code::kContainerNotFound, "None."}, "container is not there"},
      {{Code::kClockSkew, "The clocks differ by an hour."}, "Set the clock"},
      {{Code::kOffline, "No connection."}, "out of reach"},
      {{Code::kNetwork, "Refused."}, "out of reach"},
      {{Code::kServerBusy, "Later."}, "slow down"},
      {{Code::kBlobArchived, "Archived."}, "archive"},
  };
  for (const auto& [error, advice] : cases) {
    const Error told = ToldByLake(error);
    EXPECT_EQ(told.code(), Code::kNetwork) << error.message();
    EXPECT_THAT(told.message(), HasSubstr(advice));
    EXPECT_THAT(told.message(), HasSubstr(error.message())) << "the lake's words are in it";
    EXPECT_EQ(StatusOf(told), 502u);
  }
}

}  // namespace
}  // namespace forebay::admin
