// Path Delete and Path Lease.
#include "engine/delete_path.h"

#include "rest/blob/lease_headers.h"
#include "rest/blob/responses.h"
#include "rest/dfs/handlers.h"
#include "rest/dfs/list_parameters.h"
#include "rest/dfs/properties.h"

namespace forebay::rest::dfs {

Task<http::Response> HandleDeletePath(Call& call) {
  if (!PathOf(call)) {
    co_return Fail(Code::kInvalidInput, "The root directory goes with its file system.");
  }
  engine::DeletePathRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, WriteConditions(call));
  FB_CO_ASSIGN_OR_RETURN(request.recursive, QueryFlag(call, "recursive"));
  const std::string scope =
      "delete/" + request.target.container.str() + '\0' + request.target.blob.str();
  FB_CO_ASSIGN_OR_RETURN(request.start, ContinuationOf(call, scope));
  FB_CO_ASSIGN_OR_RETURN(const auto deleted, co_await engine::DeletePath(
                                                 call.services, call.context, std::move(request)));
  http::Response response = Empty(200);
  AddContinuation(response, scope, deleted.next);
  co_return response;
}

Task<http::Response> HandleLeasePath(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(engine::LeaseRequest request, LeaseFrom(call));
  const engine::LeaseAction action = request.action;
  FB_CO_ASSIGN_OR_RETURN(auto result, co_await engine::LeaseBlob(call.services, call.context,
                                                                 call.Blob(), std::move(request)));
  co_return LeaseAnswer(action, result);
}

}  // namespace forebay::rest::dfs
