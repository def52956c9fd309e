#include "chunk/hole_board.h"

#include <sys/mman.h>

#include <atomic>
#include <vector>

#include "base/log.h"

namespace forebay::chunk {
namespace {

constexpr std::size_t kBytes = HoleBoard::kSlots * sizeof(std::uint64_t);

}  // namespace

HoleBoard::HoleBoard(std::string path, std::unique_ptr<io::File> file, std::uint64_t* counters)
    : path_(std::move(path)), file_(std::move(file)), counters_(counters) {}

HoleBoard::~HoleBoard() { ::munmap(counters_, kBytes); }

std::unique_ptr<HoleBoard> HoleBoard::Open(io::FileSystem& fs, std::string path) {
  auto file = fs.Open(path, io::OpenMode::kCreateOrOpen);
  if (!file || (*file)->descriptor() < 0) return nullptr;
  const auto size = (*file)->Size();
  if (!size) return nullptr;
  if (*size < kBytes) {
    // Written, not a hole: a full disk is met here and not by a signal.
    const std::vector<std::byte> zeros(kBytes - *size);
    if (!(*file)->WriteAt(zeros, *size)) return nullptr;
  }
  void* const at =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, (*file)->descriptor(), 0);
  if (at == MAP_FAILED) {
    Log(LogLevel::kInfo, "mounts on this machine will not read segment files themselves",
        {{"path", path}});
    return nullptr;
  }
  return std::unique_ptr<HoleBoard>(
      new HoleBoard(std::move(path), std::move(*file), static_cast<std::uint64_t*>(at)));
}

void HoleBoard::Announce(SegmentId segment) {
  std::atomic_ref(counters_[SlotOf(segment)]).fetch_add(1, std::memory_order_seq_cst);
}

std::uint64_t HoleBoard::Count(SegmentId segment) const {
  return std::atomic_ref(counters_[SlotOf(segment)]).load(std::memory_order_seq_cst);
}

}  // namespace forebay::chunk
