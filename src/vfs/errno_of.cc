#include "vfs/errno_of.h"

#include <cerrno>

namespace forebay::vfs {
namespace {

// Conditions of this process, its disks and the network.
int ErrnoOfLocal(Code code) {
  switch (code) {
    case Code::kCancelled:
      return EINTR;
    case Code::kDeadlineExceeded:
      return ETIMEDOUT;
    case Code::kBusy:
      return EAGAIN;
    case Code::kUnsupported:
      return EOPNOTSUPP;
    case Code::kNoSpace:
      return ENOSPC;
    case Code::kNotFound:
      return ENOENT;
    case Code::kAlreadyExists:
      return EEXIST;
    case Code::kConnectionClosed:
    case Code::kNetwork:
    case Code::kOffline:
      return ETIMEDOUT;
    case Code::kStale:
      return ESTALE;
    default:
      return EIO;
  }
}

int ErrnoOfFiles(Code code) {
  switch (code) {
    case Code::kNotADirectory:
      return ENOTDIR;
    case Code::kIsADirectory:
      return EISDIR;
    case Code::kFileNameTooLong:
      return ENAMETOOLONG;
    case Code::kTooManyLinks:
      return EMLINK;
    case Code::kTooManySymbolicLinks:
      return ELOOP;
    case Code::kOperationNotPermitted:
      return EPERM;
    case Code::kReadOnlyFileSystem:
      return EROFS;
    case Code::kQuotaExceeded:
      return EDQUOT;
    case Code::kFileTooLarge:
      return EFBIG;
    case Code::kFileGone:
      return ESTALE;
    case Code::kAttributeNotFound:
      return ENODATA;
    // setxattr(2): a name or a value that is too long in itself never gets past the kernel, which
    // says ERANGE or E2BIG. What is left is that the file has no room for it.
    case Code::kAttributeTooLarge:
      return ENOSPC;
    case Code::kLockConflict:
      return EAGAIN;
    case Code::kLockDeadlock:
      return EDEADLK;
    case Code::kSessionExpired:
      return EIO;
    case Code::kBadFileHandle:
      return EBADF;
    case Code::kNoSuchOffset:
      return ENXIO;
    case Code::kFileBusy:
      return EBUSY;
    default:
      return EIO;
  }
}

int ErrnoOfAzure(Code code) {
  switch (code) {
    case Code::kBlobNotFound:
    case Code::kPathNotFound:
    case Code::kSourcePathNotFound:
    case Code::kResourceNotFound:
    case Code::kRenameDestinationParentPathNotFound:
    case Code::kContainerNotFound:
    case Code::kContainerBeingDeleted:
      return ENOENT;
    case Code::kBlobAlreadyExists:
    case Code::kPathAlreadyExists:
    case Code::kResourceAlreadyExists:
      return EEXIST;
    case Code::kDirectoryNotEmpty:
      return ENOTEMPTY;
    case Code::kPathConflict:
    case Code::kInvalidSourceOrDestinationResourceType:
      return ENOTDIR;
    case Code::kConditionNotMet:
    case Code::kSourceConditionNotMet:
    case Code::kTargetConditionNotMet:
      return ESTALE;
    case Code::kInsufficientStorage:
      return ENOSPC;
    case Code::kRequestBodyTooLarge:
    case Code::kBlockListTooLong:
    case Code::kBlockCountExceedsLimit:
      return EFBIG;
    case Code::kInvalidRenameSourcePath:
    case Code::kInvalidInput:
    case Code::kInvalidResourceName:
    case Code::kInvalidUri:
    case Code::kOutOfRangeInput:
    case Code::kInvalidRange:
      return EINVAL;
    case Code::kBlobArchived:
    case Code::kBlobBeingRehydrated:
    case Code::kLeaseIdMissing:
    case Code::kLeaseAlreadyPresent:
    case Code::kLeaseLost:
    case Code::kLeaseIdMismatchWithBlobOperation:
      return EBUSY;
    case Code::kBlobImmutable:
      return EPERM;
    case Code::kServerBusy:
      return EAGAIN;
    case Code::kOperationTimedOut:
      return ETIMEDOUT;
    case Code::kHierarchicalNamespaceNotEnabled:
    case Code::kHierarchicalNotSupported:
    case Code::kUnsupportedHttpVerb:
      return EOPNOTSUPP;
    default:
      return EIO;
  }
}

}  // namespace

int ErrnoOf(Code code) {
  const auto number = static_cast<unsigned>(code);
  if (number < 100) return ErrnoOfLocal(code);
  if (number < 130) return EACCES;  // authentication and authorization
  if (number >= 280 && number < 300) return ErrnoOfFiles(code);
  return ErrnoOfAzure(code);
}

}  // namespace forebay::vfs
