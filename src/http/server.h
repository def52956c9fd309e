// An HTTP/1.1 server: listeners, connections, TLS, limits, draining.
//
// One io_context a core; a connection stays on the core that accepted it, so a Handler runs on that
// connection's loop and must never block it (ThreadPool::Run for what blocks). Requests of one
// connection run one after the other (pipelined ones wait). Thread safe after Start.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/context.h"
#include "async/task.h"
#include "http/message.h"

namespace forebay::http {

// What handles a request. `context` carries the request id (made by the server, a UUID), a stop
// token that fires when the client disconnects mid-request or the server is killed, and no
// deadline. An Error from the handler becomes a bare 500 (handlers make their own error responses).
class Handler {
 public:
  virtual ~Handler() = default;
  virtual Task<Response> Handle(OpContext context, Request& request) = 0;
};

struct TlsFiles {
  std::string certificate_chain;  // PEM file
  std::string private_key;        // PEM file
};

struct ListenerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;         // 0: any free port, see Server::ports
  std::unique_ptr<TlsFiles> tls;  // null: plain HTTP
  Handler* handler = nullptr;     // must outlive the server
};

struct ServerOptions {
  unsigned threads = 0;                  // event loops; 0: one a core
  std::size_t max_connections = 10'000;  // further ones are answered 503 and closed
  std::size_t max_header_bytes =
      64 << 10;  // request line and headers: 431 above it (414 for the target)
  std::chrono::seconds header_timeout{30};      // to send a whole request head once begun
  std::chrono::seconds idle_timeout{120};       // between requests
  std::chrono::seconds body_stall_timeout{60};  // without one byte of progress, either way
  std::size_t min_body_rate_bytes = 1024;       // per second of waiting: slower clients are cut
  std::chrono::seconds rate_window{60};         // ... averaged over so long
};

class Server {
 public:
  Server(ServerOptions options, std::vector<ListenerOptions> listeners);
  ~Server();
  // Binds, then starts the loops. kNetwork (address in use, says which), kInvalidConfig
  // (certificate).
  Result<> Start();
  // The bound ports, in the order of the listeners.
  std::vector<std::uint16_t> ports() const;
  // Reads certificates again; connections that exist keep theirs. On error the old ones stay.
  Result<> ReloadTls();
  // Stops accepting, lets requests under way finish up to `grace`, closes idle connections, then
  // cancels.
  void Drain(std::chrono::milliseconds grace);

  // The executors of the loops, for background work that wants one.
  std::vector<Executor> executors() const;

  struct Stats {
    std::uint64_t connections_open = 0;
    std::uint64_t connections_total = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t timeouts = 0;
    std::uint64_t bytes_received = 0;  // the byte counts lag by up to a quarter of a second
    std::uint64_t bytes_sent = 0;
  };
  Stats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay::http
