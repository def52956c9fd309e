#include "vfs/loops.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace forebay::vfs {

struct Loops::Loop {
  Loop() : work(context.get_executor()), thread([this] { Work(); }) {}
  void Work() {
    pthread_setname_np(pthread_self(), "vfs");
    context.run();
  }

  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::thread thread;
};

Loops::Loops(std::size_t threads) {
  for (std::size_t i = 0; i < std::max<std::size_t>(threads, 1); ++i) {
    loops_.push_back(std::make_unique<Loop>());
  }
}

Loops::~Loops() { Stop(); }

void Loops::Stop() {
  for (const auto& loop : loops_) loop->context.stop();
  for (const auto& loop : loops_) {
    if (loop->thread.joinable()) loop->thread.join();
  }
}

Executor Loops::For(InodeNumber inode) const {
  // Numbers that follow one another spread evenly, and so do those that differ in high bits only.
  const std::uint64_t mixed = (inode.value() * 0x9E37'79B9'7F4A'7C15ull) >> 32;
  return loops_[mixed % loops_.size()]->context.get_executor();
}

Executor Loops::Any() const {
  static std::atomic<std::size_t> turn{0};
  return loops_[turn.fetch_add(1, std::memory_order_relaxed) % loops_.size()]
      ->context.get_executor();
}

Executor Loops::At(std::size_t index) const { return loops_[index]->context.get_executor(); }

}  // namespace forebay::vfs
