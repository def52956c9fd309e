#include "kv/rocksdb_log_tail.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/checksum.h"
#include "base/codec.h"
#include "kv/rocksdb_internal.h"

namespace forebay::kv {

namespace {

using rocksdb::SequenceNumber;

// RocksDB's log format: blocks of 32 KiB, records of {masked CRC-32C, length, type} and a payload.
constexpr std::size_t kBlockBytes = 32 << 10;
constexpr std::size_t kHeaderBytes = 7;
enum RecordType : std::uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };
// A batch: sequence number, count, then entries; ours starts with a log-data entry.
constexpr std::size_t kBatchHeaderBytes = 12;
constexpr std::uint8_t kLogDataTag = 3;

constexpr std::string_view kMarkerMagic = "FBS1";

struct Batch {
  SequenceNumber first = 0;
  std::uint32_t count = 0;
  std::optional<SequenceNumber> durable;  // from the marker
};

// What is known of one hole, until an intact record behind it settles its nature.
struct Hole {
  std::string where;
  std::uint64_t log = 0;
  std::optional<SequenceNumber> first_lost;  // unknown where nothing intact precedes it
};

std::uint32_t UnmaskCrc(std::uint32_t masked) {
  std::uint32_t rotated = masked - 0xa282ead8U;
  return (rotated >> 17) | (rotated << 15);
}

std::optional<Batch> ParseBatch(std::string_view payload) {
  if (payload.size() < kBatchHeaderBytes) return std::nullopt;
  Decoder in(payload);
  Batch batch;
  batch.first = in.U64();
  batch.count = in.U32();
  if (in.remaining() > 0 && in.U8() == kLogDataTag) {
    Decoder marker(in.StringView());
    if (marker.Raw(kMarkerMagic.size()) == kMarkerMagic) {
      SequenceNumber durable = marker.U64();
      if (marker.ok()) batch.durable = durable;
    }
  }
  return batch;
}

class Examiner {
 public:
  Result<> ReadFile(rocksdb::FileSystem& fs, const std::string& path, std::uint64_t number);
  LogCondition Finish() &&;

 private:
  void ReadBlock(std::string_view block, bool last_block);
  void Record(std::uint8_t type, std::string_view payload);
  void NoteHole();
  void NoteBatch(const Batch& batch);

  LogCondition condition_;
  std::string place_;
  std::uint64_t log_ = 0;
  std::vector<Hole> holes_;
  std::optional<SequenceNumber> next_;  // follows the last intact batch
  bool in_fragments_ = false;           // a first part was read, its last was not
  std::optional<Batch> fragmented_;
  bool hole_open_ = false;  // nothing intact since the last hole
};

void Examiner::NoteHole() {
  in_fragments_ = false;
  fragmented_.reset();
  if (hole_open_) return;
  hole_open_ = true;
  if (!condition_.torn) condition_.where = place_;
  condition_.torn = true;
  holes_.push_back({.where = place_, .log = log_, .first_lost = next_});
}

void Examiner::NoteBatch(const Batch& batch) {
  // Who wrote this knew of a hole in an earlier log, and has used the number that was lost again.
  std::erase_if(holes_, [&](const Hole& hole) {
    return hole.log < log_ && hole.first_lost && batch.first <= *hole.first_lost;
  });
  for (auto& hole : holes_) {
    if (!hole.first_lost) hole.first_lost = batch.first == 0 ? 0 : batch.first - 1;
    if (!condition_.damaged && batch.durable && *batch.durable >= *hole.first_lost) {
      condition_.damaged = true;
      condition_.where = hole.where;
    }
  }
  next_ = batch.first + batch.count;
  hole_open_ = false;
}

void Examiner::Record(std::uint8_t type, std::string_view payload) {
  bool starts = type == kFull || type == kFirst;
  if (starts && in_fragments_) NoteHole();
  if (!starts && !in_fragments_) return NoteHole();
  if (starts) fragmented_ = ParseBatch(payload);
  in_fragments_ = type == kFirst || type == kMiddle;
  if (in_fragments_) return;
  if (fragmented_) NoteBatch(*fragmented_);
  fragmented_.reset();
}

void Examiner::ReadBlock(std::string_view block, bool last_block) {
  while (block.size() >= kHeaderBytes) {
    Decoder in(block);
    std::uint32_t crc = UnmaskCrc(in.U32());
    std::size_t length = in.U8();
    length |= static_cast<std::size_t>(in.U8()) << 8;
    std::uint8_t type = in.U8();
    if (type < kFull || type > kLast || length > block.size() - kHeaderBytes) return NoteHole();
    // The checksum covers the type and the payload, which lie side by side.
    auto covered = block.substr(kHeaderBytes - 1, 1 + length);
    if (Crc32c(AsBytes(covered)) == crc) {
      Record(type, covered.substr(1));
    } else {
      NoteHole();  // its header may be sound: go on behind it, to hear what is said there
    }
    block.remove_prefix(kHeaderBytes + length);
  }
  // The end of a full block is padding.
  if (last_block && !block.empty()) NoteHole();
}

Result<> Examiner::ReadFile(rocksdb::FileSystem& fs, const std::string& path,
                            std::uint64_t number) {
  log_ = number;
  hole_open_ = false;  // the log before may be one that does not count any more
  std::unique_ptr<rocksdb::FSSequentialFile> file;
  FB_RETURN_IF_ERROR(ToResult(fs.NewSequentialFile(path, {}, &file, nullptr)));
  std::string buffer(kBlockBytes, '\0');
  for (std::uint64_t offset = 0;;) {
    std::size_t filled = 0;
    while (filled < kBlockBytes) {
      rocksdb::Slice read;
      FB_RETURN_IF_ERROR(
          ToResult(file->Read(kBlockBytes - filled, {}, &read, buffer.data() + filled, nullptr)));
      if (read.empty()) break;
      // RocksDB's readers may answer from memory of their own.
      if (read.data() != buffer.data() + filled) {
        std::copy_n(read.data(), read.size(), buffer.data() + filled);
      }
      filled += read.size();
    }
    place_ = path + " at " + std::to_string(offset);
    if (filled > 0) ReadBlock(std::string_view(buffer).substr(0, filled), filled < kBlockBytes);
    offset += filled;
    if (filled < kBlockBytes) break;
  }
  if (in_fragments_) NoteHole();
  return {};
}

LogCondition Examiner::Finish() && {
  for (const Hole& hole : holes_) {
    condition_.holes.push_back({.log = hole.log, .first_lost = hole.first_lost.value_or(0)});
  }
  return std::move(condition_);
}

class HoleFilter final : public rocksdb::WalFilter {
 public:
  HoleFilter(std::vector<LogHole> holes, WalProcessingOption behind)
      : holes_(std::move(holes)), behind_(behind) {}
  const char* Name() const override { return "ForebayHoleFilter"; }

  void ColumnFamilyLogNumberMap(const std::map<std::uint32_t, std::uint64_t>& first_logs,
                                const std::map<std::string, std::uint32_t>&) override {
    std::uint64_t oldest = UINT64_MAX;
    for (const auto& [family, log] : first_logs) oldest = std::min(oldest, log);
    std::erase_if(holes_, [oldest](const LogHole& hole) { return hole.log < oldest; });
  }
  WalProcessingOption LogRecordFound(unsigned long long log, const std::string&,
                                     const rocksdb::WriteBatch& batch, rocksdb::WriteBatch*,
                                     bool*) override {
    if (holes_.empty()) return WalProcessingOption::kContinueProcessing;
    const LogHole& hole = holes_.front();
    const auto parsed = ParseBatch(batch.Data());
    const bool behind =
        log > hole.log || (log == hole.log && (!parsed || parsed->first >= hole.first_lost));
    return behind ? behind_ : WalProcessingOption::kContinueProcessing;
  }

 private:
  std::vector<LogHole> holes_;
  const WalProcessingOption behind_;
};

Result<> SyncFile(rocksdb::FileSystem& fs, const std::string& path) {
  std::unique_ptr<rocksdb::FSWritableFile> file;
  FB_RETURN_IF_ERROR(ToResult(fs.ReopenWritableFile(path, {}, &file, nullptr)));
  FB_RETURN_IF_ERROR(ToResult(file->Fsync({}, nullptr)));
  return ToResult(file->Close({}, nullptr));
}

}  // namespace

std::unique_ptr<rocksdb::WalFilter> EndAtHoles(std::vector<LogHole> holes, bool cut) {
  using Option = rocksdb::WalFilter::WalProcessingOption;
  return std::make_unique<HoleFilter>(std::move(holes),
                                      cut ? Option::kStopReplay : Option::kCorruptedRecord);
}

std::string EncodeSyncMarker(SequenceNumber durable) {
  return Encoder().Raw(kMarkerMagic).U64(durable).Take();
}

Result<LogCondition> ExamineLog(rocksdb::FileSystem& fs, const std::string& dir) {
  std::vector<std::string> names;
  auto status = fs.GetChildren(dir, {}, &names, nullptr);
  if (status.IsNotFound() || status.IsPathNotFound()) return LogCondition{};
  FB_RETURN_IF_ERROR(ToResult(status));
  std::vector<std::pair<std::uint64_t, std::string>> logs;
  for (const auto& name : names) {
    std::uint64_t number = 0;
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc() && std::string_view(end) == ".log") logs.emplace_back(number, name);
  }
  std::sort(logs.begin(), logs.end());
  Examiner examiner;
  for (const auto& [number, name] : logs) {
    std::string path = dir + "/" + name;
    FB_RETURN_IF_ERROR(SyncFile(fs, path));
    FB_RETURN_IF_ERROR(examiner.ReadFile(fs, path, number));
  }
  return std::move(examiner).Finish();
}

}  // namespace forebay::kv
