// The table from operation to handler.
#include <array>

#include "azure/error_table.h"
#include "rest/blob/handlers.h"

namespace forebay::rest {
namespace {

using azure::Operation;
constexpr auto kCount = static_cast<std::size_t>(Operation::kCount);

consteval std::array<Handler, kCount> MakeTable() {
  std::array<Handler, kCount> table{};
  table.fill(&HandleUnsupported);
  const auto set = [&table](Operation operation, Handler handler) {
    table[static_cast<std::size_t>(operation)] = handler;
  };
  set(Operation::kListContainers, &HandleListContainers);
  set(Operation::kGetBlobServiceProperties, &HandleGetServiceProperties);
  set(Operation::kSetBlobServiceProperties, &HandleSetServiceProperties);
  set(Operation::kGetBlobServiceStats, &HandleGetServiceStats);
  set(Operation::kGetAccountInformation, &HandleGetAccountInformation);
  set(Operation::kFindBlobsByTags, &HandleFindBlobsByTags);
  set(Operation::kFindBlobsByTagsInContainer, &HandleFindBlobsByTags);
  set(Operation::kCreateContainer, &HandleCreateContainer);
  set(Operation::kGetContainerProperties, &HandleGetContainerProperties);
  set(Operation::kGetContainerMetadata, &HandleGetContainerProperties);
  set(Operation::kSetContainerMetadata, &HandleSetContainerMetadata);
  set(Operation::kGetContainerAcl, &HandleGetContainerAcl);
  set(Operation::kSetContainerAcl, &HandleSetContainerAcl);
  set(Operation::kDeleteContainer, &HandleDeleteContainer);
  set(Operation::kListBlobs, &HandleListBlobs);
  set(Operation::kPutBlob, &HandlePutBlob);
  set(Operation::kPutBlobFromUrl, &HandlePutBlobFromUrl);
  set(Operation::kGetBlob, &HandleGetBlob);
  set(Operation::kGetBlobProperties, &HandleGetBlobProperties);
  set(Operation::kGetBlobMetadata, &HandleGetBlobMetadata);
  set(Operation::kSetBlobProperties, &HandleSetBlobProperties);
  set(Operation::kSetBlobMetadata, &HandleSetBlobMetadata);
  set(Operation::kGetBlobTags, &HandleGetBlobTags);
  set(Operation::kSetBlobTags, &HandleSetBlobTags);
  set(Operation::kSetBlobTier, &HandleSetBlobTier);
  set(Operation::kDeleteBlob, &HandleDeleteBlob);
  set(Operation::kCopyBlob, &HandleCopyBlob);
  set(Operation::kCopyBlobFromUrl, &HandleCopyBlobFromUrl);
  set(Operation::kAbortCopyBlob, &HandleAbortCopyBlob);
  set(Operation::kPutBlock, &HandlePutBlock);
  set(Operation::kPutBlockFromUrl, &HandlePutBlockFromUrl);
  set(Operation::kPutBlockList, &HandlePutBlockList);
  set(Operation::kGetBlockList, &HandleGetBlockList);
  for (const Operation action :
       {Operation::kAcquireBlobLease, Operation::kRenewBlobLease, Operation::kChangeBlobLease,
        Operation::kReleaseBlobLease, Operation::kBreakBlobLease}) {
    set(action, &HandleLeaseBlob);
  }
  for (const Operation action :
       {Operation::kAcquireContainerLease, Operation::kRenewContainerLease,
        Operation::kChangeContainerLease, Operation::kReleaseContainerLease,
        Operation::kBreakContainerLease}) {
    set(action, &HandleLeaseContainer);
  }
  set(Operation::kSetBlobExpiry, &HandleSetBlobExpiry);
  return table;
}
constexpr std::array<Handler, kCount> kTable = MakeTable();

}  // namespace

Handler HandlerOf(Operation operation) { return kTable[static_cast<std::size_t>(operation)]; }

bool IsSupported(Operation operation) { return HandlerOf(operation) != &HandleUnsupported; }

Task<http::Response> HandleUnsupported(Call& call) {
  const auto comp = call.target.query.Find("comp");
  std::string detail =
      "QueryParameterName: comp\nQueryParameterValue: " + std::string(comp.value_or(""));
  co_return Fail(Error(Code::kUnsupportedQueryParameter, "Forebay does not offer this operation.")
                     .WithDetail(std::move(detail)));
}

}  // namespace forebay::rest
