#include "admin/admin_service.h"

#include <utility>

#include "admin/answers.h"
#include "azure/shared_key.h"
#include "http/client.h"

namespace forebay::admin {
namespace {

constexpr std::size_t kMaxBody = 1 << 20;
constexpr std::string_view kControl = "/v1/";

std::string Join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

constexpr std::string_view kIndex =
    "Forebay admin listener\n\n"
    "  /healthz   does the process work\n"
    "  /readyz    are requests welcome\n"
    "  /metrics   Prometheus metrics\n"
    "  /v1/...    administration; `forebay volume`, `forebay lake` and others use it\n";

}  // namespace

AdminService::AdminService(const metrics::Registry& registry, const ControlApi& control,
                           ThreadPool& pool, Options options)
    : registry_(registry), control_(control), pool_(pool), options_(std::move(options)) {}

bool AdminService::Authorized(const http::Request& request) const {
  return azure::ConstantTimeEquals(request.headers.Get("Authorization"),
                                   "Bearer " + options_.token);
}

Task<http::Response> AdminService::Handle(OpContext context, http::Request& request) {
  const std::string path(request.path);
  if (path.starts_with(kControl)) co_return co_await Control(std::move(context), request);
  if (request.method != http::Method::kGet && request.method != http::Method::kHead) {
    http::Response refused = TextAnswer(405, "Only GET and HEAD are answered here.\n");
    refused.headers.Add("Allow", "GET, HEAD");
    co_return refused;
  }
  if (path == "/healthz") co_return TextAnswer(200, "ok\n");
  if (path == "/readyz") co_return co_await Readiness();
  if (path == "/metrics") co_return co_await Metrics();
  if (path == "/") co_return TextAnswer(200, std::string(kIndex));
  co_return TextAnswer(404, "There is no such page; see /.\n");
}

// Collectors look into the stores, which may block.
Task<http::Response> AdminService::Metrics() {
  auto text = co_await pool_.Run(
      [registry = &registry_]() -> Result<std::string> { return registry->Expose(); });
  if (!text) co_return TextAnswer(503, text.error().message() + "\n");
  co_return TextAnswer(200, std::move(*text), "text/plain; version=0.0.4; charset=utf-8");
}

// Asks the disks, and one that hangs must not take /healthz along.
Task<http::Response> AdminService::Readiness() {
  auto ready = co_await pool_.Run([check = &options_.ready]() -> Result<> { return (*check)(); });
  if (!ready) co_return TextAnswer(503, ready.error().message() + "\n");
  co_return TextAnswer(200, "ok\n");
}

Task<http::Response> AdminService::Control(OpContext context, http::Request& request) {
  if (!Authorized(request)) {
    http::Response refused =
        Refusal(401, {Code::kAuthenticationFailed,
                      "The token of this server is needed: it is in DATA/admin.token."});
    refused.headers.Add("WWW-Authenticate", "Bearer");
    co_return refused;
  }
  auto body = co_await http::ReadAll(*request.body, kMaxBody);
  if (!body) co_return Refusal(StatusOf(body.error()), body.error());
  std::string path = request.path;
  if (!request.query.empty()) path += "?" + request.query;
  auto answer = co_await control_.Call(std::move(context), std::string(request.method_text),
                                       std::move(path), std::move(*body));
  if (answer) co_return JsonAnswer(200, std::move(*answer));
  http::Response failed = Refusal(StatusOf(answer.error()), answer.error());
  if (failed.status == 405) failed.headers.Add("Allow", Join(control_.MethodsOf(request.path)));
  co_return failed;
}

}  // namespace forebay::admin
