#include "fuse/interrupts.h"

#include <vector>

namespace forebay::fuse {

Interrupts::Ticket Interrupts::Begin(When when) {
  std::lock_guard lock(mutex_);
  const std::uint64_t number = next_++;
  Entry& entry = entries_[number];
  entry.since = Clock::System().SteadyNow();
  entry.when = when;
  if (stopped_) entry.stop.request_stop();
  return {.number = number, .token = entry.stop.get_token()};
}

void Interrupts::End(std::uint64_t number) {
  std::lock_guard lock(mutex_);
  auto at = entries_.find(number);
  if (at == entries_.end()) return;
  if (at->second.interrupted) --interrupted_;
  entries_.erase(at);
}

void Interrupts::Interrupt(std::uint64_t number) {
  std::stop_source stop(std::nostopstate);
  {
    std::lock_guard lock(mutex_);
    auto at = entries_.find(number);
    if (at == entries_.end()) return;  // answered meanwhile
    if (!at->second.interrupted) ++interrupted_;
    at->second.interrupted = true;
    if (at->second.when == When::kAtOnce) stop = at->second.stop;
  }
  // Callbacks of the token run here, so no lock is held.
  if (stop.stop_possible()) stop.request_stop();
}

void Interrupts::Sweep(SteadyTime now) {
  std::vector<std::stop_source> stuck;
  {
    std::lock_guard lock(mutex_);
    if (interrupted_ == 0) return;
    for (auto& [number, entry] : entries_) {
      if (entry.interrupted && now - entry.since >= kPatience) stuck.push_back(entry.stop);
    }
  }
  for (std::stop_source& stop : stuck) stop.request_stop();
}

void Interrupts::StopAll() {
  std::vector<std::stop_source> all;
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    for (auto& [number, entry] : entries_) all.push_back(entry.stop);
  }
  for (std::stop_source& stop : all) stop.request_stop();
}

std::size_t Interrupts::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace forebay::fuse
