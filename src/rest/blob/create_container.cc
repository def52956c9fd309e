#include "engine/create_container.h"

#include "azure/error_table.h"
#include "azure/metadata.h"
#include "rest/blob/container_headers.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandleCreateContainer(Call& call) {
  engine::CreateContainerRequest request;
  request.target = call.Container();
  if (azure::IsSystemContainer(request.target.container) &&
      request.target.container.view() != azure::kRootContainer &&
      request.target.container.view() != "$web") {
    co_return Fail(Code::kInvalidResourceName,
                   "The specified resource name contains invalid characters.");
  }
  FB_CO_ASSIGN_OR_RETURN(request.public_access, PublicAccessFrom(call));
  FB_CO_ASSIGN_OR_RETURN(request.metadata, azure::MetadataFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(auto changed, co_await engine::CreateContainer(call.services, call.context,
                                                                        std::move(request)));
  http::Response response = Empty(201);
  AddChanged(response, changed);
  co_return response;
}

}  // namespace forebay::rest
