// Lazy changes: of names and attributes, acknowledged before they are on stable storage, for mounts
// that ask for it (docs/posix-extensions.md).
//
// The store's log keeps their order: after a crash what is there is what was committed up to some
// moment, and a later commit that is durable makes all before it durable. Each lazy change counts
// one in its own transaction, so that a mark (the start of the server, and the count) says after a
// crash whether everything up to it is still there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/context.h"
#include "engine/acknowledge.h"
#include "engine/look_up.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct LazyMark {
  std::int64_t start = 0;   // Services::started, in ticks
  std::uint64_t count = 0;  // lazy changes of the store, this one or a later one included
  friend bool operator==(const LazyMark&, const LazyMark&) = default;
};
inline constexpr std::size_t kMaxLazyMarks = 16;  // in one line
std::string FormatLazyMark(const LazyMark& mark);
// Separated by commas. kInvalidInput.
Result<std::vector<LazyMark>> ParseLazyMarks(std::string_view text);

// Whether a change in the container may be lazy: not where a lake is attached, which would hear of
// what a crash takes back.
Task<bool> MayBeLazy(Services& services, OpContext context, ContainerTarget container);
// In the transaction of a lazy change.
Result<> CountLazy(const Services& services, kv::Transaction& txn);
// After a lazy change was acknowledged: a mark that covers it.
Task<LazyMark> MarkNow(Services& services, OpContext context);
// Everything acknowledged so far is durable when it returns. kChangesLost: a crash has taken back
// something that one of the marks covers.
Task<> SyncLazy(Services& services, OpContext context, std::vector<LazyMark> marks);

// TransactNamed, lazily where `lazy` and the container allow it.
template <class Fn>
Task<> TransactNode(Services& services, OpContext context, ContainerTarget container, bool lazy,
                    Fn fn) {
  if (lazy) {
    FB_CO_ASSIGN_OR_RETURN(lazy, co_await MayBeLazy(services, context, std::move(container)));
  }
  if (!lazy) co_return co_await TransactNamed(services, context, std::move(fn));
  co_return co_await TransactNamed(
      services, context,
      [&services, fn = std::move(fn)](kv::Transaction& txn) -> Result<> {
        FB_RETURN_IF_ERROR(fn(txn));
        return CountLazy(services, txn);
      },
      kv::Durability::kLazy);
}

// The same with the wait of engine/acknowledge.h behind it, for the path that fn has put into
// `changed`; empty: a lake hears nothing of it.
template <class Fn>
Task<> TransactNodeAcknowledged(Services& services, OpContext context, ContainerTarget container,
                                bool lazy, std::shared_ptr<const std::string> changed, Fn fn) {
  FB_CO_RETURN_IF_ERROR(co_await TransactNode(services, context, container, lazy, std::move(fn)));
  co_return co_await AwaitAcknowledged(services, std::move(context), std::move(container),
                                       {*changed});
}

}  // namespace forebay::engine
