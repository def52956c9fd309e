#include "engine/create_container.h"

#include <memory>

#include "meta/keys.h"

namespace forebay::engine {

Result<meta::ContainerRecord> NewContainer(Services& services, CreateContainerRequest request) {
  FB_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
  meta::ContainerRecord record;
  record.id = meta::ContainerId(id);
  record.hierarchical = request.target.account.hierarchical;
  record.created = services.clock.Now();
  record.modified = record.created;
  record.etag = services.etags.Next();
  record.public_access = request.public_access;
  record.metadata = std::move(request.metadata);
  return record;
}

Task<Changed> CreateContainer(Services& services, OpContext context,
                              CreateContainerRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  const ContainerTarget target = request.target;
  FB_CO_ASSIGN_OR_RETURN(const meta::ContainerRecord record,
                         NewContainer(services, std::move(request)));
  const Changed changed{azure::MakeETag(record.etag.value()), record.modified};

  FB_CO_RETURN_IF_ERROR(co_await services.AwaitRoom(Growth::kRecords, context));
  FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
      [key = meta::keys::Container(target.account.name.view(), target.container.view()),
       value = meta::Encode(record)](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const auto existing, txn.Get(key));
        if (existing) {
          return Fail(Code::kContainerAlreadyExists, "The specified container already exists.");
        }
        txn.Put(key, value);
        return {};
      }));
  co_return changed;
}

}  // namespace forebay::engine
