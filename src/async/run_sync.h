// Runs one coroutine to its end on the calling thread: for tests and command-line tools.
//
//   Result<Foo> foo = RunSync(service.Load(name));
//   RunSync([&](Executor executor) { return Test(executor); });   // a plain function, not a
//   coroutine
//
// The thread drives an io_context of its own, which ends with the coroutine; work that it spawned
// and did not join is destroyed where it stands. Never call it on a thread that serves an
// io_context.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <concepts>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "async/task.h"
#include "base/log.h"

namespace forebay {

namespace internal {

// Keeps the result itself: co_spawn would ask T for a default constructor.
template <class T>
boost::asio::awaitable<void> Keep(boost::asio::awaitable<T> task, std::optional<T>* out) {
  out->emplace(co_await std::move(task));
}
inline boost::asio::awaitable<void> Keep(boost::asio::awaitable<void> task,
                                         std::optional<std::monostate>* out) {
  co_await std::move(task);
  out->emplace();
}

template <class T>
T RunOn(boost::asio::io_context& context, boost::asio::awaitable<T> task) {
  std::optional<std::conditional_t<std::is_void_v<T>, std::monostate, T>> out;
  boost::asio::co_spawn(context, Keep(std::move(task), &out), [&](std::exception_ptr thrown) {
    if (thrown) std::rethrow_exception(thrown);
    context.stop();
  });
  context.run();
  if (!out) Panic("RunSync: the coroutine waits for something that nobody will do");
  if constexpr (!std::is_void_v<T>) return std::move(*out);
}

}  // namespace internal

template <class T>
T RunSync(boost::asio::awaitable<T> task) {
  boost::asio::io_context context(1);
  return internal::RunOn(context, std::move(task));
}

// For what needs the executor: `make` is called with it and returns the awaitable.
template <class Make>
  requires std::invocable<Make, Executor>
auto RunSync(Make make) {
  boost::asio::io_context context(1);
  return internal::RunOn(context, make(Executor(context.get_executor())));
}

}  // namespace forebay
