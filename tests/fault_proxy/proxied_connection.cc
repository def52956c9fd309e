#include "fault_proxy/proxied_connection.h"

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "async/sleep.h"
#include "azure/wire.h"
#include "base/encoding.h"
#include "base/http_date.h"

namespace forebay::fault_proxy {

namespace asio = boost::asio;
using asio::use_awaitable;
using asio::ip::tcp;

namespace {

constexpr std::size_t kBuffer = 256 << 10;
constexpr std::size_t kMaxHead = 128 << 10;

[[noreturn]] void Bad() { throw boost::system::system_error(asio::error::invalid_argument); }

// Moves the date in a header of the head, where it has one: all dates are of one length.
void ShiftDate(std::string& head, std::string_view header, std::chrono::seconds by) {
  if (by.count() == 0) return;
  const std::string before = "\r\n" + ToLowerAscii(header) + ":";
  const std::size_t at = ToLowerAscii(head).find(before);
  if (at == std::string::npos) return;
  const std::size_t begin = head.find_first_not_of(' ', at + before.size());
  const std::size_t length = head.find("\r\n", begin) - begin;
  const auto date = ParseHttpDate(std::string_view(head).substr(begin, length));
  if (date) head.replace(begin, length, FormatHttpDate(*date + by));
}

}  // namespace

ProxiedConnection::ProxiedConnection(Socket client, tcp::endpoint upstream, FaultSettings& settings)
    : client_(std::move(client)),
      server_(Socket(client_.socket.get_executor())),
      upstream_(std::move(upstream)),
      settings_(settings),
      buffer_(kBuffer, '\0') {
  client_.socket.set_option(tcp::no_delay(true));
}

asio::awaitable<void> ProxiedConnection::Run() {
  // What the three-way handshake would cost.
  co_await Travel();
  co_await Travel();
  while (co_await Exchange()) {
  }
}

asio::awaitable<void> ProxiedConnection::Travel() {
  const auto half = settings_.half_rtt();
  if (half.count() > 0) (void)co_await SleepFor(half);
  while (settings_.black_hole()) (void)co_await SleepFor(std::chrono::milliseconds(10));
}

asio::awaitable<void> ProxiedConnection::Connect() {
  if (server_.socket.is_open()) co_return;
  co_await server_.socket.async_connect(upstream_, use_awaitable);
  server_.socket.set_option(tcp::no_delay(true));
}

void ProxiedConnection::Reset() {
  boost::system::error_code ignored;
  client_.socket.set_option(asio::socket_base::linger(true, 0), ignored);
  client_.socket.close(ignored);
}

asio::awaitable<std::optional<ProxiedConnection::Head>> ProxiedConnection::ReadHead(Side& side) {
  std::size_t end = 0;
  while ((end = side.ahead.find("\r\n\r\n")) == std::string::npos) {
    if (side.ahead.size() > kMaxHead) Bad();
    boost::system::error_code error;
    const std::size_t got = co_await side.socket.async_read_some(
        asio::buffer(buffer_), asio::redirect_error(use_awaitable, error));
    if (error == asio::error::eof && side.ahead.empty()) co_return std::nullopt;
    if (error) throw boost::system::system_error(error);
    side.ahead.append(buffer_, 0, got);
  }
  Head head;
  head.text = side.ahead.substr(0, end + 4);
  side.ahead.erase(0, end + 4);
  std::string_view rest = head.text;
  if (rest.starts_with("HTTP/1.")) {
    head.status = static_cast<unsigned>(azure::ParseUint(rest.substr(9, 3)).value_or(0));
  }
  rest.remove_prefix(rest.find("\r\n") + 2);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    rest.remove_prefix(line.size() + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    const std::string value = ToLowerAscii(azure::TrimSpace(line.substr(colon + 1)));
    if (EqualsIgnoreCase(name, "Content-Length")) head.length = azure::ParseUint(value);
    if (EqualsIgnoreCase(name, "Transfer-Encoding")) head.chunked = value.contains("chunked");
    if (EqualsIgnoreCase(name, "Connection")) head.close = value.contains("close");
    if (EqualsIgnoreCase(name, "Expect")) head.expects_continue = true;
  }
  co_return head;
}

asio::awaitable<void> ProxiedConnection::Write(Side& side, std::string text) {
  co_await asio::async_write(side.socket, asio::buffer(text), use_awaitable);
}

asio::awaitable<void> ProxiedConnection::Relay(Side& from, Side& to, std::uint64_t length,
                                               lake::TokenBucket& bucket) {
  while (length > 0) {
    while (settings_.black_hole()) (void)co_await SleepFor(std::chrono::milliseconds(10));
    std::size_t got = std::min<std::uint64_t>(from.ahead.size(), length);
    if (got > 0) {
      got = std::min(got, kBuffer);
      std::copy_n(from.ahead.data(), got, buffer_.data());
      from.ahead.erase(0, got);
    } else {
      const std::size_t most =
          std::min<std::uint64_t>(length, bucket.limited() ? 64 << 10 : kBuffer);
      got = co_await from.socket.async_read_some(asio::buffer(buffer_.data(), most), use_awaitable);
    }
    (void)co_await bucket.Take(got, {});
    co_await asio::async_write(to.socket, asio::buffer(buffer_.data(), got), use_awaitable);
    length -= got;
  }
}

asio::awaitable<void> ProxiedConnection::Discard(Side& side, std::uint64_t length) {
  while (length > 0) {
    if (!side.ahead.empty()) {
      const std::size_t drop = std::min<std::uint64_t>(side.ahead.size(), length);
      side.ahead.erase(0, drop);
      length -= drop;
      continue;
    }
    const std::size_t most = std::min<std::uint64_t>(length, kBuffer);
    length -=
        co_await side.socket.async_read_some(asio::buffer(buffer_.data(), most), use_awaitable);
  }
}

asio::awaitable<std::string> ProxiedConnection::ReadLine(Side& side) {
  std::size_t end = 0;
  while ((end = side.ahead.find("\r\n")) == std::string::npos) {
    if (side.ahead.size() > kMaxHead) Bad();
    const std::size_t got =
        co_await side.socket.async_read_some(asio::buffer(buffer_), use_awaitable);
    side.ahead.append(buffer_, 0, got);
  }
  std::string line = side.ahead.substr(0, end + 2);
  side.ahead.erase(0, end + 2);
  co_return line;
}

asio::awaitable<void> ProxiedConnection::RelayChunks(Side& from, Side& to) {
  for (;;) {
    const std::string line = co_await ReadLine(from);
    co_await Write(to, line);
    const std::uint64_t size = std::stoull(line, nullptr, 16);
    if (size == 0) break;
    co_await Relay(from, to, size + 2, settings_.down);
  }
  for (std::string line; line != "\r\n";) {
    line = co_await ReadLine(from);
    co_await Write(to, line);
  }
}

asio::awaitable<void> ProxiedConnection::Refuse(unsigned status, const Head& request) {
  co_await Discard(client_, request.length.value_or(0));
  const std::string name = status == 503 ? "ServerBusy" : "InternalError";
  const std::string body = request.text.starts_with("HEAD ")
                               ? std::string()
                               : "<?xml version=\"1.0\"?><Error><Code>" + name +
                                     "</Code><Message>Injected.</Message></Error>";
  std::string head =
      "HTTP/1.1 " + std::to_string(status) + " Injected\r\nx-ms-error-code: " + name +
      "\r\nContent-Type: application/xml\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n";
  if (settings_.retry_after_s() > 0) {
    head += "Retry-After: " + std::to_string(settings_.retry_after_s()) + "\r\n";
  }
  co_await Write(client_, head + "\r\n" + body);
}

asio::awaitable<void> ProxiedConnection::Answer(const Head& request, Fault fault, bool* keep) {
  std::optional<Head> answer;
  do {
    answer = co_await ReadHead(server_);
    if (!answer) Bad();
  } while (answer->status < 200);
  co_await Travel();
  if (fault == Fault::kLost) co_return Reset();
  const bool bodiless =
      request.text.starts_with("HEAD ") || answer->status == 204 || answer->status == 304;
  const std::uint64_t length = bodiless ? 0 : answer->length.value_or(0);
  ShiftDate(answer->text, "Date", settings_.clock_ahead());
  co_await Write(client_, answer->text);
  if (fault == Fault::kShort && length > 0) {
    const double share = settings_.Uniform();
    co_await Relay(server_, client_,
                   static_cast<std::uint64_t>(share * static_cast<double>(length)), settings_.down);
    co_return Reset();
  }
  if (answer->chunked && !bodiless) {
    co_await RelayChunks(server_, client_);
  } else if (!answer->length && !bodiless) {
    // To the end of the stream, which ends with an exception; then both sides are done.
    co_await Relay(server_, client_, ~std::uint64_t{0}, settings_.down);
  } else {
    co_await Relay(server_, client_, length, settings_.down);
  }
  *keep = !answer->close && !request.close;
}

asio::awaitable<bool> ProxiedConnection::Exchange() {
  auto request = co_await ReadHead(client_);
  if (!request) co_return false;
  settings_.CountRequest();
  co_await Travel();
  if (request->chunked) {
    co_await Write(client_, "HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\n\r\n");
    co_return false;
  }
  const Fault fault = settings_.Draw();
  if (fault == Fault::kReset) {
    Reset();
    co_return false;
  }
  if (request->expects_continue) {
    co_await Write(client_, "HTTP/1.1 100 Continue\r\n\r\n");
    const std::string lower = ToLowerAscii(request->text);
    const std::size_t at = lower.find("\r\nexpect:");
    request->text.erase(at, lower.find("\r\n", at + 2) - at);
  }
  if (fault == Fault::kError) {
    co_await Refuse(settings_.error_status(), *request);
    co_return !request->close;
  }
  co_await Connect();
  ShiftDate(request->text, "x-ms-date", -settings_.clock_ahead());
  co_await Write(server_, request->text);
  co_await Relay(client_, server_, request->length.value_or(0), settings_.up);
  bool keep = false;
  co_await Answer(*request, fault, &keep);
  co_return keep;
}

}  // namespace forebay::fault_proxy
