// Copy Blob, Copy Blob From URL and Put Blob From URL when the source is a blob of this server: the
// new blob names the same bytes, so a copy costs a record, whatever the size. Errors:
// kContainerNotFound (destination), kBlobNotFound / kCannotVerifyCopySource (source; the caller
// chooses how to show it), kConditionNotMet, kSourceConditionNotMet, kBlobArchived (the
// destination; or the source, unless the copy is within the account and names an online tier),
// kPendingCopyOperation, kPathConflict.
#pragma once

#include <optional>

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/put_blob.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct CopyBlobRequest {
  BlobTarget source;
  BlobTarget target;
  azure::Conditions source_conditions;
  azure::Conditions conditions;
  // Absent parts are the source's.
  std::optional<azure::BlobHttpHeaders> http;
  std::optional<azure::Metadata> metadata;
  std::optional<azure::Tags> tags;  // absent: none, unless copy_tags
  bool copy_tags = false;
  std::optional<azure::AccessTier> tier;
  // Copy Blob and Copy Blob From URL record where the bytes came from; Put Blob From URL does not.
  std::optional<std::string> copy_source_url;
  std::string copy_id;
  ExpectedChecksums expected;  // x-ms-source-content-md5 / crc64, verified by reading
};
struct CopyBlobResult {
  Changed changed;
  std::uint64_t length = 0;
  std::string content_md5;  // the source's, 16 raw bytes, or empty
};

Task<CopyBlobResult> CopyBlob(Services& services, OpContext context, CopyBlobRequest request);

}  // namespace forebay::engine
