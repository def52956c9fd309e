#include "http/connection.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "base/uuid.h"
#include "http/response_head.h"

namespace forebay::http {
namespace {

namespace asio = boost::asio;

// A request body left unread is worth reading up to this size to keep the connection.
constexpr std::uint64_t kDrainLimit = 64_KiB;
constexpr std::chrono::seconds kLingerTime{5};
constexpr std::size_t kIdleCapacity = 4_KiB;
// Text bodies up to this size go into the head's buffer on TLS: one record, one system call.
constexpr std::size_t kTlsJoinLimit = 16_KiB;

std::uint64_t Ticks(std::chrono::milliseconds time) {
  // Rounded up, and one more because the first tick comes early.
  return static_cast<std::uint64_t>(
             (time + EventLoop::kSweepPeriod - std::chrono::milliseconds(1)) /
             EventLoop::kSweepPeriod) +
         1;
}

}  // namespace

Connection::Connection(EventLoop& loop, Transport::Socket socket, Handler& handler,
                       std::uint16_t local_port)
    : loop_(loop),
      handler_(handler),
      transport_(std::move(socket)),
      body_(transport_, input_),
      scanner_(loop.options().max_header_bytes) {
  boost::system::error_code error;
  const auto peer = transport_.socket().remote_endpoint(error);
  if (!error) {
    request_.client_ip = peer.address().to_string();
    request_.client_port = peer.port();
  }
  request_.local_port = local_port;
  request_.body = &body_;
  loop_.Register(this);
}

Connection::~Connection() {
  CountBytes();
  loop_.Unregister(this);
}

void Connection::CountBytes() {
  const auto add = [](std::atomic<std::uint64_t>& counter, std::uint64_t bytes) {
    // One writer: no read-modify-write is needed.
    counter.store(counter.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  };
  add(loop_.counters().received, transport_.received() - counted_received_);
  add(loop_.counters().sent, transport_.sent() - counted_sent_);
  counted_received_ = transport_.received();
  counted_sent_ = transport_.sent();
}

void Connection::Enter(Phase phase) {
  phase_ = phase;
  phase_tick_ = loop_.tick();
}

void Connection::CheckProgress() {
  CountBytes();
  if (transport_.aborted()) return;
  if (TimedOut()) {
    loop_.counters().timeouts.fetch_add(1, std::memory_order_relaxed);
    stop_.request_stop();
    transport_.Abort(Transport::AbortReason::kTooSlow);
    return;
  }
  // Nobody reads from the socket while a handler works, so a client that leaves is only seen here.
  if (phase_ == Phase::kHandler && loop_.tick() - phase_tick_ >= 2 &&
      transport_.waiting() == Transport::Waiting::kNo && !stop_.stop_requested() &&
      transport_.PeerGone()) {
    stop_.request_stop();
  }
}

bool Connection::TimedOut() {
  const ServerOptions& options = loop_.options();
  const std::uint64_t in_phase = loop_.tick() - phase_tick_;
  switch (phase_) {
    case Phase::kHandshake:
    case Phase::kHead:
      return in_phase >= Ticks(options.header_timeout);
    case Phase::kIdle:
      return in_phase >= Ticks(options.idle_timeout);
    case Phase::kLinger:
      return in_phase >= Ticks(kLingerTime);
    case Phase::kHandler:
    case Phase::kAnswer:
      break;
  }
  // A body is on its way, either way. Only time spent waiting for the peer counts against it.
  const std::uint64_t bytes = transport_.received() + transport_.sent();
  if (transport_.waiting() == Transport::Waiting::kNo) {
    stalled_ticks_ = 0;
    seen_bytes_ = bytes;
    return false;
  }
  stalled_ticks_ = bytes == seen_bytes_ ? stalled_ticks_ + 1 : 0;
  seen_bytes_ = bytes;
  if (stalled_ticks_ >= Ticks(options.body_stall_timeout)) return true;
  if (window_ticks_++ == 0) window_bytes_ = bytes;
  const std::uint64_t window = Ticks(options.rate_window);
  if (window_ticks_ <= window) return false;
  window_ticks_ = 0;
  const auto seconds = static_cast<std::uint64_t>(options.rate_window.count());
  return bytes - window_bytes_ < options.min_body_rate_bytes * seconds;
}

void Connection::EndIfIdle() {
  if (phase_ == Phase::kIdle || phase_ == Phase::kHandshake) {
    transport_.Abort(Transport::AbortReason::kCancelled);
  }
}

void Connection::Kill() {
  stop_.request_stop();
  transport_.Abort(Transport::AbortReason::kCancelled);
}

asio::awaitable<void> Connection::Serve(std::unique_ptr<Connection> connection, SslContext tls) {
  Connection& self = *connection;
  if (self.loop_.killing()) co_return;
  if (tls != nullptr) {
    self.Enter(Phase::kHandshake);
    auto ssl = NewServerSsl(tls.get());
    if (!ssl) co_return;
    const auto shaken = co_await self.transport_.Handshake(std::move(*ssl));
    if (!shaken) {
      Log(LogLevel::kDebug, "tls handshake failed",
          {{"client_ip", self.request_.client_ip}, {"error", shaken.error().message()}});
      co_return;
    }
    self.request_.tls = true;
  }
  while (co_await self.ServeOne()) {
  }
  if (self.transport_.aborted()) co_return;
  if (self.must_linger_) {
    co_await self.Linger();
  } else {
    self.transport_.ShutdownSend();
  }
}

asio::awaitable<void> Connection::Refuse(std::unique_ptr<Connection> connection, bool tls) {
  Connection& self = *connection;
  // Without a handshake there is nobody to read an answer.
  if (tls) co_return;
  co_await self.AnswerError(503, "The server has too many connections; try again.");
  co_await self.Linger();
}

asio::awaitable<bool> Connection::ServeOne() {
  const std::optional<RequestHead> head = co_await ReadHead();
  if (!head) co_return false;
  body_.Begin(head->framing, head->content_length, head->expect_continue);
  Enter(Phase::kHandler);
  stalled_ticks_ = window_ticks_ = 0;
  OpContext context;
  context.request_id = NewUuid();
  context.cancel = stop_.get_token();
  auto answered = co_await handler_.Handle(std::move(context), request_);
  if (transport_.aborted()) co_return false;
  if (!answered) {
    Log(LogLevel::kError, "handler failed",
        {{"target", request_.path}, {"error", answered.error().ToString()}});
    Response bare;
    bare.status = 500;
    answered = std::move(bare);
  }
  co_return co_await Answer(*head, std::move(*answered));
}

asio::awaitable<std::optional<RequestHead>> Connection::ReadHead() {
  ReleaseIdleMemory();
  scanner_.Reset();
  // Pipelined bytes are there already: then this is no idle time.
  Enter(input_.empty() ? Phase::kIdle : Phase::kHead);
  if (loop_.draining() && input_.empty()) co_return std::nullopt;
  for (;;) {
    // Empty lines before a request are skipped (RFC 9112, section 2.2).
    while (input_.data().starts_with("\r\n")) input_.Consume(2);
    if (!input_.empty() && input_.data() != "\r") {
      const auto found = scanner_.Scan(input_.data());
      if (!found) {
        co_await AnswerError(found.error().status, found.error().reason);
        co_return std::nullopt;
      }
      if (found->has_value()) {
        const auto head = ParseRequestHead(input_.data().substr(0, **found), request_);
        input_.Consume(**found);
        if (head) co_return *head;
        co_await AnswerError(head.error().status, head.error().reason);
        co_return std::nullopt;
      }
    }
    const MutableByteView space = input_.Space();
    const auto got = co_await transport_.ReadSome(space);
    if (!got || *got == 0) co_return std::nullopt;
    input_.Commit(*got);
    if (phase_ == Phase::kIdle) Enter(Phase::kHead);
  }
}

asio::awaitable<void> Connection::AnswerError(unsigned status, std::string_view reason) {
  Response response;
  response.status = status;
  response.headers.Add("Content-Type", "text/plain; charset=utf-8");
  response.text.assign(reason).append("\n");
  out_.clear();
  AppendResponseHead(response, {.keep_alive = false, .date = loop_.Date()}, out_);
  out_.append(response.text);
  Enter(Phase::kAnswer);
  must_linger_ = (co_await transport_.Write(AsBytes(out_))).has_value();
}

asio::awaitable<bool> Connection::Answer(const RequestHead& head, Response response) {
  Enter(Phase::kAnswer);
  const bool bodiless =
      request_.method == Method::kHead || response.status == 204 || response.status == 304;
  const bool has_source = response.source != nullptr && !bodiless;
  std::optional<BodyPiece> whole;  // a body that is in memory, and needs no wait
  std::optional<BodyPiece> first;
  if (has_source && response.content_length) whole = response.source->TakeWhole();
  if (has_source && !whole) {
    // The first piece before the head: when it fails, the answer can still say so, and when it is
    // small, both leave in one system call.
    auto piece = co_await response.source->Next(!transport_.tls());
    if (!piece || !response.content_length) {
      Log(LogLevel::kError, "response body failed",
          {{"target", request_.path},
           {"error", piece ? "its length is missing" : piece.error().ToString()}});
      response = Response();
      response.status = 500;
      response.close = true;
    } else {
      first = std::move(*piece);
    }
  }
  // Without its body read, a client that waits for 100 Continue may send it or not: nobody can tell
  // where the next request begins.
  const bool body_in_the_way =
      body_.failed() || body_.owes_continue() || body_.LeftMoreThan(kDrainLimit);
  const bool keep_alive = head.keep_alive && !response.close && !body_in_the_way &&
                          !loop_.draining() && !stop_.stop_requested();
  body_.Forbid100();
  out_.clear();
  const std::uint64_t length = AppendResponseHead(response,
                                                  {.head_request = request_.method == Method::kHead,
                                                   .http_1_0 = head.http_1_0,
                                                   .keep_alive = keep_alive,
                                                   .date = loop_.Date()},
                                                  out_);
  must_linger_ = !body_.done();
  if (response.source != nullptr && !bodiless && !whole) {
    const auto sent = co_await SendBody(*response.source, length, std::move(first));
    if (!sent) {
      BreakOff(sent.error());
      co_return false;
    }
  } else {
    const ByteView body = whole ? whole->memory : AsBytes(response.text);
    if (length != 0 && body.size() != length) {
      BreakOff(Error(Code::kInternal, "A response body is not as long as declared."));
      co_return false;
    }
    if (!TrySendWhole(length == 0 ? ByteView() : body) &&
        !co_await transport_.Write(unsent_.first, unsent_.second)) {
      transport_.Abort(Transport::AbortReason::kCancelled);
      co_return false;
    }
  }
  if (!keep_alive) co_return false;
  if (!body_.done()) {
    const auto drained = co_await body_.Discard(kDrainLimit);
    if (!drained || !*drained) co_return false;
  }
  must_linger_ = false;
  co_return true;
}

// The client never takes a part of the body for all of it.
void Connection::BreakOff(const Error& error) {
  if (error.code() != Code::kConnectionClosed) {
    Log(LogLevel::kWarn, "response broken off",
        {{"target", request_.path}, {"error", error.ToString()}});
  }
  stop_.request_stop();
  // No shutdown in good order: on TLS that would tell the client that this is all.
  transport_.Abort(Transport::AbortReason::kCancelled);
}

// The usual small answer: one system call, no suspension, no frame.
bool Connection::TrySendWhole(ByteView body) {
  if (transport_.tls() && body.size() <= kTlsJoinLimit) {
    out_.append(AsText(body));
    body = {};
  }
  unsent_ = {AsBytes(out_), body};
  const auto put = transport_.TryWrite(unsent_.first, unsent_.second, false);
  if (!put) return false;
  const std::size_t of_head = std::min(*put, unsent_.first.size());
  unsent_.first = unsent_.first.subspan(of_head);
  unsent_.second = unsent_.second.subspan(*put - of_head);
  return unsent_.first.empty() && unsent_.second.empty();
}

Task<> Connection::SendBody(BodySource& source, std::uint64_t length,
                            std::optional<BodyPiece> first) {
  std::optional<BodyPiece> piece = std::move(first);
  bool with_head = true;
  std::uint64_t left = length;
  while (piece) {
    const std::uint64_t size = piece->file ? piece->file->length : piece->memory.size();
    if (size > left) co_return Fail(Code::kInternal, "A response body is longer than declared.");
    left -= size;
    FB_CO_RETURN_IF_ERROR(co_await SendPiece(*piece, with_head, left == 0));
    with_head = false;
    piece.reset();
    FB_CO_ASSIGN_OR_RETURN(piece, co_await source.Next(!transport_.tls()));
  }
  if (left > 0) co_return Fail(Code::kInternal, "A response body is shorter than declared.");
  if (with_head) co_return co_await transport_.Write(AsBytes(out_));
  co_return Result<>();
}

Task<> Connection::SendPiece(const BodyPiece& piece, bool with_head, bool last) {
  if (piece.file) {
    // MSG_MORE: the head leaves together with the file's first bytes.
    if (with_head) FB_CO_RETURN_IF_ERROR(co_await transport_.Write(AsBytes(out_), {}, true));
    co_return co_await transport_.SendFile(*piece.file);
  }
  if (!with_head) co_return co_await transport_.Write(piece.memory);
  if (transport_.tls() && last && piece.memory.size() <= kTlsJoinLimit) {
    out_.append(AsText(piece.memory));
    co_return co_await transport_.Write(AsBytes(out_));
  }
  // The usual small answer: one system call, no suspension, no frame.
  const ByteView head = AsBytes(out_);
  FB_CO_ASSIGN_OR_RETURN(const std::size_t put, transport_.TryWrite(head, piece.memory, false));
  if (put == head.size() + piece.memory.size()) co_return Result<>();
  const std::size_t of_head = std::min(put, head.size());
  co_return co_await transport_.Write(head.subspan(of_head), piece.memory.subspan(put - of_head));
}

asio::awaitable<void> Connection::Linger() {
  Enter(Phase::kLinger);
  transport_.ShutdownSend();
  // On the heap: this is rare, and the frame of every connection would carry it.
  const auto scrap = std::make_unique_for_overwrite<std::byte[]>(16_KiB);
  for (;;) {
    const auto got = co_await transport_.ReadSome({scrap.get(), 16_KiB});
    if (!got || *got == 0) co_return;
  }
}

void Connection::ReleaseIdleMemory() {
  input_.Shrink();
  if (out_.capacity() > kIdleCapacity) std::string().swap(out_);
  if (request_.headers.capacity_bytes() > kIdleCapacity) {
    // Assigning an empty string keeps the memory of the old one; what is moved out takes it along.
    (void)std::exchange(request_.headers, Headers());
  }
  if (request_.target.capacity() > kIdleCapacity) {
    for (std::string* text : {&request_.target, &request_.path, &request_.query}) {
      std::string().swap(*text);
    }
  }
}

}  // namespace forebay::http
