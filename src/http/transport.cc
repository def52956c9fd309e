#include "http/transport.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <limits>

#include "http/tls.h"

namespace forebay::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// One connection sends at most this much before the others of its loop have a turn.
constexpr std::size_t kFairShare = 4_MiB;
constexpr std::size_t kSendfileStep = 1_MiB;

// With one writer, no read-modify-write is needed.
void Count(std::atomic<std::uint64_t>& counter, std::uint64_t bytes) {
  counter.store(counter.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
}

}  // namespace

Transport::Transport(Socket socket) : socket_(std::move(socket)) {
  error_code ignored;
  socket_.native_non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

Transport::~Transport() {
  const std::lock_guard lock(abort_mutex_);
  error_code ignored;
  socket_.close(ignored);
}

std::unexpected<Error> Transport::Closed() const {
  switch (abort_reason_.load(std::memory_order_relaxed)) {
    case AbortReason::kTooSlow:
      return Fail(Code::kDeadlineExceeded, "The peer was too slow.");
    case AbortReason::kCancelled:
      return Fail(Code::kCancelled, "The connection was ended from this side.");
    case AbortReason::kNone:
      break;
  }
  return Fail(Code::kConnectionClosed, "The peer closed the connection.");
}

void Transport::Abort(AbortReason reason) {
  AbortReason none = AbortReason::kNone;
  if (!abort_reason_.compare_exchange_strong(none, reason)) return;
  // shutdown, not close: it wakes every wait under way, and the descriptor's number stays ours.
  const std::lock_guard lock(abort_mutex_);
  if (socket_.is_open()) ::shutdown(socket_.native_handle(), SHUT_RDWR);
}

bool Transport::PeerGone() const {
  pollfd entry{const_cast<Socket&>(socket_).native_handle(), POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Transport::ShutdownSend() {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
}

Task<> Transport::Wait(Waiting what) {
  if (aborted()) co_return Closed();
  error_code error;
  SetWaiting(what);
  read_unyielded_ = 0;
  co_await socket_.async_wait(what == Waiting::kRead ? Socket::wait_read : Socket::wait_write,
                              asio::redirect_error(asio::use_awaitable, error));
  SetWaiting(Waiting::kNo);
  if (error || aborted()) co_return Closed();
  co_return Result<>();
}

Task<> Transport::Yield() {
  read_unyielded_ = 0;
  co_await asio::post(socket_.get_executor(), asio::use_awaitable);
  co_return Result<>();
}

Task<> Transport::Handshake(SslPtr ssl) {
  AttachSocket(ssl.get(), socket_.native_handle());
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl.get());
    if (result == 1) break;
    const int error = SSL_get_error(ssl.get(), result);
    if (error == SSL_ERROR_WANT_READ) {
      FB_CO_RETURN_IF_ERROR(co_await Wait(Waiting::kRead));
    } else if (error == SSL_ERROR_WANT_WRITE) {
      FB_CO_RETURN_IF_ERROR(co_await Wait(Waiting::kWrite));
    } else {
      co_return Fail(Code::kNetwork, "TLS handshake failed: " + TlsErrorText(ssl.get()));
    }
  }
  ssl_ = std::move(ssl);
  co_return Result<>();
}

Task<std::size_t> Transport::ReadSome(MutableByteView data) {
  if (ssl_ != nullptr) co_return co_await TlsReadSome(data);
  if (aborted()) co_return Closed();
  error_code error;
  SetWaiting(Waiting::kRead);
  const std::size_t got = co_await socket_.async_read_some(
      asio::buffer(data.data(), data.size()), asio::redirect_error(asio::use_awaitable, error));
  SetWaiting(Waiting::kNo);
  if (aborted()) co_return Closed();
  if (error == asio::error::eof) co_return std::size_t{0};
  if (error) co_return Closed();
  Count(received_, got);
  co_return got;
}

Task<std::size_t> Transport::TlsReadSome(MutableByteView data) {
  for (;;) {
    if (aborted()) co_return Closed();
    ERR_clear_error();
    std::size_t got = 0;
    const int result =
        SSL_read_ex(ssl_.get(), data.data(),
                    std::min<std::size_t>(data.size(), std::numeric_limits<int>::max()), &got);
    if (result == 1) {
      Count(received_, got);
      read_unyielded_ += got;
      if (read_unyielded_ >= kFairShare) FB_CO_RETURN_IF_ERROR(co_await Yield());
      co_return got;
    }
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        FB_CO_RETURN_IF_ERROR(co_await Wait(Waiting::kRead));
        break;
      case SSL_ERROR_WANT_WRITE:
        FB_CO_RETURN_IF_ERROR(co_await Wait(Waiting::kWrite));
        break;
      case SSL_ERROR_ZERO_RETURN:
        co_return std::size_t{0};
      default:
        // A cut without close_notify is no end of stream: an attacker could have truncated it.
        co_return Closed();
    }
  }
}

Result<std::size_t> Transport::TryWrite(ByteView first, ByteView second, bool more) {
  if (aborted()) return Closed();
  if (ssl_ != nullptr) {
    const ByteView data = first.empty() ? second : first;
    ERR_clear_error();
    std::size_t put = 0;
    const int result = SSL_write_ex(ssl_.get(), data.data(), data.size(), &put);
    if (result != 1) {
      const int error = SSL_get_error(ssl_.get(), result);
      if (error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ) return std::size_t{0};
      return Closed();
    }
    Count(sent_, put);
    return put;
  }
  std::array<iovec, 2> parts{iovec{const_cast<std::byte*>(first.data()), first.size()},
                             iovec{const_cast<std::byte*>(second.data()), second.size()}};
  msghdr message{};
  message.msg_iov = first.empty() ? &parts[1] : parts.data();
  message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
  ssize_t put = 0;
  do {
    put = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
  } while (put < 0 && errno == EINTR);
  if (put < 0) {
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::size_t{0};
    return Closed();
  }
  Count(sent_, static_cast<std::uint64_t>(put));
  return static_cast<std::size_t>(put);
}

Task<> Transport::Write(ByteView first, ByteView second, bool more) {
  std::size_t since_wait = 0;
  while (!first.empty() || !second.empty()) {
    FB_CO_ASSIGN_OR_RETURN(const std::size_t put, TryWrite(first, second, more));
    if (put == 0) {
      // TLS may want to read first (a renegotiation of keys); the socket being writable then only
      // costs a turn of the loop.
      FB_CO_RETURN_IF_ERROR(co_await Wait(Waiting::kWrite));
      since_wait = 0;
      continue;
    }
    const std::size_t of_first = std::min(put, first.size());
    first = first.subspan(of_first);
    second = second.subspan(put - of_first);
    since_wait += put;
    if (since_wait >= kFairShare && !(first.empty() && second.empty())) {
      FB_CO_RETURN_IF_ERROR(co_await Yield());
      since_wait = 0;
    }
  }
  co_return Result<>();
}

Task<> Transport::SendFile(FileSpan span) {
  auto offset = static_cast<off_t>(span.offset);
  std::size_t since_wait = 0;
  while (span.length > 0) {
    if (aborted()) co_return Closed();
    const std::size_t step = std::min<std::uint64_t>(span.length, kSendfileStep);
    const ssize_t put = ::sendfile(socket_.native_handle(), span.descriptor, &offset, step);
    if (put == 0) co_return Fail(Code::kIo, "A file ended before the span that was to be sent.");
    if (put < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        FB_CO_RETURN_IF_ERROR(co_await Wait(Waiting::kWrite));
        since_wait = 0;
        continue;
      }
      if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) co_return Closed();
      co_return Fail(Code::kIo, "sendfile failed: " +
                                    error_code(errno, boost::system::system_category()).message());
    }
    Count(sent_, static_cast<std::uint64_t>(put));
    span.length -= static_cast<std::uint64_t>(put);
    since_wait += static_cast<std::size_t>(put);
    if (since_wait >= kFairShare && span.length > 0) {
      FB_CO_RETURN_IF_ERROR(co_await Yield());
      since_wait = 0;
    }
  }
  co_return Result<>();
}

Transport::Parked Transport::Park() {
  const std::lock_guard lock(abort_mutex_);
  Parked parked;
  error_code error;
  parked.v6 = socket_.local_endpoint(error).address().is_v6();
  parked.descriptor = socket_.release(error);
  if (error) parked.descriptor = -1;
  parked.ssl = std::move(ssl_);
  return parked;
}

std::unique_ptr<Transport> Transport::Unpark(Executor executor, Parked parked) {
  Socket socket(executor);
  error_code error;
  socket.assign(parked.v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), parked.descriptor, error);
  auto transport = std::make_unique<Transport>(std::move(socket));
  transport->ssl_ = std::move(parked.ssl);
  return transport;
}

}  // namespace forebay::http
