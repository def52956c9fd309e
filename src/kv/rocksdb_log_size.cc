#include "kv/rocksdb_log_size.h"

#include <utility>
#include <vector>

#include "kv/rocksdb_internal.h"

namespace forebay::kv {

namespace {

using rocksdb::DataVerificationInfo;
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class MeteredFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  MeteredFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string path,
              std::shared_ptr<LogSize> size)
      : FSWritableFileOwnerWrapper(std::move(file)),
        path_(std::move(path)),
        size_(std::move(size)) {}
  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* dbg) override {
    return Count(data, FSWritableFileOwnerWrapper::Append(data, options, dbg));
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const DataVerificationInfo& info,
                  IODebugContext* dbg) override {
    return Count(data, FSWritableFileOwnerWrapper::Append(data, options, info, dbg));
  }

 private:
  IOStatus Count(const Slice& data, IOStatus written) {
    if (written.ok()) size_->Grew(path_, data.size());
    return written;
  }

  const std::string path_;
  const std::shared_ptr<LogSize> size_;
};

class LogMeter final : public rocksdb::FileSystemWrapper {
 public:
  LogMeter(std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<LogSize> size)
      : FileSystemWrapper(std::move(base)), size_(std::move(size)) {}
  const char* Name() const override { return "ForebayLogMeter"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* out,
                           IODebugContext* dbg) override {
    IOStatus status = target()->NewWritableFile(path, options, out, dbg);
    if (!status.ok() || !size_->Covers(path)) return status;
    size_->Gone(path);  // what had the name is empty now
    *out = std::make_unique<MeteredFile>(std::move(*out), path, size_);
    return status;
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* dbg) override {
    IOStatus status = target()->DeleteFile(path, options, dbg);
    if (status.ok() && size_->Covers(path)) size_->Gone(path);
    return status;
  }

 private:
  const std::shared_ptr<LogSize> size_;
};

std::string NameOf(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// RocksDB hands over both forms.
std::string_view WithoutSlashes(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace

LogSize::LogSize(std::string dir) : dir_(WithoutSlashes(dir)) {}

Result<> LogSize::Find(rocksdb::FileSystem& fs) {
  std::vector<std::string> names;
  const auto listed = fs.GetChildren(dir_, {}, &names, nullptr);
  if (listed.IsNotFound() || listed.IsPathNotFound()) return {};
  FB_RETURN_IF_ERROR(ToResult(listed));
  for (const std::string& name : names) {
    std::uint64_t bytes = 0;
    const std::string path = dir_ + "/" + name;
    if (!Covers(path)) continue;
    FB_RETURN_IF_ERROR(ToResult(fs.GetFileSize(path, {}, &bytes, nullptr)));
    Grew(path, bytes);
  }
  return {};
}

bool LogSize::Covers(std::string_view path) const {
  const auto slash = path.rfind('/');
  return path.ends_with(".log") && slash != std::string_view::npos &&
         WithoutSlashes(path.substr(0, slash)) == dir_;
}

void LogSize::Grew(const std::string& path, std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  files_[NameOf(path)] += bytes;
  total_.fetch_add(bytes, std::memory_order_relaxed);
}

void LogSize::Gone(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto file = files_.find(NameOf(path));
  if (file == files_.end()) return;
  total_.fetch_sub(file->second, std::memory_order_relaxed);
  files_.erase(file);
}

std::shared_ptr<rocksdb::FileSystem> MakeLogMeter(std::shared_ptr<rocksdb::FileSystem> base,
                                                  std::shared_ptr<LogSize> size) {
  return std::make_shared<LogMeter>(std::move(base), std::move(size));
}

}  // namespace forebay::kv
