#include "vfs/buffered_files.h"

#include <algorithm>

#include "vfs/buffered_file.h"

namespace forebay::vfs {
namespace {

// Memory that nobody uses and that is kept for the next one.
constexpr std::size_t kIdleMemory = 64_MiB;

}  // namespace

BufferedFiles::BufferedFiles(Remote& remote, RemoteTraits traits, const Loops& loops,
                             BufferedFilesOptions options)
    : remote_(remote),
      traits_(std::move(traits)),
      loops_(loops),
      options_(options),
      pool_(kIdleMemory),
      cache_(pool_, options.cache_bytes),
      // A single block must always fit.
      write_budget_(std::max(options.write_bytes, 2 * options.block_bytes)),
      uploads_(options.uploads),
      group_(loops.Any()) {}

BufferedFiles::~BufferedFiles() = default;

std::shared_ptr<OpenFile> BufferedFiles::Make(OpenFileRequest request) {
  auto file = std::make_shared<BufferedFile>(*this, std::move(request));
  std::lock_guard lock(mutex_);
  // Amortized: the list is looked through when it has doubled.
  if (files_.size() == files_.capacity()) {
    std::erase_if(files_, [](const auto& weak) { return weak.expired(); });
    files_.reserve(std::max<std::size_t>(64, 2 * files_.size()));
  }
  files_.push_back(file);
  return file;
}

Task<> BufferedFiles::Stop() {
  group_.Cancel();
  (void)co_await group_.Join();
  co_return Result<>();
}

bool BufferedFiles::Relaxed() const {
  return write_budget_.waiting() == 0 &&
         write_budget_.available() >= std::max(options_.write_bytes, 2 * options_.block_bytes) / 2;
}

void BufferedFiles::Squeeze() {
  std::vector<std::shared_ptr<BufferedFile>> files;
  {
    std::lock_guard lock(mutex_);
    for (const auto& weak : files_) {
      if (auto file = weak.lock()) files.push_back(std::move(file));
    }
  }
  for (const auto& file : files) file->Squeeze();
}

}  // namespace forebay::vfs
