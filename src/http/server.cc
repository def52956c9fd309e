#include "http/server.h"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>

#include "base/log.h"
#include "http/connection.h"
#include "http/event_loop.h"
#include "http/tls.h"

namespace forebay::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// Refused connections get their answer, but no more of them at once than this.
constexpr std::size_t kMaxRefusals = 256;
constexpr int kBacklog = 4096;

struct Listener {
  explicit Listener(ListenerOptions listener_options) : options(std::move(listener_options)) {}

  SslContext CurrentTls() {
    const std::lock_guard lock(mutex);
    return tls;
  }

  ListenerOptions options;
  EventLoop* loop = nullptr;  // that accepts
  std::unique_ptr<tcp::acceptor> acceptor;
  std::uint16_t port = 0;
  std::mutex mutex;
  SslContext tls;  // guarded by mutex: a reload replaces it
};

}  // namespace

struct Server::Impl {
  ServerOptions options;
  // Loops first: acceptors must not outlive them.
  std::vector<std::unique_ptr<EventLoop>> loops;
  std::vector<std::unique_ptr<Listener>> listeners;

  std::mutex mutex;
  std::condition_variable changed;
  std::size_t tasks = 0;  // coroutines under way; guarded by mutex
  bool started = false;

  std::atomic<std::size_t> open{0};
  std::atomic<std::size_t> refusals{0};
  std::atomic<std::uint64_t> total{0};
  std::atomic<std::uint64_t> refused{0};

  Result<> Bind(Listener& listener);
  EventLoop& LeastLoaded();
  asio::awaitable<void> Accept(Listener& listener);
  void Admit(Listener& listener, EventLoop& loop, tcp::socket socket);
  // Runs a coroutine that the server waits for before it ends.
  template <class Finished>
  void Spawn(EventLoop& loop, asio::awaitable<void> task, Finished finished);
  bool WaitForTasks(std::chrono::milliseconds time);
};

template <class Finished>
void Server::Impl::Spawn(EventLoop& loop, asio::awaitable<void> task, Finished finished) {
  {
    const std::lock_guard lock(mutex);
    ++tasks;
  }
  asio::co_spawn(loop.context(), std::move(task), [this, finished](std::exception_ptr failure) {
    if (failure != nullptr) {
      // Nothing of ours throws: this is memory exhausted, or a bug. One connection's loss.
      Log(LogLevel::kError, "a connection's coroutine ended by an exception");
    }
    finished();
    const std::lock_guard lock(mutex);
    --tasks;
    changed.notify_all();
  });
}

bool Server::Impl::WaitForTasks(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex);
  return changed.wait_for(lock, time, [this] { return tasks == 0; });
}

Result<> Server::Impl::Bind(Listener& listener) {
  const std::string& text = listener.options.address;
  const std::string where = text + ":" + std::to_string(listener.options.port);
  error_code error;
  const auto address = asio::ip::make_address(text == "localhost" ? "127.0.0.1" : text, error);
  if (error) {
    return Fail(Code::kInvalidConfig, "Cannot listen on " + where +
                                          ": the address must be an IP address such as 127.0.0.1 "
                                          "or 0.0.0.0.");
  }
  if (listener.options.tls != nullptr) {
    FB_ASSIGN_OR_RETURN(listener.tls, MakeServerContext(listener.options.tls->certificate_chain,
                                                        listener.options.tls->private_key));
  }
  const tcp::endpoint endpoint(address, listener.options.port);
  auto acceptor = std::make_unique<tcp::acceptor>(listener.loop->context());
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(kBacklog, error);
  if (error) {
    std::string advice;
    if (error == asio::error::address_in_use) {
      advice = " Stop the other server, or choose another port.";
    } else if (error == asio::error::access_denied) {
      advice = " Ports below 1024 need a privilege; choose another port.";
    } else if (error == boost::system::errc::address_not_available) {
      advice = " Choose an address of this machine.";
    }
    return Fail(Code::kNetwork,
                "Cannot listen on " + where + ": " + error.message() + "." + advice);
  }
  listener.port = acceptor->local_endpoint(error).port();
  listener.acceptor = std::move(acceptor);
  return {};
}

// Hashing by the kernel (SO_REUSEPORT) may put all of a client's few connections on one core;
// counting does not.
EventLoop& Server::Impl::LeastLoaded() {
  EventLoop* best = loops.front().get();
  for (const auto& loop : loops) {
    if (loop->load() < best->load()) best = loop.get();
  }
  return *best;
}

asio::awaitable<void> Server::Impl::Accept(Listener& listener) {
  asio::steady_timer pause(listener.loop->context());
  for (;;) {
    EventLoop& target = LeastLoaded();
    error_code error;
    tcp::socket socket = co_await listener.acceptor->async_accept(
        target.context(), asio::redirect_error(asio::use_awaitable, error));
    if (!listener.acceptor->is_open()) co_return;
    if (!error) {
      // Another listener may have filled that loop while this one waited.
      Admit(listener, target, std::move(socket));
      continue;
    }
    if (error == asio::error::connection_aborted || error == asio::error::interrupted) continue;
    Log(LogLevel::kWarn, "cannot accept a connection",
        {{"error", error.message()}, {"retry_after_ms", 100}});
    // Out of descriptors, most likely: trying at once would only spin.
    pause.expires_after(std::chrono::milliseconds(100));
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (!listener.acceptor->is_open()) co_return;
  }
}

void Server::Impl::Admit(Listener& listener, EventLoop& loop, tcp::socket socket) {
  const bool full = open.load(std::memory_order_relaxed) >= options.max_connections;
  if (full) {
    refused.fetch_add(1, std::memory_order_relaxed);
    if (refusals.load(std::memory_order_relaxed) >= kMaxRefusals) return;
  } else {
    total.fetch_add(1, std::memory_order_relaxed);
  }
  (full ? refusals : open).fetch_add(1, std::memory_order_relaxed);
  loop.AddLoad();
  // The connection is made on its own loop, which alone may touch it.
  struct Start {
    static asio::awaitable<void> Run(EventLoop& loop, Listener& listener, tcp::socket socket,
                                     bool full) {
      auto connection = std::make_unique<Connection>(loop, std::move(socket),
                                                     *listener.options.handler, listener.port);
      SslContext tls = listener.CurrentTls();
      if (full) {
        co_await Connection::Refuse(std::move(connection), tls != nullptr);
      } else {
        co_await Connection::Serve(std::move(connection), std::move(tls));
      }
    }
  };
  Spawn(loop, Start::Run(loop, listener, std::move(socket), full), [this, &loop, full] {
    (full ? refusals : open).fetch_sub(1, std::memory_order_relaxed);
    loop.DropLoad();
  });
}

Server::Server(ServerOptions options, std::vector<ListenerOptions> listeners)
    : impl_(std::make_unique<Impl>()) {
  impl_->options = options;
  if (impl_->options.threads == 0) {
    impl_->options.threads = std::max(1U, std::thread::hardware_concurrency());
  }
  for (unsigned i = 0; i < impl_->options.threads; ++i) {
    impl_->loops.push_back(std::make_unique<EventLoop>(impl_->options, i));
  }
  for (ListenerOptions& listener : listeners) {
    impl_->listeners.push_back(std::make_unique<Listener>(std::move(listener)));
    impl_->listeners.back()->loop =
        impl_->loops[(impl_->listeners.size() - 1) % impl_->loops.size()].get();
  }
}

Server::~Server() {
  if (!impl_->started) return;
  Drain(std::chrono::milliseconds(0));
  // Handlers refer to what outlives this server, but not to what outlives the process's patience:
  // say which wait this is.
  while (!impl_->WaitForTasks(std::chrono::seconds(10))) {
    Log(LogLevel::kWarn, "still waiting for requests that ignore their cancellation");
  }
  // A drain that is still queued on a loop looks at the acceptors: the threads end first.
  for (auto& loop : impl_->loops) loop->Stop();
  for (auto& listener : impl_->listeners) listener->acceptor.reset();
  impl_->loops.clear();
}

Result<> Server::Start() {
  for (auto& listener : impl_->listeners) FB_RETURN_IF_ERROR(impl_->Bind(*listener));
  impl_->started = true;
  for (auto& listener : impl_->listeners) {
    impl_->Spawn(*listener->loop, impl_->Accept(*listener), [] {});
  }
  for (auto& loop : impl_->loops) loop->Start();
  return {};
}

std::vector<std::uint16_t> Server::ports() const {
  std::vector<std::uint16_t> out;
  for (const auto& listener : impl_->listeners) out.push_back(listener->port);
  return out;
}

Result<> Server::ReloadTls() {
  // All or none: a half-done reload would be hard to see.
  std::vector<SslContext> fresh;
  for (const auto& listener : impl_->listeners) {
    SslContext context;
    if (listener->options.tls != nullptr) {
      FB_ASSIGN_OR_RETURN(context, MakeServerContext(listener->options.tls->certificate_chain,
                                                     listener->options.tls->private_key));
    }
    fresh.push_back(std::move(context));
  }
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    const std::lock_guard lock(impl_->listeners[i]->mutex);
    impl_->listeners[i]->tls = std::move(fresh[i]);
  }
  return {};
}

void Server::Drain(std::chrono::milliseconds grace) {
  if (!impl_->started) return;
  for (auto& listener : impl_->listeners) {
    asio::post(listener->loop->context(), [&listener = *listener] {
      error_code ignored;
      listener.acceptor->close(ignored);
    });
  }
  for (auto& loop : impl_->loops) loop->BeginDrain();
  if (impl_->WaitForTasks(grace)) return;
  for (auto& loop : impl_->loops) loop->BeginKill();
  impl_->WaitForTasks(std::chrono::seconds(5));
}

std::vector<Executor> Server::executors() const {
  std::vector<Executor> out;
  for (const auto& loop : impl_->loops) out.push_back(loop->executor());
  return out;
}

Server::Stats Server::stats() const {
  Stats out;
  out.connections_open = impl_->open.load(std::memory_order_relaxed);
  out.connections_total = impl_->total.load(std::memory_order_relaxed);
  out.connections_refused = impl_->refused.load(std::memory_order_relaxed);
  for (const auto& loop : impl_->loops) {
    out.timeouts += loop->counters().timeouts.load(std::memory_order_relaxed);
    out.bytes_received += loop->counters().received.load(std::memory_order_relaxed);
    out.bytes_sent += loop->counters().sent.load(std::memory_order_relaxed);
  }
  return out;
}

}  // namespace forebay::http
