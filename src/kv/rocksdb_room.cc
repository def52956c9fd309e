#include "kv/rocksdb_room.h"

#include <mutex>
#include <set>
#include <string_view>
#include <utility>

#include "kv/rocksdb_internal.h"

namespace forebay::kv {

namespace {

using rocksdb::DataVerificationInfo;
using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// Between two looks at the disk a file of a compaction grows by so much.
constexpr std::uint64_t kLookEvery = 256 << 10;

// The paths of files that compactions have begun and not yet written to.
class Outputs {
 public:
  void Add(const std::string& path) {
    const std::lock_guard lock(mutex_);
    paths_.insert(path);
  }
  bool Take(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return paths_.erase(path) > 0;
  }

 private:
  std::mutex mutex_;
  std::set<std::string> paths_;
};

class Listener final : public rocksdb::EventListener {
 public:
  explicit Listener(std::shared_ptr<Outputs> outputs) : outputs_(std::move(outputs)) {}
  void OnTableFileCreationStarted(const rocksdb::TableFileCreationBriefInfo& info) override {
    if (info.reason == rocksdb::TableFileCreationReason::kCompaction) outputs_->Add(info.file_path);
  }
  void OnBlobFileCreationStarted(const rocksdb::BlobFileCreationBriefInfo& info) override {
    if (info.reason == rocksdb::BlobFileCreationReason::kCompaction) outputs_->Add(info.file_path);
  }

 private:
  const std::shared_ptr<Outputs> outputs_;
};

class GuardedFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  GuardedFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name,
              std::shared_ptr<Outputs> outputs, std::shared_ptr<Room> room)
      : FSWritableFileOwnerWrapper(std::move(file)),
        name_(std::move(name)),
        outputs_(std::move(outputs)),
        room_(std::move(room)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* dbg) override {
    IOStatus may = Check(data.size());
    return may.ok() ? FSWritableFileOwnerWrapper::Append(data, options, dbg) : may;
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const DataVerificationInfo& info,
                  IODebugContext* dbg) override {
    IOStatus may = Check(data.size());
    return may.ok() ? FSWritableFileOwnerWrapper::Append(data, options, info, dbg) : may;
  }
  void PrepareWrite(std::size_t offset, std::size_t length, const IOOptions& options,
                    IODebugContext* dbg) override {
    if (!room_->ample()) return;
    FSWritableFileOwnerWrapper::PrepareWrite(offset, length, options, dbg);
  }

 private:
  // The listener hears of a file before its first byte, but not always before it is made.
  IOStatus Check(std::size_t more) {
    if (!begun_) of_compaction_ = outputs_->Take(name_);
    const bool look = !begun_ || unseen_ >= kLookEvery;
    begun_ = true;
    unseen_ += more;
    if (!of_compaction_ || !look) return IOStatus::OK();
    unseen_ = more;
    auto free_bytes = room_->Look();
    if (!free_bytes || *free_bytes >= room_->growth_line() + more) return IOStatus::OK();
    return IOStatus::NoSpace(name_, "compactions leave the room that deletes need");
  }

  const std::string name_;
  const std::shared_ptr<Outputs> outputs_;
  const std::shared_ptr<Room> room_;
  bool begun_ = false;
  bool of_compaction_ = false;
  std::uint64_t unseen_ = 0;  // bytes since the last look
};

class GuardedFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  GuardedFileSystem(std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<Outputs> outputs,
                    std::shared_ptr<Room> room)
      : FileSystemWrapper(std::move(base)), outputs_(std::move(outputs)), room_(std::move(room)) {}
  const char* Name() const override { return "ForebayRoomGuard"; }

  IOStatus NewWritableFile(const std::string& name, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* out,
                           IODebugContext* dbg) override {
    IOStatus status = target()->NewWritableFile(name, options, out, dbg);
    if (status.ok()) *out = std::make_unique<GuardedFile>(std::move(*out), name, outputs_, room_);
    return status;
  }

 private:
  const std::shared_ptr<Outputs> outputs_;
  const std::shared_ptr<Room> room_;
};

}  // namespace

Result<std::uint64_t> Room::Look() {
  std::uint64_t free_bytes = 0;
  auto status = file_system_->GetFreeSpace(path_, {}, &free_bytes, nullptr);
  if (!status.ok()) return Fail(ToError(status));
  scarce_.store(free_bytes < kScarce * line_, std::memory_order_relaxed);
  ample_.store(free_bytes >= kAmple * line_, std::memory_order_relaxed);
  return free_bytes;
}

RoomGuard MakeRoomGuard(std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<Room> room) {
  auto outputs = std::make_shared<Outputs>();
  return {
      .file_system = std::make_shared<GuardedFileSystem>(std::move(base), outputs, std::move(room)),
      .listener = std::make_shared<Listener>(outputs)};
}

}  // namespace forebay::kv
