// How operations read metadata without ever blocking an event loop: first from caches, on the loop;
// only when something is not cached, again on a pool thread that may wait for the disk.
#pragma once

#include <functional>
#include <type_traits>
#include <utility>

#include "async/context.h"
#include "async/task.h"
#include "engine/look_up.h"
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

// For point reads and short scans. Long scans go straight to ReadMetaOnPool. A name that its lake
// must be asked about first is looked up, within `context`, and the read runs again.
template <class Fn>
auto ReadMeta(Services& services, Fn fn, OpContext context = {})
    -> boost::asio::awaitable<std::invoke_result_t<Fn&, const kv::Reader&>> {
  for (int attempt = 0;; ++attempt) {
    auto result = fn(*services.store.GetSnapshot(kv::ReadMode::kCacheOnly));
    if (result) co_return result;
    if (result.error().code() == Code::kWouldBlock) {
      result = co_await ReadMetaOnPool(services, std::ref(fn));
    }
    if (result || result.error().code() != Code::kNameUnknown || attempt == kMaxLookUps) {
      co_return result;
    }
    FB_CO_RETURN_IF_ERROR(co_await LookUpName(services, context, std::move(result.error())));
  }
}

}  // namespace forebay::engine
