#include "kv/watch_hub.h"

#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

namespace forebay::kv {

namespace {

struct Entry {
  std::string prefix;
  std::function<void()> fn;
  bool due = false;
  bool running = false;
};

}  // namespace

struct WatchHub::State {
  std::mutex mutex;
  std::condition_variable wake;  // the thread waits here
  std::condition_variable done;  // a handle's destructor waits here for its call to end
  std::list<std::shared_ptr<Entry>> entries;
  std::atomic<std::size_t> watches{0};  // lets Notify leave without the lock
  bool stopping = false;
  std::thread thread;
  std::thread::id thread_id;

  void Loop();
  void Remove(const std::shared_ptr<Entry>& entry);
};

void WatchHub::State::Loop() {
  std::unique_lock lock(mutex);
  while (true) {
    std::shared_ptr<Entry> due;
    for (const auto& entry : entries) {
      if (entry->due) {
        due = entry;
        break;
      }
    }
    if (!due) {
      if (stopping) return;
      wake.wait(lock);
      continue;
    }
    due->due = false;
    due->running = true;
    lock.unlock();
    due->fn();
    lock.lock();
    due->running = false;
    done.notify_all();
  }
}

void WatchHub::State::Remove(const std::shared_ptr<Entry>& entry) {
  std::unique_lock lock(mutex);
  entry->due = false;
  if (std::erase(entries, entry) > 0) watches.fetch_sub(1);
  if (std::this_thread::get_id() == thread_id) return;
  done.wait(lock, [&] { return !entry->running; });
}

WatchHub::WatchHub() : state_(std::make_shared<State>()) {}

WatchHub::~WatchHub() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    for (auto& entry : state_->entries) entry->due = false;
    state_->wake.notify_all();
  }
  if (state_->thread.joinable()) state_->thread.join();
}

std::shared_ptr<void> WatchHub::Watch(std::string prefix, std::function<void()> fn) {
  auto entry = std::make_shared<Entry>(Entry{.prefix = std::move(prefix), .fn = std::move(fn)});
  {
    std::lock_guard lock(state_->mutex);
    state_->entries.push_back(entry);
    state_->watches.fetch_add(1);
    if (!state_->thread.joinable()) {
      state_->thread = std::thread([state = state_.get()] { state->Loop(); });
      state_->thread_id = state_->thread.get_id();
    }
  }
  return {entry.get(), [state = state_, entry](void*) { state->Remove(entry); }};
}

void WatchHub::Notify(const ChangeSet& committed) {
  if (state_->watches.load() == 0) return;
  std::lock_guard lock(state_->mutex);
  bool any = false;
  for (auto& entry : state_->entries) {
    if (entry->due || !committed.Touches(Space::kMeta, entry->prefix)) continue;
    entry->due = any = true;
  }
  if (any) state_->wake.notify_one();
}

}  // namespace forebay::kv
