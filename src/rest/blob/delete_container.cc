#include "engine/delete_container.h"

#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandleDeleteContainer(Call& call) {
  engine::DeleteContainerRequest request;
  request.target = call.Container();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  FB_CO_RETURN_IF_ERROR(
      co_await engine::DeleteContainer(call.services, call.context, std::move(request)));
  co_return Empty(202);
}

}  // namespace forebay::rest
