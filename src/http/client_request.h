// What a client request looks like on the wire. Pure functions, thread safe.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "http/client.h"

namespace forebay::http {

struct Url {
  bool tls = false;
  std::string host;  // a name or an address, without brackets
  std::uint16_t port = 0;
  std::string authority;  // as the Host header has it: the port only where it is not the default
  std::string target;     // path and query, as given

  std::string PoolKey() const { return (tls ? "s" : "p") + host + ":" + std::to_string(port); }
};

// Absolute http or https URLs; a fragment is dropped. kInvalidInput for anything else, for user
// information, and for characters that would have to be percent-encoded.
Result<Url> ParseUrl(const std::string& text);

// Request line and headers; Host and Content-Length are added. kInvalidInput for a header that
// cannot be sent.
Result<std::string> BuildRequestHead(const ClientRequest& request, const Url& url);

}  // namespace forebay::http
