// The names with uncommitted blocks, in a container's listing order, for List Blobs.
//
// Not thread safe; must not outlive its Reader.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "async/context.h"
#include "kv/store.h"
#include "meta/records.h"

namespace forebay::engine {

class StagedNames {
 public:
  virtual ~StagedNames() = default;
  virtual bool Valid() const = 0;
  virtual const std::string& name() const = 0;
  virtual void Next() = 0;
  // Past every name that starts with `prefix`, which the current one does.
  virtual void SkipPrefix(std::string_view prefix) = 0;
  // Check it when no longer Valid.
  virtual Result<> status() const = 0;
};

// What a page shows of the names with uncommitted blocks.
struct StagedNamesQuery {
  std::string prefix;
  std::string delimiter;    // empty: flat
  std::string start;        // first name, inclusive
  std::size_t max_results;  // how many items of the page there can be
};

// Never null. A flat container's names are read as they are asked for. A hierarchical one's are
// stored in another order than they are listed in, so all of them under the prefix are read here
// and the first of the page kept: memory is bounded by the page, time is not, and follows
// `context`.
Result<std::unique_ptr<StagedNames>> ListStagedNames(const kv::Reader& reader,
                                                     const OpContext& context,
                                                     const meta::ContainerRecord& container,
                                                     const StagedNamesQuery& query);
// For a page that was not asked to show any.
std::unique_ptr<StagedNames> NoStagedNames();

}  // namespace forebay::engine
