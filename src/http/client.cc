#include "http/client.h"

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <limits>

#include "http/client_pool.h"
#include "http/client_request.h"
#include "http/message_body.h"
#include "http/tls.h"
#include "http/watchdog.h"

namespace forebay::http {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kMaxHead = 64_KiB;

// One exchange's connection with all that reads from it.
struct Exchange {
  Exchange(std::shared_ptr<ClientPool> client_pool, std::string pool_key)
      : pool(std::move(client_pool)), key(std::move(pool_key)) {}
  ~Exchange() {
    if (watchdog != nullptr) watchdog->Stop();
  }
  // Ends the watch; the connection goes back to the pool where it is fit for another request.
  void Finish() {
    if (watchdog != nullptr) watchdog->Stop();
    watchdog = nullptr;
    if (transport != nullptr && reusable && input.empty() && !transport->aborted()) {
      pool->Put(key, transport->Park());
    }
    body.reset();
    transport.reset();
  }

  std::shared_ptr<ClientPool> pool;
  std::string key;
  std::unique_ptr<Transport> transport;
  InputBuffer input;
  std::optional<MessageBody> body;
  std::shared_ptr<Watchdog> watchdog;
  bool reused = false;    // taken from the pool
  bool reusable = false;  // may go back to it after the body
};

class ResponseBody final : public BodyReader {
 public:
  explicit ResponseBody(std::unique_ptr<Exchange> exchange)
      : exchange_(std::move(exchange)), length_(exchange_->body->content_length()) {
    if (exchange_->body->done()) exchange_->Finish();
  }
  std::optional<std::uint64_t> content_length() const override { return length_; }
  Task<std::size_t> Read(MutableByteView data) override {
    if (exchange_->transport == nullptr) co_return std::size_t{0};
    auto got = co_await exchange_->body->Read(data);
    if (exchange_->body->done()) exchange_->Finish();
    co_return got;
  }

 private:
  std::unique_ptr<Exchange> exchange_;
  std::optional<std::uint64_t> length_;
};

// A v4 address in v6 clothes is judged as what it is.
std::string GuardText(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

bool Replayable(const ClientRequest& request) {
  return request.sent == nullptr && request.source == nullptr && request.method != Method::kPost &&
         request.method != Method::kPatch;
}

}  // namespace

struct Client::Impl {
  ClientOptions options;
  std::shared_ptr<ClientPool> pool;
  Result<SslContext> tls;

  explicit Impl(ClientOptions client_options)
      : options(std::move(client_options)),
        pool(std::make_shared<ClientPool>(options.max_idle_connections)),
        tls(MakeClientContext(options.ca_file)) {}

  Task<std::unique_ptr<Exchange>> Open(const OpContext& context, const Url& url, bool fresh);
  Task<> Connect(const OpContext& context, const Url& url, Exchange& exchange);
  Task<std::unique_ptr<Transport>> ConnectTo(const OpContext& context, tcp::endpoint endpoint,
                                             SteadyTime deadline);
};

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

Task<std::unique_ptr<Transport>> Client::Impl::ConnectTo(const OpContext& context,
                                                         tcp::endpoint endpoint,
                                                         SteadyTime deadline) {
  const auto executor = co_await asio::this_coro::executor;
  tcp::socket socket(executor);
  error_code error;
  socket.open(endpoint.protocol(), error);
  if (error) co_return Fail(Code::kNetwork, "Cannot open a socket: " + error.message());
  auto transport = std::make_unique<Transport>(std::move(socket));
  const auto watchdog =
      Watchdog::Watch(executor, *transport, context, deadline, options.connect_timeout);
  co_await transport->socket().async_connect(endpoint,
                                             asio::redirect_error(asio::use_awaitable, error));
  watchdog->Stop();
  if (transport->aborted()) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    error = asio::error::timed_out;
  }
  if (error) {
    co_return Fail(Code::kNetwork, "Cannot connect to " + endpoint.address().to_string() +
                                       " port " + std::to_string(endpoint.port()) + ": " +
                                       error.message());
  }
  co_return transport;
}

Task<> Client::Impl::Connect(const OpContext& context, const Url& url, Exchange& exchange) {
  const auto executor = co_await asio::this_coro::executor;
  const SteadyTime deadline = std::chrono::steady_clock::now() + options.connect_timeout;
  tcp::resolver resolver(executor);
  error_code error;
  const auto found = co_await resolver.async_resolve(
      url.host, std::to_string(url.port), tcp::resolver::numeric_service,
      asio::redirect_error(asio::use_awaitable, error));
  if (error) {
    co_return Fail(Code::kNetwork, "Cannot resolve " + url.host + ": " + error.message());
  }
  FB_CO_RETURN_IF_ERROR(context.Check());
  Error last(Code::kNetwork, url.host + " has no address.");
  for (const auto& entry : found) {
    const tcp::endpoint endpoint = entry.endpoint();
    const std::string ip = GuardText(endpoint.address());
    if (options.allow_address && !options.allow_address(ip, endpoint.port())) {
      last = Error(Code::kNetwork, "Connections to " + ip + " (" + url.host + ") are not allowed.");
      continue;
    }
    auto transport = co_await ConnectTo(context, endpoint, deadline);
    if (transport) {
      exchange.transport = std::move(*transport);
      break;
    }
    last = std::move(transport.error());
    if (last.code() != Code::kNetwork) break;
  }
  if (exchange.transport == nullptr) co_return Fail(std::move(last));
  if (!url.tls) co_return Result<>();
  if (!tls) co_return Fail(tls.error());
  FB_CO_ASSIGN_OR_RETURN(SslPtr ssl, NewClientSsl(tls->get(), url.host));
  const auto watchdog =
      Watchdog::Watch(executor, *exchange.transport, context, deadline, options.connect_timeout);
  auto shaken = co_await exchange.transport->Handshake(std::move(ssl));
  watchdog->Stop();
  if (!shaken && shaken.error().code() == Code::kNetwork) {
    co_return Fail(Code::kNetwork, url.host + ": " + shaken.error().message());
  }
  co_return shaken;
}

Task<std::unique_ptr<Exchange>> Client::Impl::Open(const OpContext& context, const Url& url,
                                                   bool fresh) {
  const auto executor = co_await asio::this_coro::executor;
  auto exchange = std::make_unique<Exchange>(pool, url.PoolKey());
  if (!fresh) exchange->transport = pool->Take(exchange->key, executor);
  exchange->reused = exchange->transport != nullptr;
  if (!exchange->reused) FB_CO_RETURN_IF_ERROR(co_await Connect(context, url, *exchange));
  exchange->body.emplace(*exchange->transport, exchange->input);
  exchange->watchdog = Watchdog::Watch(executor, *exchange->transport, context, SteadyTime::max(),
                                       options.stall_timeout);
  co_return exchange;
}

namespace {

Task<> SendRequest(Transport& transport, std::string head, const ClientRequest& request) {
  if (request.source == nullptr) co_return co_await transport.Write(AsBytes(head), request.body);
  FB_CO_RETURN_IF_ERROR(co_await transport.Write(AsBytes(head)));
  std::uint64_t left = request.source_length;
  for (;;) {
    // No file spans: sendfile to a peer that has left would raise SIGPIPE on a thread that is not
    // ours.
    FB_CO_ASSIGN_OR_RETURN(const auto piece, co_await request.source->Next(false));
    if (!piece) break;
    if (piece->file || piece->memory.size() > left) {
      co_return Fail(Code::kInternal, "A request body is not what was declared.");
    }
    left -= piece->memory.size();
    FB_CO_RETURN_IF_ERROR(co_await transport.Write(piece->memory));
  }
  if (left > 0) co_return Fail(Code::kInternal, "A request body is shorter than declared.");
  co_return Result<>();
}

// Reads one head, 1xx answers skipped. `*any` tells whether a byte came at all.
Task<ResponseHead> ReadResponseHead(Exchange& exchange, bool* any) {
  for (;;) {
    HeadScanner scanner(kMaxHead);
    std::optional<std::size_t> size;
    while (!size) {
      if (!exchange.input.empty()) {
        const auto scanned = scanner.Scan(exchange.input.data());
        if (!scanned)
          co_return Fail(Code::kBadHttp, "The answer's head is malformed or too large.");
        size = *scanned;
        if (size) break;
      }
      const MutableByteView space = exchange.input.Space();
      FB_CO_ASSIGN_OR_RETURN(const std::size_t got, co_await exchange.transport->ReadSome(space));
      if (got == 0) co_return Fail(Code::kConnectionClosed, "The server closed the connection.");
      *any = true;
      exchange.input.Commit(got);
    }
    auto head = ParseResponseHead(exchange.input.data().substr(0, *size));
    exchange.input.Consume(*size);
    if (!head || head->status >= 200) co_return head;
    if (head->status == 101) co_return Fail(Code::kBadHttp, "The server changed the protocol.");
  }
}

void BeginBody(Exchange& exchange, const ResponseHead& head, Method method) {
  exchange.reusable = head.keep_alive;
  if (method == Method::kHead || head.status == 204 || head.status == 304) {
    exchange.body->Begin(BodyFraming::kNone, 0, false);
  } else if (head.chunked) {
    exchange.body->Begin(BodyFraming::kChunked, 0, false);
  } else if (head.content_length) {
    exchange.body->Begin(BodyFraming::kLength, *head.content_length, false);
  } else {
    exchange.reusable = false;
    exchange.body->BeginUntilClose();
  }
}

}  // namespace

Task<ClientResponse> Client::Send(OpContext context, ClientRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  FB_CO_ASSIGN_OR_RETURN(const Url url, ParseUrl(request.url));
  FB_CO_ASSIGN_OR_RETURN(const std::string request_head, BuildRequestHead(request, url));
  for (bool again = false;; again = true) {
    FB_CO_ASSIGN_OR_RETURN(std::unique_ptr<Exchange> exchange,
                           co_await impl_->Open(context, url, again));
    bool any = false;
    if (request.sent != nullptr) *request.sent = true;
    auto sent = co_await SendRequest(*exchange->transport, request_head, request);
    // A server may answer and hang up while the body is still on its way: then its answer counts.
    if (!sent && sent.error().code() != Code::kConnectionClosed) {
      co_return Fail(std::move(sent.error()));
    }
    auto head = co_await ReadResponseHead(*exchange, &any);
    if (!head) {
      const bool stale = exchange->reused && !any && !again && Replayable(request) &&
                         head.error().code() == Code::kConnectionClosed;
      if (stale) continue;
      co_return Fail(std::move(head.error()));
    }
    BeginBody(*exchange, *head, request.method);
    if (!sent) exchange->reusable = false;
    ClientResponse response;
    response.status = head->status;
    response.headers = std::move(head->headers);
    response.body = std::make_unique<ResponseBody>(std::move(exchange));
    co_return response;
  }
}

Task<std::string> ReadAll(BodyReader& body, std::size_t limit) {
  std::string out;
  const auto length = body.content_length();
  if (length && *length > limit)
    co_return Fail(Code::kRequestBodyTooLarge, "The body is too large.");
  if (length) out.reserve(*length);
  std::array<std::byte, 4096> piece;
  for (;;) {
    FB_CO_ASSIGN_OR_RETURN(const std::size_t got, co_await body.Read(piece));
    if (got == 0) co_return out;
    if (out.size() + got > limit) {
      co_return Fail(Code::kRequestBodyTooLarge, "The body is too large.");
    }
    out.append(reinterpret_cast<const char*>(piece.data()), got);
  }
}

}  // namespace forebay::http
