// Tests only: the power fails at the n-th changing call, and the process does not notice.
//
// From that call on the wrapped MemoryFileSystem stays exactly as it is, while the process goes on
// over a copy of what it could see. So code that aborts on I/O errors can be tested too: close it,
// drop what was not synced from the original, and open again. What is acknowledged once `crashed()`
// does not count.
//
// Thread safe, by one lock. `base` must outlive it and its files.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/memory.h"

namespace forebay::kv {

class CrashFileSystem final : public io::FileSystem {
 public:
  CrashFileSystem(io::MemoryFileSystem& base, std::uint64_t crash_at)
      : state_(std::make_shared<State>(base, crash_at)) {}

  // At the next changing call, if it has not happened yet.
  void CrashNow() {
    std::lock_guard lock(state_->mutex);
    if (!state_->after) state_->crash_at = state_->operations + 1;
  }
  bool crashed() const {
    std::lock_guard lock(state_->mutex);
    return state_->after != nullptr;
  }
  std::uint64_t operations() const {
    std::lock_guard lock(state_->mutex);
    return state_->operations;
  }

  Result<std::unique_ptr<io::File>> Open(const std::string& path, io::OpenMode mode) override {
    std::lock_guard lock(state_->mutex);
    bool may_create = mode == io::OpenMode::kCreate || mode == io::OpenMode::kCreateOrOpen;
    auto& fs = may_create ? state_->Changing() : state_->Now();
    FB_ASSIGN_OR_RETURN(auto file, fs.Open(path, mode));
    return std::make_unique<CrashFile>(state_, path, std::move(file), state_->after != nullptr);
  }
  Result<> MakeDirs(const std::string& path) override {
    std::lock_guard lock(state_->mutex);
    return state_->Changing().MakeDirs(path);
  }
  Result<> Remove(const std::string& path) override {
    std::lock_guard lock(state_->mutex);
    return state_->Changing().Remove(path);
  }
  Result<> Rename(const std::string& from, const std::string& to) override {
    std::lock_guard lock(state_->mutex);
    return state_->Changing().Rename(from, to);
  }
  Result<> Link(const std::string& from, const std::string& to) override {
    std::lock_guard lock(state_->mutex);
    return state_->Changing().Link(from, to);
  }
  Result<> SyncDir(const std::string& path) override {
    std::lock_guard lock(state_->mutex);
    return state_->Changing().SyncDir(path);
  }
  Result<std::vector<io::DirEntry>> List(const std::string& path) const override {
    std::lock_guard lock(state_->mutex);
    return state_->Now().List(path);
  }
  Result<bool> Exists(const std::string& path) const override {
    std::lock_guard lock(state_->mutex);
    return state_->Now().Exists(path);
  }
  Result<io::SpaceInfo> Space(const std::string& path) const override {
    std::lock_guard lock(state_->mutex);
    return state_->Now().Space(path);
  }
  Result<std::unique_ptr<io::FileLock>> Lock(const std::string& path) override {
    std::lock_guard lock(state_->mutex);
    return state_->Now().Lock(path);
  }

 private:
  struct State {
    State(io::MemoryFileSystem& b, std::uint64_t at) : base(b), crash_at(at) {}
    io::MemoryFileSystem& base;
    std::uint64_t crash_at;  // guarded by mutex
    mutable std::mutex mutex;
    std::uint64_t operations = 0;
    std::unique_ptr<io::MemoryFileSystem> after;  // what the process lives on after the crash

    io::MemoryFileSystem& Now() { return after ? *after : base; }
    io::MemoryFileSystem& Changing() {
      if (++operations == crash_at) {
        after = std::make_unique<io::MemoryFileSystem>();
        Copy("/");
      }
      return Now();
    }
    void Copy(const std::string& dir) {
      auto entries = base.List(dir);
      if (!entries) return;
      if (!after->MakeDirs(dir)) std::abort();
      for (const auto& entry : *entries) {
        std::string path = (dir == "/" ? "" : dir) + "/" + entry.name;
        if (entry.is_directory) {
          Copy(path);
          continue;
        }
        auto contents = io::ReadFile(base, path);
        auto file = after->Open(path, io::OpenMode::kCreateOrOpen);
        if (!contents || !file || !(*file)->WriteAt(AsBytes(*contents), 0)) std::abort();
      }
    }
  };

  class CrashFile final : public io::File {
   public:
    CrashFile(std::shared_ptr<State> state, std::string path, std::unique_ptr<io::File> file,
              bool after)
        : state_(std::move(state)), path_(std::move(path)), file_(std::move(file)), after_(after) {}
    Result<std::size_t> ReadAt(MutableByteView data, std::uint64_t offset) const override {
      std::lock_guard lock(state_->mutex);
      return file_->ReadAt(data, offset);
    }
    Result<> WriteAt(ByteView data, std::uint64_t offset) override {
      std::lock_guard lock(state_->mutex);
      return Changing().WriteAt(data, offset);
    }
    Result<> WriteVectorAt(std::vector<ByteView> data, std::uint64_t offset) override {
      std::lock_guard lock(state_->mutex);
      return Changing().WriteVectorAt(std::move(data), offset);
    }
    Result<> Sync() override {
      std::lock_guard lock(state_->mutex);
      return Changing().Sync();
    }
    Result<> PunchHole(std::uint64_t offset, std::uint64_t length) override {
      std::lock_guard lock(state_->mutex);
      return Changing().PunchHole(offset, length);
    }
    Result<> Truncate(std::uint64_t size) override {
      std::lock_guard lock(state_->mutex);
      return Changing().Truncate(size);
    }
    Result<std::uint64_t> Size() const override {
      std::lock_guard lock(state_->mutex);
      return file_->Size();
    }
    Result<std::uint64_t> AllocatedBytes() const override {
      std::lock_guard lock(state_->mutex);
      return file_->AllocatedBytes();
    }
    bool Resident(std::uint64_t, std::uint64_t) const override { return true; }
    void StartWriteback(std::uint64_t, std::uint64_t) override {}
    int descriptor() const override { return -1; }

   private:
    // The file to change: moves over to the copy after the crash.
    io::File& Changing() {
      auto& fs = state_->Changing();
      if (state_->after && !after_) {
        auto file = fs.Open(path_, io::OpenMode::kCreateOrOpen);
        if (!file) std::abort();
        file_ = std::move(*file);
        after_ = true;
      }
      return *file_;
    }

    const std::shared_ptr<State> state_;
    const std::string path_;
    std::unique_ptr<io::File> file_;
    bool after_;
  };

  const std::shared_ptr<State> state_;
};

}  // namespace forebay::kv
