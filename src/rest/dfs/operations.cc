#include "rest/dfs/operations.h"

#include <algorithm>
#include <array>

#include "azure/error_table.h"
#include "base/encoding.h"
#include "rest/dfs/handlers.h"
#include "rest/dfs/posix_operations.h"

namespace forebay::rest::dfs {
namespace {

using P = azure::Permissions;
using Near = azure::Operation;
using azure::Effect;
using azure::Level;
using azure::OperationInfo;

constexpr std::uint32_t kNoSas = 0;
constexpr std::uint32_t kCreateOrWrite = P::kCreate | P::kWrite;
// The bytes of a file, which whoever may create it may send too.
constexpr std::uint32_t kAddBytes = P::kAdd | P::kCreate | P::kWrite;
constexpr std::uint32_t kLook = P::kRead | P::kExecute;
constexpr auto kNever = azure::PublicAccess::kNone;
constexpr auto kIfBlob = azure::PublicAccess::kBlob;

// One line an operation: the closest Blob operation, the name in logs, method, level, effect, what
// an account SAS and a service SAS need, public access.
constexpr OperationInfo kListFilesystems{
    Near::kListContainers, "ListFilesystems", "GET",  Level::kService,
    Effect::kRead,         P::kList,          kNoSas, kNever};
constexpr OperationInfo kCreateFilesystem{
    Near::kCreateContainer, "CreateFilesystem", "PUT",  Level::kContainer,
    Effect::kWrite,         kCreateOrWrite,     kNoSas, kNever};
constexpr OperationInfo kGetFilesystem{Near::kGetContainerProperties,
                                       "GetFilesystemProperties",
                                       "HEAD",
                                       Level::kContainer,
                                       Effect::kRead,
                                       P::kRead,
                                       kNoSas,
                                       kNever};
constexpr OperationInfo kSetFilesystem{Near::kSetContainerMetadata,
                                       "SetFilesystemProperties",
                                       "PATCH",
                                       Level::kContainer,
                                       Effect::kWrite,
                                       P::kWrite,
                                       kNoSas,
                                       kNever};
constexpr OperationInfo kDeleteFilesystem{
    Near::kDeleteContainer, "DeleteFilesystem", "DELETE", Level::kContainer,
    Effect::kDelete,        P::kDelete,         kNoSas,   kNever};
constexpr OperationInfo kListPaths{Near::kListBlobs,
                                   "ListFilesystemDir",
                                   "GET",
                                   Level::kContainer,
                                   Effect::kRead,
                                   P::kList,
                                   P::kList,
                                   kNever};
constexpr OperationInfo kCreateFile{Near::kPutBlob, "CreatePathFile", "PUT",          Level::kBlob,
                                    Effect::kWrite, kCreateOrWrite,   kCreateOrWrite, kNever};
constexpr OperationInfo kCreateDirectory{Near::kPutBlob, "CreatePathDir", "PUT",
                                         Level::kBlob,   Effect::kWrite,  kCreateOrWrite,
                                         kCreateOrWrite, kNever};
constexpr OperationInfo kRename{Near::kPutBlob,
                                "RenamePath",
                                "PUT",
                                Level::kBlob,
                                Effect::kWrite,
                                kCreateOrWrite | P::kMove,
                                kCreateOrWrite | P::kMove,
                                kNever};
// A caller who may create but not write sends the bytes of a file that has none yet.
constexpr OperationInfo kAppend{Near::kAppendBlock, "AppendFile", "PATCH",   Level::kBlob,
                                Effect::kWrite,     kAddBytes,    kAddBytes, kNever};
constexpr OperationInfo kFlush{Near::kAppendBlock, "FlushFile", "PATCH",   Level::kBlob,
                               Effect::kWrite,     kAddBytes,   kAddBytes, kNever};
constexpr OperationInfo kSetProperties{
    Near::kSetBlobMetadata, "SetPathProperties", "PATCH",   Level::kBlob,
    Effect::kWrite,         P::kWrite,           P::kWrite, kNever};
constexpr OperationInfo kSetAcl{
    Near::kSetBlobMetadata, "SetPathAccessControl", "PATCH",         Level::kBlob,
    Effect::kWrite,         P::kPermissions,        P::kPermissions, kNever};
constexpr OperationInfo kSetOwner{
    Near::kSetBlobMetadata, "SetPathAccessControl", "PATCH",       Level::kBlob,
    Effect::kWrite,         P::kOwnership,          P::kOwnership, kNever};
constexpr OperationInfo kSetAclRecursive{Near::kSetBlobMetadata,
                                         "SetPathAccessControlRecursive",
                                         "PATCH",
                                         Level::kTree,
                                         Effect::kWrite,
                                         P::kPermissions,
                                         P::kPermissions,
                                         kNever};
constexpr OperationInfo kReadFile{Near::kGetBlob, "ReadFile", "GET",    Level::kBlob,
                                  Effect::kRead,  P::kRead,   P::kRead, kIfBlob};
constexpr OperationInfo kGetProperties{Near::kGetBlobProperties,
                                       "GetPathProperties",
                                       "HEAD",
                                       Level::kBlob,
                                       Effect::kRead,
                                       P::kRead,
                                       P::kRead,
                                       kIfBlob};
constexpr OperationInfo kGetStatus{Near::kGetBlobProperties,
                                   "GetPathStatus",
                                   "HEAD",
                                   Level::kBlob,
                                   Effect::kRead,
                                   kLook,
                                   kLook,
                                   kNever};
constexpr OperationInfo kGetAcl{Near::kGetBlobProperties,
                                "GetPathAccessControl",
                                "HEAD",
                                Level::kBlob,
                                Effect::kRead,
                                kLook,
                                kLook,
                                kNever};
constexpr OperationInfo kDelete{Near::kDeleteBlob, "DeletePath", "DELETE",   Level::kBlob,
                                Effect::kDelete,   P::kDelete,   P::kDelete, kNever};
constexpr OperationInfo kDeleteTree{Near::kDeleteBlob, "DeletePath", "DELETE",   Level::kTree,
                                    Effect::kDelete,   P::kDelete,   P::kDelete, kNever};
constexpr OperationInfo kLease{Near::kAcquireBlobLease, "LeasePath", "POST",    Level::kBlob,
                               Effect::kWrite,          P::kWrite,   P::kWrite, kNever};

DialectRoute To(const OperationInfo& info, Handler handler) {
  DialectRoute route;
  route.info = &info;
  route.handler = handler;
  return route;
}

std::unexpected<Error> BadVerb() {
  return Fail(Code::kUnsupportedHttpVerb, "The resource doesn't support specified Http Verb.");
}

// An account SAS names the root directory as an object, a service SAS covers it with its container.
DialectRoute OnRoot(DialectRoute route) {
  route.scope = azure::BlobName("");
  return route;
}

// Whether the request says that it means the file system. Without the word a path that was left
// empty would create, change or delete all of it.
Result<> RequireFilesystem(const azure::Query& query) {
  const auto resource = query.Find("resource");
  if (!resource) return Fail(azure::MissingQueryError("resource"));
  if (EqualsIgnoreCase(*resource, "filesystem")) return {};
  return Fail(azure::InvalidQueryError("resource", *resource));
}

Result<DialectRoute> RecognizeFilesystem(std::string_view method, const azure::Query& query) {
  if (method == "PUT" || method == "DELETE") FB_RETURN_IF_ERROR(RequireFilesystem(query));
  if (method == "PUT") return To(kCreateFilesystem, &HandleCreateFilesystem);
  if (method == "HEAD") return To(kGetFilesystem, &HandleGetFilesystemProperties);
  if (method == "DELETE") return To(kDeleteFilesystem, &HandleDeleteFilesystem);
  if (method != "GET") return BadVerb();
  DialectRoute route = To(kListPaths, &HandleListPaths);
  // A directory's token lists that directory; with no directory only a container's token will do.
  route.scope = azure::BlobName(query.Get("directory"));
  return route;
}

Result<DialectRoute> RecognizeUpdate(const azure::RequestTarget& target,
                                     azure::HeaderSpan headers) {
  const std::string action = ToLowerAscii(target.query.Get("action"));
  const bool root = !target.blob || NamesRoot(target);
  if (action == "setaccesscontrol") {
    const bool owner = azure::FindHeader(headers, "x-ms-owner").has_value() ||
                       azure::FindHeader(headers, "x-ms-group").has_value();
    const bool rights = azure::FindHeader(headers, "x-ms-acl").has_value() ||
                        azure::FindHeader(headers, "x-ms-permissions").has_value();
    DialectRoute route = To(owner ? kSetOwner : kSetAcl, &HandleSetAccessControl);
    if (owner && rights) route.extra = P(P::kPermissions);
    return root ? OnRoot(std::move(route)) : route;
  }
  if (action == "setaccesscontrolrecursive") {
    DialectRoute route = To(kSetAclRecursive, &HandleSetAccessControlRecursive);
    return root ? OnRoot(std::move(route)) : route;
  }
  if (action.empty() && root) {
    FB_RETURN_IF_ERROR(RequireFilesystem(target.query));
    return To(kSetFilesystem, &HandleSetFilesystemProperties);
  }
  if (action.empty()) return Fail(azure::MissingQueryError("action"));
  if (root) return Fail(azure::InvalidQueryError("action", action));
  if (action == "append") return To(kAppend, &HandleAppend);
  if (action == "flush") return To(kFlush, &HandleFlush);
  if (action == "setproperties") return To(kSetProperties, &HandleSetProperties);
  return Fail(azure::InvalidQueryError("action", target.query.Get("action")));
}

Result<DialectRoute> RecognizeHead(const azure::RequestTarget& target) {
  const std::string action = ToLowerAscii(target.query.Get("action"));
  const OperationInfo* info = nullptr;
  if (action.empty()) info = &kGetProperties;
  if (action == "getstatus") info = &kGetStatus;
  if (action == "getaccesscontrol") info = &kGetAcl;
  if (info == nullptr) return Fail(azure::InvalidQueryError("action", target.query.Get("action")));
  DialectRoute route = To(*info, &HandleGetPathProperties);
  return !target.blob || NamesRoot(target) ? OnRoot(std::move(route)) : route;
}

bool IsRecursive(const azure::Query& query) {
  const std::string_view text = query.Get("recursive");
  // What is neither true nor false is refused later, by words that say why.
  return !text.empty() && azure::ParseBool(text).value_or(true);
}

Result<DialectRoute> RecognizePath(std::string_view method, const azure::RequestTarget& target,
                                   azure::HeaderSpan headers) {
  if (method == "PUT") {
    if (azure::FindHeader(headers, "x-ms-rename-source")) return To(kRename, &HandleRenamePath);
    const auto resource = target.query.Find("resource");
    if (!resource) return Fail(azure::MissingQueryError("resource"));
    if (EqualsIgnoreCase(*resource, "file")) return To(kCreateFile, &HandleCreatePath);
    if (EqualsIgnoreCase(*resource, "directory")) return To(kCreateDirectory, &HandleCreatePath);
    return Fail(azure::InvalidQueryError("resource", *resource));
  }
  if (method == "GET") return To(kReadFile, &HandleReadPath);
  if (method == "DELETE") {
    return To(IsRecursive(target.query) ? kDeleteTree : kDelete, &HandleDeletePath);
  }
  if (method == "POST") return To(kLease, &HandleLeasePath);
  return BadVerb();
}

// Clients whose HTTP library knows no PATCH (Hadoop's) send PUT and say what they mean; what they
// sign is PUT.
std::string_view MeantMethod(std::string_view method, azure::HeaderSpan headers) {
  const auto override = azure::FindHeader(headers, "x-http-method-override");
  if (method == "PUT" && override && EqualsIgnoreCase(*override, "PATCH")) return "PATCH";
  return method;
}

}  // namespace

bool NamesRoot(const azure::RequestTarget& target) {
  return target.blob && target.blob->view() == "/";
}

bool IsDfsRequest(std::string_view method, const azure::RequestTarget& target,
                  azure::HeaderSpan headers) {
  if (method == "OPTIONS") return false;
  if (IsPosixRequest(target)) return true;
  method = MeantMethod(method, headers);
  // `comp` and `restype` are words of the Blob API, which its clients also send to a dfs host.
  if (target.query.Has("comp") || target.query.Has("restype")) return false;
  if (method == "PATCH") return true;
  if (method == "POST" && azure::FindHeader(headers, "x-ms-lease-action")) return true;
  if (target.query.Has("paginated")) return true;  // a delete without `recursive`
  return azure::LooksLikeDfs(target, azure::FindHeader(headers, "x-ms-rename-source").has_value());
}

Result<DialectRoute> RecognizeDfs(std::string_view method, const azure::RequestTarget& target,
                                  azure::HeaderSpan headers) {
  if (IsPosixRequest(target)) return RecognizePosix(method, target);
  method = MeantMethod(method, headers);
  if (!target.container) {
    if (method == "GET") return To(kListFilesystems, &HandleListFilesystems);
    return BadVerb();
  }
  if (method == "PATCH") return RecognizeUpdate(target, headers);
  const bool path = target.blob && !target.implicit_root;
  const bool filesystem = EqualsIgnoreCase(target.query.Get("resource"), "filesystem");
  if (method == "HEAD" && (path || (!filesystem && target.query.Has("action")))) {
    return RecognizeHead(target);
  }
  if (path) return RecognizePath(method, target, headers);
  // A rename or a file in the root container of the account comes without the container's name.
  if (target.implicit_root) return RecognizePath(method, target, headers);
  return RecognizeFilesystem(method, target.query);
}

}  // namespace forebay::rest::dfs
