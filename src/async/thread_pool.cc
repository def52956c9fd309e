#include "async/thread_pool.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace forebay {

struct ThreadPool::Impl {
  explicit Impl(Options o) : options(std::move(o)) {}

  void Work() {
    std::unique_lock lock(mutex);
    for (;;) {
      ready.wait(lock, [this] { return stopping || !jobs.empty(); });
      if (jobs.empty()) return;  // stopping, and everything is done
      std::move_only_function<void()> job = std::move(jobs.front());
      jobs.pop_front();
      lock.unlock();
      job();
      job = nullptr;  // what it captured dies here, not under the lock
      lock.lock();
    }
  }

  const Options options;
  mutable std::mutex mutex;
  std::condition_variable ready;
  std::deque<std::move_only_function<void()>> jobs;
  bool stopping = false;
  std::vector<std::thread> threads;
};

ThreadPool::ThreadPool(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {
  std::size_t count = std::max<std::size_t>(impl_->options.threads, 1);
  impl_->threads.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    impl_->threads.emplace_back([impl = impl_.get()] { impl->Work(); });
    // The kernel keeps 15 characters and refuses more.
    std::string name = impl_->options.name.substr(0, 12) + "-" + std::to_string(i);
    pthread_setname_np(impl_->threads.back().native_handle(), name.substr(0, 15).c_str());
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->ready.notify_all();
  for (std::thread& thread : impl_->threads) thread.join();
}

bool ThreadPool::TryPost(std::move_only_function<void()> job) {
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->stopping || impl_->jobs.size() >= impl_->options.queue_limit) return false;
    impl_->jobs.push_back(std::move(job));
  }
  impl_->ready.notify_one();
  return true;
}

std::size_t ThreadPool::queued() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->jobs.size();
}

}  // namespace forebay
