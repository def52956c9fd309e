// What a Blob service says, read back: the headers of its answers and the documents of List Blobs
// and Get Block List. The other half of attributes that a server writes; for the lake client.
//
// Lenient, as a client must be: what is unknown or missing is left out. Bounded and safe on hostile
// input. Pure, thread safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "azure/names.h"
#include "azure/properties.h"
#include "azure/wire.h"
#include "azure/xml_documents.h"
#include "azure/xml_list.h"
#include "base/result.h"

namespace forebay::azure {

// The properties in an answer of Get Blob or Get Blob Properties. `length` is the blob's: from
// Content-Range where there is one. kInvalidHeaderValue when ETag or length is missing.
Result<BlobProperties> PropertiesFromAnswer(HeaderSpan headers);
// All x-ms-meta-*, unchecked.
Metadata MetadataFromAnswer(HeaderSpan headers);

struct ListBlobsAnswer {
  std::vector<ListedBlob> blobs;
  std::vector<std::string> prefixes;
  std::string next_marker;
};
inline constexpr std::size_t kMaxListAnswerBytes = 128u << 20;
// kInvalidXmlDocument, kMissingRequiredXmlNode (a blob without a name).
Result<ListBlobsAnswer> ParseListBlobsAnswer(std::string_view xml);

struct BlockListAnswer {
  std::vector<ListedBlock> committed;
  std::vector<ListedBlock> uncommitted;
};
inline constexpr std::size_t kMaxBlockListAnswerBytes = 64u << 20;
// kInvalidXmlDocument, kInvalidBlockId.
Result<BlockListAnswer> ParseBlockListAnswer(std::string_view xml);

}  // namespace forebay::azure
