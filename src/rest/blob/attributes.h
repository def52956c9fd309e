// What a write gives a blob besides its bytes, from the request's headers. Pure functions.
#pragma once

#include "azure/permissions.h"
#include "azure/wire.h"
#include "engine/put_blob.h"

namespace forebay::rest {

// x-ms-blob-*, x-ms-meta-*, x-ms-tags, x-ms-access-tier. `standard_too` as in
// azure::HttpHeadersFrom. kInvalidHeaderValue, kInvalidMetadata, kMetadataTooLarge, kInvalidTag …
Result<engine::BlobAttributes> AttributesFrom(azure::HeaderSpan headers, bool standard_too);

// True for the metadata hdi_isfolder: true, by which a hierarchical account's blob API makes a
// directory.
bool IsFolder(const azure::Metadata& metadata);

// Headers that ask for something Forebay does not have and that must not be ignored, because the
// client would believe its data encrypted, held or expiring: customer-provided keys, encryption
// scopes, immutability, legal holds. kUnsupportedHeader.
// An expiry is offered by Set Blob Expiry only.
Result<> RefuseUnofferedHeaders(azure::HeaderSpan headers, azure::Operation operation);

}  // namespace forebay::rest
