// One server connection: reads requests, calls the handler, writes answers, until one side ends it.
//
// Lives in its own coroutine, on its loop's thread, which is also where the sweep calls it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "async/context.h"
#include "http/event_loop.h"
#include "http/input_buffer.h"
#include "http/message_body.h"
#include "http/request_head.h"
#include "http/server.h"
#include "http/tls.h"
#include "http/transport.h"

namespace forebay::http {

class Connection {
 public:
  Connection(EventLoop& loop, Transport::Socket socket, Handler& handler, std::uint16_t local_port);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // The connection's whole life; `tls` is null for plain HTTP. Never throws.
  static boost::asio::awaitable<void> Serve(std::unique_ptr<Connection> connection, SslContext tls);
  // Answers 503 and ends: for connections above the limit.
  static boost::asio::awaitable<void> Refuse(std::unique_ptr<Connection> connection, bool tls);

  // --- from the loop ---
  void CheckProgress();  // every sweep: timeouts, and whether the client is still there
  void EndIfIdle();
  void Kill();

 private:
  enum class Phase : std::uint8_t { kHandshake, kIdle, kHead, kHandler, kAnswer, kLinger };

  void Enter(Phase phase);
  void CountBytes();
  bool TimedOut();
  boost::asio::awaitable<bool> ServeOne();
  // The next request's head; nullopt when the connection is over (an error answer has been sent).
  boost::asio::awaitable<std::optional<RequestHead>> ReadHead();
  boost::asio::awaitable<void> AnswerError(unsigned status, std::string_view reason);
  // Sends the answer; true when the connection may go on.
  boost::asio::awaitable<bool> Answer(const RequestHead& head, Response response);
  Task<> SendBody(BodySource& source, std::uint64_t length, std::optional<BodyPiece> first);
  void BreakOff(const Error& error);
  // Sends the head and a body in memory without waiting; false: what is left is in unsent_.
  bool TrySendWhole(ByteView body);
  Task<> SendPiece(const BodyPiece& piece, bool with_head, bool last);
  // Ends our side, and gives the peer time to read the answer before its unread bytes reset the
  // connection (RFC 9112, section 9.6).
  boost::asio::awaitable<void> Linger();
  void ReleaseIdleMemory();

  EventLoop& loop_;
  Handler& handler_;
  Transport transport_;
  InputBuffer input_;
  MessageBody body_;
  HeadScanner scanner_;
  Request request_;
  std::string out_;  // the head being sent
  std::pair<ByteView, ByteView> unsent_;
  std::stop_source stop_;

  Phase phase_ = Phase::kIdle;
  bool must_linger_ = false;
  std::uint64_t phase_tick_ = 0;
  std::uint64_t counted_received_ = 0;
  std::uint64_t counted_sent_ = 0;
  // Progress while a body is on its way, as the sweep saw it.
  std::uint64_t seen_bytes_ = 0;
  std::uint64_t stalled_ticks_ = 0;
  std::uint64_t window_ticks_ = 0;  // waiting ticks in this rate window
  std::uint64_t window_bytes_ = 0;  // the byte count when it began
};

}  // namespace forebay::http
