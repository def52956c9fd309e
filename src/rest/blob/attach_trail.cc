#include "rest/blob/attach_trail.h"

#include "azure/attach_trail.h"
#include "engine/lake_side.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<std::optional<http::Response>> AnswerAttachTrail(const Call& call) {
  if (call.services.lake == nullptr) co_return std::nullopt;
  auto trail = azure::ParseAttachTrail(call.Header(azure::kAttachTrailHeader));
  if (!trail) co_return std::nullopt;
  FB_CO_ASSIGN_OR_RETURN(const std::string way,
                         co_await call.services.lake->FollowAttachTrail(
                             call.context, call.Container(), std::move(*trail)));
  if (way.empty()) co_return std::nullopt;
  http::Response response = Empty(200);
  response.headers.Add(std::string(azure::kLeadsBackHeader), way);
  co_return response;
}

}  // namespace forebay::rest
