#include "admin/lake_errors.h"

#include "lake/advice.h"

namespace forebay::admin {

Error ToldByLake(Error error) {
  switch (error.code()) {
    case Code::kInvalidInput:
    case Code::kInvalidConfig:
    case Code::kUnsupported:
    case Code::kLimitExceeded:
    case Code::kResourceAlreadyExists:
    case Code::kResourceNotFound:
    case Code::kBlobNotFound:
    case Code::kNotFound:
    case Code::kBusy:
    case Code::kNoSpace:
    case Code::kCancelled:
    case Code::kDeadlineExceeded:
    case Code::kInternal:
    case Code::kCorruption:
    case Code::kIo:
      return error;
    default:
      return {Code::kNetwork, lake::Advise(error)};
  }
}

}  // namespace forebay::admin
