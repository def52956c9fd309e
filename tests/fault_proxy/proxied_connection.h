// One client's connection through the proxy, with its own to the server. Internal to fault_proxy.
//
// On the proxy's loop. Ends by an exception of Asio's, which the proxy takes as the end of the
// connection: there is nobody to tell.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <optional>
#include <string>

#include "fault_proxy/fault_settings.h"

namespace forebay::fault_proxy {

class ProxiedConnection {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  ProxiedConnection(Socket client, boost::asio::ip::tcp::endpoint upstream,
                    FaultSettings& settings);

  boost::asio::awaitable<void> Run();

 private:
  // A socket and what was read from it too early.
  struct Side {
    explicit Side(Socket s) : socket(std::move(s)) {}
    Socket socket;
    std::string ahead;
  };
  struct Head {
    std::string text;
    unsigned status = 0;
    std::optional<std::uint64_t> length;
    bool chunked = false;
    bool close = false;
    bool expects_continue = false;
  };

  boost::asio::awaitable<bool> Exchange();
  boost::asio::awaitable<void> Answer(const Head& request, Fault fault, bool* keep);
  boost::asio::awaitable<std::optional<Head>> ReadHead(Side& side);
  boost::asio::awaitable<std::string> ReadLine(Side& side);
  boost::asio::awaitable<void> Relay(Side& from, Side& to, std::uint64_t length,
                                     lake::TokenBucket& bucket);
  boost::asio::awaitable<void> RelayChunks(Side& from, Side& to);
  boost::asio::awaitable<void> Discard(Side& side, std::uint64_t length);
  boost::asio::awaitable<void> Write(Side& side, std::string text);
  boost::asio::awaitable<void> Refuse(unsigned status, const Head& request);
  boost::asio::awaitable<void> Travel();  // half a round trip, and the black hole
  boost::asio::awaitable<void> Connect();
  void Reset();

  Side client_;
  Side server_;
  const boost::asio::ip::tcp::endpoint upstream_;
  FaultSettings& settings_;
  std::string buffer_;
};

}  // namespace forebay::fault_proxy
