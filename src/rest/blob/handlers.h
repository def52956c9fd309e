// One handler an operation: parses what the operation takes, calls the engine, shapes the answer.
//
// A handler runs after authentication and authorization; what the call says about both is settled.
// Errors become Azure's error answers in BlobService. Each lives in the file of its name:
// put_blob.cc, list_blobs.cc …
#pragma once

#include "azure/permissions.h"
#include "http/message.h"
#include "rest/blob/call.h"

namespace forebay::rest {

using Handler = Task<http::Response> (*)(Call&);

// The service.
Task<http::Response> HandleListContainers(Call& call);
Task<http::Response> HandleGetServiceProperties(Call& call);
Task<http::Response> HandleSetServiceProperties(Call& call);
Task<http::Response> HandleGetServiceStats(Call& call);
Task<http::Response> HandleGetAccountInformation(Call& call);
Task<http::Response> HandleFindBlobsByTags(Call& call);  // of an account, and of a container

// Containers.
Task<http::Response> HandleCreateContainer(Call& call);
Task<http::Response> HandleGetContainerProperties(Call& call);  // and Get Container Metadata
Task<http::Response> HandleSetContainerMetadata(Call& call);
Task<http::Response> HandleGetContainerAcl(Call& call);
Task<http::Response> HandleSetContainerAcl(Call& call);
Task<http::Response> HandleDeleteContainer(Call& call);
Task<http::Response> HandleListBlobs(Call& call);
Task<http::Response> HandleLeaseContainer(Call& call);

// Blobs.
Task<http::Response> HandlePutBlob(Call& call);
Task<http::Response> HandlePutBlobFromUrl(Call& call);
Task<http::Response> HandleGetBlob(Call& call);
Task<http::Response> HandleGetBlobProperties(Call& call);
Task<http::Response> HandleGetBlobMetadata(Call& call);
Task<http::Response> HandleSetBlobProperties(Call& call);
Task<http::Response> HandleSetBlobMetadata(Call& call);
Task<http::Response> HandleGetBlobTags(Call& call);
Task<http::Response> HandleSetBlobTags(Call& call);
Task<http::Response> HandleSetBlobTier(Call& call);
Task<http::Response> HandleDeleteBlob(Call& call);
Task<http::Response> HandleCopyBlob(Call& call);
Task<http::Response> HandleCopyBlobFromUrl(Call& call);
Task<http::Response> HandleAbortCopyBlob(Call& call);
Task<http::Response> HandlePutBlock(Call& call);
Task<http::Response> HandlePutBlockFromUrl(Call& call);
Task<http::Response> HandlePutBlockList(Call& call);
Task<http::Response> HandleGetBlockList(Call& call);
Task<http::Response> HandleLeaseBlob(Call& call);
Task<http::Response> HandleSetBlobExpiry(Call& call);  // files of hierarchical accounts

// What Forebay does not offer yet: a proper error of Azure's, by what named the operation.
Task<http::Response> HandleUnsupported(Call& call);

// Never null.
Handler HandlerOf(azure::Operation operation);
bool IsSupported(azure::Operation operation);

}  // namespace forebay::rest
