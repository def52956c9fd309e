#include "chunk/segment.h"

#include "base/checksum.h"
#include "base/codec.h"

namespace forebay::chunk {
namespace {

constexpr std::string_view kMagic = "FBSEGMT1";

}  // namespace

std::string EncodeSegmentHeader(SegmentId id, std::string_view volume_uuid) {
  Encoder out;
  out.Raw(kMagic).U64(id.value()).String(volume_uuid);
  std::string body = out.Take();
  Encoder sum;
  sum.Raw(body).U32(Crc32c(AsBytes(body)));
  std::string header = sum.Take();
  header.resize(kAlignment, '\0');
  return header;
}

Result<> CheckSegmentHeader(std::string_view header, SegmentId id, std::string_view volume_uuid) {
  std::string expected = EncodeSegmentHeader(id, volume_uuid);
  if (header == expected) return {};
  return Fail(Code::kCorruption, "segment " + std::to_string(id.value()) + " of volume " +
                                     std::string(volume_uuid) + " does not begin with its header");
}

Segment::Segment(io::FileSystem& fs, SegmentId id, VolumePtr volume, SegmentPhase phase,
                 std::uint64_t size, std::uint64_t span)
    : fs_(fs),
      id_(id),
      volume_(std::move(volume)),
      path_(volume_->SegmentPath(id)),
      span_(span),
      condemned_(span / kAlignment + 1),
      phase_(phase),
      size_(size) {}

Result<SegmentFilePtr> Segment::OpenFile() {
  FB_RETURN_IF_ERROR(volume_->CheckReadable());
  if (SegmentFilePtr file = CachedFile()) return file;
  std::lock_guard lock(open_mutex_);
  if (SegmentFilePtr file = CachedFile()) return file;
  FB_ASSIGN_OR_RETURN(auto opened, fs_.Open(path_, io::OpenMode::kReadWrite));
  std::string header(kAlignment, '\0');
  MutableByteView view(reinterpret_cast<std::byte*>(header.data()), header.size());
  FB_ASSIGN_OR_RETURN(std::size_t got, opened->ReadAt(view, 0));
  header.resize(got);
  FB_RETURN_IF_ERROR(CheckSegmentHeader(header, id_, volume_->uuid()));
  auto file = std::make_shared<SegmentFile>(std::move(opened), span_);
  std::lock_guard set(mutex_);
  file_ = file;
  return file;
}

SegmentFilePtr Segment::CachedFile() const {
  std::lock_guard lock(mutex_);
  return file_.lock();
}

void Segment::HoldFile(SegmentFilePtr file) {
  std::lock_guard lock(mutex_);
  file_ = file;
  held_file_ = std::move(file);
}

bool Segment::Reserve(std::uint64_t bytes, std::uint64_t* offset) {
  std::lock_guard lock(mutex_);
  if (phase_ != SegmentPhase::kActive || size_ + bytes > span_) return false;
  *offset = size_;
  size_ += bytes;
  ++unsettled_;
  return true;
}

void Segment::Settle() {
  std::lock_guard lock(mutex_);
  --unsettled_;
}

void Segment::MarkFull() {
  std::lock_guard lock(mutex_);
  if (phase_ == SegmentPhase::kActive) phase_ = SegmentPhase::kFull;
}

void Segment::MarkSealed() {
  std::lock_guard lock(mutex_);
  phase_ = SegmentPhase::kSealed;
  held_file_.reset();
}

SegmentPhase Segment::phase() const {
  std::lock_guard lock(mutex_);
  return phase_;
}

std::uint64_t Segment::size() const {
  std::lock_guard lock(mutex_);
  return size_;
}

std::uint64_t Segment::unsettled() const {
  std::lock_guard lock(mutex_);
  return unsettled_;
}

bool Segment::ReadyToSeal() const {
  std::lock_guard lock(mutex_);
  return phase_ == SegmentPhase::kFull && unsettled_ == 0;
}

bool Segment::AddSyncWaiter(SyncDone done) {
  std::lock_guard lock(sync_mutex_);
  sync_waiters_.push_back(std::move(done));
  return !std::exchange(syncing_, true);
}

std::uint64_t Segment::RunSyncs() {
  std::uint64_t syncs = 0;
  while (true) {
    std::vector<SyncDone> waiters;
    {
      std::lock_guard lock(sync_mutex_);
      if (sync_waiters_.empty()) {
        syncing_ = false;
        return syncs;
      }
      waiters.swap(sync_waiters_);
    }
    // Whoever waits has finished its write, so the sync that starts now covers it.
    std::uint64_t covered = written_.load();
    Result<> result = [&]() -> Result<> {
      FB_ASSIGN_OR_RETURN(SegmentFilePtr file, OpenFile());
      ++syncs;
      Result<> synced = file->file->Sync();
      if (!synced) volume_->MarkFailed(synced.error());
      FB_RETURN_IF_ERROR(volume_->CheckReadable());
      return {};
    }();
    if (result) {
      std::uint64_t before = durable_.load();
      while (before < covered && !durable_.compare_exchange_weak(before, covered)) {
      }
    }
    for (SyncDone& done : waiters) done(result);
  }
}

void Segment::FailSyncs(const Error& error) {
  std::vector<SyncDone> waiters;
  {
    std::lock_guard lock(sync_mutex_);
    waiters.swap(sync_waiters_);
    syncing_ = false;
  }
  for (SyncDone& done : waiters) done(Fail(Error(error)));
}

}  // namespace forebay::chunk
