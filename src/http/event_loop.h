// One core's event loop: its thread, its connections, its coarse clock, and the sweep that ends
// slow ones.
//
// Everything but Post-like entry points (executor, Begin*, counters) runs on the loop's own thread.
// There is no timer for each request: twice a second the sweep looks at every connection.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <unordered_set>

#include "async/task.h"
#include "http/server.h"

namespace forebay::http {

class Connection;

class EventLoop {
 public:
  static constexpr std::chrono::milliseconds kSweepPeriod{250};

  EventLoop(const ServerOptions& options, unsigned index);
  ~EventLoop();  // stops and joins

  void Start();
  // Ends the thread; what was posted and not run never runs. Idempotent, from outside the loop.
  void Stop();
  Executor executor() { return context_.get_executor(); }
  boost::asio::io_context& context() { return context_; }

  // Connections handed to this loop and not ended yet; counted by the acceptor, so that it can
  // spread them evenly before they have even begun. Thread safe.
  std::size_t load() const { return load_.load(std::memory_order_relaxed); }
  void AddLoad() { load_.fetch_add(1, std::memory_order_relaxed); }
  void DropLoad() { load_.fetch_sub(1, std::memory_order_relaxed); }

  // Answers from now on end their connections, and idle connections end now. Any thread.
  void BeginDrain();
  // Every connection ends now and requests see their stop tokens. Any thread.
  void BeginKill();

  // --- on the loop's thread ---
  bool draining() const { return draining_; }
  bool killing() const { return killing_; }
  const ServerOptions& options() const { return options_; }
  void Register(Connection* connection);
  void Unregister(Connection* connection);
  // Now, in sweeps since the start.
  std::uint64_t tick() const { return tick_; }
  // The Date header's value for this second.
  std::string_view Date();

  // Counters, written by this loop and read by anybody.
  struct Counters {
    std::atomic<std::uint64_t> timeouts{0};
    std::atomic<std::uint64_t> received{0};
    std::atomic<std::uint64_t> sent{0};
  };
  Counters& counters() { return counters_; }
  const Counters& counters() const { return counters_; }

 private:
  void ArmSweep();
  void Sweep();

  const ServerOptions& options_;
  const unsigned index_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  boost::asio::steady_timer sweep_timer_;
  std::thread thread_;
  std::atomic<std::size_t> load_{0};
  std::unordered_set<Connection*> connections_;
  std::uint64_t tick_ = 0;
  bool draining_ = false;
  bool killing_ = false;
  std::int64_t date_second_ = -1;
  std::string date_;
  Counters counters_;
};

}  // namespace forebay::http
