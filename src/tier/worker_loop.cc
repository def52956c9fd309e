#include "tier/worker_loop.h"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "async/run_sync.h"
#include "async/task_group.h"

namespace forebay::tier {
namespace {

struct Loop {
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
      context.get_executor()};
  std::thread thread{[this] { context.run(); }};
};

// A task that began at once would do so with Spawn's lock held, and it may well spawn others.
Task<> Later(Executor executor, Task<> task) {
  co_await boost::asio::post(executor, boost::asio::use_awaitable);
  co_return co_await std::move(task);
}

}  // namespace

struct WorkerLoop::Impl {
  explicit Impl(std::size_t threads) {
    for (std::size_t i = 0; i < threads; ++i) loops.push_back(std::make_unique<Loop>());
    group = std::make_unique<TaskGroup>(loops.front()->context.get_executor());
  }

  std::vector<std::unique_ptr<Loop>> loops;
  std::unique_ptr<TaskGroup> group;
  std::atomic<std::size_t> next{0};
  std::mutex mutex;  // orders Spawn before Stop
  bool stopping = false;
};

WorkerLoop::WorkerLoop(std::size_t threads) : impl_(std::make_unique<Impl>(threads)) {}
WorkerLoop::~WorkerLoop() { Stop(); }

bool WorkerLoop::Spawn(Task<> task) {
  std::lock_guard lock(impl_->mutex);
  if (impl_->stopping) return false;
  Loop& loop = *impl_->loops[impl_->next++ % impl_->loops.size()];
  const Executor executor = loop.context.get_executor();
  impl_->group->Spawn(executor, Later(executor, std::move(task)));
  return true;
}

Executor WorkerLoop::Next() {
  return impl_->loops[impl_->next++ % impl_->loops.size()]->context.get_executor();
}

std::stop_token WorkerLoop::token() const { return impl_->group->token(); }

void WorkerLoop::Stop() {
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->stopping) return;
    impl_->stopping = true;
  }
  impl_->group->Cancel();
  (void)RunSync(impl_->group->Join());
  for (const auto& loop : impl_->loops) {
    loop->work.reset();
    loop->thread.join();
  }
}

}  // namespace forebay::tier
