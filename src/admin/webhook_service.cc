#include "admin/webhook_service.h"

#include <utility>
#include <vector>

#include "admin/answers.h"
#include "admin/control_api.h"
#include "admin/event_messages.h"
#include "admin/lake_errors.h"
#include "azure/event_grid.h"
#include "azure/shared_key.h"
#include "azure/target.h"
#include "http/client.h"

namespace forebay::admin {
namespace {

// Who Azure says it is in the handshake of CloudEvents.
constexpr std::string_view kEventGrid = "eventgrid.azure.net";
constexpr std::string_view kMethods = "OPTIONS, POST";

http::Response Handshake(const http::Request& request) {
  std::vector<azure::HeaderField> headers;
  for (const auto [name, value] : request.headers) headers.push_back({name, value});
  auto answer = azure::AnswerWebhookOptions(headers, kEventGrid);
  if (!answer) {
    const bool missing = answer.error().code() == Code::kMissingRequiredHeader;
    return Refusal(missing ? 400 : 403, answer.error());
  }
  http::Response response;
  response.headers.Add("Allow", kMethods);
  for (const auto& [name, value] : *answer) response.headers.Add(name, value);
  return response;
}

}  // namespace

Task<std::string> TakeAzureEvents(tier::LakeWatch& watch, OpContext context, std::string body) {
  FB_CO_ASSIGN_OR_RETURN(azure::EventBatch batch, azure::ParseEventBatch(body));
  if (batch.validation_code) co_return azure::ValidationAnswer(*batch.validation_code);
  const std::uint64_t skipped = batch.skipped;
  auto looked = co_await watch.TakeEvents(std::move(context), std::move(batch.events));
  if (!looked) co_return Fail(ToldByLake(std::move(looked.error())));
  co_return Encode(LookedAtInfo{.names = *looked, .skipped = skipped});
}

bool WebhookService::Authorized(const http::Request& request) const {
  // Both are compared, so that the time says nothing of which one was tried.
  const bool bearer =
      azure::ConstantTimeEquals(request.headers.Get("Authorization"), "Bearer " + token_);
  const auto query = azure::Query::Parse(request.query);
  const bool in_query = query && azure::ConstantTimeEquals(query->Get("token"), token_);
  return bearer || in_query;
}

Task<http::Response> WebhookService::Handle(OpContext context, http::Request& request) {
  if (request.path != kWebhookPath) {
    co_return Refusal(404, {Code::kNotFound, "There is nothing else here."});
  }
  if (!Authorized(request)) {
    http::Response refused =
        Refusal(401, {Code::kAuthenticationFailed, "The token of this webhook is needed."});
    refused.close = true;  // a body may follow, which nobody reads
    co_return refused;
  }
  if (request.method == http::Method::kOptions) co_return Handshake(request);
  if (request.method == http::Method::kPost) co_return co_await Take(std::move(context), request);
  http::Response refused = Refusal(405, {Code::kUnsupportedHttpVerb, "Events are posted here."});
  refused.headers.Add("Allow", kMethods);
  refused.close = true;
  co_return refused;
}

// What is not answered 200 Event Grid sends again, later and later.
Task<http::Response> WebhookService::Take(OpContext context, http::Request& request) {
  auto body = co_await http::ReadAll(*request.body, azure::kMaxEventBodyBytes);
  if (!body) co_return Refusal(StatusOf(body.error()), body.error());
  auto answer = co_await TakeAzureEvents(watch_, std::move(context), std::move(*body));
  if (!answer) co_return Refusal(StatusOf(answer.error()), answer.error());
  co_return JsonAnswer(200, std::move(*answer));
}

}  // namespace forebay::admin
