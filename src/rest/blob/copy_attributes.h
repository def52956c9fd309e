// What a copy's destination gets besides bytes: the source's attributes, and what the request puts
// in their place. Pure functions.
#pragma once

#include <optional>

#include "azure/properties.h"
#include "azure/wire.h"
#include "base/result.h"
#include "engine/put_blob.h"
#include "http/message.h"

namespace forebay::rest {

struct CopyAttributes {
  azure::BlobHttpHeaders http;              // x-ms-blob-*; empty parts are the source's
  std::optional<azure::Metadata> metadata;  // absent: the source's
  std::optional<azure::Tags> tags;          // absent: none, unless copy_tags
  bool copy_tags = false;                   // x-ms-copy-source-tag-option: COPY
  std::optional<azure::AccessTier> tier;
};
// kInvalidHeaderValue; kBothTagsAndTagCopyPresent for tags given along with COPY.
Result<CopyAttributes> CopyAttributesFrom(azure::HeaderSpan headers);

// `given`, with its empty parts taken from `source`.
azure::BlobHttpHeaders MergeHttp(azure::BlobHttpHeaders given,
                                 const azure::BlobHttpHeaders& source);
// What stays of a source whose properties are not wanted: the MD5, which belongs to the bytes, and
// the default type.
azure::BlobHttpHeaders OnlyMd5(const azure::BlobHttpHeaders& source);

// Attributes of a copy from elsewhere; `answer` are the headers of the source's answer. Its tags
// are not in it: copy_tags is kUnsupportedHeader.
Result<engine::BlobAttributes> RemoteAttributes(CopyAttributes given, const http::Headers& answer,
                                                bool with_properties);

}  // namespace forebay::rest
