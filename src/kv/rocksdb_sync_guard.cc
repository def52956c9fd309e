#include <rocksdb/file_system.h>

#include <chrono>
#include <utility>

#include "kv/rocksdb_internal.h"

namespace forebay::kv {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

bool IsDataFile(std::string_view name) { return name.ends_with(".sst") || name.ends_with(".blob"); }

bool IsLogFile(std::string_view name) { return name.ends_with(".log"); }

class Guard {
 public:
  Guard(SyncFailureFn on_failure, std::shared_ptr<metrics::LocalHistogram> log_syncs)
      : on_failure_(std::move(on_failure)), log_syncs_(std::move(log_syncs)) {}
  IOStatus Judge(const std::string& name, IOStatus status) const {
    if (status.ok() || status.IsNotSupported()) return status;
    if (status.IsNoSpace() && IsDataFile(name)) return status;
    on_failure_("Sync of " + name + " failed: " + status.ToString());
    return status;
  }
  // `sync` of a file, timed where it is the log.
  template <class Sync>
  IOStatus Run(const std::string& name, Sync sync) const {
    if (!IsLogFile(name)) return Judge(name, sync());
    const auto start = std::chrono::steady_clock::now();
    IOStatus status = sync();
    log_syncs_->Observe(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    return Judge(name, std::move(status));
  }

 private:
  const SyncFailureFn on_failure_;
  const std::shared_ptr<metrics::LocalHistogram> log_syncs_;
};

class GuardedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  GuardedFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name,
              std::shared_ptr<const Guard> guard)
      : FSWritableFileOwnerWrapper(std::move(file)),
        name_(std::move(name)),
        guard_(std::move(guard)) {}
  IOStatus Sync(const IOOptions& options, IODebugContext* dbg) override {
    return guard_->Run(name_, [&] { return target()->Sync(options, dbg); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return guard_->Run(name_, [&] { return target()->Fsync(options, dbg); });
  }

 private:
  const std::string name_;
  const std::shared_ptr<const Guard> guard_;
};

class GuardedDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  GuardedDirectory(std::unique_ptr<rocksdb::FSDirectory> directory, std::string name,
                   std::shared_ptr<const Guard> guard)
      : FSDirectoryWrapper(std::move(directory)),
        name_(std::move(name)),
        guard_(std::move(guard)) {}
  IOStatus Fsync(const IOOptions& options, IODebugContext* dbg) override {
    return guard_->Judge(name_, FSDirectoryWrapper::Fsync(options, dbg));
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* dbg,
                               const rocksdb::DirFsyncOptions& how) override {
    return guard_->Judge(name_, FSDirectoryWrapper::FsyncWithDirOptions(options, dbg, how));
  }

 private:
  const std::string name_;
  const std::shared_ptr<const Guard> guard_;
};

class SyncGuard final : public rocksdb::FileSystemWrapper {
 public:
  SyncGuard(std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<const Guard> guard)
      : FileSystemWrapper(std::move(base)), guard_(std::move(guard)) {}
  const char* Name() const override { return "ForebaySyncGuard"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* out,
                           IODebugContext* dbg) override {
    if (IsLogFile(name)) {
      IOStatus status = SyncPreviousLog(name, options, dbg);
      if (!status.ok()) return status;
    }
    return Wrap(name, target()->NewWritableFile(name, options, out, dbg), out);
  }
  IOStatus ReopenWritableFile(const std::string& name, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* out,
                              IODebugContext* dbg) override {
    return Wrap(name, target()->ReopenWritableFile(name, options, out, dbg), out);
  }
  IOStatus ReuseWritableFile(const std::string& name, const std::string& old_name,
                             const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* out,
                             IODebugContext* dbg) override {
    return Wrap(name, target()->ReuseWritableFile(name, old_name, options, out, dbg), out);
  }
  IOStatus NewDirectory(const std::string& name, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* out, IODebugContext* dbg) override {
    IOStatus status = target()->NewDirectory(name, options, out, dbg);
    if (status.ok()) *out = std::make_unique<GuardedDirectory>(std::move(*out), name, guard_);
    return status;
  }

 private:
  // RocksDB goes on to a new log while the old one's end waits for a sync. A power cut may then
  // keep a part of the new log and lose the end of the old one: a gap between two files, which no
  // reader notices when it falls between two records.
  IOStatus SyncPreviousLog(const std::string& next, const FileOptions& options,
                           IODebugContext* dbg) {
    std::string previous = std::exchange(last_log_, next);
    if (previous.empty()) return IOStatus::OK();
    std::unique_ptr<rocksdb::FSWritableFile> file;
    IOStatus status = ReopenWritableFile(previous, options, &file, dbg);
    if (status.IsNotFound() || status.IsPathNotFound()) return IOStatus::OK();  // obsolete, removed
    if (status.ok()) status = file->Fsync({}, dbg);
    if (status.ok()) status = file->Close({}, dbg);
    return status;
  }

  IOStatus Wrap(const std::string& name, IOStatus status,
                std::unique_ptr<rocksdb::FSWritableFile>* out) const {
    if (status.ok()) *out = std::make_unique<GuardedFile>(std::move(*out), name, guard_);
    return status;
  }

  const std::shared_ptr<const Guard> guard_;
  std::string last_log_;  // logs are made one at a time, under RocksDB's own lock
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> MakeSyncGuard(
    std::shared_ptr<rocksdb::FileSystem> base, SyncFailureFn on_failure,
    std::shared_ptr<metrics::LocalHistogram> log_syncs) {
  auto guard = std::make_shared<const Guard>(std::move(on_failure), std::move(log_syncs));
  return std::make_shared<SyncGuard>(std::move(base), std::move(guard));
}

}  // namespace forebay::kv
