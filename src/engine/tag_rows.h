// Blobs of one container that may match a tag query, from the tag index.
//
// Equalities are intersected: their rows come by name, so each scan leaps to where the others
// stand, and the cost follows the smallest of them. Without an equality one range of values is
// scanned: that of a key bounded on both sides if there is one. Rows that a range or a further term
// excludes are the caller's to drop (TagQuery::Matches). Not thread safe; must not outlive its
// Reader.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "azure/tag_expression.h"
#include "kv/store.h"
#include "meta/ids.h"

namespace forebay::engine {

class TagRows {
 public:
  virtual ~TagRows() = default;
  virtual bool Valid() const = 0;
  // False when the last step only brought it nearer to a row: bounded work a step.
  virtual bool AtRow() const = 0;
  virtual void Step() = 0;
  virtual std::string name() const = 0;  // while AtRow
  // To go on from here later, with the same query. Any bytes.
  virtual std::string position() const = 0;
  // Check it when no longer Valid.
  virtual Result<> status() const = 0;
};

// `position` empty: from the beginning. The query has at least one comparison.
std::unique_ptr<TagRows> FindTagRows(const kv::Reader& reader, meta::ContainerId container,
                                     const azure::TagQuery& query, std::string_view position);

}  // namespace forebay::engine
