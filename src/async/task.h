// Task<T>: an Asio coroutine that ends in a Result<T>.
//
// Rules (they prevent the bugs that coroutines invite): parameters by value, or references to
// services that outlive the server; no capturing-lambda coroutines; no lock held across co_await;
// nothing detached, every spawn joins a TaskGroup (async/task_group.h).
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace forebay {

template <class T = void>
using Task = boost::asio::awaitable<Result<T>>;

using Executor = boost::asio::any_io_executor;

}  // namespace forebay
