// How operations read metadata without ever blocking an event loop: first from caches, on the loop;
// only when something is not cached, again on a pool thread that may wait for the disk.
#pragma once

#include <type_traits>
#include <utility>

#include "async/task.h"
#include "engine/services.h"
#include "kv/store.h"

namespace forebay::engine {

// `fn(const kv::Reader&) -> Result<T>`, without side effects: it may run twice. Captures by value.
template <class Fn>
auto ReadMetaOnPool(Services& services, Fn fn)
    -> boost::asio::awaitable<std::invoke_result_t<Fn&, const kv::Reader&>> {
  co_return co_await services.pool.Run([&services, fn = std::move(fn)]() mutable {
    auto snapshot = services.store.GetSnapshot(kv::ReadMode::kMayBlock);
    return fn(*snapshot);
  });
}

// For point reads and short scans. Long scans go straight to ReadMetaOnPool.
template <class Fn>
auto ReadMeta(Services& services, Fn fn)
    -> boost::asio::awaitable<std::invoke_result_t<Fn&, const kv::Reader&>> {
  {
    auto snapshot = services.store.GetSnapshot(kv::ReadMode::kCacheOnly);
    auto result = fn(*snapshot);
    if (result || result.error().code() != Code::kWouldBlock) co_return result;
  }
  co_return co_await ReadMetaOnPool(services, std::move(fn));
}

}  // namespace forebay::engine
