// A proxy that makes a good link bad; README.md says how. For tests in one process and for the
// program of the same name.
//
// Has a thread and a loop of its own. Start, Set and the destructor from any one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <thread>

#include "fault_proxy/fault_settings.h"

namespace forebay::fault_proxy {

struct FaultProxyOptions {
  std::uint16_t listen = 0;  // on 127.0.0.1; 0: any
  std::uint16_t control = 0;
  std::string upstream_ip = "127.0.0.1";
  std::uint16_t upstream_port = 0;
};

class FaultProxy {
 public:
  explicit FaultProxy(FaultProxyOptions options);
  ~FaultProxy();  // resets what is open

  // kNetwork: a port is taken.
  Result<> Start();
  std::uint16_t port() const { return port_; }
  std::uint16_t control_port() const { return control_port_; }
  FaultSettings& settings() { return settings_; }

 private:
  using Acceptor = boost::asio::ip::tcp::acceptor;
  boost::asio::awaitable<void> Accept(bool control);
  boost::asio::awaitable<void> Serve(boost::asio::ip::tcp::socket client);
  boost::asio::awaitable<void> Control(boost::asio::ip::tcp::socket client);
  Result<std::uint16_t> Bind(Acceptor& acceptor, std::uint16_t port);

  const FaultProxyOptions options_;
  FaultSettings settings_;
  boost::asio::io_context context_{1};
  Acceptor acceptor_{context_};
  Acceptor control_{context_};
  std::uint16_t port_ = 0;
  std::uint16_t control_port_ = 0;
  std::thread thread_;
};

}  // namespace forebay::fault_proxy
