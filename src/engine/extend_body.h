// Adds extents to the end of a body in place, in the transaction of a flush.
//
// Allowed where the body has one holder: others would see it end where it did, but free what they
// never had. Readers under way are safe, because what they read stays where it is.
#pragma once

#include <vector>

#include "base/result.h"
#include "kv/store.h"
#include "meta/extent.h"
#include "meta/records.h"

namespace forebay::engine {

// Extents that one transaction adds, with room for the rest of it.
inline constexpr std::size_t kMaxExtendExtents = 200;

// Whether the record's body can be extended: there is one, its bytes are here, nobody shares it,
// and it has no list of committed blocks.
Result<bool> CanExtend(const kv::Reader& reader, const meta::BlobRecord& record);
// `record.length` is the length before; it is moved forward.
Result<> ExtendBody(kv::Transaction& txn, meta::BlobRecord& record,
                    const std::vector<meta::Extent>& more);

}  // namespace forebay::engine
