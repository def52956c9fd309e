#include "azure/permissions.h"

#include <array>

namespace forebay::azure {
namespace {

using P = Permissions;
using enum Operation;
using enum Level;

constexpr std::uint32_t kNoSas = 0;
constexpr std::uint32_t kAnyPermission = (1u << 16) - 1;
constexpr std::uint32_t kCreateOrWrite = P::kCreate | P::kWrite;
constexpr auto kNever = PublicAccess::kNone;
constexpr auto kIfBlob = PublicAccess::kBlob;
constexpr auto kIfContainer = PublicAccess::kContainer;

// One line an operation, in the order of the enum. Columns: name, method, level, effect, what an
// account SAS needs, what a service SAS needs, the public access that allows it to anyone.
constexpr auto kOperations = std::to_array<OperationInfo>({
    {kListContainers, "ListContainers", "GET", kService, Effect::kRead, P::kList, kNoSas, kNever},
    {kGetBlobServiceProperties, "GetBlobServiceProperties", "GET", kService, Effect::kRead,
     P::kRead, kNoSas, kNever},
    {kSetBlobServiceProperties, "SetBlobServiceProperties", "PUT", kService, Effect::kWrite,
     P::kWrite, kNoSas, kNever},
    {kGetBlobServiceStats, "GetBlobServiceStats", "GET", kService, Effect::kRead, P::kRead, kNoSas,
     kNever},
    {kGetAccountInformation, "GetAccountInformation", "GET", kService, Effect::kRead,
     kAnyPermission, kAnyPermission, kIfBlob},
    {kGetUserDelegationKey, "GetUserDelegationKey", "POST", kService, Effect::kRead, kNoSas, kNoSas,
     kNever},
    {kFindBlobsByTags, "FindBlobsByTags", "GET", kService, Effect::kRead, P::kFilter, kNoSas,
     kNever},
    {kBlobBatch, "BlobBatch", "POST", kService, Effect::kWrite, kAnyPermission, kNoSas, kNever},
    {kBlobPreflightRequest, "BlobPreflightRequest", "OPTIONS", kService, Effect::kRead,
     kAnyPermission, kAnyPermission, kIfBlob},

    {kCreateContainer, "CreateContainer", "PUT", kContainer, Effect::kWrite, kCreateOrWrite, kNoSas,
     kNever},
    {kGetContainerProperties, "GetContainerProperties", "GET", kContainer, Effect::kRead, P::kRead,
     kNoSas, kIfContainer},
    {kGetContainerMetadata, "GetContainerMetadata", "GET", kContainer, Effect::kRead, P::kRead,
     kNoSas, kIfContainer},
    {kSetContainerMetadata, "SetContainerMetadata", "PUT", kContainer, Effect::kWrite, P::kWrite,
     kNoSas, kNever},
    {kGetContainerAcl, "GetContainerACL", "GET", kContainer, Effect::kRead, kNoSas, kNoSas, kNever},
    {kSetContainerAcl, "SetContainerACL", "PUT", kContainer, Effect::kWrite, kNoSas, kNoSas,
     kNever},
    {kDeleteContainer, "DeleteContainer", "DELETE", kContainer, Effect::kDelete, P::kDelete, kNoSas,
     kNever},
    {kRestoreContainer, "RestoreContainer", "PUT", kContainer, Effect::kWrite, P::kWrite, kNoSas,
     kNever},
    {kAcquireContainerLease, "AcquireContainerLease", "PUT", kContainer, Effect::kWrite, P::kWrite,
     kNoSas, kNever},
    {kRenewContainerLease, "RenewContainerLease", "PUT", kContainer, Effect::kWrite, P::kWrite,
     kNoSas, kNever},
    {kChangeContainerLease, "ChangeContainerLease", "PUT", kContainer, Effect::kWrite, P::kWrite,
     kNoSas, kNever},
    {kReleaseContainerLease, "ReleaseContainerLease", "PUT", kContainer, Effect::kWrite, P::kWrite,
     kNoSas, kNever},
    {kBreakContainerLease, "BreakContainerLease", "PUT", kContainer, Effect::kWrite,
     P::kWrite | P::kDelete, kNoSas, kNever},
    {kListBlobs, "ListBlobs", "GET", kContainer, Effect::kRead, P::kList, P::kList, kIfContainer},
    {kFindBlobsByTagsInContainer, "FindBlobsByTags", "GET", kContainer, Effect::kRead, P::kFilter,
     P::kFilter, kNever},
    {kContainerBatch, "BlobBatch", "POST", kContainer, Effect::kWrite, kAnyPermission,
     kAnyPermission, kNever},

    {kPutBlob, "PutBlob", "PUT", kBlob, Effect::kWrite, kCreateOrWrite, kCreateOrWrite, kNever},
    {kPutBlobFromUrl, "PutBlobFromURL", "PUT", kBlob, Effect::kWrite, kCreateOrWrite,
     kCreateOrWrite, kNever},
    {kGetBlob, "GetBlob", "GET", kBlob, Effect::kRead, P::kRead, P::kRead, kIfBlob},
    {kGetBlobProperties, "GetBlobProperties", "HEAD", kBlob, Effect::kRead, P::kRead, P::kRead,
     kIfBlob},
    {kSetBlobProperties, "SetBlobProperties", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite,
     kNever},
    {kGetBlobMetadata, "GetBlobMetadata", "GET", kBlob, Effect::kRead, P::kRead, P::kRead, kIfBlob},
    {kSetBlobMetadata, "SetBlobMetadata", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite,
     kNever},
    {kGetBlobTags, "GetBlobTags", "GET", kBlob, Effect::kRead, P::kTags, P::kTags, kNever},
    {kSetBlobTags, "SetBlobTags", "PUT", kBlob, Effect::kWrite, P::kTags, P::kTags, kNever},
    {kAcquireBlobLease, "AcquireBlobLease", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite,
     kNever},
    {kRenewBlobLease, "RenewBlobLease", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite, kNever},
    {kChangeBlobLease, "ChangeBlobLease", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite,
     kNever},
    {kReleaseBlobLease, "ReleaseBlobLease", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite,
     kNever},
    {kBreakBlobLease, "BreakBlobLease", "PUT", kBlob, Effect::kWrite, P::kWrite | P::kDelete,
     P::kWrite | P::kDelete, kNever},
    {kSnapshotBlob, "SnapshotBlob", "PUT", kBlob, Effect::kWrite, kCreateOrWrite, kCreateOrWrite,
     kNever},
    {kCopyBlob, "CopyBlob", "PUT", kBlob, Effect::kWrite, kCreateOrWrite, kCreateOrWrite, kNever},
    {kCopyBlobFromUrl, "CopyBlobFromURL", "PUT", kBlob, Effect::kWrite, kCreateOrWrite,
     kCreateOrWrite, kNever},
    {kAbortCopyBlob, "AbortCopyBlob", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite, kNever},
    {kDeleteBlob, "DeleteBlob", "DELETE", kBlob, Effect::kDelete, P::kDelete, P::kDelete, kNever},
    {kUndeleteBlob, "UndeleteBlob", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite, kNever},
    {kSetBlobTier, "SetBlobTier", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite, kNever},
    {kSetBlobExpiry, "SetBlobExpiry", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite, kNever},
    {kSetBlobImmutabilityPolicy, "SetBlobImmutabilityPolicy", "PUT", kBlob, Effect::kWrite,
     P::kImmutability, P::kImmutability, kNever},
    {kDeleteBlobImmutabilityPolicy, "DeleteBlobImmutabilityPolicy", "DELETE", kBlob,
     Effect::kDelete, P::kImmutability, P::kImmutability, kNever},
    {kSetBlobLegalHold, "SetBlobLegalHold", "PUT", kBlob, Effect::kWrite, P::kImmutability,
     P::kImmutability, kNever},
    {kQueryBlobContents, "QueryBlobContents", "POST", kBlob, Effect::kRead, P::kRead, P::kRead,
     kNever},
    {kPutBlock, "PutBlock", "PUT", kBlob, Effect::kWrite, kCreateOrWrite, kCreateOrWrite, kNever},
    {kPutBlockFromUrl, "PutBlockFromURL", "PUT", kBlob, Effect::kWrite, kCreateOrWrite,
     kCreateOrWrite, kNever},
    {kPutBlockList, "PutBlockList", "PUT", kBlob, Effect::kWrite, kCreateOrWrite, kCreateOrWrite,
     kNever},
    {kGetBlockList, "GetBlockList", "GET", kBlob, Effect::kRead, P::kRead, P::kRead, kIfBlob},
    {kPutPage, "PutPage", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite, kNever},
    {kPutPageFromUrl, "PutPageFromURL", "PUT", kBlob, Effect::kWrite, P::kWrite, P::kWrite, kNever},
    {kGetPageRanges, "GetPageRanges", "GET", kBlob, Effect::kRead, P::kRead, P::kRead, kIfBlob},
    {kIncrementalCopyBlob, "IncrementalCopyBlob", "PUT", kBlob, Effect::kWrite, kCreateOrWrite,
     kCreateOrWrite, kNever},
    {kAppendBlock, "AppendBlock", "PUT", kBlob, Effect::kWrite, P::kAdd | P::kWrite,
     P::kAdd | P::kWrite, kNever},
    {kAppendBlockFromUrl, "AppendBlockFromURL", "PUT", kBlob, Effect::kWrite, P::kAdd | P::kWrite,
     P::kAdd | P::kWrite, kNever},
    {kAppendBlobSeal, "AppendBlobSeal", "PUT", kBlob, Effect::kWrite, P::kAdd | P::kWrite,
     P::kAdd | P::kWrite, kNever},
});
static_assert(kOperations.size() == static_cast<std::size_t>(Operation::kCount));

consteval bool InEnumOrder() {
  for (std::size_t i = 0; i < kOperations.size(); ++i) {
    if (static_cast<std::size_t>(kOperations[i].operation) != i) return false;
  }
  return true;
}
static_assert(InEnumOrder());

// Letters in canonical order; bit i of a set is letter i of this text, but for order.
struct Letter {
  char letter;
  std::uint32_t bit;
};
constexpr auto kLetters = std::to_array<Letter>({{'r', P::kRead},
                                                 {'a', P::kAdd},
                                                 {'c', P::kCreate},
                                                 {'w', P::kWrite},
                                                 {'d', P::kDelete},
                                                 {'x', P::kDeleteVersion},
                                                 {'y', P::kPermanentDelete},
                                                 {'l', P::kList},
                                                 {'t', P::kTags},
                                                 {'f', P::kFilter},
                                                 {'m', P::kMove},
                                                 {'e', P::kExecute},
                                                 {'o', P::kOwnership},
                                                 {'p', P::kPermissions},
                                                 {'i', P::kImmutability},
                                                 {'u', P::kUpdate}});

}  // namespace

std::optional<Permissions> Permissions::Parse(std::string_view letters) {
  std::uint32_t bits = 0;
  for (char c : letters) {
    std::uint32_t bit = 0;
    for (const Letter& entry : kLetters) {
      if (entry.letter == c) bit = entry.bit;
    }
    if (bit == 0) return std::nullopt;
    bits |= bit;
  }
  return Permissions(bits);
}

std::string Permissions::ToString() const {
  std::string out;
  for (const Letter& entry : kLetters) {
    if (Has(entry.bit)) out.push_back(entry.letter);
  }
  return out;
}

const OperationInfo& InfoOf(Operation operation) {
  return kOperations[static_cast<std::size_t>(operation)];
}

std::span<const OperationInfo> AllOperations() { return kOperations; }

}  // namespace forebay::azure
