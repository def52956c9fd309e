#include "http/event_loop.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <csignal>
#include <ctime>
#include <vector>

#include "base/http_date.h"
#include "http/connection.h"

namespace forebay::http {

EventLoop::EventLoop(const ServerOptions& options, unsigned index)
    : options_(options),
      index_(index),
      work_(boost::asio::make_work_guard(context_)),
      sweep_timer_(context_) {}

EventLoop::~EventLoop() { Stop(); }

void EventLoop::Stop() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

void EventLoop::Start() {
  ArmSweep();
  thread_ = std::thread([this] {
    // sendfile to a peer that has left raises SIGPIPE; blocked here, it is only an error code.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    pthread_setname_np(pthread_self(), ("http-" + std::to_string(index_)).c_str());
    context_.run();
  });
}

void EventLoop::BeginDrain() {
  boost::asio::post(context_, [this] {
    draining_ = true;
    const std::vector<Connection*> all(connections_.begin(), connections_.end());
    for (Connection* connection : all) connection->EndIfIdle();
  });
}

void EventLoop::BeginKill() {
  boost::asio::post(context_, [this] {
    draining_ = killing_ = true;
    const std::vector<Connection*> all(connections_.begin(), connections_.end());
    for (Connection* connection : all) connection->Kill();
  });
}

void EventLoop::Register(Connection* connection) { connections_.insert(connection); }
void EventLoop::Unregister(Connection* connection) { connections_.erase(connection); }

std::string_view EventLoop::Date() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != date_second_) {
    date_second_ = now.tv_sec;
    date_ = FormatHttpDate(WallTime::FromSeconds(date_second_));
  }
  return date_;
}

void EventLoop::ArmSweep() {
  sweep_timer_.expires_after(kSweepPeriod);
  sweep_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    Sweep();
    ArmSweep();
  });
}

void EventLoop::Sweep() {
  ++tick_;
  // None of these calls ends a connection on the spot: they only wake its coroutine.
  for (Connection* connection : connections_) connection->CheckProgress();
}

}  // namespace forebay::http
