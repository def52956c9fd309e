// One TCP connection, plain or TLS, on the event loop of its socket: what server and client share.
//
// All calls on that loop, except that Abort may come from any thread. One read and one write may be
// under way at once on plain TCP, and only one of them on TLS. Errors: kConnectionClosed (the
// peer), kDeadlineExceeded (aborted for being too slow), kCancelled (aborted otherwise), kNetwork
// (TLS).
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <mutex>

#include "async/byte_stream.h"
#include "async/task.h"
#include "base/bytes.h"

namespace forebay::http {

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslDeleter>;

class Transport {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  enum class AbortReason : std::uint8_t { kNone, kTooSlow, kCancelled };
  // What a coroutine waits for right now; the sweep over slow connections reads it.
  enum class Waiting : std::uint8_t { kNo, kRead, kWrite };

  explicit Transport(Socket socket);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Runs the handshake of an SSL in accept or connect state; from then on all goes through it.
  Task<> Handshake(SslPtr ssl);
  bool tls() const { return ssl_ != nullptr; }
  SSL* ssl() const { return ssl_.get(); }

  // Waits for at least one byte; 0 when the peer has ended its side.
  Task<std::size_t> ReadSome(MutableByteView data);
  // Sends all of both, in one system call where the socket takes it. `more`: hold the packet back,
  // a file follows.
  Task<> Write(ByteView first, ByteView second = {}, bool more = false);
  // The same without waiting: the number of bytes taken (of first, then second), which may be 0.
  // kConnectionClosed.
  Result<std::size_t> TryWrite(ByteView first, ByteView second, bool more);
  // Sends a span of a file from the page cache; plain TCP only. kIo when the file is too short.
  Task<> SendFile(FileSpan span);
  // Ends our side and keeps reading possible.
  void ShutdownSend();

  // Ends both sides at once: every wait under way and every later call fails with the reason.
  void Abort(AbortReason reason);
  bool aborted() const {
    return abort_reason_.load(std::memory_order_relaxed) != AbortReason::kNone;
  }
  // True when the peer has closed or reset the connection, as the kernel knows it now.
  bool PeerGone() const;

  // Gives the socket and the TLS session to a pool, and takes them from it.
  struct Parked {
    int descriptor = -1;
    bool v6 = false;
    SslPtr ssl;
  };
  Parked Park();
  static std::unique_ptr<Transport> Unpark(Executor executor, Parked parked);

  Socket& socket() { return socket_; }
  // Progress, for whoever watches over this connection; any thread.
  Waiting waiting() const { return waiting_.load(std::memory_order_relaxed); }
  std::uint64_t received() const { return received_.load(std::memory_order_relaxed); }
  std::uint64_t sent() const { return sent_.load(std::memory_order_relaxed); }

 private:
  Task<> Wait(Waiting what);
  void SetWaiting(Waiting what) { waiting_.store(what, std::memory_order_relaxed); }
  Task<std::size_t> TlsReadSome(MutableByteView data);
  Task<> Yield();
  // The error for a call that the system refused.
  std::unexpected<Error> Closed() const;

  Socket socket_;
  SslPtr ssl_;
  std::atomic<Waiting> waiting_ = Waiting::kNo;
  std::atomic<AbortReason> abort_reason_ = AbortReason::kNone;
  std::mutex abort_mutex_;                   // Abort against the closing of the descriptor
  std::atomic<std::uint64_t> received_ = 0;  // written by the loop alone
  std::atomic<std::uint64_t> sent_ = 0;
  std::size_t read_unyielded_ = 0;  // TLS bytes read since the loop had a turn
};

}  // namespace forebay::http
