#include "fault_proxy/fault_proxy.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "fault_proxy/proxied_connection.h"

namespace forebay::fault_proxy {

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;

FaultProxy::FaultProxy(FaultProxyOptions options) : options_(std::move(options)) {}

FaultProxy::~FaultProxy() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

Result<std::uint16_t> FaultProxy::Bind(Acceptor& acceptor, std::uint16_t port) {
  const tcp::endpoint endpoint(asio::ip::address_v4::loopback(), port);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    return Fail(Code::kNetwork, "Port " + std::to_string(port) + ": " + error.message());
  }
  return acceptor.local_endpoint().port();
}

Result<> FaultProxy::Start() {
  FB_ASSIGN_OR_RETURN(port_, Bind(acceptor_, options_.listen));
  FB_ASSIGN_OR_RETURN(control_port_, Bind(control_, options_.control));
  asio::co_spawn(context_, Accept(false), asio::detached);
  asio::co_spawn(context_, Accept(true), asio::detached);
  thread_ = std::thread([this] { context_.run(); });
  return {};
}

// Detached on purpose: the loop and all that runs on it end together, with this object.
asio::awaitable<void> FaultProxy::Accept(bool control) {
  for (;;) {
    boost::system::error_code error;
    tcp::socket client = co_await (control ? control_ : acceptor_)
                             .async_accept(asio::redirect_error(use_awaitable, error));
    if (error) continue;
    asio::co_spawn(context_, control ? Control(std::move(client)) : Serve(std::move(client)),
                   asio::detached);
  }
}

asio::awaitable<void> FaultProxy::Serve(tcp::socket client) {
  try {
    const tcp::endpoint upstream(asio::ip::make_address(options_.upstream_ip),
                                 options_.upstream_port);
    ProxiedConnection connection(std::move(client), upstream, settings_);
    co_await connection.Run();
  } catch (const std::exception&) {
    // A peer went away, which is what happens on links like this one.
  }
}

asio::awaitable<void> FaultProxy::Control(tcp::socket client) {
  try {
    std::string text;
    std::string piece(4096, '\0');
    while (!text.contains("\r\n\r\n") && text.size() < 65'536) {
      const std::size_t got = co_await client.async_read_some(asio::buffer(piece), use_awaitable);
      text.append(piece, 0, got);
    }
    const std::string line = text.substr(0, text.find("\r\n"));
    const std::size_t begin = line.find(' ') + 1;
    const std::string target = line.substr(begin, line.find(' ', begin) - begin);
    unsigned status = 404;
    std::string body = "POST /set?name=value&…, GET /stats\n";
    if (target == "/stats") {
      status = 200;
      body = settings_.StatsJson();
    } else if (target.starts_with("/set?")) {
      const auto applied = settings_.Apply(target.substr(5));
      status = applied ? 200 : 400;
      body = applied ? "{}\n" : applied.error().message() + "\n";
    }
    const std::string answer =
        "HTTP/1.1 " + std::to_string(status) +
        " x\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
        body;
    co_await asio::async_write(client, asio::buffer(answer), use_awaitable);
  } catch (const std::exception&) {
    // Whoever asked has left.
  }
}

}  // namespace forebay::fault_proxy
