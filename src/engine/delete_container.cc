#include "engine/delete_container.h"

#include "engine/get_container.h"
#include "meta/keys.h"

namespace forebay::engine {

Task<> DeleteContainer(Services& services, OpContext context, DeleteContainerRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  co_return co_await services.store.Transact(
      [request = std::move(request), now = services.clock.Now()](kv::Transaction& txn) -> Result<> {
        txn.MakesRoom();
        const azure::AccountName& account = request.target.account.name;
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord record,
                            RequireContainer(txn, account, request.target.container));
        if (record.lake.attached()) {
          return Fail(Code::kUnsupported,
                      "The container is attached to a lake; detach it before it is deleted.");
        }
        const azure::ConditionSubject subject = SubjectOf(record);
        FB_RETURN_IF_ERROR(azure::CheckWrite(request.conditions, &subject));
        FB_RETURN_IF_ERROR(meta::CheckLeaseForWrite(record.lease, request.conditions.lease_id,
                                                    meta::LeasedThing::kContainer, now));
        txn.Erase(meta::keys::Container(account.view(), request.target.container.view()));
        // The sweeper needs the id and the layout. Names made under this id before the container
        // was gone are found by it; none can be added, as every write looks the container up.
        txn.Put(meta::keys::GarbageContainer(record.id), meta::Encode(record));
        return {};
      });
}

}  // namespace forebay::engine
