#include "engine/remove_record.h"

#include "engine/references.h"
#include "engine/release_node.h"
#include "meta/hierarchy.h"
#include "meta/namespace.h"
#include "meta/tag_index.h"

namespace forebay::engine {

Result<> RemoveRecord(Services& services, kv::Transaction& txn,
                      const meta::ContainerRecord& container, std::string_view name,
                      const meta::BlobRecord& record, WallTime now) {
  txn.MakesRoom();
  if (container.hierarchical) {
    FB_RETURN_IF_ERROR(meta::TouchParent(txn, container.id, name, now));
  }
  FB_RETURN_IF_ERROR(meta::NamespaceOf(container).Erase(txn, container.id, name));
  FB_RETURN_IF_ERROR(ReleaseName(services, txn, container.id, record, now));
  meta::UnindexTags(txn, container.id, name, record.tags);
  return DropStaging(txn, container.id, name, now);
}

}  // namespace forebay::engine
