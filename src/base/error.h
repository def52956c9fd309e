// The numbered registry of everything that can go wrong, and the value that carries it.
//
// A Code says what happened in the words of the domain; HTTP status and `x-ms-error-code` are
// derived from it in one place (azure/error_table.h). Errors are values: they are moved, never
// thrown. Thread compatible, like std::string.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace forebay {

// Numbers are stable: they appear in logs. Append inside a group, never renumber.
enum class Code : std::uint16_t {
  // Conditions of this process and its resources.
  kInternal = 1,          // a bug or an unexpected state; never the caller's fault
  kCancelled = 2,         // the caller went away or the server is draining
  kDeadlineExceeded = 3,  // the operation ran out of its time
  kBusy = 4,              // a bounded queue or budget is full; try again
  kWouldBlock = 5,        // a cache-only read needs the disk; run it again on a pool
  kConflict = 6,          // a transaction lost a race; the store retries these itself
  kLimitExceeded = 7,     // a transaction, key or value above its documented limit
  kStale = 9,             // what an operation worked out is out of date; it starts over itself
  kUnsupported = 8,       // a valid request for something Forebay does not offer
  kNameUnknown = 10,      // a name that its lake must be asked about first; operations do so

  // Storage underneath.
  kIo = 20,             // the operating system refused an I/O
  kCorruption = 21,     // bytes that do not match their checksum or format
  kNoSpace = 22,        // the disk, or what we keep of it for deletes, is full
  kNotFound = 23,       // a file, key or chunk is not there (not an Azure 404)
  kAlreadyExists = 24,  // a file or key is there already
  kLocked = 25,         // the data directory belongs to another process
  kVolumeFailed = 26,   // one data directory is out of service; the others go on
  kInvalidConfig = 27,  // a configuration key or value is wrong

  // Network.
  kConnectionClosed = 40,  // the peer ended the connection
  kNetwork = 41,           // connect, resolve or TLS failed
  kHeaderTooLarge = 42,    // request line and headers above the limit
  kBadHttp = 43,           // bytes that are not HTTP/1.1
  kUnknownOutcome = 44,    // a write went out and no answer came: it may have happened or not
  kOffline = 45,           // the lake is known to be out of reach; nothing was sent
  kClockSkew = 46,         // the peer refuses our signatures because the clocks differ

  // Azure: authentication and authorization.
  kAuthenticationFailed = 100,
  kAuthorizationFailure = 101,
  kAuthorizationPermissionMismatch = 102,
  kAuthorizationProtocolMismatch = 103,
  kAuthorizationResourceTypeMismatch = 104,
  kAuthorizationServiceMismatch = 105,
  kAuthorizationSourceIpMismatch = 106,
  kNoAuthenticationInformation = 107,
  kPublicAccessNotPermitted = 108,
  kInvalidAuthenticationInfo = 109,
  kInsufficientAccountPermissions = 110,
  kAccountIsDisabled = 111,

  // Azure: the request itself.
  kInvalidHeaderValue = 130,
  kInvalidInput = 131,
  kInvalidMd5 = 132,
  kInvalidCrc64 = 133,
  kInvalidMetadata = 134,
  kInvalidQueryParameterValue = 135,
  kInvalidRange = 136,
  kInvalidResourceName = 137,
  kInvalidUri = 138,
  kInvalidXmlDocument = 139,
  kInvalidXmlNodeValue = 140,
  kMd5Mismatch = 141,
  kCrc64Mismatch = 142,
  kMetadataTooLarge = 143,
  kMissingContentLengthHeader = 144,
  kMissingRequiredHeader = 145,
  kMissingRequiredQueryParameter = 146,
  kMissingRequiredXmlNode = 147,
  kMultipleConditionHeadersNotSupported = 148,
  kOutOfRangeInput = 149,
  kOutOfRangeQueryParameterValue = 150,
  kRequestBodyTooLarge = 151,
  kRequestUrlFailedToParse = 152,
  kResourceNotFound = 153,
  kUnsupportedHeader = 154,
  kUnsupportedHttpVerb = 155,
  kUnsupportedQueryParameter = 156,
  kUnsupportedXmlNode = 157,
  kEmptyMetadataKey = 158,
  kInvalidHttpVerb = 159,
  kResourceTypeMismatch = 160,
  kConditionHeadersNotSupported = 161,
  kAccountAlreadyExists = 162,
  kResourceAlreadyExists = 163,
  kOperationTimedOut = 164,
  kServerBusy = 165,
  kInsufficientStorage = 166,     // ours: 507, the disk is full; Azure has no equivalent
  kUnsatisfiableCondition = 167,  // If-None-Match: * on a read
  kBothChecksumsPresent = 168,    // an MD5 and a CRC-64 of one body

  // Azure: containers and blobs.
  kContainerNotFound = 200,
  kContainerAlreadyExists = 201,
  kContainerBeingDeleted = 202,
  kBlobNotFound = 203,
  kBlobAlreadyExists = 204,
  kConditionNotMet = 205,  // 412
  kNotModified = 206,      // 304, conditions of a read
  kInvalidBlockId = 207,
  kInvalidBlockList = 208,
  kBlockCountExceedsLimit = 209,
  kBlockListTooLong = 210,
  kInvalidBlobOrBlock = 211,
  kInvalidBlobType = 212,
  kInvalidBlobTier = 213,
  kBlobArchived = 214,
  kBlobBeingRehydrated = 215,
  kBlobImmutable = 216,
  kSnapshotsPresent = 217,
  kUnauthorizedBlobOverwrite = 218,
  kCannotVerifyCopySource = 219,
  kCopyIdMismatch = 220,
  kNoPendingCopyOperation = 221,
  kPendingCopyOperation = 222,
  kCopyAcrossAccountsNotSupported = 223,
  kInvalidSourceBlobType = 224,
  kInvalidSourceBlobUrl = 225,
  kTargetConditionNotMet = 226,
  kSourceConditionNotMet = 227,
  kInvalidTag = 228,
  kTagsTooLarge = 229,
  kUncommittedBlockCountExceedsLimit = 230,
  kBlobAccessTierNotSupported = 231,
  kContainerDisabled = 232,
  kCannotChangeToLowerTier = 233,
  kLeaseIdMissing = 234,
  kLeaseIdMismatchWithBlobOperation = 235,
  kLeaseIdMismatchWithContainerOperation = 236,
  kLeaseNotPresentWithBlobOperation = 237,
  kLeaseNotPresentWithContainerOperation = 238,
  kLeaseAlreadyPresent = 239,
  kPathConflict = 240,       // hierarchical: a file stands where a directory is needed
  kDirectoryNotEmpty = 241,  // hierarchical: Delete Blob on a directory with children
  kPathNotFound = 242,
  kPathAlreadyExists = 243,
  kSourceTooLarge = 244,
  kLeaseIdMismatchWithLeaseOperation = 245,
  kLeaseNotPresentWithLeaseOperation = 246,
  kLeaseIsBrokenAndCannotBeRenewed = 247,
  kLeaseIsBreakingAndCannotBeAcquired = 248,
  kLeaseIsBreakingAndCannotBeChanged = 249,
  kLeaseLost = 250,  // the lease of this id was there and has run out
  kDuplicateTagNames = 251,
  kEmptyTagName = 252,
  kBothTagsAndTagCopyPresent = 253,  // x-ms-tags beside x-ms-copy-source-tag-option: COPY
  kInfiniteLeaseRequired = 254,      // Copy Blob onto a blob with a lease that runs out

  // Azure: paths of hierarchical accounts and the Data Lake API.
  kInvalidFlushPosition = 260,  // what was appended does not reach the position without a gap
  kSourcePathNotFound = 261,
  kRenameDestinationParentPathNotFound = 262,
  kInvalidRenameSourcePath = 263,  // a directory into itself, or the root
  kInvalidSourceOrDestinationResourceType = 264,
  kInvalidSourceUri = 265,
  kHierarchicalNamespaceNotEnabled = 266,  // access control and the like on a flat account
  kHierarchicalNotSupported = 267,         // what Azure refuses on hierarchical accounts

  // Files: what a mount and the server's file extensions say, one code for each errno of theirs.
  kNotADirectory = 280,    // where a directory is needed something else stands
  kIsADirectory = 281,     // a directory stands where a file is needed
  kFileNameTooLong = 282,  // a name above 255 bytes, a path above 4,096
  kTooManyLinks = 283,
  kTooManySymbolicLinks = 284,
  kOperationNotPermitted = 285,  // what no right of the caller would allow
  kReadOnlyFileSystem = 286,
  kQuotaExceeded = 287,
  kFileTooLarge = 288,
  kFileGone = 289,  // an inode whose last name and last handle are gone
  kAttributeNotFound = 290,
  kAttributeTooLarge = 291,
  kLockConflict = 292,
  kLockDeadlock = 293,
  kSessionExpired = 294,  // a mount's session: its locks and handles are free
  kBadFileHandle = 295,
  kNoSuchOffset = 296,  // lseek: neither data nor a hole at or behind it
  kFileBusy = 297,
  kChangesLost = 298,  // acknowledged lazily, and gone with a crash of the server
};

// The code's name without its k, for logs and tests: "BlobNotFound". Never empty.
std::string_view CodeName(Code code);

class Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  Code code() const { return code_; }
  // One sentence for a person: what happened, and what to do where that is known. No secrets.
  const std::string& message() const { return message_; }
  // True where the same call may succeed later without anyone changing anything.
  bool retryable() const;

  // A further sentence for Azure's error body, such as the string that the server signed
  // (AuthenticationErrorDetail), or the header that was wrong. Shown to clients.
  const std::string& detail() const { return detail_; }
  Error&& WithDetail(std::string detail) && {
    detail_ = std::move(detail);
    return std::move(*this);
  }

  // How long to wait before trying again, where somebody said so (a lake's Retry-After, an open
  // breaker); zero where nobody did.
  std::chrono::milliseconds retry_after() const { return retry_after_; }
  Error&& WithRetryAfter(std::chrono::milliseconds wait) && {
    retry_after_ = wait;
    return std::move(*this);
  }

  // "BlobNotFound: The specified blob does not exist."
  std::string ToString() const;

 private:
  Code code_;
  std::string message_;
  std::string detail_;
  std::chrono::milliseconds retry_after_{0};
};

}  // namespace forebay
