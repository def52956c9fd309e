// Template part of thread_pool.h.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <mutex>
#include <utility>

namespace forebay {

template <class Fn>
auto ThreadPool::Run(Fn fn) -> boost::asio::awaitable<std::invoke_result_t<Fn>> {
  using R = std::invoke_result_t<Fn>;
  namespace asio = boost::asio;
  // Held by the pool while it touches the caller's io_context: once the caller resumes it may well
  // destroy that context, and the pool must be out of it by then.
  auto door = std::make_shared<std::mutex>();
  R outcome = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(R)>(
      [](auto handler, ThreadPool* pool, std::shared_ptr<std::mutex> exit, Fn work) {
        auto executor = asio::get_associated_executor(handler);
        // Shared, so that a refused job leaves the handler with us.
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        bool taken = pool->TryPost([shared, exit, work = std::move(work),
                                    guard = asio::make_work_guard(executor)]() mutable {
          R result = work();
          std::lock_guard lock(*exit);
          asio::post(guard.get_executor(),
                     [shared = std::move(shared), result = std::move(result)]() mutable {
                       std::move (*shared)(std::move(result));
                     });
          guard.reset();
        });
        if (!taken) {
          asio::post(executor, [shared]() mutable {
            std::move (*shared)(
                R(Fail(Code::kBusy, "The server's work queue is full; try again.")));
          });
        }
      },
      asio::use_awaitable, this, door, std::move(fn));
  {
    std::lock_guard wait_until_out(*door);
  }
  co_return outcome;
}

}  // namespace forebay
