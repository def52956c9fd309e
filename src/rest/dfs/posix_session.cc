// The verbs of sessions: lease, holds, locks.
#include "azure/error_table.h"
#include "base/encoding.h"
#include "engine/lazy.h"
#include "engine/node_session.h"
#include "rest/blob/responses.h"
#include "rest/dfs/posix_handlers.h"

namespace forebay::rest::dfs {
namespace {

constexpr std::uint64_t kDefaultSeconds = 60;

Result<engine::LockRequest> LockFrom(const Call& call) {
  engine::LockRequest request;
  FB_ASSIGN_OR_RETURN(request.target, NodeOf(call, /*writes=*/false));
  FB_ASSIGN_OR_RETURN(request.lock.session, RequireNumber(call, "session"));
  FB_ASSIGN_OR_RETURN(request.lock.owner, RequireNumber(call, "owner"));
  const std::string_view kind = call.QueryValue("kind");
  if (kind == "exclusive") {
    request.action = engine::LockAction::kExclusive;
  } else if (kind == "unlock") {
    request.action = engine::LockAction::kUnlock;
  } else if (kind != "shared") {
    return Fail(azure::InvalidQueryError("kind", kind));
  }
  const std::string_view family = call.QueryValue("family");
  if (family == "flock") {
    request.lock.family = meta::LockFamily::kFlock;
  } else if (family != "posix") {
    return Fail(azure::InvalidQueryError("family", family));
  }
  FB_ASSIGN_OR_RETURN(const auto start, QueryNumber(call, "start"));
  FB_ASSIGN_OR_RETURN(const auto length, QueryNumber(call, "length"));
  FB_ASSIGN_OR_RETURN(const auto pid, QueryNumber(call, "pid"));
  FB_ASSIGN_OR_RETURN(const auto wait, QueryNumber(call, "wait"));
  request.lock.start = start.value_or(0);
  if (length.value_or(0) > 0) {
    if (*length > UINT64_MAX - request.lock.start) {
      return Fail(azure::InvalidQueryError("length", call.QueryValue("length")));
    }
    request.lock.end = request.lock.start + *length;
  }
  request.lock.pid = static_cast<std::uint32_t>(pid.value_or(0));
  request.wait = std::chrono::seconds(std::min<std::uint64_t>(
      wait.value_or(0), static_cast<std::uint64_t>(engine::kMaxLockWait.count())));
  return request;
}

}  // namespace

Task<http::Response> HandlePosixOpenSession(Call& call) {
  engine::OpenSessionRequest request;
  request.container = call.Container();
  FB_CO_ASSIGN_OR_RETURN(const auto seconds, QueryNumber(call, "ttl"));
  request.seconds = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(seconds.value_or(kDefaultSeconds), UINT32_MAX));
  request.owner = std::string(call.Header("x-ms-posix-owner"));
  const std::uint32_t ttl = request.seconds;
  FB_CO_ASSIGN_OR_RETURN(
      const std::uint64_t id,
      co_await engine::OpenSession(call.services, call.context, std::move(request)));
  http::Response response = Empty(201);
  response.headers.Add("x-ms-posix",
                       azure::FieldLineWriter().Number("session", id).Number("ttl", ttl).Take());
  co_return response;
}

Task<http::Response> HandlePosixRenewSession(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t session, RequireNumber(call, "session"));
  FB_CO_RETURN_IF_ERROR(
      co_await engine::RenewSession(call.services, call.context, call.Container(), session));
  co_return Empty(200);
}

Task<http::Response> HandlePosixEndSession(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t session, RequireNumber(call, "session"));
  FB_CO_RETURN_IF_ERROR(
      co_await engine::EndSession(call.services, call.context, call.Container(), session));
  co_return Empty(200);
}

Task<http::Response> HandlePosixSync(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto marks, engine::ParseLazyMarks(call.Header("x-ms-posix-mark")));
  FB_CO_RETURN_IF_ERROR(co_await engine::SyncLazy(call.services, call.context, std::move(marks)));
  co_return Empty(200);
}

Task<http::Response> HandlePosixHold(Call& call) {
  engine::HoldRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.target, NodeOf(call, /*writes=*/false));
  FB_CO_ASSIGN_OR_RETURN(request.session, RequireNumber(call, "session"));
  request.release = call.request.method == http::Method::kDelete;
  FB_CO_ASSIGN_OR_RETURN(
      const auto attributes,
      co_await engine::HoldNode(call.services, call.context, std::move(request)));
  co_return WithAttributes(200, attributes);
}

Task<http::Response> HandlePosixLock(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto request, LockFrom(call));
  FB_CO_RETURN_IF_ERROR(co_await engine::LockNode(call.services, call.context, std::move(request)));
  co_return Empty(200);
}

Task<http::Response> HandlePosixTestLock(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto request, LockFrom(call));
  FB_CO_ASSIGN_OR_RETURN(
      const auto found, co_await engine::TestLock(call.services, call.context, std::move(request)));
  azure::FieldLineWriter line;
  if (found) {
    line.Text("kind", found->exclusive ? "exclusive" : "shared").Number("start", found->start);
    line.Number("length", found->end == UINT64_MAX ? 0 : found->end - found->start);
    line.Number("pid", found->pid).Number("owner", found->owner);
    line.Number("session", found->session);
  }
  http::Response response = Empty(200);
  response.headers.Add("x-ms-posix", line.Take());
  co_return response;
}

}  // namespace forebay::rest::dfs
