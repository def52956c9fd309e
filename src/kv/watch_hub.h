// Watches on key prefixes of Space::kMeta, and the one thread that calls them.
//
// Thread safe. `Notify` only marks the watches that a commit touched; calls happen on the hub's own
// thread, so a slow watcher never holds up a commit, and bursts collapse. Destroying a watch's
// handle waits for a call of it that is under way (unless the call itself destroys it), after which
// it is never called again. Handles may outlive the hub. The thread starts with the first watch.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "kv/change_set.h"

namespace forebay::kv {

class WatchHub {
 public:
  WatchHub();
  ~WatchHub();
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  std::shared_ptr<void> Watch(std::string prefix, std::function<void()> fn);
  void Notify(const ChangeSet& committed);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace forebay::kv
