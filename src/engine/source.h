// The source side of copies within this server.
#pragma once

#include "engine/commit.h"
#include "engine/put_blob.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

// Finds a copy source and checks its conditions. kBlobNotFound, kContainerNotFound,
// kSourceConditionNotMet, kBlobArchived (nothing can be read from it, but a copy may bring it into
// another tier: `may_be_archived`), kInvalidSourceBlobType (a directory).
Result<Place> RequireSource(const kv::Reader& reader, const BlobTarget& source,
                            const azure::Conditions& conditions, bool may_be_archived = false);

// Reads `length` bytes at `offset` of the source and compares them with what the client expects.
// kMd5Mismatch, kCrc64Mismatch.
Task<> VerifySource(Services& services, OpContext context, BlobTarget source, azure::ETag etag,
                    std::uint64_t offset, std::uint64_t length, ExpectedChecksums expected);

}  // namespace forebay::engine
