// Every operation of the Blob service, how a request names it, and who may run it.
//
// One constexpr table (permissions.cc) holds name, level, SAS permissions and anonymous access of
// each operation; a test walks it. Rules: the "Authorization" section of each operation's page,
// "Create a service SAS" and "Create an account SAS" of the REST reference. Pure, thread safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "azure/target.h"
#include "azure/wire.h"
#include "base/result.h"

namespace forebay::azure {

// Names as Azure's resource logs have them.
enum class Operation : std::uint8_t {
  // The service.
  kListContainers,
  kGetBlobServiceProperties,
  kSetBlobServiceProperties,
  kGetBlobServiceStats,
  kGetAccountInformation,  // on any level
  kGetUserDelegationKey,
  kFindBlobsByTags,
  kBlobBatch,
  kBlobPreflightRequest,
  // Containers.
  kCreateContainer,
  kGetContainerProperties,
  kGetContainerMetadata,
  kSetContainerMetadata,
  kGetContainerAcl,
  kSetContainerAcl,
  kDeleteContainer,
  kRestoreContainer,
  kAcquireContainerLease,
  kRenewContainerLease,
  kChangeContainerLease,
  kReleaseContainerLease,
  kBreakContainerLease,
  kListBlobs,
  kFindBlobsByTagsInContainer,
  kContainerBatch,
  // Blobs.
  kPutBlob,
  kPutBlobFromUrl,
  kGetBlob,
  kGetBlobProperties,
  kSetBlobProperties,
  kGetBlobMetadata,
  kSetBlobMetadata,
  kGetBlobTags,
  kSetBlobTags,
  kAcquireBlobLease,
  kRenewBlobLease,
  kChangeBlobLease,
  kReleaseBlobLease,
  kBreakBlobLease,
  kSnapshotBlob,
  kCopyBlob,
  kCopyBlobFromUrl,
  kAbortCopyBlob,
  kDeleteBlob,
  kUndeleteBlob,
  kSetBlobTier,
  kSetBlobExpiry,
  kSetBlobImmutabilityPolicy,
  kDeleteBlobImmutabilityPolicy,
  kSetBlobLegalHold,
  kQueryBlobContents,
  kPutBlock,
  kPutBlockFromUrl,
  kPutBlockList,
  kGetBlockList,
  kPutPage,
  kPutPageFromUrl,
  kGetPageRanges,
  kIncrementalCopyBlob,
  kAppendBlock,
  kAppendBlockFromUrl,
  kAppendBlobSeal,
  kCount,
};

// kTree: a path and all that lies below it, which a token for one blob must not reach.
enum class Level : std::uint8_t { kService, kContainer, kBlob, kTree };
enum class PublicAccess : std::uint8_t { kNone, kBlob, kContainer };  // x-ms-blob-public-access
enum class Effect : std::uint8_t {
  kRead,
  kWrite,
  kDelete
};  // StorageRead, StorageWrite, StorageDelete

// Permission letters of a SAS, as a set.
class Permissions {
 public:
  enum Bit : std::uint32_t {
    kRead = 1u << 0,             // r
    kAdd = 1u << 1,              // a
    kCreate = 1u << 2,           // c
    kWrite = 1u << 3,            // w
    kDelete = 1u << 4,           // d
    kDeleteVersion = 1u << 5,    // x
    kPermanentDelete = 1u << 6,  // y
    kList = 1u << 7,             // l
    kTags = 1u << 8,             // t
    kFilter = 1u << 9,           // f: find by tags
    kMove = 1u << 10,            // m
    kExecute = 1u << 11,         // e
    kOwnership = 1u << 12,       // o
    kPermissions = 1u << 13,     // p
    kImmutability = 1u << 14,    // i
    kUpdate = 1u << 15,          // u: queues and tables, account SAS only
  };
  constexpr Permissions() = default;
  constexpr Permissions(std::uint32_t bits) : bits_(bits) {}  // implicit: kRead | kList
  // Any order and repetition is taken (the signature covers the text). nullopt for an unknown
  // letter.
  static std::optional<Permissions> Parse(std::string_view letters);
  // In Azure's canonical order, "racwdxyltfmeopi".
  std::string ToString() const;
  constexpr bool Has(std::uint32_t bits) const { return (bits_ & bits) == bits; }
  constexpr bool HasAny(std::uint32_t bits) const { return (bits_ & bits) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  constexpr std::uint32_t bits() const { return bits_; }
  friend constexpr bool operator==(Permissions, Permissions) = default;

 private:
  std::uint32_t bits_ = 0;
};

struct OperationInfo {
  Operation operation;
  std::string_view name;    // as logged: "PutBlob"
  std::string_view method;  // HTTP method; HEAD is also taken for GetBlobProperties-like reads
  Level level;
  Effect effect;
  Permissions account_sas;  // any one of these; empty: no account SAS will do
  Permissions service_sas;  // any one of these; empty: no service SAS will do
  PublicAccess anonymous;   // least public access that allows it without credentials; kNone: never
};

const OperationInfo& InfoOf(Operation operation);
std::span<const OperationInfo> AllOperations();

// Which operation a request is. `has_body_hint` is not needed: method, query and headers decide.
// kUnsupportedHttpVerb (405), kInvalidQueryParameterValue (comp, restype), kMissingRequiredHeader
// (x-ms-blob-type, x-ms-lease-action), kInvalidHeaderValue, kInvalidUri (a container operation on
// the root).
Result<Operation> RecognizeOperation(std::string_view method, const RequestTarget& target,
                                     HeaderSpan headers);

// Permissions that the request needs on top of its operation's: x-ms-tags (t), x-ms-if-tags (t),
// x-ms-copy-source-tag-option: COPY (t), List Blobs with include=tags (t),
// DeleteBlob with versionid (x) or deletetype=permanent (y). All of them are needed.
Permissions ExtraPermissions(Operation operation, const RequestTarget& target, HeaderSpan headers);

}  // namespace forebay::azure
