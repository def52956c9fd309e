#include "lake/advice.h"

#include "lake/failure.h"

namespace forebay::lake {
namespace {

// The credential is known there, and this is more than it may.
bool IsTooWeak(Code code) {
  switch (code) {
    case Code::kAuthorizationFailure:
    case Code::kAuthorizationPermissionMismatch:
    case Code::kAuthorizationProtocolMismatch:
    case Code::kAuthorizationResourceTypeMismatch:
    case Code::kAuthorizationServiceMismatch:
    case Code::kAuthorizationSourceIpMismatch:
    case Code::kInsufficientAccountPermissions:
    case Code::kUnauthorizedBlobOverwrite:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string Advise(const Error& error) {
  const std::string& said = error.message();
  // Nothing was asked of the lake: the message says what is missing here.
  if (error.code() == Code::kInvalidConfig) return said;
  switch (Classify(error)) {
    case Failure::kForbidden:
      return "The lake refuses our credential" +
             std::string(IsTooWeak(error.code())
                             ? ": it lacks a permission (read, list and tags; to write also add, "
                               "create, write and delete), or is not good from here. "
                             : ". ") +
             said + " A new one in the same file is taken up by itself.";
    case Failure::kContainerMissing:
      return "The lake's container is not there: it was deleted, or the endpoint names another "
             "one. What is here is kept. It said: " +
             said;
    case Failure::kClockSkew:
      return said + " Set the clock of this machine, or the lake's (NTP).";
    case Failure::kUnreachable:
      return "The lake is out of reach; what is here is served, the rest goes on when it is "
             "back: " +
             said;
    case Failure::kThrottled:
      return "The lake asks us to slow down; the work goes on by itself: " + said;
    case Failure::kRetryable:
      return "The lake had a bad moment; the work goes on by itself: " + said;
    case Failure::kArchived:
      return "The blob is in the lake's archive; set its tier to Hot or Cool and wait for it: " +
             said;
    default:
      return said;
  }
}

}  // namespace forebay::lake
