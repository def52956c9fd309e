#include "fuse/notifier.h"

#include <pthread.h>

namespace forebay::fuse {

Notifier::Notifier(fuse_session* session) : session_(session), thread_([this] { Work(); }) {}

Notifier::~Notifier() { Stop(); }

void Notifier::Stop() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    notes_.clear();
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Notifier::ForgetAttributes(vfs::InodeNumber inode, bool and_content) {
  Add({.inode = inode, .content = and_content, .name = {}});
}

void Notifier::ForgetEntry(vfs::InodeNumber parent, std::string name) {
  Add({.inode = parent, .name = std::move(name)});
}

void Notifier::Add(Note note) {
  {
    std::lock_guard lock(mutex_);
    if (stop_) return;
    if (notes_.size() >= kMost) notes_.pop_front();
    notes_.push_back(std::move(note));
  }
  wake_.notify_one();
}

void Notifier::Work() {
  pthread_setname_np(pthread_self(), "fuse-notify");
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || !notes_.empty(); });
    if (stop_) return;
    const Note note = std::move(notes_.front());
    notes_.pop_front();
    lock.unlock();
    // Errors mean that the kernel does not know it, or that the mount is gone: as good.
    if (!note.name.empty()) {
      fuse_lowlevel_notify_inval_entry(session_, note.inode.value(), note.name.data(),
                                       note.name.size());
    } else {
      fuse_lowlevel_notify_inval_inode(session_, note.inode.value(), note.content ? 0 : -1, 0);
    }
    lock.lock();
  }
}

}  // namespace forebay::fuse
