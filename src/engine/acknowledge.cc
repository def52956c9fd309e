#include "engine/acknowledge.h"

#include "engine/lake_side.h"

namespace forebay::engine {

Task<> AwaitAcknowledged(Services& services, OpContext context, BlobTarget target) {
  if (services.lake == nullptr) co_return Result<>{};
  co_return co_await services.lake->AwaitAcknowledged(std::move(context), std::move(target));
}

}  // namespace forebay::engine
