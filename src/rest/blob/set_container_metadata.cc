// Set Container Metadata: replaces all of it. Azure documents If-Modified-Since and the lease only;
// the other conditions hold here too.
#include "azure/metadata.h"
#include "engine/update_container.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandleSetContainerMetadata(Call& call) {
  engine::UpdateContainerRequest request;
  request.target = call.Container();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  FB_CO_ASSIGN_OR_RETURN(request.metadata, azure::MetadataFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(auto changed, co_await engine::UpdateContainer(call.services, call.context,
                                                                        std::move(request)));
  http::Response response = Empty(200);
  AddChanged(response, changed);
  co_return response;
}

}  // namespace forebay::rest
