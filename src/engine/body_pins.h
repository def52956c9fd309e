// Bodies that readers of this process are on: the sweeper leaves them alone until the last one is
// done, so a blob that is overwritten or deleted under a long download still reads as it was.
//
// Thread safe.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "meta/ids.h"

namespace forebay::engine {

class BodyPins {
 public:
  // Held until the returned handle goes.
  std::shared_ptr<const void> Pin(meta::BodyId body);
  bool IsPinned(meta::BodyId body) const;

 private:
  mutable std::mutex mutex_;
  std::unordered_map<meta::BodyId, std::size_t> readers_;
};

}  // namespace forebay::engine
