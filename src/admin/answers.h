// What the listeners of this folder answer with: texts that nobody may keep.
//
// Pure functions, thread safe.
#pragma once

#include <string>
#include <utility>

#include "admin/messages.h"
#include "http/server.h"

namespace forebay::admin {

inline http::Response TextAnswer(unsigned status, std::string text,
                                 std::string type = "text/plain; charset=utf-8") {
  http::Response response;
  response.status = status;
  response.headers.Add("Content-Type", std::move(type));
  response.headers.Add("Cache-Control", "no-store");
  response.text = std::move(text);
  return response;
}

inline http::Response JsonAnswer(unsigned status, std::string text) {
  return TextAnswer(status, std::move(text), "application/json");
}

// An error as every client of the administration reads it.
inline http::Response Refusal(unsigned status, const Error& error) {
  return JsonAnswer(status, EncodeError(error));
}

}  // namespace forebay::admin
