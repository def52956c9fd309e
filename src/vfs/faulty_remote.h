// A Remote that fails now and then, for tests: before anything was done, or after everything was,
// as a link does that loses a question or an answer for longer than anybody waits; and a server
// that crashes with changes that were not durable yet.
//
// Thread safe. What is inside outlives it.
#pragma once

#include <atomic>
#include <mutex>
#include <random>

#include "vfs/remote.h"

namespace forebay::vfs {

class FaultyRemote final : public Remote {
 public:
  FaultyRemote(Remote& inside, unsigned seed) : inside_(inside), random_(seed) {}

  // Shares of calls, in thousandths, that fail before (kDeadlineExceeded) and after they were done
  // (kUnknownOutcome).
  void SetRates(unsigned before, unsigned after) {
    before_ = before;
    after_ = after;
  }
  std::uint64_t faults() const { return faults_; }
  // The server has crashed: the next SyncChanges says that changes are lost.
  void LoseChanges() { lost_ = true; }
  unsigned syncs() const { return syncs_; }

  Task<Attributes> Stat(OpContext context, FileRef file) override {
    co_return co_await Try(inside_.Stat(context, std::move(file)));
  }
  Task<Attributes> StatToRead(OpContext context, FileRef file) override {
    co_return co_await Try(inside_.StatToRead(context, std::move(file)));
  }
  Task<Attributes> Lookup(OpContext context, NameRef at) override {
    co_return co_await Try(inside_.Lookup(context, std::move(at)));
  }
  Task<ListPage> List(OpContext context, ListRequest request) override {
    co_return co_await Try(inside_.List(context, std::move(request)));
  }
  Task<NameChange> Create(OpContext context, CreateRequest request) override {
    co_return co_await Try(inside_.Create(context, std::move(request)));
  }
  Task<NameChange> Link(OpContext context, FileRef file, NameRef at) override {
    co_return co_await Try(inside_.Link(context, std::move(file), std::move(at)));
  }
  Task<std::string> ReadLink(OpContext context, FileRef file) override {
    co_return co_await Try(inside_.ReadLink(context, std::move(file)));
  }
  Task<std::optional<FileTime>> Remove(OpContext context, NameRef at, bool directory) override {
    co_return co_await Try(inside_.Remove(context, std::move(at), directory));
  }
  Task<NameChange> Rename(OpContext context, RenameRequest request) override {
    co_return co_await Try(inside_.Rename(context, std::move(request)));
  }
  Task<Attributes> SetAttributes(OpContext context, FileRef file,
                                 AttributeChanges changes) override {
    co_return co_await Try(inside_.SetAttributes(context, std::move(file), changes));
  }
  Task<std::string> GetXattr(OpContext context, FileRef file, std::string name) override {
    co_return co_await Try(inside_.GetXattr(context, std::move(file), std::move(name)));
  }
  Task<std::vector<std::string>> ListXattrs(OpContext context, FileRef file) override {
    co_return co_await Try(inside_.ListXattrs(context, std::move(file)));
  }
  Task<> SetXattr(OpContext context, FileRef file, std::string name, std::string value,
                  XattrMode mode) override {
    co_return co_await Try(
        inside_.SetXattr(context, std::move(file), std::move(name), std::move(value), mode));
  }
  Task<> RemoveXattr(OpContext context, FileRef file, std::string name) override {
    co_return co_await Try(inside_.RemoveXattr(context, std::move(file), std::move(name)));
  }
  Task<> SyncChanges(OpContext context) override {
    ++syncs_;
    if (lost_.exchange(false)) co_return Fail(Code::kChangesLost, "A crash, for the test.");
    co_return co_await Try(inside_.SyncChanges(context));
  }
  Task<ReadAnswer> Read(OpContext context, ReadRequest request) override {
    co_return co_await Try(inside_.Read(context, std::move(request)));
  }
  Task<StagedBlock> StageBlock(OpContext context, FileRef file, ByteView data) override {
    co_return co_await Try(inside_.StageBlock(context, std::move(file), data));
  }
  Task<CommitAnswer> Commit(OpContext context, CommitRequest request) override {
    co_return co_await Try(inside_.Commit(context, std::move(request)));
  }
  Task<std::uint64_t> SeekData(OpContext context, FileRef file, std::uint64_t offset,
                               bool data) override {
    co_return co_await Try(inside_.SeekData(context, std::move(file), offset, data));
  }
  Task<RemoteTraits> Probe(OpContext context) override {
    co_return co_await inside_.Probe(context);
  }
  Task<> KeepAlive(OpContext context) override {
    co_return co_await Try(inside_.KeepAlive(context));
  }
  Task<> End(OpContext context) override { co_return co_await inside_.End(context); }
  Task<> Hold(OpContext context, FileRef file) override {
    co_return co_await Try(inside_.Hold(context, std::move(file)));
  }
  Task<> Release(OpContext context, FileRef file) override {
    co_return co_await Try(inside_.Release(context, std::move(file)));
  }
  Task<> Lock(OpContext context, FileRef file, LockRange range,
              std::chrono::milliseconds wait) override {
    co_return co_await Try(inside_.Lock(context, std::move(file), range, wait));
  }
  Task<std::optional<LockRange>> TestLock(OpContext context, FileRef file,
                                          LockRange range) override {
    co_return co_await Try(inside_.TestLock(context, std::move(file), range));
  }
  Task<ChangesPage> Changes(OpContext context, std::string cursor) override {
    co_return co_await Try(inside_.Changes(context, std::move(cursor)));
  }
  Task<StatFs> GetStatFs(OpContext context) override {
    co_return co_await Try(inside_.GetStatFs(context));
  }

 private:
  bool Happens(unsigned rate) {
    std::lock_guard lock(mutex_);
    const bool now = random_() % 1000 < rate;
    if (now) ++faults_;
    return now;
  }
  template <class T>
  Task<T> Try(Task<T> call) {
    if (Happens(before_)) co_return Fail(Code::kDeadlineExceeded, "A fault before the call.");
    auto answer = co_await std::move(call);
    if (Happens(after_)) co_return Fail(Code::kUnknownOutcome, "A fault after the call.");
    co_return answer;
  }

  Remote& inside_;
  std::mutex mutex_;
  std::mt19937 random_;
  std::atomic<unsigned> before_{0};
  std::atomic<unsigned> after_{0};
  std::atomic<std::uint64_t> faults_{0};
  std::atomic<bool> lost_{false};
  std::atomic<unsigned> syncs_{0};
};

}  // namespace forebay::vfs
