// Lease Blob and Lease Container: acquire, renew, change, release, break.
#include "engine/lease.h"

#include <array>

#include "azure/error_table.h"
#include "base/encoding.h"
#include "base/uuid.h"
#include "rest/blob/handlers.h"
#include "rest/blob/lease_headers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

using engine::LeaseAction;

constexpr std::int32_t kMaxBreakSeconds = 60;

Result<LeaseAction> ActionFrom(const Call& call) {
  constexpr std::array<std::string_view, 5> kNames = {"acquire", "renew", "change", "release",
                                                      "break"};
  const auto text = azure::FindHeader(call.headers(), "x-ms-lease-action");
  if (!text) return Fail(azure::MissingHeaderError("x-ms-lease-action"));
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (EqualsIgnoreCase(*text, kNames[i])) return static_cast<LeaseAction>(i);
  }
  return Fail(azure::InvalidHeaderError("x-ms-lease-action", *text));
}

Result<std::string> IdFrom(const Call& call, std::string_view header) {
  const auto text = azure::FindHeader(call.headers(), header);
  if (!text) return Fail(azure::MissingHeaderError(header));
  if (!IsLeaseId(*text)) return Fail(azure::InvalidHeaderError(header, *text));
  return std::string(*text);
}

Result<> AcquireFrom(const Call& call, engine::LeaseRequest& request) {
  const auto duration = azure::FindHeader(call.headers(), "x-ms-lease-duration");
  if (!duration) return Fail(azure::MissingHeaderError("x-ms-lease-duration"));
  FB_ASSIGN_OR_RETURN(request.duration_seconds, LeaseSeconds(*duration));
  if (!azure::FindHeader(call.headers(), "x-ms-proposed-lease-id")) {
    request.proposed_id = NewUuid();
    return {};
  }
  FB_ASSIGN_OR_RETURN(request.proposed_id, IdFrom(call, "x-ms-proposed-lease-id"));
  return {};
}

}  // namespace

bool IsLeaseId(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c == '{' || c == '}' || c == '(' || c == ')' || c == '-') continue;
    digits.push_back(c);
  }
  return digits.size() == 32 && text.size() <= 38 &&
         digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
}

Result<std::int32_t> LeaseSeconds(std::string_view text) {
  if (text == "-1") return meta::kInfiniteLease;
  const auto seconds = azure::ParseUint(text);
  if (!seconds || *seconds < 15 || *seconds > 60) {
    return Fail(azure::InvalidHeaderError("x-ms-lease-duration", text));
  }
  return static_cast<std::int32_t>(*seconds);
}

Result<engine::LeaseRequest> LeaseFrom(const Call& call) {
  engine::LeaseRequest request;
  FB_ASSIGN_OR_RETURN(request.action, ActionFrom(call));
  FB_ASSIGN_OR_RETURN(request.conditions, azure::ConditionsFrom(call.headers()));
  FB_RETURN_IF_ERROR(azure::CheckWriteCombination(request.conditions));
  switch (request.action) {
    case LeaseAction::kAcquire:
      FB_RETURN_IF_ERROR(AcquireFrom(call, request));
      break;
    case LeaseAction::kChange: {
      FB_ASSIGN_OR_RETURN(request.proposed_id, IdFrom(call, "x-ms-proposed-lease-id"));
      FB_ASSIGN_OR_RETURN(request.lease_id, IdFrom(call, "x-ms-lease-id"));
      break;
    }
    case LeaseAction::kRenew:
    case LeaseAction::kRelease: {
      FB_ASSIGN_OR_RETURN(request.lease_id, IdFrom(call, "x-ms-lease-id"));
      break;
    }
    case LeaseAction::kBreak:
      if (const auto text = azure::FindHeader(call.headers(), "x-ms-lease-break-period")) {
        const auto seconds = azure::ParseUint(*text);
        if (!seconds || *seconds > kMaxBreakSeconds) {
          return Fail(azure::InvalidHeaderError("x-ms-lease-break-period", *text));
        }
        request.break_period_seconds = static_cast<std::int32_t>(*seconds);
      }
      break;
  }
  return request;
}

http::Response LeaseAnswer(LeaseAction action, const engine::LeaseResult& result) {
  http::Response response = Empty(action == LeaseAction::kAcquire ? 201
                                  : action == LeaseAction::kBreak ? 202
                                                                  : 200);
  AddChanged(response, result.changed);
  if (!result.lease_id.empty()) response.headers.Add("x-ms-lease-id", result.lease_id);
  if (action == LeaseAction::kBreak) {
    response.headers.Add("x-ms-lease-time", std::to_string(result.seconds_left));
  }
  return response;
}

void AddLeaseHeaders(http::Response& response, const meta::ResourceLease& lease, WallTime now) {
  const azure::LeaseState state = lease.StateAt(now);
  response.headers.Add("x-ms-lease-status", std::string(azure::LeaseStatusName(state)));
  response.headers.Add("x-ms-lease-state", std::string(azure::LeaseStateName(state)));
  if (state == azure::LeaseState::kLeased) {
    response.headers.Add("x-ms-lease-duration", lease.infinite() ? "infinite" : "fixed");
  }
}

Task<http::Response> HandleLeaseBlob(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(engine::LeaseRequest request, LeaseFrom(call));
  const LeaseAction action = request.action;
  FB_CO_ASSIGN_OR_RETURN(auto result, co_await engine::LeaseBlob(call.services, call.context,
                                                                 call.Blob(), std::move(request)));
  co_return LeaseAnswer(action, result);
}

Task<http::Response> HandleLeaseContainer(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(engine::LeaseRequest request, LeaseFrom(call));
  const LeaseAction action = request.action;
  FB_CO_ASSIGN_OR_RETURN(
      auto result, co_await engine::LeaseContainer(call.services, call.context, call.Container(),
                                                   std::move(request)));
  co_return LeaseAnswer(action, result);
}

}  // namespace forebay::rest
