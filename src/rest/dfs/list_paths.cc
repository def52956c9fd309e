// List Paths, recursive or one directory.
#include "azure/error_table.h"
#include "engine/list_blobs.h"
#include "engine/path_access.h"
#include "engine/path_status.h"
#include "rest/dfs/handlers.h"
#include "rest/dfs/json.h"
#include "rest/dfs/list_parameters.h"
#include "rest/dfs/properties.h"

namespace forebay::rest::dfs {
namespace {

bool IsFolderMarker(const meta::BlobRecord& record) {
  for (const auto& [name, value] : record.metadata) {
    if (name == "hdi_isfolder" && value == "true") return true;
  }
  return false;
}

void AddPath(std::string& list, const engine::ListedBlob& item, bool hierarchical) {
  std::string_view name = item.name;
  if (name.ends_with('/')) name.remove_suffix(1);
  if (list.size() > 1) list += ',';
  JsonObject path(list);
  if (!item.record) {
    // A flat account knows a directory only by what is below it.
    path.Text("contentLength", "0").Text("isDirectory", "true").Text("name", name);
    path.Close();
    return;
  }
  const meta::BlobRecord& record = *item.record;
  const bool directory = record.directory.has_value() || IsFolderMarker(record);
  path.Text("contentLength", std::to_string(record.length))
      .Text("creationTime", std::to_string(FileTime(record.created)))
      .Text("etag", azure::MakeETag(record.etag.value()).view());
  if (record.expires) path.Text("expiryTime", std::to_string(FileTime(*record.expires)));
  if (hierarchical) path.Text("group", engine::AccessOf(record).group);
  if (directory) path.Text("isDirectory", "true");
  path.Text("lastModified", azure::FormatHttpDate(record.modified)).Text("name", name);
  if (hierarchical) {
    const azure::AccessControl access = engine::AccessOf(record);
    path.Text("owner", access.owner).Text("permissions", azure::FormatPermissions(access));
  }
  path.Close();
}

// A hierarchical directory that is not there is an error; a flat one cannot be told from an empty.
Task<> RequireDirectory(Call& call, const std::string& directory) {
  if (directory.empty() || !call.account->hierarchical) co_return Result<>();
  engine::PathTarget target{call.Container(), azure::BlobName(directory)};
  FB_CO_ASSIGN_OR_RETURN(
      const auto status,
      co_await engine::GetPathStatus(call.services, call.context, std::move(target), {}));
  if (status.record.directory) co_return Result<>();
  co_return Fail(Code::kBlobNotFound, "The specified path is not a directory.");
}

}  // namespace

Task<http::Response> HandleListPaths(Call& call) {
  if (!call.target.query.Has("recursive")) co_return Fail(azure::MissingQueryError("recursive"));
  FB_CO_ASSIGN_OR_RETURN(const bool recursive, QueryFlag(call, "recursive"));
  // Nobody here has another name than the one that is stored, so `upn` changes nothing.
  FB_CO_ASSIGN_OR_RETURN(const bool upn, QueryFlag(call, "upn"));
  (void)upn;
  std::string directory(call.QueryValue("directory"));
  while (directory.ends_with('/')) directory.pop_back();
  while (directory.starts_with('/')) directory.erase(0, 1);
  engine::ListBlobsRequest request;
  request.target = call.Container();
  if (!directory.empty()) request.prefix = directory + "/";
  if (!recursive) request.delimiter = "/";
  FB_CO_ASSIGN_OR_RETURN(request.max_results, MaxResultsOf(call, "maxResults"));
  const std::string scope = "paths/" + request.target.container.str() + '\0' + request.prefix +
                            '\0' + (recursive ? "r" : "");
  FB_CO_ASSIGN_OR_RETURN(request.start, ContinuationOf(call, scope));
  if (request.start.empty() && call.target.query.Has("beginFrom")) {
    request.start = request.prefix + std::string(call.QueryValue("beginFrom"));
  }
  FB_CO_RETURN_IF_ERROR(co_await RequireDirectory(call, directory));
  FB_CO_ASSIGN_OR_RETURN(
      auto page, co_await engine::ListBlobs(call.services, call.context, std::move(request)));
  std::string list = "[";
  for (const engine::ListedBlob& item : page.items) {
    if (item.record && item.record->expires && *item.record->expires <= call.now) continue;
    AddPath(list, item, page.hierarchical);
  }
  list += ']';
  http::Response response = Json(200);
  JsonObject(response.text).Raw("paths", list).Close();
  AddContinuation(response, scope, page.next);
  co_return response;
}

}  // namespace forebay::rest::dfs
