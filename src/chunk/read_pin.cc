#include "chunk/read_pin.h"

#include <sys/stat.h>

#include <filesystem>

#include "base/checksum.h"
#include "base/log.h"

namespace forebay::chunk {

SegmentFilePtr SegmentReadPin::OpenedFile() const {
  std::lock_guard lock(mutex_);
  if (!file_) file_ = segment_->CachedFile();
  return file_;
}

Result<SegmentFilePtr> SegmentReadPin::Open() const {
  FB_RETURN_IF_ERROR(segment_->volume()->CheckReadable());
  if (SegmentFilePtr file = OpenedFile()) return file;
  Result<SegmentFilePtr> file = core_->files.Open(*segment_);
  if (!file) {
    // No segment is removed under a pin: somebody else did it, or the disk lost the file.
    if (file.error().code() != Code::kNotFound) return file;
    return Fail(Code::kCorruption, "segment file " + segment_->path() + " is missing");
  }
  std::lock_guard lock(mutex_);
  if (!file_) file_ = *file;
  return file_;
}

std::uint32_t SegmentReadPin::BlockBytes(std::size_t block) const {
  std::uint64_t begin = block * kChecksumBlockBytes;
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(kChecksumBlockBytes, record_.length - begin));
}

std::uint64_t SegmentReadPin::BlockBit(std::size_t block) const {
  return (record_.location.offset + block * kChecksumBlockBytes) / kAlignment;
}

Result<> SegmentReadPin::ReadExactly(SegmentFile& file, MutableByteView data,
                                     std::uint64_t offset) const {
  FB_ASSIGN_OR_RETURN(std::size_t got, file.file->ReadAt(data, record_.location.offset + offset));
  if (got == data.size()) return {};
  core_->counters.corrupt_reads.fetch_add(1);
  return Fail(Code::kCorruption, segment_->path() + " ends within a chunk at offset " +
                                     std::to_string(record_.location.offset));
}

Result<> SegmentReadPin::CheckBlock(SegmentFile& file, ByteView data, std::size_t block) const {
  if (Crc64(data) != record_.block_crcs[block]) {
    core_->counters.corrupt_reads.fetch_add(1);
    Log(LogLevel::kError, "checksum mismatch",
        {{"segment", segment_->path()},
         {"offset_bytes", record_.location.offset + block * kChecksumBlockBytes}});
    return Fail(Code::kCorruption,
                "a block of " + segment_->path() + " does not match its checksum");
  }
  core_->counters.blocks_verified.fetch_add(1);
  file.verified.Set(BlockBit(block));
  return {};
}

Result<> SegmentReadPin::VerifyBlock(SegmentFile& file, std::size_t block,
                                     MutableByteView scratch) const {
  MutableByteView data = scratch.first(BlockBytes(block));
  FB_RETURN_IF_ERROR(ReadExactly(file, data, block * kChecksumBlockBytes));
  return CheckBlock(file, data, block);
}

Result<> SegmentReadPin::ReadBlocking(MutableByteView data, std::uint32_t offset) const {
  if (!RangeIsValid(offset, data.size())) {
    return Fail(Code::kInternal, "a read beyond the end of a chunk");
  }
  if (data.empty()) return {};
  FB_ASSIGN_OR_RETURN(SegmentFilePtr file, Open());
  // One read for everything; then the blocks that are not known to be right are checked, from
  // `data` where it holds the whole block, else read again (from the page cache).
  FB_RETURN_IF_ERROR(ReadExactly(*file, data, offset));
  std::vector<std::byte> scratch;
  std::uint64_t end = offset + data.size();
  for (std::size_t block = offset / kChecksumBlockBytes; block * kChecksumBlockBytes < end;
       ++block) {
    if (file->verified.Test(BlockBit(block))) continue;
    std::uint64_t begin = block * kChecksumBlockBytes;
    std::uint32_t bytes = BlockBytes(block);
    if (begin >= offset && begin + bytes <= end) {
      FB_RETURN_IF_ERROR(CheckBlock(*file, data.subspan(begin - offset, bytes), block));
      continue;
    }
    scratch.resize(kChecksumBlockBytes);
    FB_RETURN_IF_ERROR(VerifyBlock(*file, block, scratch));
    // What was checked is what is returned, even if the medium answers differently each time.
    std::uint64_t from = std::max<std::uint64_t>(begin, offset);
    std::uint64_t to = std::min<std::uint64_t>(begin + bytes, end);
    std::memcpy(data.data() + (from - offset), scratch.data() + (from - begin), to - from);
  }
  return {};
}

Result<> SegmentReadPin::ReadAllUnconditionally(MutableByteView data) const {
  FB_ASSIGN_OR_RETURN(SegmentFilePtr file, Open());
  FB_RETURN_IF_ERROR(ReadExactly(*file, data, 0));
  for (std::size_t block = 0; block < record_.block_crcs.size(); ++block) {
    FB_RETURN_IF_ERROR(
        CheckBlock(*file, data.subspan(block * kChecksumBlockBytes, BlockBytes(block)), block));
  }
  return {};
}

Result<> SegmentReadPin::Prepare(std::uint32_t offset, std::uint32_t length) const {
  if (!RangeIsValid(offset, length)) {
    return Fail(Code::kInternal, "a read beyond the end of a chunk");
  }
  FB_ASSIGN_OR_RETURN(SegmentFilePtr file, Open());
  bool resident = file->file->Resident(record_.location.offset + offset, length);
  std::vector<std::byte> scratch(kChecksumBlockBytes);
  std::uint64_t end = std::uint64_t{offset} + length;
  for (std::size_t block = offset / kChecksumBlockBytes; block * kChecksumBlockBytes < end;
       ++block) {
    if (resident && file->verified.Test(BlockBit(block))) continue;
    FB_RETURN_IF_ERROR(VerifyBlock(*file, block, scratch));
  }
  return {};
}

bool SegmentReadPin::ReadyToSend(std::uint32_t offset, std::uint32_t length) const {
  if (!RangeIsValid(offset, length) || !segment_->volume()->CheckReadable()) return false;
  SegmentFilePtr file = OpenedFile();
  if (!file || file->file->descriptor() < 0) return false;
  std::uint64_t end = std::uint64_t{offset} + length;
  for (std::size_t block = offset / kChecksumBlockBytes; block * kChecksumBlockBytes < end;
       ++block) {
    if (!file->verified.Test(BlockBit(block))) return false;
  }
  return file->file->Resident(record_.location.offset + offset, length);
}

bool SegmentReadPin::Resident(std::uint32_t offset, std::uint32_t length) const {
  const Result<SegmentFilePtr> file = Open();
  return file && RangeIsValid(offset, length) &&
         (*file)->file->Resident(record_.location.offset + offset, length);
}

std::optional<LocalPlace> SegmentReadPin::Local() const {
  const HoleBoard* const board = segment_->volume()->board();
  const int file = descriptor();
  struct stat status{};
  if (board == nullptr || file < 0 || ::fstat(file, &status) != 0) return std::nullopt;
  LocalPlace place;
  std::error_code error;
  place.path = std::filesystem::absolute(segment_->path(), error).string();
  place.board = std::filesystem::absolute(board->path(), error).string();
  if (error) return std::nullopt;
  place.device = status.st_dev;
  place.inode = status.st_ino;
  place.slot = HoleBoard::SlotOf(segment_->id());
  place.count = board->Count(segment_->id());
  return place;
}

int SegmentReadPin::descriptor() const {
  SegmentFilePtr file = OpenedFile();
  return file ? file->file->descriptor() : -1;
}

}  // namespace forebay::chunk
