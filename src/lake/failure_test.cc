#include "lake/failure.h"

#include <gtest/gtest.h>

#include "azure/error_table.h"

namespace forebay::lake {
namespace {

Failure Of(unsigned status, std::string_view name) {
  return Classify(Error(azure::CodeFromWire(status, name), "x"));
}

TEST(Failure, MeansWhatAzureMeant) {
  EXPECT_EQ(Of(503, "ServerBusy"), Failure::kThrottled);
  EXPECT_EQ(Of(429, ""), Failure::kThrottled);
  EXPECT_EQ(Of(500, "OperationTimedOut"), Failure::kRetryable);
  EXPECT_EQ(Of(500, "InternalError"), Failure::kRetryable);
  EXPECT_EQ(Of(502, ""), Failure::kRetryable);
  EXPECT_EQ(Of(404, "BlobNotFound"), Failure::kNotFound);
  EXPECT_EQ(Of(404, "PathNotFound"), Failure::kNotFound);
  EXPECT_EQ(Of(404, ""), Failure::kNotFound);
  EXPECT_EQ(Of(404, "ContainerNotFound"), Failure::kContainerMissing);
  EXPECT_EQ(Of(404, "FilesystemNotFound"), Failure::kContainerMissing);
  EXPECT_EQ(Of(409, "ContainerBeingDeleted"), Failure::kContainerMissing);
  EXPECT_EQ(Of(412, "ConditionNotMet"), Failure::kPrecondition);
  EXPECT_EQ(Of(412, ""), Failure::kPrecondition);
  EXPECT_EQ(Of(304, ""), Failure::kPrecondition);
  EXPECT_EQ(Of(409, "BlobAlreadyExists"), Failure::kPrecondition);
  EXPECT_EQ(Of(409, "BlobArchived"), Failure::kArchived);
  EXPECT_EQ(Of(409, "BlobBeingRehydrated"), Failure::kArchived);
  EXPECT_EQ(Of(412, "LeaseIdMissing"), Failure::kLeased);
  EXPECT_EQ(Of(409, "SnapshotsPresent"), Failure::kConflict);
  EXPECT_EQ(Of(409, "DirectoryIsNotEmpty"), Failure::kConflict);
  EXPECT_EQ(Of(403, "AuthenticationFailed"), Failure::kForbidden);
  EXPECT_EQ(Of(403, ""), Failure::kForbidden);
  EXPECT_EQ(Of(401, "NoAuthenticationInformation"), Failure::kForbidden);
  EXPECT_EQ(Of(400, "InvalidBlockList"), Failure::kInvalidBlocks);
  EXPECT_EQ(Of(400, "Md5Mismatch"), Failure::kCorrupt);
  EXPECT_EQ(Of(400, "InvalidHeaderValue"), Failure::kRejected);
}

TEST(Failure, TellsTheLinkFromTheCaller) {
  EXPECT_EQ(Classify(Error(Code::kNetwork, "")), Failure::kUnreachable);
  EXPECT_EQ(Classify(Error(Code::kConnectionClosed, "")), Failure::kUnreachable);
  EXPECT_EQ(Classify(Error(Code::kOffline, "")), Failure::kUnreachable);
  EXPECT_EQ(Classify(Error(Code::kDeadlineExceeded, "")), Failure::kStopped);
  EXPECT_EQ(Classify(Error(Code::kCancelled, "")), Failure::kStopped);
  EXPECT_EQ(Classify(Error(Code::kUnknownOutcome, "")), Failure::kUnknownOutcome);
  EXPECT_EQ(Classify(Error(Code::kClockSkew, "")), Failure::kClockSkew);
  EXPECT_FALSE(IsTransient(Failure::kUnknownOutcome));
  EXPECT_TRUE(IsTransient(Failure::kThrottled));
}

TEST(Failure, TellsTheWholeLakeFromOneBlob) {
  for (const auto failure :
       {Failure::kRetryable, Failure::kThrottled, Failure::kUnreachable, Failure::kContainerMissing,
        Failure::kForbidden, Failure::kClockSkew, Failure::kStopped}) {
    EXPECT_TRUE(ConcernsWholeLake(failure)) << FailureName(failure);
  }
  for (const auto failure : {Failure::kUnknownOutcome, Failure::kNotFound, Failure::kPrecondition,
                             Failure::kArchived, Failure::kLeased, Failure::kConflict,
                             Failure::kInvalidBlocks, Failure::kCorrupt, Failure::kRejected}) {
    EXPECT_FALSE(ConcernsWholeLake(failure)) << FailureName(failure);
  }
}

}  // namespace
}  // namespace forebay::lake
