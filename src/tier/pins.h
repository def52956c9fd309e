// What an administrator wants to stay here: patterns of names, one record a container
// (meta::PinsRecord).
//
// Whoever gives bytes up asks inside the transaction that does, so a pin holds from the moment that
// it is answered. A set is immutable; the cache is thread safe.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "kv/store.h"
#include "meta/ids.h"
#include "meta/placement_records.h"
#include "tier/glob.h"

namespace forebay::tier {

class PinSet {
 public:
  static Result<PinSet> Of(const meta::PinsRecord& record);

  // The pattern that pins the name; nullptr when none does.
  const std::string* Matching(std::string_view name) const;
  bool empty() const { return globs_.empty(); }

 private:
  std::vector<Glob> globs_;
};
using PinSetPtr = std::shared_ptr<const PinSet>;

// The sets of containers as their records say, compiled once for each version of a record.
class PinCache {
 public:
  Result<PinSetPtr> Of(const kv::Reader& reader, meta::ContainerId container);

 private:
  struct Entry {
    std::string record;
    PinSetPtr set;
  };
  std::mutex mutex_;
  std::unordered_map<meta::ContainerId, Entry> entries_;
};

Result<meta::PinsRecord> LoadPins(const kv::Reader& reader, meta::ContainerId container);
// kInvalidInput, kLimitExceeded. A pattern that is pinned already only takes on `hydrate`.
Result<> AddPin(kv::Transaction& txn, meta::ContainerId container, const meta::PinEntry& pin);
// kResourceNotFound.
Result<> RemovePin(kv::Transaction& txn, meta::ContainerId container, std::string_view pattern);

}  // namespace forebay::tier
