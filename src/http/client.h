// A small HTTP/1.1 client with pooled connections, TLS and an address guard, for copies from other
// servers and for the lake.
//
// Thread safe; a call runs on the caller's executor. Errors: kNetwork (resolve, connect, TLS,
// refused by the guard: the message says which), kConnectionClosed, kDeadlineExceeded, kBadHttp.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "async/context.h"
#include "async/task.h"
#include "http/message.h"

namespace forebay::http {

struct ClientOptions {
  std::size_t max_idle_connections = 64;
  std::chrono::seconds connect_timeout{10};
  std::chrono::seconds stall_timeout{60};
  // Asked with each address a name resolves to (textual IP, port), right before connecting to
  // exactly that address, so that a second resolution cannot differ (no DNS rebinding). Absent:
  // every address is allowed.
  std::function<bool(const std::string& ip, std::uint16_t port)> allow_address;
  std::string ca_file;  // extra trusted certificates (PEM); empty: the system's
};

struct ClientRequest {
  Method method = Method::kGet;
  std::string url;  // http:// or https://, absolute, already percent-encoded
  Headers headers;
  ByteView body;  // or `source` with its length
  BodySource* source = nullptr;
  std::uint64_t source_length = 0;
  // Set as soon as bytes of the request may have reached the server. A request that is watched this
  // way is sent once; others without a `source` go out again when a pooled connection turns out to
  // be stale.
  bool* sent = nullptr;
};

// The head of an answer, and its body as a stream. Dropping it early closes the connection.
// It must not outlive the executor that `Send` ran on.
struct ClientResponse {
  unsigned status = 0;
  Headers headers;
  std::unique_ptr<BodyReader> body;
};

class Client {
 public:
  explicit Client(ClientOptions options);
  ~Client();
  // One request, no redirects followed, no retries: both are the caller's decision.
  Task<ClientResponse> Send(OpContext context, ClientRequest request);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Reads a whole body of at most `limit` bytes (kRequestBodyTooLarge above).
Task<std::string> ReadAll(BodyReader& body, std::size_t limit);

}  // namespace forebay::http
