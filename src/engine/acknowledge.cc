#include "engine/acknowledge.h"

#include "engine/lake_side.h"

namespace forebay::engine {

Task<> AwaitAcknowledged(Services& services, OpContext context, BlobTarget target) {
  if (services.lake == nullptr) co_return Result<>{};
  co_return co_await services.lake->AwaitAcknowledged(std::move(context), std::move(target));
}

Task<> AwaitAcknowledged(Services& services, OpContext context, ContainerTarget container,
                         std::vector<std::string> names) {
  for (std::string& name : names) {
    if (name.empty()) continue;
    FB_CO_RETURN_IF_ERROR(co_await AwaitAcknowledged(
        services, context,
        BlobTarget{container.account, container.container, azure::BlobName(std::move(name))}));
  }
  co_return Result<>{};
}

}  // namespace forebay::engine
