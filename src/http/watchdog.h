// Ends one connection when its operation's time is over, when it is cancelled, or when the peer
// makes no progress.
//
// Made and stopped on the executor of the operation; the cancellation may come from any thread. The
// connection must stay until Stop, which waits for nobody.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include "async/context.h"
#include "http/transport.h"

namespace forebay::http {

class Watchdog : public std::enable_shared_from_this<Watchdog> {
 public:
  // Watches until `deadline` and the context's own, and for stalls of `stall` while the connection
  // waits for its peer.
  static std::shared_ptr<Watchdog> Watch(Executor executor, Transport& transport,
                                         const OpContext& context, SteadyTime deadline,
                                         std::chrono::milliseconds stall);
  void Stop();

 private:
  struct OnStop {
    Watchdog* owner;
    void operator()() const noexcept { owner->Cancel(); }
  };

  Watchdog(Executor executor, Transport& transport, SteadyTime deadline,
           std::chrono::milliseconds stall);
  void Cancel();
  void Arm();  // with mutex_ held
  void Check();

  std::mutex mutex_;
  Transport* transport_;  // null once stopped
  const SteadyTime deadline_;
  const std::chrono::milliseconds stall_;
  boost::asio::steady_timer timer_;
  std::uint64_t seen_bytes_ = 0;
  SteadyTime moved_at_;
  std::optional<std::stop_callback<OnStop>> on_stop_;
};

}  // namespace forebay::http
