// Template part of thread_pool.h.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace forebay {

template <class Fn>
auto ThreadPool::Run(Fn fn) -> boost::asio::awaitable<std::invoke_result_t<Fn>> {
  using R = std::invoke_result_t<Fn>;
  namespace asio = boost::asio;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(R)>(
      [](auto handler, ThreadPool* pool, Fn work) {
        auto executor = asio::get_associated_executor(handler);
        // Shared, so that a refused job leaves the handler with us.
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        bool taken = pool->TryPost(
            [shared, work = std::move(work), guard = asio::make_work_guard(executor)]() mutable {
              auto ex = guard.get_executor();
              R result = work();
              asio::post(ex, [shared = std::move(shared), result = std::move(result)]() mutable {
                std::move (*shared)(std::move(result));
              });
            });
        if (!taken) {
          asio::post(executor, [shared]() mutable {
            std::move (*shared)(
                R(Fail(Code::kBusy, "The server's work queue is full; try again.")));
          });
        }
      },
      asio::use_awaitable, this, std::move(fn));
}

}  // namespace forebay
