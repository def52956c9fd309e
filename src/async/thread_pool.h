// A bounded pool of threads for work that blocks (file reads, fdatasync, a cold metadata read).
//
// Thread safe. `Run` resumes the caller on its own executor. When `queue_limit` jobs wait already,
// Run fails at once with kBusy: every queue is bounded. Destruction finishes queued jobs first, and
// must come before that of the io_contexts whose coroutines wait in Run. A job that was accepted
// always runs, and Run returns only after it: cancellation never leaves work half known.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>

#include "async/task.h"

namespace forebay {

class ThreadPool {
 public:
  struct Options {
    std::string name;  // thread names, metrics: at most 12 characters
    std::size_t threads = 4;
    std::size_t queue_limit = 4096;  // waiting jobs, not counting those that run
  };
  explicit ThreadPool(Options options);
  ~ThreadPool();

  // Fire and forget for services that wait by other means; false when the queue is full.
  bool TryPost(std::move_only_function<void()> job);
  std::size_t queued() const;

  // Runs `fn` (returning Result<U>) on a pool thread: `co_await pool.Run([...]{ ... })`. `fn` is
  // moved to the pool and destroyed there. kBusy when the queue is full.
  template <class Fn>
  auto Run(Fn fn) -> boost::asio::awaitable<std::invoke_result_t<Fn>>;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay

#include "async/thread_pool_inl.h"
