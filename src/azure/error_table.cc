#include "azure/error_table.h"

#include <algorithm>
#include <array>

#include "azure/code_kinds.h"

namespace forebay::azure {
namespace {

constexpr std::string_view kInternalText =
    "The server encountered an internal error. Please retry the request.";
constexpr std::string_view kBusyText =
    "The server is currently unable to receive requests. Please retry your request.";
constexpr std::string_view kTimeoutText =
    "The operation could not be completed within the permitted time.";
constexpr std::string_view kAuthText =
    "Server failed to authenticate the request. Make sure the value of Authorization header is "
    "formed correctly including the signature.";
constexpr std::string_view kConditionText =
    "The condition specified using HTTP conditional header(s) is not met.";
constexpr std::string_view kHeaderText =
    "The value for one of the HTTP headers is not in the correct format.";
constexpr std::string_view kUriText = "The request URI is invalid.";

constexpr auto kTable = std::to_array<WireError>({
    // Conditions of this process. What is wrong inside stays inside.
    {Code::kInternal, 500, "InternalError", kInternalText},
    {Code::kCancelled, 500, "OperationTimedOut", kTimeoutText},
    {Code::kDeadlineExceeded, 500, "OperationTimedOut", kTimeoutText},
    {Code::kBusy, 503, "ServerBusy", kBusyText},
    {Code::kWouldBlock, 503, "ServerBusy", kBusyText},
    {Code::kConflict, 503, "ServerBusy", kBusyText},
    {Code::kLimitExceeded, 500, "InternalError", kInternalText},
    {Code::kUnsupported, 501, "NotImplemented", "The requested functionality is not implemented."},
    {Code::kStale, 503, "ServerBusy", kBusyText},
    {Code::kNameUnknown, 503, "ServerBusy", kBusyText},
    {Code::kIo, 500, "InternalError", kInternalText},
    {Code::kCorruption, 500, "InternalError", kInternalText},
    {Code::kNoSpace, 507, "InsufficientStorage",
     "The server has no room left to store the request's content."},
    {Code::kNotFound, 500, "InternalError", kInternalText},
    {Code::kAlreadyExists, 500, "InternalError", kInternalText},
    {Code::kLocked, 500, "InternalError", kInternalText},
    {Code::kVolumeFailed, 500, "InternalError",
     "A storage volume of the server is out of service; what it held cannot be read for now."},
    {Code::kInvalidConfig, 500, "InternalError", kInternalText},
    {Code::kConnectionClosed, 400, "IncompleteBody",
     "The request's body ended before its Content-Length."},
    {Code::kNetwork, 500, "InternalError", kInternalText},
    {Code::kHeaderTooLarge, 431, "RequestHeaderFieldsTooLarge",
     "The request line and headers are too large."},
    {Code::kBadHttp, 400, "BadRequest", "The request is not well-formed HTTP/1.1."},
    {Code::kUnknownOutcome, 500, "OperationTimedOut", kTimeoutText},
    {Code::kOffline, 503, "ServerBusy", kBusyText},
    {Code::kClockSkew, 500, "InternalError", kInternalText},

    // Authentication and authorization.
    {Code::kAuthenticationFailed, 403, "AuthenticationFailed", kAuthText},
    {Code::kAuthorizationFailure, 403, "AuthorizationFailure",
     "This request is not authorized to perform this operation."},
    {Code::kAuthorizationPermissionMismatch, 403, "AuthorizationPermissionMismatch",
     "This request is not authorized to perform this operation using this permission."},
    {Code::kAuthorizationProtocolMismatch, 403, "AuthorizationProtocolMismatch",
     "This request is not authorized to perform this operation using this protocol."},
    {Code::kAuthorizationResourceTypeMismatch, 403, "AuthorizationResourceTypeMismatch",
     "This request is not authorized to perform this operation using this resource type."},
    {Code::kAuthorizationServiceMismatch, 403, "AuthorizationServiceMismatch",
     "This request is not authorized to perform this operation using this service."},
    {Code::kAuthorizationSourceIpMismatch, 403, "AuthorizationSourceIPMismatch",
     "This request is not authorized to perform this operation using this source IP."},
    {Code::kNoAuthenticationInformation, 401, "NoAuthenticationInformation",
     "Server failed to authenticate the request. Please refer to the information in the "
     "www-authenticate header."},
    {Code::kPublicAccessNotPermitted, 409, "PublicAccessNotPermitted",
     "Public access is not permitted on this storage account."},
    {Code::kInvalidAuthenticationInfo, 400, "InvalidAuthenticationInfo",
     "Authentication information is not given in the correct format. Check the value of "
     "Authorization header."},
    {Code::kInsufficientAccountPermissions, 403, "InsufficientAccountPermissions",
     "The account being accessed does not have sufficient permissions to execute this operation."},
    {Code::kAccountIsDisabled, 403, "AccountIsDisabled", "The specified account is disabled."},

    // The request itself.
    {Code::kInvalidHeaderValue, 400, "InvalidHeaderValue", kHeaderText},
    {Code::kInvalidInput, 400, "InvalidInput", "One of the request inputs is not valid."},
    {Code::kInvalidMd5, 400, "InvalidMd5",
     "The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64 "
     "encoded."},
    {Code::kInvalidCrc64, 400, "InvalidCrc64",
     "The CRC64 value specified in the request is invalid. CRC64 value must be 64 bits and base64 "
     "encoded."},
    {Code::kInvalidMetadata, 400, "InvalidMetadata",
     "The metadata specified is invalid. It has characters that are not permitted."},
    {Code::kInvalidQueryParameterValue, 400, "InvalidQueryParameterValue",
     "Value for one of the query parameters specified in the request URI is invalid."},
    {Code::kInvalidRange, 416, "InvalidRange",
     "The range specified is invalid for the current size of the resource."},
    {Code::kInvalidResourceName, 400, "InvalidResourceName",
     "The specified resource name contains invalid characters."},
    {Code::kInvalidUri, 400, "InvalidUri", kUriText},
    {Code::kInvalidXmlDocument, 400, "InvalidXmlDocument",
     "XML specified is not syntactically valid."},
    {Code::kInvalidXmlNodeValue, 400, "InvalidXmlNodeValue",
     "The value for one of the XML nodes is not in the correct format."},
    {Code::kMd5Mismatch, 400, "Md5Mismatch",
     "The MD5 value specified in the request did not match with the MD5 value calculated by the "
     "server."},
    {Code::kCrc64Mismatch, 400, "Crc64Mismatch",
     "The CRC64 value specified in the request did not match with the CRC64 value calculated by "
     "the server."},
    {Code::kMetadataTooLarge, 400, "MetadataTooLarge",
     "The metadata specified exceeds the maximum permissible limit."},
    {Code::kMissingContentLengthHeader, 411, "MissingContentLengthHeader",
     "The Content-Length header was not specified."},
    {Code::kMissingRequiredHeader, 400, "MissingRequiredHeader",
     "An HTTP header that's mandatory for this request is not specified."},
    {Code::kMissingRequiredQueryParameter, 400, "MissingRequiredQueryParameter",
     "A query parameter that's mandatory for this request is not specified."},
    {Code::kMissingRequiredXmlNode, 400, "MissingRequiredXmlNode",
     "A required XML node was not specified in the request body."},
    {Code::kMultipleConditionHeadersNotSupported, 400, "MultipleConditionHeadersNotSupported",
     "Multiple condition headers are not supported."},
    {Code::kOutOfRangeInput, 400, "OutOfRangeInput", "One of the request inputs is out of range."},
    {Code::kOutOfRangeQueryParameterValue, 400, "OutOfRangeQueryParameterValue",
     "One of the query parameters specified in the request URI is outside the permissible range."},
    {Code::kRequestBodyTooLarge, 413, "RequestBodyTooLarge",
     "The request body is too large and exceeds the maximum permissible limit."},
    {Code::kRequestUrlFailedToParse, 400, "RequestUrlFailedToParse",
     "The url in the request could not be parsed."},
    {Code::kResourceNotFound, 404, "ResourceNotFound", "The specified resource does not exist."},
    {Code::kUnsupportedHeader, 400, "UnsupportedHeader",
     "One of the HTTP headers specified in the request is not supported."},
    {Code::kUnsupportedHttpVerb, 405, "UnsupportedHttpVerb",
     "The resource doesn't support specified Http Verb."},
    {Code::kUnsupportedQueryParameter, 400, "UnsupportedQueryParameter",
     "One of the query parameters specified in the request URI is not supported."},
    {Code::kUnsupportedXmlNode, 400, "UnsupportedXmlNode",
     "One of the XML nodes specified in the request body is not supported."},
    {Code::kEmptyMetadataKey, 400, "EmptyMetadataKey",
     "The key for one of the metadata key-value pairs is empty."},
    {Code::kInvalidHttpVerb, 400, "InvalidHttpVerb",
     "The HTTP verb specified is invalid - it is not recognized by the server."},
    {Code::kResourceTypeMismatch, 409, "ResourceTypeMismatch",
     "The specified resource type does not match the type of the existing resource."},
    {Code::kConditionHeadersNotSupported, 400, "ConditionHeadersNotSupported",
     "Condition headers are not supported."},
    {Code::kAccountAlreadyExists, 409, "AccountAlreadyExists",
     "The specified account already exists."},
    {Code::kResourceAlreadyExists, 409, "ResourceAlreadyExists",
     "The specified resource already exists."},
    {Code::kOperationTimedOut, 500, "OperationTimedOut", kTimeoutText},
    {Code::kServerBusy, 503, "ServerBusy", kBusyText},
    {Code::kInsufficientStorage, 507, "InsufficientStorage",
     "The server has no room left to store the request's content."},
    {Code::kUnsatisfiableCondition, 400, "UnsatisfiableCondition",
     "The request includes an unsatisfiable condition for this operation."},
    {Code::kBothChecksumsPresent, 400, "BothCrc64AndMd5HeaderPresent",
     "Both a CRC64 header and an MD5 header are present; one of them is enough."},

    // Containers and blobs.
    {Code::kContainerNotFound, 404, "ContainerNotFound", "The specified container does not exist."},
    {Code::kContainerAlreadyExists, 409, "ContainerAlreadyExists",
     "The specified container already exists."},
    {Code::kContainerBeingDeleted, 409, "ContainerBeingDeleted",
     "The specified container is being deleted. Try operation later."},
    {Code::kBlobNotFound, 404, "BlobNotFound", "The specified blob does not exist."},
    {Code::kBlobAlreadyExists, 409, "BlobAlreadyExists", "The specified blob already exists."},
    {Code::kConditionNotMet, 412, "ConditionNotMet", kConditionText},
    {Code::kNotModified, 304, "ConditionNotMet", kConditionText},
    {Code::kInvalidBlockId, 400, "InvalidBlockId",
     "The specified block ID is invalid. The block ID must be Base64-encoded."},
    {Code::kInvalidBlockList, 400, "InvalidBlockList", "The specified block list is invalid."},
    {Code::kBlockCountExceedsLimit, 409, "BlockCountExceedsLimit",
     "The committed block count cannot exceed the maximum limit of 50,000 blocks."},
    {Code::kBlockListTooLong, 400, "BlockListTooLong",
     "The block list may not contain more than 50,000 blocks."},
    {Code::kInvalidBlobOrBlock, 400, "InvalidBlobOrBlock",
     "The specified blob or block content is invalid."},
    {Code::kInvalidBlobType, 409, "InvalidBlobType",
     "The blob type is invalid for this operation."},
    {Code::kInvalidBlobTier, 400, "InvalidBlobTier", "The specified blob tier is invalid."},
    {Code::kBlobArchived, 409, "BlobArchived",
     "This operation is not permitted on an archived blob."},
    {Code::kBlobBeingRehydrated, 409, "BlobBeingRehydrated",
     "This operation is not permitted because the blob is being rehydrated."},
    {Code::kBlobImmutable, 409, "BlobImmutableDueToPolicy",
     "This operation is not permitted as the blob is immutable due to a policy."},
    {Code::kSnapshotsPresent, 409, "SnapshotsPresent",
     "This operation is not permitted because the blob has snapshots."},
    {Code::kUnauthorizedBlobOverwrite, 403, "UnauthorizedBlobOverwrite",
     "This request is not authorized to perform blob overwrites."},
    {Code::kCannotVerifyCopySource, 400, "CannotVerifyCopySource",
     "Could not verify the copy source."},
    {Code::kCopyIdMismatch, 409, "CopyIdMismatch",
     "The specified copy ID did not match the copy ID for the pending copy operation."},
    {Code::kNoPendingCopyOperation, 409, "NoPendingCopyOperation",
     "There is currently no pending copy operation."},
    {Code::kPendingCopyOperation, 409, "PendingCopyOperation",
     "There is currently a pending copy operation."},
    {Code::kCopyAcrossAccountsNotSupported, 400, "CopyAcrossAccountsNotSupported",
     "The copy source account and destination account must be the same."},
    {Code::kInvalidSourceBlobType, 409, "InvalidSourceBlobType",
     "The copy source blob type is invalid for this operation."},
    {Code::kInvalidSourceBlobUrl, 400, "InvalidSourceBlobUrl",
     "The source URL for the blob is invalid."},
    {Code::kTargetConditionNotMet, 412, "TargetConditionNotMet",
     "The target condition specified using HTTP conditional header(s) is not met."},
    {Code::kSourceConditionNotMet, 412, "SourceConditionNotMet",
     "The source condition specified using HTTP conditional header(s) is not met."},
    {Code::kInvalidTag, 400, "InvalidTags",
     "The tags specified are invalid. It contains characters that are not permitted."},
    {Code::kTagsTooLarge, 400, "TagsTooLarge",
     "The tags specified exceed the maximum permissible limit."},
    // Azure has one name for both limits; the message tells them apart.
    {Code::kUncommittedBlockCountExceedsLimit, 409, "BlockCountExceedsLimit",
     "The uncommitted block count cannot exceed the maximum limit of 100,000 blocks."},
    {Code::kBlobAccessTierNotSupported, 400, "BlobAccessTierNotSupportedForAccountType",
     "The specified access tier is not supported for this account."},
    {Code::kContainerDisabled, 409, "ContainerDisabled",
     "The specified container has been disabled by the administrator."},
    {Code::kCannotChangeToLowerTier, 409, "CannotChangeToLowerTier",
     "A higher blob tier has already been explicitly set."},
    {Code::kLeaseIdMissing, 412, "LeaseIdMissing",
     "There is currently a lease on the resource and no lease ID was specified in the request."},
    {Code::kLeaseIdMismatchWithBlobOperation, 412, "LeaseIdMismatchWithBlobOperation",
     "The lease ID specified did not match the lease ID for the blob."},
    {Code::kLeaseIdMismatchWithContainerOperation, 412, "LeaseIdMismatchWithContainerOperation",
     "The lease ID specified did not match the lease ID for the container."},
    {Code::kLeaseNotPresentWithBlobOperation, 412, "LeaseNotPresentWithBlobOperation",
     "There is currently no lease on the blob."},
    {Code::kLeaseNotPresentWithContainerOperation, 412, "LeaseNotPresentWithContainerOperation",
     "There is currently no lease on the container."},
    {Code::kLeaseAlreadyPresent, 409, "LeaseAlreadyPresent", "There is already a lease present."},
    {Code::kPathConflict, 409, "PathConflict",
     "The specified path, or an element of the path, exists and its resource type is invalid for "
     "this operation."},
    {Code::kDirectoryNotEmpty, 409, "DirectoryIsNotEmpty",
     "This operation is not permitted on a non-empty directory."},
    {Code::kPathNotFound, 404, "PathNotFound", "The specified path does not exist."},
    {Code::kPathAlreadyExists, 409, "PathAlreadyExists", "The specified path already exists."},
    {Code::kSourceTooLarge, 409, "CopySourceTooLarge",
     "The source is larger than this operation copies."},
    {Code::kLeaseIdMismatchWithLeaseOperation, 409, "LeaseIdMismatchWithLeaseOperation",
     "The lease ID specified did not match the lease ID for the resource with the specified lease "
     "operation."},
    {Code::kLeaseNotPresentWithLeaseOperation, 409, "LeaseNotPresentWithLeaseOperation",
     "There is currently no lease on the resource."},
    {Code::kLeaseIsBrokenAndCannotBeRenewed, 409, "LeaseIsBrokenAndCannotBeRenewed",
     "The lease ID matched, but the lease has been broken explicitly and cannot be renewed."},
    {Code::kLeaseIsBreakingAndCannotBeAcquired, 409, "LeaseIsBreakingAndCannotBeAcquired",
     "The lease ID matched, but the lease is currently in breaking state and cannot be acquired "
     "until it is broken."},
    {Code::kLeaseIsBreakingAndCannotBeChanged, 409, "LeaseIsBreakingAndCannotBeChanged",
     "The lease ID matched, but the lease is currently in breaking state and cannot be changed."},
    {Code::kLeaseLost, 412, "LeaseLost",
     "A lease ID was specified, but the lease for the resource has expired."},
    {Code::kDuplicateTagNames, 400, "DuplicateTagNames",
     "The tags specified contain duplicate names."},
    {Code::kEmptyTagName, 400, "EmptyTagName",
     "The name of one of the tag key-value pairs is empty."},
    {Code::kBothTagsAndTagCopyPresent, 400, "BothUserTagsAndSourceTagsCopyPresentException",
     "x-ms-tags must not be present together with x-ms-copy-source-tag-option as COPY."},
    {Code::kInfiniteLeaseRequired, 412, "InfiniteLeaseDurationRequired",
     "The lease ID matched, but the specified lease must be an infinite-duration lease."},
    {Code::kInvalidFlushPosition, 400, "InvalidFlushPosition",
     "The uploaded data is not contiguous or the position query parameter value is not equal to "
     "the length of the file after appending the uploaded data."},
    {Code::kSourcePathNotFound, 404, "SourcePathNotFound",
     "The source path for a rename operation does not exist."},
    {Code::kRenameDestinationParentPathNotFound, 404, "RenameDestinationParentPathNotFound",
     "The parent directory of the destination path does not exist."},
    {Code::kInvalidRenameSourcePath, 409, "InvalidRenameSourcePath",
     "The source directory cannot be the same as the destination directory, nor can the "
     "destination be a subdirectory of the source directory."},
    {Code::kInvalidSourceOrDestinationResourceType, 409, "InvalidSourceOrDestinationResourceType",
     "The source and destination resource type must be identical."},
    {Code::kInvalidSourceUri, 400, "InvalidSourceUri", "The source URI is invalid."},
    {Code::kHierarchicalNamespaceNotEnabled, 400, "HierarchicalNamespaceNotEnabled",
     "Hierarchical namespace is not enabled for this account."},
    {Code::kHierarchicalNotSupported, 409, "FeatureNotYetSupportedForHierarchicalNamespaceAccounts",
     "This feature is not supported for hierarchical namespace accounts."},
    // Forebay's own, of its file extensions; Azure has no such names.
    {Code::kNotADirectory, 409, "NotADirectory", "A component of the path is not a directory."},
    {Code::kIsADirectory, 409, "IsADirectory", "The path names a directory."},
    {Code::kFileNameTooLong, 400, "FileNameTooLong",
     "A name is longer than 255 bytes, or a path longer than 4,096."},
    {Code::kTooManyLinks, 409, "TooManyLinks", "The file has as many hard links as it may have."},
    {Code::kTooManySymbolicLinks, 409, "TooManySymbolicLinks",
     "The path leads through too many symbolic links."},
    {Code::kOperationNotPermitted, 403, "OperationNotPermitted", "The operation is not permitted."},
    {Code::kReadOnlyFileSystem, 403, "ReadOnlyFileSystem", "The file system is read-only."},
    {Code::kQuotaExceeded, 507, "QuotaExceeded", "The quota is used up."},
    {Code::kFileTooLarge, 413, "FileTooLarge", "The file would be larger than a file may be."},
    {Code::kFileGone, 404, "FileGone", "The file is no longer there."},
    {Code::kAttributeNotFound, 404, "AttributeNotFound", "The extended attribute does not exist."},
    {Code::kAttributeTooLarge, 413, "AttributeTooLarge", "The extended attribute is too large."},
    {Code::kLockConflict, 409, "LockConflict", "Somebody else holds a lock in the range."},
    {Code::kLockDeadlock, 409, "LockDeadlock", "Waiting for the lock would never end."},
    {Code::kSessionExpired, 410, "SessionExpired", "The session is unknown or has run out."},
    {Code::kBadFileHandle, 404, "BadFileHandle", "The file handle is not open."},
    {Code::kNoSuchOffset, 416, "NoSuchOffset",
     "There is no data, or no hole, at or behind the offset."},
    {Code::kFileBusy, 409, "FileBusy", "The file is in use."},
    {Code::kChangesLost, 409, "ChangesLost",
     "The server ended before changes that it had acknowledged were durable."},
});

// What the Data Lake API calls by names of its own (rest/dfs/dfs_dialect.cc).
constexpr std::pair<std::string_view, Code> kDataLakeNames[] = {
    {"FilesystemNotFound", Code::kContainerNotFound},
    {"FilesystemAlreadyExists", Code::kContainerAlreadyExists},
    {"FilesystemBeingDeleted", Code::kContainerBeingDeleted},
    {"DirectoryNotEmpty", Code::kDirectoryNotEmpty},
};

Code CodeFromStatus(unsigned status) {
  switch (status) {
    case 304:
      return Code::kNotModified;
    case 400:
      return Code::kInvalidInput;
    case 401:
      return Code::kNoAuthenticationInformation;
    case 403:
      return Code::kAuthorizationFailure;
    case 404:
      return Code::kResourceNotFound;
    case 405:
      return Code::kUnsupportedHttpVerb;
    case 409:
      return Code::kResourceAlreadyExists;
    case 411:
      return Code::kMissingContentLengthHeader;
    case 412:
      return Code::kConditionNotMet;
    case 413:
      return Code::kRequestBodyTooLarge;
    case 416:
      return Code::kInvalidRange;
    case 429:
      return Code::kServerBusy;
    case 501:
      return Code::kUnsupported;
    case 503:
      return Code::kServerBusy;
    case 507:
      return Code::kInsufficientStorage;
    default:
      break;
  }
  if (status >= 500) return Code::kOperationTimedOut;
  return status >= 400 ? Code::kInvalidInput : Code::kInternal;
}

}  // namespace

const WireError& WireErrorOf(Code code) {
  auto it = std::ranges::lower_bound(kTable, code, {}, &WireError::code);
  if (it == kTable.end() || it->code != code) return kTable.front();
  return *it;
}

Code CodeFromWire(unsigned status, std::string_view name) {
  if (status == 304) return Code::kNotModified;
  for (const WireError& entry : kTable) {
    if (IsWireCode(entry.code) && entry.code != Code::kNotModified && entry.name == name) {
      return entry.code;
    }
  }
  for (const auto& [alias, code] : kDataLakeNames) {
    if (alias == name) return code;
  }
  if (name == "InternalError") return Code::kInternal;
  if (name == "BlobImmutableDueToLegalHold") return Code::kBlobImmutable;
  return CodeFromStatus(status);
}

static_assert(std::ranges::is_sorted(kTable, {}, &WireError::code));

}  // namespace forebay::azure
