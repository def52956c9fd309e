// Idle client connections, by scheme, host and port. Thread safe.
//
// They rest as bare descriptors, bound to no event loop, so that any caller's executor can take
// them on.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "http/transport.h"

namespace forebay::http {

class ClientPool {
 public:
  static constexpr std::chrono::seconds kMaxIdle{60};

  explicit ClientPool(std::size_t max_idle) : max_idle_(max_idle) {}
  ~ClientPool();

  // The connection used last, bound to `executor`; null when there is none that the peer still
  // holds open.
  std::unique_ptr<Transport> Take(const std::string& key, Executor executor);
  // Closes the connection instead when there are too many.
  void Put(const std::string& key, Transport::Parked parked);
  std::size_t idle() const;

 private:
  struct Entry {
    Transport::Parked parked;
    SteadyTime since;
  };

  void DropExpired();  // with mutex_ held

  const std::size_t max_idle_;
  mutable std::mutex mutex_;
  std::size_t count_ = 0;
  std::unordered_map<std::string, std::deque<Entry>> entries_;
};

}  // namespace forebay::http
