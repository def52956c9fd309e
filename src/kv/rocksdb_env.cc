// RocksDB's FileSystem over io::FileSystem, so that crash tests can pull the power under RocksDB.
// Not for production: no read-ahead, no preallocation, one lock a file's end.
#include <rocksdb/file_system.h>

#include <atomic>
#include <ctime>
#include <string>
#include <utility>

#include "base/bytes.h"
#include "kv/rocksdb_internal.h"

namespace forebay::kv {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus ToIoStatus(const Error& error, const std::string& path) {
  std::string text = error.ToString();
  switch (error.code()) {
    case Code::kNotFound:
      return IOStatus::PathNotFound(path, text);
    case Code::kNoSpace:
      return IOStatus::NoSpace(path, text);
    case Code::kLocked:
      return IOStatus::IOError("lock " + path, text);
    case Code::kUnsupported:
      return IOStatus::NotSupported(path, text);
    default:
      return IOStatus::IOError(path, text);
  }
}

template <class T>
IOStatus ToIoStatus(const Result<T>& result, const std::string& path) {
  return result ? IOStatus::OK() : ToIoStatus(result.error(), path);
}

// `text` without trailing slashes: RocksDB hands over both forms.
std::string Trim(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

IOStatus ReadInto(const io::File& file, const std::string& path, std::uint64_t offset,
                  std::size_t n, Slice* result, char* scratch) {
  auto read = file.ReadAt(std::as_writable_bytes(std::span(scratch, n)), offset);
  *result = Slice(scratch, read ? *read : 0);
  return ToIoStatus(read, path);
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  SequentialFile(std::unique_ptr<io::File> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  IOStatus Read(std::size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    IOStatus status = ReadInto(*file_, path_, offset_, n, result, scratch);
    offset_ += result->size();
    return status;
  }
  IOStatus Skip(std::uint64_t n) override {
    offset_ += n;
    return IOStatus::OK();
  }

 private:
  const std::unique_ptr<io::File> file_;
  const std::string path_;
  std::uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  RandomAccessFile(std::unique_ptr<io::File> file, std::string path)
      : file_(std::move(file)), path_(std::move(path)) {}
  IOStatus Read(std::uint64_t offset, std::size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return ReadInto(*file_, path_, offset, n, result, scratch);
  }

 private:
  const std::unique_ptr<io::File> file_;
  const std::string path_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  WritableFile(std::unique_ptr<io::File> file, std::string path, std::uint64_t size)
      : file_(std::move(file)), path_(std::move(path)), size_(size) {}
  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    auto written = file_->WriteAt(AsBytes({data.data(), data.size()}), size_);
    if (written) size_ += data.size();
    return ToIoStatus(written, path_);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions&, IODebugContext*) override {
    auto truncated = file_->Truncate(size);
    if (truncated) size_ = size;
    return ToIoStatus(truncated, path_);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return ToIoStatus(file_->Sync(), path_);
  }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

 private:
  const std::unique_ptr<io::File> file_;
  const std::string path_;
  std::atomic<std::uint64_t> size_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(io::FileSystem& fs, std::string path) : fs_(fs), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return ToIoStatus(fs_.SyncDir(path_), path_);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  io::FileSystem& fs_;
  const std::string path_;
};

struct Lock final : rocksdb::FileLock {
  explicit Lock(std::unique_ptr<io::FileLock> l) : lock(std::move(l)) {}
  std::unique_ptr<io::FileLock> lock;
};

class RocksFileSystem final : public rocksdb::FileSystem {
 public:
  explicit RocksFileSystem(io::FileSystem& base) : base_(base) {}
  const char* Name() const override { return "ForebayFileSystem"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* out,
                             IODebugContext*) override {
    auto file = base_.Open(path, io::OpenMode::kRead);
    if (file) *out = std::make_unique<SequentialFile>(std::move(*file), path);
    return ToIoStatus(file, path);
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                               IODebugContext*) override {
    auto file = base_.Open(path, io::OpenMode::kRead);
    if (file) *out = std::make_unique<RandomAccessFile>(std::move(*file), path);
    return ToIoStatus(file, path);
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* out,
                           IODebugContext*) override {
    auto file = base_.Open(path, io::OpenMode::kCreateOrOpen);
    if (!file) return ToIoStatus(file, path);
    auto emptied = (*file)->Truncate(0);
    if (emptied) *out = std::make_unique<WritableFile>(std::move(*file), path, 0);
    return ToIoStatus(emptied, path);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* out,
                              IODebugContext*) override {
    auto file = base_.Open(path, io::OpenMode::kCreateOrOpen);
    if (!file) return ToIoStatus(file, path);
    auto size = (*file)->Size();
    if (size) *out = std::make_unique<WritableFile>(std::move(*file), path, *size);
    return ToIoStatus(size, path);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* out, IODebugContext*) override {
    *out = std::make_unique<Directory>(base_, Trim(path));
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    auto exists = base_.Exists(Trim(path));
    if (!exists) return ToIoStatus(exists, path);
    return *exists ? IOStatus::OK() : IOStatus::NotFound(path);
  }
  IOStatus GetChildren(const std::string& dir, const IOOptions&, std::vector<std::string>* out,
                       IODebugContext*) override {
    auto entries = base_.List(Trim(dir));
    if (!entries) return ToIoStatus(entries, dir);
    out->clear();
    for (auto& entry : *entries) out->push_back(std::move(entry.name));
    return IOStatus::OK();
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToIoStatus(base_.Remove(path), path);
  }
  IOStatus Truncate(const std::string& path, std::size_t size, const IOOptions&,
                    IODebugContext*) override {
    auto file = base_.Open(path, io::OpenMode::kReadWrite);
    if (!file) return ToIoStatus(file, path);
    return ToIoStatus((*file)->Truncate(size), path);
  }
  IOStatus CreateDir(const std::string& path, const IOOptions& options,
                     IODebugContext* dbg) override {
    if (FileExists(path, options, dbg).ok()) return IOStatus::IOError(path, "exists");
    return CreateDirIfMissing(path, options, dbg);
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToIoStatus(base_.MakeDirs(Trim(path)), path);
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return ToIoStatus(base_.Remove(Trim(path)), path);
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, std::uint64_t* size,
                       IODebugContext*) override {
    auto file = base_.Open(path, io::OpenMode::kRead);
    if (!file) return ToIoStatus(file, path);
    auto result = (*file)->Size();
    if (result) *size = *result;
    return ToIoStatus(result, path);
  }
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, std::uint64_t* time,
                                   IODebugContext*) override {
    *time = static_cast<std::uint64_t>(std::time(nullptr));  // only ages info logs
    return IOStatus::OK();
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return ToIoStatus(base_.Rename(Trim(from), Trim(to)), from);
  }
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions&,
                    IODebugContext*) override {
    return ToIoStatus(base_.Link(from, to), from);
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** out,
                    IODebugContext*) override {
    auto lock = base_.Lock(path);
    if (lock) *out = new Lock(std::move(*lock));  // RocksDB gives it back to UnlockFile
    return ToIoStatus(lock, path);
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string* path, IODebugContext*) override {
    *path = "/";
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* out,
                           IODebugContext*) override {
    *out = path;
    return IOStatus::OK();
  }
  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, std::uint64_t* bytes,
                        IODebugContext*) override {
    auto space = base_.Space(Trim(path));
    if (space) *bytes = space->available_bytes;
    return ToIoStatus(space, path);
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is_directory,
                       IODebugContext*) override {
    *is_directory = base_.List(Trim(path)).has_value();
    return IOStatus::OK();
  }

 private:
  io::FileSystem& base_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> MakeRocksFileSystem(io::FileSystem& base) {
  return std::make_shared<RocksFileSystem>(base);
}

}  // namespace forebay::kv
