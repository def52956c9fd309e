#include "cli/mount_cache.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <utility>

namespace forebay::cli {

Result<std::unique_ptr<vfs::DiskCache>> OpenMountCache(io::FileSystem& fs,
                                                       const MountOptions& options,
                                                       const std::string& url) {
  if (options.cache.empty()) return std::unique_ptr<vfs::DiskCache>();
  std::error_code error;
  // Absolute, since the process in the background leaves its folder.
  const std::filesystem::path place = std::filesystem::absolute(options.cache, error);
  if (!error && std::filesystem::create_directories(place, error) && !error) {
    std::filesystem::permissions(place, std::filesystem::perms::owner_all, error);
  }
  if (error) {
    return Fail(Code::kInvalidConfig,
                "The cache " + options.cache + " cannot be made: " + error.message() + ".");
  }
  vfs::DiskCacheOptions wanted;
  wanted.directory = place.string();
  wanted.source = url.substr(0, url.find('?'));
  wanted.bytes = options.cache_bytes;
  auto cache = vfs::DiskCache::Open(fs, std::move(wanted));
  // What a directory that was there shows to others is its owner's affair; what is in ours is not.
  if (cache)
    std::filesystem::permissions((*cache)->place(), std::filesystem::perms::owner_all, error);
  if (cache && error) cache = Fail(Code::kIo, error.message() + ".");
  if (cache || cache.error().code() == Code::kLocked) return cache;
  return Fail(Code::kInvalidConfig,
              "The cache " + options.cache + " cannot be used: " + cache.error().message());
}

std::string StatusOf(const vfs::DiskCache::Counts& counts) {
  std::string out;
  const auto line = [&out](const char* name, std::uint64_t value) {
    out += std::string(name) + " " + std::to_string(value) + "\n";
  };
  line("hits", counts.hits);
  line("hit_bytes", counts.hit_bytes);
  line("misses", counts.misses);
  line("written", counts.written);
  line("written_bytes", counts.written_bytes);
  line("evicted", counts.evicted);
  line("damaged", counts.damaged);
  line("failed", counts.failed);
  line("left_out", counts.left_out);
  line("bytes", counts.bytes);
  return out;
}

Result<> WriteCacheStatus(io::FileSystem& fs, const vfs::DiskCache& cache) {
  const std::string text = StatusOf(cache.counts());
  const std::string temporary = cache.place() + "/status.new";
  FB_ASSIGN_OR_RETURN(const auto file, fs.Open(temporary, io::OpenMode::kCreateOrOpen));
  FB_RETURN_IF_ERROR(file->Truncate(0));
  FB_RETURN_IF_ERROR(file->WriteAt(AsBytes(text), 0));
  return fs.Rename(temporary, cache.place() + "/status");
}

CacheStatusKeeper::CacheStatusKeeper(io::FileSystem& fs, const vfs::DiskCache& cache)
    : thread_([&fs, &cache](const std::stop_token& stop) {
        constexpr std::chrono::seconds kPause{1};
        std::string told;
        std::mutex mutex;
        std::condition_variable_any ended;
        std::unique_lock lock(mutex);
        do {
          std::string now = StatusOf(cache.counts());
          if (now != told && WriteCacheStatus(fs, cache)) told = std::move(now);
        } while (!ended.wait_for(lock, stop, kPause, [&stop] { return stop.stop_requested(); }));
        (void)WriteCacheStatus(fs, cache);
      }) {}

}  // namespace forebay::cli
