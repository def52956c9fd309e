// The durable record of a copy that is not done yet: docs/formats/pending-copy.md. Value type.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/put_blob.h"
#include "engine/target.h"

namespace forebay::rest {

struct PendingCopy {
  engine::BlobTarget target;
  std::string url;          // with its query: the SAS that the client gave is needed to fetch it
  std::string source_etag;  // as the source answered it, with quotes; may be empty
  engine::BlobAttributes attributes;
  azure::CopyState copy;  // id, shown source, total
};

std::string Encode(const PendingCopy& job);
// kCorruption.
Result<PendingCopy> DecodePendingCopy(std::string_view in);

}  // namespace forebay::rest
