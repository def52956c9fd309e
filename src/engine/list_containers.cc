#include "engine/list_containers.h"

#include <algorithm>

#include "base/codec.h"
#include "engine/read_gate.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

constexpr std::size_t kCheckEvery = 256;  // entries between looks at deadline and cancellation

Result<ListContainersResult> ListPage(const kv::Reader& reader, const OpContext& context,
                                      const ListContainersRequest& request) {
  const std::string account = meta::keys::ContainersOf(request.account.name.view());
  const std::string first = std::max(request.prefix, request.start);
  ListContainersResult page;
  const auto it =
      reader.Scan(meta::keys::Container(request.account.name.view(), first), PrefixEnd(account));
  for (; it->Valid(); it->Next()) {
    const std::string name = KeyReader(it->key().substr(account.size())).Text();
    if (!name.starts_with(request.prefix)) break;
    if (page.containers.size() >= request.max_results) {
      page.next = name;
      break;
    }
    if (page.containers.size() % kCheckEvery == 0) FB_RETURN_IF_ERROR(context.Check());
    FB_ASSIGN_OR_RETURN(meta::ContainerRecord record, meta::DecodeContainer(it->value()));
    page.containers.emplace_back(azure::ContainerName(name), std::move(record));
  }
  FB_RETURN_IF_ERROR(it->status());
  return page;
}

}  // namespace

Task<ListContainersResult> ListContainers(Services& services, OpContext context,
                                          ListContainersRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await ReadMetaOnPool(
      services, [context = std::move(context), request = std::move(request)](
                    const kv::Reader& reader) { return ListPage(reader, context, request); });
}

}  // namespace forebay::engine
