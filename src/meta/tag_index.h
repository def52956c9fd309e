// Keeps the tag index (keys::Tag) in step with the tags of blob records, so that Find Blobs by Tags
// never scans blobs. Every transaction that makes, replaces, retags or removes a blob record calls
// these with the tags before and after.
//
// `name` is the name as the namespace stores it (Namespace::Normalize). Stateless and thread safe;
// the writes are the transaction's.
#pragma once

#include <string_view>

#include "azure/properties.h"
#include "kv/store.h"
#include "meta/ids.h"

namespace forebay::meta {

// Adds an entry for each tag. Putting an entry twice is harmless.
void IndexTags(kv::Transaction& txn, ContainerId container, std::string_view name,
               const azure::Tags& tags);
// Removes the entries of a blob that had `tags`.
void UnindexTags(kv::Transaction& txn, ContainerId container, std::string_view name,
                 const azure::Tags& tags);
// From `before` to `after`, touching only what differs: most overwrites change no tag.
void ReindexTags(kv::Transaction& txn, ContainerId container, std::string_view name,
                 const azure::Tags& before, const azure::Tags& after);

}  // namespace forebay::meta
