#include "vfs/disk_cache.h"

#include <algorithm>
#include <cstring>

#include "base/checksum.h"
#include "base/codec.h"
#include "base/encoding.h"
#include "base/log.h"

namespace forebay::vfs {
namespace {

constexpr std::string_view kMagic = "FBCP";
constexpr std::uint8_t kVersion = 1;
constexpr std::string_view kPageEnding = ".page";
// What a file takes beside its bytes, as most file systems count.
constexpr std::uint64_t kBlock = 4096;
// A larger page is none of ours.
constexpr std::uint64_t kMostBytes = MemoryPool::kSizes.back();

std::uint64_t RoomOf(std::uint64_t size) { return (size + kBlock - 1) / kBlock * kBlock; }

// Two checksums make a name; the page says itself whose it is, so that a collision costs a miss.
std::string Digest(std::string_view text) {
  Encoder out;
  out.U64(Crc64(AsBytes(text), 0x9E3779B97F4A7C15)).U64(Crc64(AsBytes(text)));
  return HexEncode(AsBytes(out.str()));
}

// Everything before the checksum.
std::string HeaderOf(const std::string& key, std::uint64_t offset, std::uint64_t length) {
  Encoder out;
  out.Raw(kMagic).U8(kVersion).String(key).U64(offset).U64(length);
  return out.Take();
}

constexpr std::size_t kChecksumBytes = 8;

std::uint64_t ChecksumOf(ByteView header, ByteView bytes) { return Crc64(bytes, Crc64(header)); }

}  // namespace

DiskCache::DiskCache(io::FileSystem& fs, DiskCacheOptions options)
    : fs_(fs),
      options_(std::move(options)),
      place_(options_.directory + "/" + Digest(options_.source)),
      pool_({.name = "disk-cache", .threads = options_.threads}) {}

DiskCache::~DiskCache() { Drain(); }

Result<std::unique_ptr<DiskCache>> DiskCache::Open(io::FileSystem& fs, DiskCacheOptions options) {
  std::unique_ptr<DiskCache> cache(new DiskCache(fs, std::move(options)));
  FB_RETURN_IF_ERROR(cache->Load());
  return cache;
}

Result<> DiskCache::Load() {
  FB_RETURN_IF_ERROR(fs_.MakeDirs(place_));
  auto lock = fs_.Lock(place_ + "/lock");
  if (!lock) {
    if (lock.error().code() != Code::kLocked) return Fail(std::move(lock.error()));
    return Fail(Code::kLocked,
                "Another mount uses the cache in " + options_.directory +
                    " for the same container: give this one a directory of its own.");
  }
  lock_ = std::move(*lock);
  FB_ASSIGN_OR_RETURN(const std::vector<io::DirEntry> found, fs_.List(place_));
  std::unique_lock guard(mutex_);
  for (const io::DirEntry& entry : found) {
    if (entry.name == "lock" || entry.name == "status" || entry.is_directory) continue;
    if (entry.name.ends_with(kPageEnding) && entry.size <= kMostBytes + kBlock) {
      Enter(entry.name, entry.size);
    } else {
      (void)fs_.Remove(place_ + "/" + entry.name);  // was being written when its mount died
    }
  }
  guard.unlock();
  if (TakeRoom(0)) return {};  // there may be more than is allowed now
  return Fail(Code::kIo, "The cache could not be made smaller.");
}

std::string DiskCache::KeyOf(const FileRef& file, const ETag& etag) const {
  std::string key = options_.source;
  key += '\n';
  key += file.id == RemoteId() ? "path " + file.path : "id " + std::to_string(file.id.value());
  key += '\n';
  key += etag.view();
  return key;
}

std::string DiskCache::NameOf(const std::string& key, std::uint64_t offset) {
  std::string name = Digest(key);
  name += '-';
  name += std::to_string(offset);
  name += kPageEnding;
  return name;
}

std::string DiskCache::PathOf(const std::string& name) const { return place_ + "/" + name; }

void DiskCache::Enter(const std::string& name, std::uint64_t size) {
  auto [entry, fresh] = entries_.try_emplace(name);
  if (fresh) {
    order_.push_front(name);
    entry->second.place = order_.begin();
  } else {
    bytes_ -= RoomOf(entry->second.size);
    order_.splice(order_.begin(), order_, entry->second.place);
  }
  entry->second.size = size;
  bytes_ += RoomOf(size);
}

void DiskCache::Forget(const std::string& name, bool damaged) {
  {
    std::lock_guard lock(mutex_);
    const auto found = entries_.find(name);
    if (found == entries_.end()) return;
    bytes_ -= RoomOf(found->second.size);
    order_.erase(found->second.place);
    entries_.erase(found);
    if (damaged) ++counts_.damaged;
  }
  (void)fs_.Remove(PathOf(name));
}

boost::asio::awaitable<bool> DiskCache::Read(FileRef file, ETag etag, std::uint64_t offset,
                                             MutableByteView into) {
  std::string key = KeyOf(file, etag);
  bool known = false;
  {
    std::lock_guard lock(mutex_);
    const auto found = entries_.find(NameOf(key, offset));
    known = found != entries_.end() &&
            found->second.size >= HeaderOf(key, offset, 0).size() + kChecksumBytes + into.size();
    if (known) order_.splice(order_.begin(), order_, found->second.place);
    if (!known) ++counts_.misses;
  }
  if (!known || into.empty()) co_return false;
  auto read = co_await pool_.Run(
      [this, key = std::move(key), offset, into] { return ReadPage(key, offset, into); });
  const bool hit = read && *read;
  std::lock_guard lock(mutex_);
  ++(hit ? counts_.hits : counts_.misses);
  if (hit) counts_.hit_bytes += into.size();
  if (!read) ++counts_.failed;
  co_return hit;
}

Result<bool> DiskCache::ReadPage(const std::string& key, std::uint64_t offset,
                                 MutableByteView into) {
  const std::string name = NameOf(key, offset);
  auto file = fs_.Open(PathOf(name), io::OpenMode::kRead);
  if (!file) {
    Forget(name, false);
    return file.error().code() == Code::kNotFound ? Result<bool>(false)
                                                  : Fail(std::move(file.error()));
  }
  FB_ASSIGN_OR_RETURN(const std::uint64_t size, (*file)->Size());
  const std::size_t head = HeaderOf(key, offset, 0).size() + kChecksumBytes;
  std::string bytes;
  if (size >= head && size <= head + kMostBytes) {
    bytes.resize(size);
    FB_ASSIGN_OR_RETURN(const std::size_t got,
                        (*file)->ReadAt(std::as_writable_bytes(std::span(bytes)), 0));
    bytes.resize(got);
  }
  const std::string header = HeaderOf(key, offset, size - std::min<std::uint64_t>(size, head));
  bool good = bytes.size() == size && size >= head && bytes.starts_with(header);
  if (good) {
    const ByteView payload = AsBytes(bytes).subspan(head);
    const std::uint64_t stored = Decoder(std::string_view(bytes).substr(header.size())).U64();
    good = stored == ChecksumOf(AsBytes(header), payload);
    if (good && payload.size() >= into.size()) {
      std::memcpy(into.data(), payload.data(), into.size());
      return true;
    }
  }
  if (!good) {
    Log(LogLevel::kWarn, "A page of the local cache is damaged and taken away", {{"page", name}});
    Forget(name, true);
  }
  return false;
}

void DiskCache::Write(const FileRef& file, const ETag& etag, std::uint64_t offset,
                      std::shared_ptr<Memory> memory, std::size_t bytes) {
  std::string key = KeyOf(file, etag);
  const std::uint64_t room = memory->capacity();
  {
    std::lock_guard lock(mutex_);
    const auto known = entries_.find(NameOf(key, offset));
    if (known != entries_.end() && known->second.size >= bytes) return;
    if (bytes == 0 || queued_bytes_ + room > options_.queue_bytes) {
      ++counts_.left_out;
      return;
    }
    queued_bytes_ += room;
  }
  const bool posted = pool_.TryPost(
      [this, key = std::move(key), offset, memory = std::move(memory), bytes, room]() mutable {
        WritePage(key, offset, {memory->data(), bytes});
        memory.reset();
        std::lock_guard lock(mutex_);
        Unqueue(room);
      });
  if (posted) return;
  std::lock_guard lock(mutex_);
  Unqueue(room);
  ++counts_.left_out;
}

void DiskCache::Unqueue(std::uint64_t bytes) {
  queued_bytes_ -= bytes;
  if (queued_bytes_ == 0) drained_.notify_all();
}

void DiskCache::WritePage(const std::string& key, std::uint64_t offset, ByteView bytes) {
  const std::string name = NameOf(key, offset);
  const std::string header = HeaderOf(key, offset, bytes.size());
  Encoder head;
  head.Raw(header).U64(ChecksumOf(AsBytes(header), bytes));
  const std::uint64_t size = head.str().size() + bytes.size();
  Result<> stored = Fail(Code::kNoSpace, "The cache is smaller than a page.");
  const bool room = TakeRoom(RoomOf(size));
  if (room) stored = Store(name, AsBytes(head.str()), bytes);
  std::lock_guard lock(mutex_);
  if (room) bytes_ -= RoomOf(size);
  if (!stored) {
    ++counts_.failed;
    return;
  }
  Enter(name, size);
  ++counts_.written;
  counts_.written_bytes += bytes.size();
}

// Under another name until all of it is written: a page is there whole, or not at all, as far as
// other processes see.
Result<> DiskCache::Store(const std::string& name, ByteView header, ByteView bytes) {
  std::string temporary;
  {
    std::lock_guard lock(mutex_);
    temporary = place_ + "/" + std::to_string(next_temporary_++) + ".new";
  }
  auto write = [&]() -> Result<> {
    FB_ASSIGN_OR_RETURN(const auto file, fs_.Open(temporary, io::OpenMode::kCreateOrOpen));
    FB_RETURN_IF_ERROR(file->Truncate(0));
    FB_RETURN_IF_ERROR(file->WriteVectorAt({header, bytes}, 0));
    return fs_.Rename(temporary, PathOf(name));
  };
  auto done = write();
  if (!done) (void)fs_.Remove(temporary);
  return done;
}

bool DiskCache::TakeRoom(std::uint64_t bytes) {
  for (;;) {
    std::string oldest;
    {
      std::lock_guard lock(mutex_);
      if (bytes_ + bytes <= options_.bytes) {
        bytes_ += bytes;
        return true;
      }
      if (order_.empty()) return false;
      oldest = order_.back();
      ++counts_.evicted;
    }
    Forget(oldest, false);
  }
}

void DiskCache::Drain() {
  std::unique_lock lock(mutex_);
  drained_.wait(lock, [this] { return queued_bytes_ == 0; });
}

DiskCache::Counts DiskCache::counts() const {
  std::lock_guard lock(mutex_);
  Counts out = counts_;
  out.bytes = bytes_;
  return out;
}

}  // namespace forebay::vfs
