#include "io/faulty.h"

namespace forebay::io {
namespace {

constexpr std::uint32_t kChangingOps =
    kOpWrite | kOpSync | kOpPunch | kOpTruncate | kOpCreate | kOpDirectory;

class FaultyFile final : public File {
 public:
  FaultyFile(FaultyFileSystem& fs, std::unique_ptr<File> base, std::string path)
      : fs_(fs), base_(std::move(base)), path_(std::move(path)) {}

  Result<std::size_t> ReadAt(MutableByteView data, std::uint64_t offset) const override {
    FB_RETURN_IF_ERROR(fs_.Check(kOpRead, path_));
    return base_->ReadAt(data, offset);
  }
  Result<> WriteAt(ByteView data, std::uint64_t offset) override {
    FB_RETURN_IF_ERROR(fs_.Check(kOpWrite, path_));
    return base_->WriteAt(data, offset);
  }
  Result<> WriteVectorAt(std::vector<ByteView> data, std::uint64_t offset) override {
    FB_RETURN_IF_ERROR(fs_.Check(kOpWrite, path_));
    return base_->WriteVectorAt(std::move(data), offset);
  }
  Result<> Sync() override {
    FB_RETURN_IF_ERROR(fs_.Check(kOpSync, path_));
    return base_->Sync();
  }
  Result<> PunchHole(std::uint64_t offset, std::uint64_t length) override {
    FB_RETURN_IF_ERROR(fs_.Check(kOpPunch, path_));
    return base_->PunchHole(offset, length);
  }
  Result<> Truncate(std::uint64_t size) override {
    FB_RETURN_IF_ERROR(fs_.Check(kOpTruncate, path_));
    return base_->Truncate(size);
  }
  Result<std::uint64_t> Size() const override {
    FB_RETURN_IF_ERROR(fs_.Check(kOpLook, path_));
    return base_->Size();
  }
  Result<std::uint64_t> AllocatedBytes() const override {
    FB_RETURN_IF_ERROR(fs_.Check(kOpLook, path_));
    return base_->AllocatedBytes();
  }
  bool Resident(std::uint64_t offset, std::uint64_t length) const override {
    return base_->Resident(offset, length);
  }
  void StartWriteback(std::uint64_t offset, std::uint64_t length) override {
    base_->StartWriteback(offset, length);
  }
  int descriptor() const override { return base_->descriptor(); }

 private:
  FaultyFileSystem& fs_;
  std::unique_ptr<File> base_;
  std::string path_;
};

// True when this call of the fault's kind is one to fail; counts it.
bool Strikes(Fault& fault) {
  if (fault.skip > 0) {
    --fault.skip;
    return false;
  }
  if (fault.times == 0) return false;
  --fault.times;
  return true;
}

Result<> CheckFaults(std::vector<Fault>& faults, FaultOps op, const std::string& path) {
  for (Fault& fault : faults) {
    if ((fault.ops & op) == 0) continue;
    if (path.find(fault.path_contains) == std::string::npos) continue;
    if (Strikes(fault)) return Fail(fault.code, "injected fault on " + path);
  }
  return {};
}

}  // namespace

void FaultyFileSystem::AddFault(Fault fault) {
  std::lock_guard lock(mutex_);
  faults_.push_back(std::move(fault));
}

void FaultyFileSystem::CrashAt(std::uint64_t n) {
  std::lock_guard lock(mutex_);
  crash_at_ = n;
}

void FaultyFileSystem::Heal() {
  std::lock_guard lock(mutex_);
  faults_.clear();
  operations_ = 0;
  crash_at_ = UINT64_MAX;
}

std::uint64_t FaultyFileSystem::operations() const {
  std::lock_guard lock(mutex_);
  return operations_;
}

bool FaultyFileSystem::crashed() const {
  std::lock_guard lock(mutex_);
  return operations_ >= crash_at_;
}

Result<> FaultyFileSystem::Check(FaultOps op, const std::string& path) {
  std::lock_guard lock(mutex_);
  if ((kChangingOps & op) != 0) ++operations_;
  if (operations_ >= crash_at_) return Fail(Code::kIo, "injected crash on " + path);
  return CheckFaults(faults_, op, path);
}

Result<> FaultyFileSystem::CheckLook(const std::string& path) const {
  std::lock_guard lock(mutex_);
  if (operations_ >= crash_at_) return Fail(Code::kIo, "injected crash on " + path);
  return CheckFaults(faults_, kOpLook, path);
}

Result<std::unique_ptr<File>> FaultyFileSystem::Open(const std::string& path, OpenMode mode) {
  bool creates = mode == OpenMode::kCreate || mode == OpenMode::kCreateOrOpen;
  FB_RETURN_IF_ERROR(Check(creates ? kOpCreate : kOpOpen, path));
  FB_ASSIGN_OR_RETURN(auto file, base_.Open(path, mode));
  return std::make_unique<FaultyFile>(*this, std::move(file), path);
}

Result<> FaultyFileSystem::MakeDirs(const std::string& path) {
  FB_RETURN_IF_ERROR(Check(kOpDirectory, path));
  return base_.MakeDirs(path);
}

Result<> FaultyFileSystem::Remove(const std::string& path) {
  FB_RETURN_IF_ERROR(Check(kOpDirectory, path));
  return base_.Remove(path);
}

Result<> FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  FB_RETURN_IF_ERROR(Check(kOpDirectory, from));
  return base_.Rename(from, to);
}

Result<> FaultyFileSystem::Link(const std::string& from, const std::string& to) {
  FB_RETURN_IF_ERROR(Check(kOpDirectory, from));
  return base_.Link(from, to);
}

Result<> FaultyFileSystem::SyncDir(const std::string& path) {
  FB_RETURN_IF_ERROR(Check(kOpDirectory, path));
  return base_.SyncDir(path);
}

Result<std::vector<DirEntry>> FaultyFileSystem::List(const std::string& path) const {
  FB_RETURN_IF_ERROR(CheckLook(path));
  return base_.List(path);
}

Result<bool> FaultyFileSystem::Exists(const std::string& path) const {
  FB_RETURN_IF_ERROR(CheckLook(path));
  return base_.Exists(path);
}

Result<SpaceInfo> FaultyFileSystem::Space(const std::string& path) const {
  FB_RETURN_IF_ERROR(CheckLook(path));
  return base_.Space(path);
}

Result<std::unique_ptr<FileLock>> FaultyFileSystem::Lock(const std::string& path) {
  FB_RETURN_IF_ERROR(CheckLook(path));
  return base_.Lock(path);
}

}  // namespace forebay::io
