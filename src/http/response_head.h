// Writes the head of an answer.
//
// A pure function; thread safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "http/message.h"

namespace forebay::http {

struct HeadContext {
  bool head_request = false;
  bool http_1_0 = false;
  bool keep_alive = true;
  std::string_view date;  // an IMF-fixdate
};

// Appends status line and headers. The server owns Content-Length, Transfer-Encoding and Connection
// (the handler's are skipped), adds Date where the handler gave none, and turns CR, LF and NUL in
// values into spaces. Returns the number of body bytes that must follow.
std::uint64_t AppendResponseHead(const Response& response, const HeadContext& context,
                                 std::string& out);

}  // namespace forebay::http
