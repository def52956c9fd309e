#include "admin/admin_service.h"

#include <utility>

namespace forebay::admin {
namespace {

http::Response Text(unsigned status, std::string text,
                    std::string type = "text/plain; charset=utf-8") {
  http::Response response;
  response.status = status;
  response.headers.Add("Content-Type", std::move(type));
  response.headers.Add("Cache-Control", "no-store");
  response.text = std::move(text);
  return response;
}

http::Response Answer(const Result<>& check) {
  if (check) return Text(200, "ok\n");
  return Text(503, check.error().message() + "\n");
}

constexpr std::string_view kIndex =
    "Forebay admin listener\n\n"
    "  /healthz   is the process sound\n"
    "  /readyz    are requests welcome\n"
    "  /metrics   Prometheus metrics\n";

}  // namespace

AdminService::AdminService(metrics::Registry& registry, Check healthy, Check ready)
    : registry_(registry), healthy_(std::move(healthy)), ready_(std::move(ready)) {}

void AdminService::AddRoute(std::string method_and_path, Route route) {
  routes_.emplace(std::move(method_and_path), std::move(route));
}

Task<http::Response> AdminService::Handle(OpContext context, http::Request& request) {
  const std::string path(request.path);
  if (auto route = routes_.find(request.method_text + " " + path); route != routes_.end()) {
    co_return co_await route->second(std::move(context), request);
  }
  if (request.method != http::Method::kGet && request.method != http::Method::kHead) {
    co_return Text(405, "Only GET and HEAD are answered here.\n");
  }
  if (path == "/healthz") co_return Answer(healthy_());
  if (path == "/readyz") co_return Answer(ready_());
  if (path == "/metrics") {
    co_return Text(200, registry_.Expose(), "text/plain; version=0.0.4; charset=utf-8");
  }
  if (path == "/") co_return Text(200, std::string(kIndex));
  co_return Text(404, "There is no such page; see /.\n");
}

}  // namespace forebay::admin
