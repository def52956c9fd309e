#include "engine/path_access.h"

namespace forebay::engine {

azure::AccessControl AccessOf(const meta::BlobRecord& record) {
  return record.access ? *record.access
                       : azure::AccessControl::Default(record.directory.has_value());
}

azure::AccessControl RootAccessOf(const meta::ContainerRecord& container) {
  return container.root_access ? *container.root_access : azure::AccessControl::Default(true);
}

std::optional<azure::AccessControl> StoredAccess(azure::AccessControl access, bool directory) {
  if (access == azure::AccessControl::Default(directory)) return std::nullopt;
  return access;
}

Result<azure::AccessControl> MakeParents(Services& services, kv::Transaction& txn,
                                         const Place& place, const Stamp& stamp) {
  azure::AccessControl access = RootAccessOf(place.container);
  const std::string& name = place.name;
  for (auto slash = name.find('/'); slash != std::string::npos; slash = name.find('/', slash + 1)) {
    const std::string path = name.substr(0, slash);
    FB_ASSIGN_OR_RETURN(auto found, place.names().Find(txn, place.container.id, path));
    if (found) {
      if (!found->directory) {
        return Fail(Code::kPathConflict, "The path '" + path + "' is a file, not a directory.");
      }
      access = AccessOf(*found);
      continue;
    }
    FB_ASSIGN_OR_RETURN(const std::uint64_t id, services.ids.Next());
    meta::BlobRecord record = NewRecord(meta::BlobId(id), {}, stamp);
    record.directory = meta::InodeId(id);
    access = azure::InheritAccess(access, /*directory=*/true, std::nullopt, std::nullopt);
    record.access = StoredAccess(access, true);
    FB_RETURN_IF_ERROR(place.names().Put(txn, place.container.id, path, record, services.ids));
  }
  return access;
}

Result<> RefuseWithLake(const meta::ContainerRecord& container) {
  if (!container.lake.mirrors()) return {};
  return Fail(Code::kUnsupported,
              "This operation is not offered while the container is attached to a lake.");
}

Result<> CheckNamesAreHere(const meta::ContainerRecord& container) {
  if (!container.lake.importing) return {};
  return Fail(Code::kServerBusy, "The container's names are still coming in from its lake.");
}

Result<> CheckEmpty(const meta::BlobRecord& file) {
  if (file.length == 0) return {};
  return Fail(Code::kUnauthorizedBlobOverwrite,
              "This request is not authorized to perform blob overwrites.");
}

}  // namespace forebay::engine
