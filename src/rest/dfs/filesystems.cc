// File systems: list, create, properties, delete. They are containers, and no more.
#include "azure/error_table.h"
#include "azure/marker.h"
#include "engine/create_container.h"
#include "engine/delete_container.h"
#include "engine/get_container.h"
#include "engine/list_containers.h"
#include "engine/update_container.h"
#include "rest/blob/lease_headers.h"
#include "rest/blob/responses.h"
#include "rest/dfs/handlers.h"
#include "rest/dfs/json.h"
#include "rest/dfs/list_parameters.h"
#include "rest/dfs/properties.h"

namespace forebay::rest::dfs {
namespace {

void AddNamespace(http::Response& response, bool hierarchical) {
  response.headers.Add("x-ms-namespace-enabled", hierarchical ? "true" : "false");
}

}  // namespace

Task<http::Response> HandleListFilesystems(Call& call) {
  engine::ListContainersRequest request;
  request.account = call.EngineAccount();
  request.prefix = std::string(call.QueryValue("prefix"));
  FB_CO_ASSIGN_OR_RETURN(request.max_results, MaxResultsOf(call, "maxResults"));
  const std::string scope = "filesystems/" + request.prefix;
  FB_CO_ASSIGN_OR_RETURN(request.start, ContinuationOf(call, scope));
  FB_CO_ASSIGN_OR_RETURN(
      auto page, co_await engine::ListContainers(call.services, call.context, std::move(request)));
  std::string list = "[";
  for (const auto& [name, record] : page.containers) {
    if (list.size() > 1) list += ',';
    JsonObject(list)
        .Text("name", name.view())
        .Text("lastModified", azure::FormatHttpDate(record.modified))
        .Text("etag", azure::QuoteETag(azure::MakeETag(record.etag.value())))
        .Close();
  }
  list += ']';
  http::Response response = Json(200);
  JsonObject(response.text).Raw("filesystems", list).Close();
  AddContinuation(response, scope, page.next);
  co_return response;
}

Task<http::Response> HandleCreateFilesystem(Call& call) {
  engine::CreateContainerRequest request;
  request.target = call.Container();
  FB_CO_ASSIGN_OR_RETURN(auto properties, PropertiesFrom(call.headers()));
  if (properties) request.metadata = std::move(*properties);
  FB_CO_ASSIGN_OR_RETURN(
      const engine::Changed changed,
      co_await engine::CreateContainer(call.services, call.context, std::move(request)));
  http::Response response = Empty(201);
  AddChanged(response, changed);
  AddNamespace(response, call.account->hierarchical);
  co_return response;
}

Task<http::Response> HandleGetFilesystemProperties(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(
      auto record, co_await engine::GetContainer(call.services, call.context, call.Container()));
  http::Response response = Empty(200);
  AddChanged(response, {azure::MakeETag(record.etag.value()), record.modified});
  AddProperties(response, record.metadata);
  AddLeaseHeaders(response, record.lease, call.now);
  AddNamespace(response, record.hierarchical);
  co_return response;
}

Task<http::Response> HandleSetFilesystemProperties(Call& call) {
  engine::UpdateContainerRequest request;
  request.target = call.Container();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  // All properties are replaced; without the header all are removed.
  FB_CO_ASSIGN_OR_RETURN(auto properties, PropertiesFrom(call.headers()));
  request.metadata = properties.value_or(azure::Metadata());
  FB_CO_ASSIGN_OR_RETURN(
      const engine::Changed changed,
      co_await engine::UpdateContainer(call.services, call.context, std::move(request)));
  http::Response response = Empty(200);
  AddChanged(response, changed);
  co_return response;
}

Task<http::Response> HandleDeleteFilesystem(Call& call) {
  engine::DeleteContainerRequest request;
  request.target = call.Container();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  FB_CO_RETURN_IF_ERROR(
      co_await engine::DeleteContainer(call.services, call.context, std::move(request)));
  co_return Empty(202);
}

}  // namespace forebay::rest::dfs
