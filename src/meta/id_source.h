// Numbers that are never used twice, across restarts and crashes. Reserves a large range durably
// and hands it out from memory; a crash loses the rest of the range, nothing else.
//
// Thread safe. `Next` never blocks on the disk: the following range is reserved in the background
// when half of the current one is used; only when that fails for long does Next fail (kBusy).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/result.h"
#include "kv/store.h"

namespace forebay::meta {

class IdSource {
 public:
  // Reserves the first range; blocks.
  static Result<std::unique_ptr<IdSource>> Open(kv::Store& store);
  ~IdSource();

  Result<std::uint64_t> Next();

 private:
  struct Shared;
  explicit IdSource(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}
  std::shared_ptr<Shared> shared_;
};

}  // namespace forebay::meta
