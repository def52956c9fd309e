#include "engine/get_container.h"

#include "engine/read_gate.h"
#include "meta/keys.h"

namespace forebay::engine {

Result<meta::ContainerRecord> RequireContainer(const kv::Reader& reader,
                                               const azure::AccountName& account,
                                               const azure::ContainerName& container) {
  FB_ASSIGN_OR_RETURN(auto value,
                      reader.Get(meta::keys::Container(account.view(), container.view())));
  if (!value) return Fail(Code::kContainerNotFound, "The specified container does not exist.");
  return meta::DecodeContainer(*value);
}

Task<meta::ContainerRecord> GetContainer(Services& services, OpContext context,
                                         ContainerTarget target) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await ReadMeta(services, [target = std::move(target)](const kv::Reader& reader) {
    return RequireContainer(reader, target.account.name, target.container);
  });
}

}  // namespace forebay::engine
