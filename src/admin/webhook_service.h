// The webhook of Event Grid subscriptions, on a listener of its own: Azure posts there when a blob
// of a lake changes, without a way to anything else of the administration.
//
//   OPTIONS /v1/lakes/azure-events?token=…   the handshake of CloudEvents 1.0
//   POST    /v1/lakes/azure-events?token=…   events of either form, and Event Grid's own handshake
//
// The token is a secret of this listener alone, in the query because that is where Event Grid keeps
// secrets of an endpoint (`Authorization: Bearer` does as well). Without it the answer is 401, and
// nothing of the request is read; any other path is 404. Events are hints: whoever knows the token
// can have names looked at again, and change nothing.
//
// Thread safe once serving. References must outlive it.
#pragma once

#include <string>

#include "async/task.h"
#include "http/server.h"
#include "tier/watch.h"

namespace forebay::admin {

inline constexpr std::string_view kWebhookPath = "/v1/lakes/azure-events";

// What a POST brings: has the names looked at again, or echoes the code of a handshake. The answer.
Task<std::string> TakeAzureEvents(tier::LakeWatch& watch, OpContext context, std::string body);

class WebhookService final : public http::Handler {
 public:
  // `token`: never empty.
  WebhookService(tier::LakeWatch& watch, std::string token)
      : watch_(watch), token_(std::move(token)) {}

  Task<http::Response> Handle(OpContext context, http::Request& request) override;

 private:
  bool Authorized(const http::Request& request) const;
  Task<http::Response> Take(OpContext context, http::Request& request);

  tier::LakeWatch& watch_;
  const std::string token_;
};

}  // namespace forebay::admin
