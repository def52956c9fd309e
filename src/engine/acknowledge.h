// The end of an operation that changed something: where the container acknowledges in its lake
// (`ack = lake`), the answer waits until the change can be seen there.
//
// Every operation whose transaction notes a change (engine/change_log.h) ends here: those of one
// blob by TransactAcknowledged, those of nodes by TransactNodeAcknowledged (engine/lazy.h), others,
// which have something to do between the two, by calling AwaitAcknowledged themselves.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "async/context.h"
#include "async/task.h"
#include "engine/look_up.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

// After the transaction that changed the blob, or the directory with all that is in it.
// kOperationTimedOut: the change is durable here, and has not reached the lake within the request's
// time; it will.
Task<> AwaitAcknowledged(Services& services, OpContext context, BlobTarget target);
// The same for several blobs of the container; one without a name stands for none.
Task<> AwaitAcknowledged(Services& services, OpContext context, ContainerTarget container,
                         std::vector<std::string> names);

// TransactNamed for a transaction that changes the target, and the wait behind it.
template <class Fn>
Task<> TransactAcknowledged(Services& services, OpContext context, BlobTarget target, Fn fn) {
  FB_CO_RETURN_IF_ERROR(co_await TransactNamed(services, context, std::move(fn)));
  co_return co_await AwaitAcknowledged(services, std::move(context), std::move(target));
}

}  // namespace forebay::engine
