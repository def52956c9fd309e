#include "engine/find_pending_copy.h"

#include "engine/get_container.h"
#include "engine/read_gate.h"
#include "meta/namespace.h"

namespace forebay::engine {
namespace {

// The walk may be long: the deadline and the caller's wish to stop are looked at every so often.
constexpr std::size_t kNamesBetweenChecks = 1000;

Result<std::optional<azure::BlobName>> Find(const kv::Reader& reader, const OpContext& context,
                                            const ContainerTarget& target,
                                            const std::string& copy_id) {
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                      RequireContainer(reader, target.account.name, target.container));
  const auto cursor = meta::NamespaceOf(container).List(reader, container.id, "");
  for (std::size_t names = 0; cursor->Valid(); cursor->Next()) {
    if (++names % kNamesBetweenChecks == 0) FB_RETURN_IF_ERROR(context.Check());
    FB_ASSIGN_OR_RETURN(const meta::BlobRecord record, cursor->record());
    if (record.copy.status == azure::CopyStatus::kPending && record.copy.id == copy_id) {
      return azure::BlobName(cursor->name());
    }
  }
  FB_RETURN_IF_ERROR(cursor->status());
  return std::nullopt;
}

}  // namespace

Task<std::optional<azure::BlobName>> FindPendingCopy(Services& services, OpContext context,
                                                     ContainerTarget target, std::string copy_id) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await ReadMetaOnPool(
      services,
      [context = std::move(context), target = std::move(target), copy_id = std::move(copy_id)](
          const kv::Reader& reader) { return Find(reader, context, target, copy_id); });
}

}  // namespace forebay::engine
