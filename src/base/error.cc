#include "base/error.h"

#include <algorithm>
#include <iterator>

namespace forebay {
namespace {

struct Name {
  Code code;
  std::string_view name;
};

// In the order of the numbers; a test holds the table to the enumeration.
constexpr Name kNames[] = {
    {Code::kInternal, "Internal"},
    {Code::kCancelled, "Cancelled"},
    {Code::kDeadlineExceeded, "DeadlineExceeded"},
    {Code::kBusy, "Busy"},
    {Code::kWouldBlock, "WouldBlock"},
    {Code::kConflict, "Conflict"},
    {Code::kLimitExceeded, "LimitExceeded"},
    {Code::kUnsupported, "Unsupported"},
    {Code::kStale, "Stale"},
    {Code::kNameUnknown, "NameUnknown"},
    {Code::kIo, "Io"},
    {Code::kCorruption, "Corruption"},
    {Code::kNoSpace, "NoSpace"},
    {Code::kNotFound, "NotFound"},
    {Code::kAlreadyExists, "AlreadyExists"},
    {Code::kLocked, "Locked"},
    {Code::kVolumeFailed, "VolumeFailed"},
    {Code::kInvalidConfig, "InvalidConfig"},
    {Code::kConnectionClosed, "ConnectionClosed"},
    {Code::kNetwork, "Network"},
    {Code::kHeaderTooLarge, "HeaderTooLarge"},
    {Code::kBadHttp, "BadHttp"},
    {Code::kUnknownOutcome, "UnknownOutcome"},
    {Code::kOffline, "Offline"},
    {Code::kClockSkew, "ClockSkew"},
    {Code::kAuthenticationFailed, "AuthenticationFailed"},
    {Code::kAuthorizationFailure, "AuthorizationFailure"},
    {Code::kAuthorizationPermissionMismatch, "AuthorizationPermissionMismatch"},
    {Code::kAuthorizationProtocolMismatch, "AuthorizationProtocolMismatch"},
    {Code::kAuthorizationResourceTypeMismatch, "AuthorizationResourceTypeMismatch"},
    {Code::kAuthorizationServiceMismatch, "AuthorizationServiceMismatch"},
    {Code::kAuthorizationSourceIpMismatch, "AuthorizationSourceIpMismatch"},
    {Code::kNoAuthenticationInformation, "NoAuthenticationInformation"},
    {Code::kPublicAccessNotPermitted, "PublicAccessNotPermitted"},
    {Code::kInvalidAuthenticationInfo, "InvalidAuthenticationInfo"},
    {Code::kInsufficientAccountPermissions, "InsufficientAccountPermissions"},
    {Code::kAccountIsDisabled, "AccountIsDisabled"},
    {Code::kInvalidHeaderValue, "InvalidHeaderValue"},
    {Code::kInvalidInput, "InvalidInput"},
    {Code::kInvalidMd5, "InvalidMd5"},
    {Code::kInvalidCrc64, "InvalidCrc64"},
    {Code::kInvalidMetadata, "InvalidMetadata"},
    {Code::kInvalidQueryParameterValue, "InvalidQueryParameterValue"},
    {Code::kInvalidRange, "InvalidRange"},
    {Code::kInvalidResourceName, "InvalidResourceName"},
    {Code::kInvalidUri, "InvalidUri"},
    {Code::kInvalidXmlDocument, "InvalidXmlDocument"},
    {Code::kInvalidXmlNodeValue, "InvalidXmlNodeValue"},
    {Code::kMd5Mismatch, "Md5Mismatch"},
    {Code::kCrc64Mismatch, "Crc64Mismatch"},
    {Code::kMetadataTooLarge, "MetadataTooLarge"},
    {Code::kMissingContentLengthHeader, "MissingContentLengthHeader"},
    {Code::kMissingRequiredHeader, "MissingRequiredHeader"},
    {Code::kMissingRequiredQueryParameter, "MissingRequiredQueryParameter"},
    {Code::kMissingRequiredXmlNode, "MissingRequiredXmlNode"},
    {Code::kMultipleConditionHeadersNotSupported, "MultipleConditionHeadersNotSupported"},
    {Code::kOutOfRangeInput, "OutOfRangeInput"},
    {Code::kOutOfRangeQueryParameterValue, "OutOfRangeQueryParameterValue"},
    {Code::kRequestBodyTooLarge, "RequestBodyTooLarge"},
    {Code::kRequestUrlFailedToParse, "RequestUrlFailedToParse"},
    {Code::kResourceNotFound, "ResourceNotFound"},
    {Code::kUnsupportedHeader, "UnsupportedHeader"},
    {Code::kUnsupportedHttpVerb, "UnsupportedHttpVerb"},
    {Code::kUnsupportedQueryParameter, "UnsupportedQueryParameter"},
    {Code::kUnsupportedXmlNode, "UnsupportedXmlNode"},
    {Code::kEmptyMetadataKey, "EmptyMetadataKey"},
    {Code::kInvalidHttpVerb, "InvalidHttpVerb"},
    {Code::kResourceTypeMismatch, "ResourceTypeMismatch"},
    {Code::kConditionHeadersNotSupported, "ConditionHeadersNotSupported"},
    {Code::kAccountAlreadyExists, "AccountAlreadyExists"},
    {Code::kResourceAlreadyExists, "ResourceAlreadyExists"},
    {Code::kOperationTimedOut, "OperationTimedOut"},
    {Code::kServerBusy, "ServerBusy"},
    {Code::kInsufficientStorage, "InsufficientStorage"},
    {Code::kUnsatisfiableCondition, "UnsatisfiableCondition"},
    {Code::kBothChecksumsPresent, "BothChecksumsPresent"},
    {Code::kContainerNotFound, "ContainerNotFound"},
    {Code::kContainerAlreadyExists, "ContainerAlreadyExists"},
    {Code::kContainerBeingDeleted, "ContainerBeingDeleted"},
    {Code::kBlobNotFound, "BlobNotFound"},
    {Code::kBlobAlreadyExists, "BlobAlreadyExists"},
    {Code::kConditionNotMet, "ConditionNotMet"},
    {Code::kNotModified, "NotModified"},
    {Code::kInvalidBlockId, "InvalidBlockId"},
    {Code::kInvalidBlockList, "InvalidBlockList"},
    {Code::kBlockCountExceedsLimit, "BlockCountExceedsLimit"},
    {Code::kBlockListTooLong, "BlockListTooLong"},
    {Code::kInvalidBlobOrBlock, "InvalidBlobOrBlock"},
    {Code::kInvalidBlobType, "InvalidBlobType"},
    {Code::kInvalidBlobTier, "InvalidBlobTier"},
    {Code::kBlobArchived, "BlobArchived"},
    {Code::kBlobBeingRehydrated, "BlobBeingRehydrated"},
    {Code::kBlobImmutable, "BlobImmutable"},
    {Code::kSnapshotsPresent, "SnapshotsPresent"},
    {Code::kUnauthorizedBlobOverwrite, "UnauthorizedBlobOverwrite"},
    {Code::kCannotVerifyCopySource, "CannotVerifyCopySource"},
    {Code::kCopyIdMismatch, "CopyIdMismatch"},
    {Code::kNoPendingCopyOperation, "NoPendingCopyOperation"},
    {Code::kPendingCopyOperation, "PendingCopyOperation"},
    {Code::kCopyAcrossAccountsNotSupported, "CopyAcrossAccountsNotSupported"},
    {Code::kInvalidSourceBlobType, "InvalidSourceBlobType"},
    {Code::kInvalidSourceBlobUrl, "InvalidSourceBlobUrl"},
    {Code::kTargetConditionNotMet, "TargetConditionNotMet"},
    {Code::kSourceConditionNotMet, "SourceConditionNotMet"},
    {Code::kInvalidTag, "InvalidTag"},
    {Code::kTagsTooLarge, "TagsTooLarge"},
    {Code::kUncommittedBlockCountExceedsLimit, "UncommittedBlockCountExceedsLimit"},
    {Code::kBlobAccessTierNotSupported, "BlobAccessTierNotSupported"},
    {Code::kContainerDisabled, "ContainerDisabled"},
    {Code::kCannotChangeToLowerTier, "CannotChangeToLowerTier"},
    {Code::kLeaseIdMissing, "LeaseIdMissing"},
    {Code::kLeaseIdMismatchWithBlobOperation, "LeaseIdMismatchWithBlobOperation"},
    {Code::kLeaseIdMismatchWithContainerOperation, "LeaseIdMismatchWithContainerOperation"},
    {Code::kLeaseNotPresentWithBlobOperation, "LeaseNotPresentWithBlobOperation"},
    {Code::kLeaseNotPresentWithContainerOperation, "LeaseNotPresentWithContainerOperation"},
    {Code::kLeaseAlreadyPresent, "LeaseAlreadyPresent"},
    {Code::kPathConflict, "PathConflict"},
    {Code::kDirectoryNotEmpty, "DirectoryNotEmpty"},
    {Code::kPathNotFound, "PathNotFound"},
    {Code::kPathAlreadyExists, "PathAlreadyExists"},
    {Code::kSourceTooLarge, "SourceTooLarge"},
    {Code::kLeaseIdMismatchWithLeaseOperation, "LeaseIdMismatchWithLeaseOperation"},
    {Code::kLeaseNotPresentWithLeaseOperation, "LeaseNotPresentWithLeaseOperation"},
    {Code::kLeaseIsBrokenAndCannotBeRenewed, "LeaseIsBrokenAndCannotBeRenewed"},
    {Code::kLeaseIsBreakingAndCannotBeAcquired, "LeaseIsBreakingAndCannotBeAcquired"},
    {Code::kLeaseIsBreakingAndCannotBeChanged, "LeaseIsBreakingAndCannotBeChanged"},
    {Code::kLeaseLost, "LeaseLost"},
    {Code::kDuplicateTagNames, "DuplicateTagNames"},
    {Code::kEmptyTagName, "EmptyTagName"},
    {Code::kBothTagsAndTagCopyPresent, "BothTagsAndTagCopyPresent"},
    {Code::kInfiniteLeaseRequired, "InfiniteLeaseRequired"},
    {Code::kInvalidFlushPosition, "InvalidFlushPosition"},
    {Code::kSourcePathNotFound, "SourcePathNotFound"},
    {Code::kRenameDestinationParentPathNotFound, "RenameDestinationParentPathNotFound"},
    {Code::kInvalidRenameSourcePath, "InvalidRenameSourcePath"},
    {Code::kInvalidSourceOrDestinationResourceType, "InvalidSourceOrDestinationResourceType"},
    {Code::kInvalidSourceUri, "InvalidSourceUri"},
    {Code::kHierarchicalNamespaceNotEnabled, "HierarchicalNamespaceNotEnabled"},
    {Code::kHierarchicalNotSupported, "HierarchicalNotSupported"},
    {Code::kNotADirectory, "NotADirectory"},
    {Code::kIsADirectory, "IsADirectory"},
    {Code::kFileNameTooLong, "FileNameTooLong"},
    {Code::kTooManyLinks, "TooManyLinks"},
    {Code::kTooManySymbolicLinks, "TooManySymbolicLinks"},
    {Code::kOperationNotPermitted, "OperationNotPermitted"},
    {Code::kReadOnlyFileSystem, "ReadOnlyFileSystem"},
    {Code::kQuotaExceeded, "QuotaExceeded"},
    {Code::kFileTooLarge, "FileTooLarge"},
    {Code::kFileGone, "FileGone"},
    {Code::kAttributeNotFound, "AttributeNotFound"},
    {Code::kAttributeTooLarge, "AttributeTooLarge"},
    {Code::kLockConflict, "LockConflict"},
    {Code::kLockDeadlock, "LockDeadlock"},
    {Code::kSessionExpired, "SessionExpired"},
    {Code::kBadFileHandle, "BadFileHandle"},
    {Code::kNoSuchOffset, "NoSuchOffset"},
    {Code::kFileBusy, "FileBusy"},
    {Code::kChangesLost, "ChangesLost"},
};
static_assert(std::ranges::is_sorted(kNames, {}, &Name::code));

}  // namespace

std::string_view CodeName(Code code) {
  const Name* at = std::ranges::lower_bound(kNames, code, {}, &Name::code);
  return at != std::end(kNames) && at->code == code ? at->name : "UnknownCode";
}

bool Error::retryable() const {
  switch (code_) {
    case Code::kDeadlineExceeded:
    case Code::kBusy:
    case Code::kWouldBlock:
    case Code::kConflict:
    case Code::kConnectionClosed:
    case Code::kNetwork:
    case Code::kOffline:
    case Code::kOperationTimedOut:
    case Code::kServerBusy:
    case Code::kContainerBeingDeleted:
    case Code::kBlobBeingRehydrated:
    case Code::kPendingCopyOperation:
      return true;
    default:
      // The disk, the configuration, the request or the caller's rights have to change first.
      return false;
  }
}

std::string Error::ToString() const {
  std::string text(CodeName(code_));
  text += ": ";
  text += message_;
  return text;
}

}  // namespace forebay
