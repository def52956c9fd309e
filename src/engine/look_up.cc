#include "engine/look_up.h"

#include <charconv>

#include "engine/lake_side.h"
#include "meta/keys.h"
#include "meta/lake_records.h"

namespace forebay::engine {

Result<> CheckAbsenceIsKnown(const kv::Reader& reader, const meta::ContainerRecord& container,
                             const std::string& name) {
  FB_ASSIGN_OR_RETURN(auto note, reader.Get(meta::keys::NameNote(container.id, name)));
  if (note) return {};
  if (!container.hierarchical) {
    // The lake lists flat names in byte order: what the cursor has passed is in the records.
    FB_ASSIGN_OR_RETURN(auto stored, reader.Get(meta::keys::ImportProgress(container.id)));
    if (stored) {
      FB_ASSIGN_OR_RETURN(const meta::ImportRecord progress, meta::DecodeImport(*stored));
      if (name <= progress.last) return {};
    }
  }
  return Fail(Error(Code::kNameUnknown, "The lake must be asked for this name first.")
                  .WithDetail(std::to_string(container.id.value()) + "/" + name));
}

Task<> LookUpName(Services& services, OpContext context, Error unknown) {
  const std::string& what = unknown.detail();
  std::uint64_t id = 0;
  const auto [end, error] = std::from_chars(what.data(), what.data() + what.size(), id);
  if (error != std::errc() || end == what.data() + what.size() || *end != '/') {
    co_return Fail(Code::kInternal, "An unknown name without a name.");
  }
  if (services.lake == nullptr) {
    co_return Fail(Code::kOffline, "The container's lake is not served by this process.");
  }
  std::string name(end + 1, what.data() + what.size());
  co_return co_await services.lake->LookUp(std::move(context), meta::ContainerId(id),
                                           std::move(name));
}

}  // namespace forebay::engine
