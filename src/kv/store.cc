#include "kv/store.h"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>

#include "base/codec.h"

namespace forebay::kv {

namespace asio = boost::asio;

std::int64_t CounterValue(const std::optional<std::string>& value) {
  if (!value || value->size() != sizeof(std::int64_t)) return 0;
  return static_cast<std::int64_t>(Decoder(*value).U64());
}

Task<> Store::Transact(TransactionFn fn, Durability durability) {
  // Held by the store's thread while it touches the caller's io_context: once the caller resumes it
  // may well destroy that context, and the store must be out of it by then.
  auto door = std::make_shared<std::mutex>();
  Result<> outcome = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<>)>(
      [](auto handler, Store* store, std::shared_ptr<std::mutex> exit, TransactionFn work,
         Durability how) {
        auto executor = asio::get_associated_executor(handler);
        // The guard keeps the caller's loop alive while only the store knows of the call.
        store->TransactAsync(
            std::move(work), how,
            [handler = std::move(handler), exit = std::move(exit),
             guard = asio::make_work_guard(executor)](Result<> result) mutable {
              const std::lock_guard lock(*exit);
              asio::post(guard.get_executor(),
                         [handler = std::move(handler), result = std::move(result)]() mutable {
                           std::move(handler)(std::move(result));
                         });
              guard.reset();
            });
      },
      asio::use_awaitable, this, door, std::move(fn), durability);
  {
    const std::lock_guard wait_until_out(*door);
  }
  co_return outcome;
}

Result<> Store::TransactBlocking(TransactionFn fn, Durability durability) {
  struct State {
    std::mutex mutex;
    std::condition_variable done;
    std::optional<Result<>> result;
  };
  auto state = std::make_shared<State>();
  TransactAsync(std::move(fn), durability, [state](Result<> result) {
    std::lock_guard lock(state->mutex);
    state->result = std::move(result);
    state->done.notify_one();
  });
  std::unique_lock lock(state->mutex);
  state->done.wait(lock, [&] { return state->result.has_value(); });
  return std::move(*state->result);
}

}  // namespace forebay::kv
