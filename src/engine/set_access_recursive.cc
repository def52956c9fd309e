#include "engine/set_access_recursive.h"

#include <memory>

#include "engine/commit.h"
#include "engine/get_container.h"
#include "engine/path_access.h"
#include "engine/read_gate.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

// One key a path; a record with a long ACL has a few KiB.
constexpr std::size_t kPathsPerTransaction = 100;

struct Page {
  std::vector<std::string> names;
  std::string next;
};

Result<> Apply(const SetAccessRecursiveRequest& request, azure::AccessControl& access,
               bool directory) {
  std::vector<azure::AclEntry> entries = request.entries;
  if (!directory) std::erase_if(entries, &azure::AclEntry::is_default);
  if (entries.empty()) return {};
  switch (request.change) {
    case AclChange::kSet:
      return azure::SetAcl(access, entries, directory);
    case AclChange::kModify:
      return azure::ModifyAcl(access, entries, directory);
    case AclChange::kRemove:
      return azure::RemoveAcl(access, entries, directory);
  }
  return {};
}

Result<meta::ContainerRecord> RequireHierarchical(const kv::Reader& reader,
                                                  const ContainerTarget& target) {
  FB_ASSIGN_OR_RETURN(meta::ContainerRecord container,
                      RequireContainer(reader, target.account.name, target.container));
  if (!container.hierarchical) {
    return Fail(Code::kHierarchicalNamespaceNotEnabled,
                "Hierarchical namespace is not enabled for this account.");
  }
  return container;
}

// The paths of this call below the directory; the path itself is done apart.
Result<Page> ReadPage(const kv::Reader& reader, const OpContext& context,
                      const SetAccessRecursiveRequest& request) {
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                      RequireHierarchical(reader, request.target.container));
  const meta::Namespace& names = meta::NamespaceOf(container);
  Page page;
  std::string prefix;
  if (request.target.path) {
    FB_ASSIGN_OR_RETURN(const std::string name, names.Normalize(request.target.path->view()));
    FB_ASSIGN_OR_RETURN(auto found, names.Find(reader, container.id, name));
    if (!found) return Fail(Code::kBlobNotFound, "The specified path does not exist.");
    if (!found->directory) return page;
    prefix = name + "/";
  }
  const auto cursor = names.List(reader, container.id, prefix);
  if (!request.start.empty()) cursor->Seek(request.start);
  // The path itself counts in the first call.
  const std::size_t room = request.max_records - (request.start.empty() ? 1 : 0);
  for (; cursor->Valid(); cursor->Next()) {
    if (page.names.size() >= room) {
      page.next = cursor->name();
      break;
    }
    if (page.names.size() % 256 == 0) FB_RETURN_IF_ERROR(context.Check());
    page.names.push_back(cursor->name());
  }
  FB_RETURN_IF_ERROR(cursor->status());
  return page;
}

Result<> ChangeRoot(kv::Transaction& txn, const SetAccessRecursiveRequest& request,
                    SetAccessRecursiveResult& counts) {
  const ContainerTarget& target = request.target.container;
  FB_ASSIGN_OR_RETURN(meta::ContainerRecord container, RequireHierarchical(txn, target));
  azure::AccessControl access = RootAccessOf(container);
  FB_RETURN_IF_ERROR(Apply(request, access, true));
  container.root_access = StoredAccess(std::move(access), true);
  txn.Put(meta::keys::Container(target.account.name.view(), target.container.view()),
          meta::Encode(container));
  ++counts.directories;
  return {};
}

// One path, if it is still there.
Result<> ChangeOne(Services& services, kv::Transaction& txn, const meta::ContainerRecord& container,
                   const SetAccessRecursiveRequest& request, const std::string& name,
                   SetAccessRecursiveResult& counts) {
  const meta::Namespace& names = meta::NamespaceOf(container);
  FB_ASSIGN_OR_RETURN(auto record, names.Find(txn, container.id, name));
  if (!record) return {};
  const bool directory = record->directory.has_value();
  azure::AccessControl access = AccessOf(*record);
  FB_RETURN_IF_ERROR(Apply(request, access, directory));
  record->access = StoredAccess(std::move(access), directory);
  ++(directory ? counts.directories : counts.files);
  return names.Put(txn, container.id, name, *record, services.ids);
}

struct Batch {
  std::vector<std::string> names;
  bool root = false;
  SetAccessRecursiveResult counts;
};

Result<> ChangeBatch(Services& services, kv::Transaction& txn,
                     const SetAccessRecursiveRequest& request, Batch& batch) {
  batch.counts = {};
  if (batch.root) FB_RETURN_IF_ERROR(ChangeRoot(txn, request, batch.counts));
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                      RequireHierarchical(txn, request.target.container));
  for (const std::string& name : batch.names) {
    FB_RETURN_IF_ERROR(ChangeOne(services, txn, container, request, name, batch.counts));
  }
  return {};
}

}  // namespace

Task<SetAccessRecursiveResult> SetAccessRecursive(Services& services, OpContext context,
                                                  SetAccessRecursiveRequest request) {
  auto shared = std::make_shared<const SetAccessRecursiveRequest>(std::move(request));
  FB_CO_ASSIGN_OR_RETURN(
      Page page, co_await ReadMetaOnPool(services, [context, shared](const kv::Reader& reader) {
        return ReadPage(reader, context, *shared);
      }));
  SetAccessRecursiveResult result;
  std::vector<std::string> names;
  const bool first = shared->start.empty();
  if (first && shared->target.path) {
    std::string own = shared->target.path->str();
    if (own.ends_with('/')) own.pop_back();
    names.push_back(std::move(own));
  }
  names.insert(names.end(), std::make_move_iterator(page.names.begin()),
               std::make_move_iterator(page.names.end()));
  for (std::size_t at = 0; at < names.size() || (at == 0 && first); at += kPathsPerTransaction) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    auto batch = std::make_shared<Batch>();
    batch->root = at == 0 && first && !shared->target.path;
    const std::size_t end = std::min(at + kPathsPerTransaction, names.size());
    batch->names.assign(names.begin() + static_cast<std::ptrdiff_t>(at),
                        names.begin() + static_cast<std::ptrdiff_t>(end));
    FB_CO_RETURN_IF_ERROR(
        co_await services.store.Transact([&services, shared, batch](kv::Transaction& txn) {
          return ChangeBatch(services, txn, *shared, *batch);
        }));
    result.directories += batch->counts.directories;
    result.files += batch->counts.files;
  }
  result.next = std::move(page.next);
  co_return result;
}

}  // namespace forebay::engine
