#include "http/test_support.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>

namespace forebay::http {
namespace {

constexpr int kPatienceMs = 10'000;

}  // namespace

RawClient::RawClient(std::uint16_t port, int receive_buffer) {
  descriptor_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (receive_buffer > 0) {
    ::setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  }
  const int on = 1;
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    ADD_FAILURE() << "cannot connect to port " << port;
  }
}

RawClient::~RawClient() { ::close(descriptor_); }

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

bool RawClient::Receive(int milliseconds) {
  pollfd entry{descriptor_, POLLIN, 0};
  if (::poll(&entry, 1, milliseconds) != 1) return false;
  const std::size_t old = buffer_.size();
  buffer_.resize(old + (256 << 10));
  const ssize_t got = ::recv(descriptor_, buffer_.data() + old, buffer_.size() - old, 0);
  buffer_.resize(old + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return got > 0;
}

std::string RawClient::Answer::Header(std::string_view name) const {
  const std::string line = "\r\n" + std::string(name) + ": ";
  const std::size_t begin = head.find(line);
  if (begin == std::string::npos) return "";
  const std::size_t value = begin + line.size();
  return head.substr(value, head.find("\r\n", value) - value);
}

RawClient::Answer RawClient::ReadAnswer(bool head_only) {
  Answer answer;
  while (buffer_.find("\r\n\r\n") == std::string::npos) {
    if (!Receive(kPatienceMs)) return answer;
  }
  const std::size_t end = buffer_.find("\r\n\r\n") + 4;
  answer.head = buffer_.substr(0, end);
  buffer_.erase(0, end);
  answer.status = static_cast<unsigned>(std::atoi(answer.head.c_str() + 9));
  const std::string length = answer.Header("Content-Length");
  const std::size_t size =
      head_only || length.empty() ? 0 : static_cast<std::size_t>(std::stoull(length));
  while (buffer_.size() < size) {
    if (!Receive(kPatienceMs)) break;
  }
  answer.complete = buffer_.size() >= size;
  answer.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  // A test may look at the heap.
  if (buffer_.empty()) std::string().swap(buffer_);
  return answer;
}

std::string RawClient::ReadBytes(std::size_t count) {
  while (buffer_.size() < count && Receive(kPatienceMs)) {
  }
  std::string out = buffer_.substr(0, count);
  buffer_.erase(0, out.size());
  return out;
}

std::string RawClient::ReadToEnd(bool* closed) {
  while (Receive(kPatienceMs)) {
  }
  if (closed != nullptr) *closed = WaitClosed(0);
  return std::exchange(buffer_, "");
}

bool RawClient::WaitClosed(int milliseconds) {
  pollfd entry{descriptor_, POLLIN, 0};
  if (::poll(&entry, 1, milliseconds) != 1) return false;
  char byte = 0;
  return ::recv(descriptor_, &byte, 1, MSG_PEEK) <= 0;
}

void RawClient::ShutdownSend() { ::shutdown(descriptor_, SHUT_WR); }

void RawClient::Reset() {
  const linger now{1, 0};
  ::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  ::close(std::exchange(descriptor_, -1));
}

std::string Pattern(std::size_t size, std::uint64_t offset) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) {
    const std::uint64_t at = offset + i;
    out[i] = static_cast<char>((at * 2654435761U) >> 13 ^ at);
  }
  return out;
}

}  // namespace forebay::http
