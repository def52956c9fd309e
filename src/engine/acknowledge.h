// The end of an operation that changed a blob: where the container acknowledges in its lake
// (`ack = lake`), the answer waits until the change can be seen there.
#pragma once

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

// After the transaction that changed the blob. kOperationTimedOut: the change is durable here, and
// has not reached the lake within the request's time; it will.
Task<> AwaitAcknowledged(Services& services, OpContext context, BlobTarget target);

}  // namespace forebay::engine
