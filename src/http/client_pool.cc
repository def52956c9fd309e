#include "http/client_pool.h"

#include <poll.h>
#include <unistd.h>

namespace forebay::http {
namespace {

void Close(Transport::Parked& parked) {
  parked.ssl.reset();
  if (parked.descriptor >= 0) ::close(std::exchange(parked.descriptor, -1));
}

// On an idle connection anything readable is the end, or bytes nobody asked for. (TLS 1.3 session
// tickets may wait unread too; such a connection is given up, which costs a handshake and no more.)
bool Usable(const Transport::Parked& parked) {
  pollfd entry{parked.descriptor, POLLIN | POLLRDHUP, 0};
  return ::poll(&entry, 1, 0) == 0;
}

}  // namespace

ClientPool::~ClientPool() {
  for (auto& [key, list] : entries_) {
    for (Entry& entry : list) Close(entry.parked);
  }
}

std::unique_ptr<Transport> ClientPool::Take(const std::string& key, Executor executor) {
  const SteadyTime now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  std::unique_ptr<Transport> out;
  auto& list = found->second;
  while (out == nullptr && !list.empty()) {
    Entry entry = std::move(list.back());
    list.pop_back();
    --count_;
    if (now - entry.since < kMaxIdle && Usable(entry.parked)) {
      out = Transport::Unpark(std::move(executor), std::move(entry.parked));
    } else {
      Close(entry.parked);
    }
  }
  if (list.empty()) entries_.erase(found);
  return out;
}

void ClientPool::Put(const std::string& key, Transport::Parked parked) {
  if (parked.descriptor < 0) return;
  const std::lock_guard lock(mutex_);
  if (count_ >= max_idle_) DropExpired();
  if (count_ >= max_idle_) {
    Close(parked);
    return;
  }
  ++count_;
  entries_[key].push_back({std::move(parked), std::chrono::steady_clock::now()});
}

void ClientPool::DropExpired() {
  const SteadyTime now = std::chrono::steady_clock::now();
  for (auto it = entries_.begin(); it != entries_.end();) {
    auto& list = it->second;
    while (!list.empty() && now - list.front().since >= kMaxIdle) {
      Close(list.front().parked);
      list.pop_front();
      --count_;
    }
    it = list.empty() ? entries_.erase(it) : std::next(it);
  }
}

std::size_t ClientPool::idle() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

}  // namespace forebay::http
