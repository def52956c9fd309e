#include "engine/list_containers.h"

#include "azure/error_table.h"
#include "azure/marker.h"
#include "azure/xml_list.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

// `include`: metadata; deleted and system are known words that show nothing here.
Result<bool> IncludesMetadata(std::string_view include) {
  bool metadata = false;
  while (!include.empty()) {
    const std::size_t comma = include.find(',');
    const std::string_view word = azure::TrimSpace(include.substr(0, comma));
    include = comma == std::string_view::npos ? std::string_view() : include.substr(comma + 1);
    if (word == "metadata") {
      metadata = true;
    } else if (!word.empty() && word != "deleted" && word != "system") {
      return Fail(azure::InvalidQueryError("include", word));
    }
  }
  return metadata;
}

}  // namespace

Task<http::Response> HandleListContainers(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(const bool metadata, IncludesMetadata(call.QueryList("include")));
  engine::ListContainersRequest request;
  request.account = call.EngineAccount();
  FB_CO_ASSIGN_OR_RETURN(request.max_results, MaxResults(call));
  request.prefix = std::string(call.QueryValue("prefix"));
  azure::ListEcho echo;
  echo.service_endpoint = call.ServiceEndpoint();
  if (!request.prefix.empty()) echo.prefix = request.prefix;
  if (!call.QueryValue("maxresults").empty()) echo.max_results = request.max_results;
  const std::string scope = "containers/" + request.prefix;
  if (const std::string_view marker = call.QueryValue("marker"); !marker.empty()) {
    echo.marker = std::string(marker);
    FB_CO_ASSIGN_OR_RETURN(request.start, azure::DecodeMarker(scope, marker));
  }
  FB_CO_ASSIGN_OR_RETURN(
      auto page, co_await engine::ListContainers(call.services, call.context, std::move(request)));
  azure::ListContainersWriter writer(echo, metadata);
  for (auto& [name, record] : page.containers) {
    azure::ListedContainer shown;
    shown.name = name;
    shown.last_modified = record.modified;
    shown.etag = azure::MakeETag(record.etag.value());
    shown.lease = record.lease.StateAt(call.now);
    shown.lease_infinite = record.lease.infinite();
    shown.public_access = record.public_access;
    if (metadata) shown.metadata = std::move(record.metadata);
    writer.Add(shown);
  }
  const std::string next =
      page.next.empty() ? std::string() : azure::EncodeMarker(scope, page.next);
  co_return Xml(writer.Finish(next));
}

}  // namespace forebay::rest
