#include "engine/update_container.h"

#include "engine/get_container.h"
#include "meta/keys.h"

namespace forebay::engine {

Task<Changed> UpdateContainer(Services& services, OpContext context,
                              UpdateContainerRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  const meta::ETagNumber etag = services.etags.Next();
  const WallTime now = services.clock.Now();
  FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
      [request = std::move(request), etag, now](kv::Transaction& txn) -> Result<> {
        const azure::AccountName& account = request.target.account.name;
        FB_ASSIGN_OR_RETURN(meta::ContainerRecord record,
                            RequireContainer(txn, account, request.target.container));
        const azure::ConditionSubject subject = SubjectOf(record);
        FB_RETURN_IF_ERROR(azure::CheckWrite(request.conditions, &subject));
        // A lease on a container forbids only deleting it.
        FB_RETURN_IF_ERROR(meta::CheckLeaseIfGiven(record.lease, request.conditions.lease_id,
                                                   meta::LeasedThing::kContainer, now));
        if (request.metadata) record.metadata = *request.metadata;
        if (request.acl) {
          record.public_access = request.acl->public_access;
          record.policies = request.acl->policies;
        }
        record.etag = etag;
        record.modified = now;
        txn.Put(meta::keys::Container(account.view(), request.target.container.view()),
                meta::Encode(record));
        return {};
      }));
  co_return Changed{azure::MakeETag(etag.value()), now};
}

}  // namespace forebay::engine
