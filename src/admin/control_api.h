// The administration's operations by method and path, apart from HTTP: the admin listener serves
// them (admin_service.h), and a command runs the same ones in its own process where no server has
// the data.
//
//   api.Add("POST", "/v1/volumes/drain", …);
//   Result<std::string> answer = co_await api.Call(context, "POST", "/v1/volumes/drain", body);
//
// An operation takes its JSON body and answers JSON (messages.h), or fails with an Error. What a
// GET asks for stands in its path's query ("/v1/lakes?container=a"), which is its body here. Routes
// are added before the first Call; thread safe from then on. What operations block on they run on a
// pool of theirs.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/context.h"
#include "async/task.h"

namespace forebay::admin {

class ControlApi {
 public:
  // A plain function that makes the task, so that nothing captured has to outlive it.
  using Operation = std::function<Task<std::string>(OpContext, std::string body)>;

  void Add(std::string method, std::string path, Operation operation);

  // Method and path of every operation, in order.
  std::vector<std::pair<std::string, std::string>> Routes() const;
  // The methods of a path; empty where there is no such path.
  std::vector<std::string> MethodsOf(std::string_view path) const;
  // `path` with its query. kNotFound (no such path), kUnsupportedHttpVerb, kInvalidInput (the
  // body), or what the operation says.
  Task<std::string> Call(OpContext context, std::string method, std::string path,
                         std::string body) const;

 private:
  std::map<std::string, std::map<std::string, Operation>, std::less<>> paths_;
};

// The HTTP status of an operation's error.
unsigned StatusOf(const Error& error);

}  // namespace forebay::admin
