#include "lake/failure.h"

namespace forebay::lake {
namespace {

Failure ClassifyLocal(Code code) {
  switch (code) {
    case Code::kCancelled:
    case Code::kDeadlineExceeded:
      return Failure::kStopped;
    case Code::kConnectionClosed:
    case Code::kNetwork:
    case Code::kOffline:
      return Failure::kUnreachable;
    case Code::kUnknownOutcome:
      return Failure::kUnknownOutcome;
    case Code::kClockSkew:
      return Failure::kClockSkew;
    case Code::kInvalidConfig:  // the credential's file, or a variable, is not readable
      return Failure::kForbidden;
    case Code::kCorruption:
    case Code::kBadHttp:
      return Failure::kCorrupt;
    case Code::kInternal:  // the lake's InternalError
    case Code::kBusy:
      return Failure::kRetryable;
    default:
      return Failure::kRejected;
  }
}

Failure ClassifyAzure(Code code) {
  switch (code) {
    case Code::kServerBusy:
      return Failure::kThrottled;
    case Code::kOperationTimedOut:
      return Failure::kRetryable;
    case Code::kBlobNotFound:
    case Code::kPathNotFound:
    case Code::kSourcePathNotFound:
    case Code::kRenameDestinationParentPathNotFound:
    case Code::kResourceNotFound:
      return Failure::kNotFound;
    case Code::kContainerNotFound:
    case Code::kContainerBeingDeleted:
    case Code::kContainerDisabled:
      return Failure::kContainerMissing;
    case Code::kConditionNotMet:
    case Code::kNotModified:
    case Code::kSourceConditionNotMet:
    case Code::kTargetConditionNotMet:
    case Code::kBlobAlreadyExists:
    case Code::kPathAlreadyExists:
      return Failure::kPrecondition;
    case Code::kBlobArchived:
    case Code::kBlobBeingRehydrated:
      return Failure::kArchived;
    case Code::kLeaseIdMissing:
    case Code::kLeaseIdMismatchWithBlobOperation:
    case Code::kLeaseIdMismatchWithContainerOperation:
    case Code::kLeaseNotPresentWithBlobOperation:
    case Code::kLeaseNotPresentWithContainerOperation:
    case Code::kLeaseAlreadyPresent:
    case Code::kLeaseIdMismatchWithLeaseOperation:
    case Code::kLeaseNotPresentWithLeaseOperation:
    case Code::kLeaseLost:
    case Code::kInfiniteLeaseRequired:
      return Failure::kLeased;
    case Code::kInvalidBlobType:
    case Code::kInvalidSourceBlobType:
    case Code::kSnapshotsPresent:
    case Code::kBlobImmutable:
    case Code::kPendingCopyOperation:
    case Code::kNoPendingCopyOperation:
    case Code::kCopyIdMismatch:
    case Code::kPathConflict:
    case Code::kDirectoryNotEmpty:
    case Code::kInvalidRenameSourcePath:
    case Code::kInvalidSourceOrDestinationResourceType:
    case Code::kResourceTypeMismatch:
    case Code::kResourceAlreadyExists:
    case Code::kCannotChangeToLowerTier:
    case Code::kUncommittedBlockCountExceedsLimit:
    case Code::kBlockCountExceedsLimit:
    case Code::kInvalidBlobOrBlock:
      return Failure::kConflict;
    case Code::kUnauthorizedBlobOverwrite:
      return Failure::kForbidden;
    case Code::kInvalidBlockList:
      return Failure::kInvalidBlocks;
    case Code::kMd5Mismatch:
    case Code::kCrc64Mismatch:
      return Failure::kCorrupt;
    default:
      return Failure::kRejected;
  }
}

}  // namespace

Failure Classify(const Error& error) {
  const auto number = static_cast<unsigned>(error.code());
  if (number < 100) return ClassifyLocal(error.code());
  if (number < 130) return Failure::kForbidden;
  return ClassifyAzure(error.code());
}

bool IsTransient(Failure failure) {
  return failure == Failure::kRetryable || failure == Failure::kThrottled ||
         failure == Failure::kUnreachable;
}

bool ConcernsWholeLake(Failure failure) {
  switch (failure) {
    case Failure::kRetryable:
    case Failure::kThrottled:
    case Failure::kUnreachable:
    case Failure::kContainerMissing:
    case Failure::kForbidden:
    case Failure::kClockSkew:
    case Failure::kStopped:
      return true;
    default:
      return false;
  }
}

std::string_view FailureName(Failure failure) {
  switch (failure) {
    case Failure::kRetryable:
      return "retryable";
    case Failure::kThrottled:
      return "throttled";
    case Failure::kUnreachable:
      return "unreachable";
    case Failure::kUnknownOutcome:
      return "unknown_outcome";
    case Failure::kNotFound:
      return "not_found";
    case Failure::kContainerMissing:
      return "container_missing";
    case Failure::kPrecondition:
      return "precondition";
    case Failure::kArchived:
      return "archived";
    case Failure::kLeased:
      return "leased";
    case Failure::kConflict:
      return "conflict";
    case Failure::kForbidden:
      return "forbidden";
    case Failure::kClockSkew:
      return "clock_skew";
    case Failure::kInvalidBlocks:
      return "invalid_blocks";
    case Failure::kCorrupt:
      return "corrupt";
    case Failure::kStopped:
      return "stopped";
    case Failure::kRejected:
      return "rejected";
  }
  return "rejected";
}

}  // namespace forebay::lake
