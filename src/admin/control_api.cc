#include "admin/control_api.h"

#include <utility>

namespace forebay::admin {

void ControlApi::Add(std::string method, std::string path, Operation operation) {
  paths_[std::move(path)].insert_or_assign(std::move(method), std::move(operation));
}

std::vector<std::pair<std::string, std::string>> ControlApi::Routes() const {
  std::vector<std::pair<std::string, std::string>> routes;
  for (const auto& [path, methods] : paths_) {
    for (const auto& [method, operation] : methods) routes.emplace_back(method, path);
  }
  return routes;
}

std::vector<std::string> ControlApi::MethodsOf(std::string_view path) const {
  std::vector<std::string> methods;
  if (auto at = paths_.find(path); at != paths_.end()) {
    for (const auto& [method, operation] : at->second) methods.push_back(method);
  }
  return methods;
}

Task<std::string> ControlApi::Call(OpContext context, std::string method, std::string path,
                                   std::string body) const {
  if (const std::size_t query = path.find('?'); query != std::string::npos) {
    if (method == "GET") body = path.substr(query + 1);
    path.resize(query);
  }
  auto at = paths_.find(path);
  if (at == paths_.end()) co_return Fail(Code::kNotFound, "There is no " + path + " here.");
  auto operation = at->second.find(method);
  if (operation == at->second.end()) {
    co_return Fail(Code::kUnsupportedHttpVerb, path + " does not take " + method + ".");
  }
  co_return co_await operation->second(std::move(context), std::move(body));
}

unsigned StatusOf(const Error& error) {
  switch (error.code()) {
    case Code::kInvalidInput:
    case Code::kInvalidConfig:
      return 400;
    case Code::kAuthenticationFailed:
      return 401;
    case Code::kNotFound:
    case Code::kContainerNotFound:
    case Code::kBlobNotFound:
    case Code::kResourceNotFound:
      return 404;
    case Code::kUnsupportedHttpVerb:
      return 405;
    case Code::kBusy:
    case Code::kAlreadyExists:
    case Code::kResourceAlreadyExists:
    case Code::kVolumeFailed:
      return 409;
    case Code::kRequestBodyTooLarge:
      return 413;
    case Code::kUnsupported:
      return 501;
    case Code::kNetwork:  // what a lake refused, or that it is out of reach
      return 502;
    case Code::kOffline:
    case Code::kServerBusy:
      return 503;
    case Code::kNoSpace:
      return 507;
    default:
      return 500;
  }
}

}  // namespace forebay::admin
