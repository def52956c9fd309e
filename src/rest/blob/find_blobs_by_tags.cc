// Find Blobs by Tags, in an account or in one container.
#include "engine/find_blobs_by_tags.h"

#include "azure/error_table.h"
#include "azure/marker.h"
#include "azure/xml_list.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandleFindBlobsByTags(Call& call) {
  const auto where = call.target.query.Find("where");
  if (!where || where->empty()) co_return Fail(azure::MissingQueryError("where"));
  engine::FindBlobsByTagsRequest request;
  request.account = call.EngineAccount();
  FB_CO_ASSIGN_OR_RETURN(request.where, azure::ParseTagQuery(*where));
  FB_CO_ASSIGN_OR_RETURN(request.max_results, MaxResults(call));
  request.container = call.target.container;
  std::string scope = "tags/";
  if (request.container) scope += request.container->str();
  scope += '\0';
  scope += *where;
  if (const std::string_view marker = call.QueryValue("marker"); !marker.empty()) {
    FB_CO_ASSIGN_OR_RETURN(const std::string position, azure::DecodeMarker(scope, marker));
    const std::size_t split = position.find('\0');
    if (split == std::string::npos) co_return Fail(azure::InvalidQueryError("marker", marker));
    request.start_container = position.substr(0, split);
    request.start_name = position.substr(split + 1);
  }
  azure::ListEcho echo;
  echo.service_endpoint = call.ServiceEndpoint();
  FB_CO_ASSIGN_OR_RETURN(
      auto page, co_await engine::FindBlobsByTags(call.services, call.context, std::move(request)));
  azure::FindBlobsWriter writer(echo, *where);
  for (const engine::FoundBlob& blob : page.blobs) writer.Add(blob.container, blob.name, blob.tags);
  std::string next;
  if (!page.next_container.empty()) {
    next = azure::EncodeMarker(scope, page.next_container + '\0' + page.next_name);
  }
  co_return Xml(writer.Finish(next));
}

}  // namespace forebay::rest
