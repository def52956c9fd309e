#include "vfs/local_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

namespace forebay::vfs {
namespace {

// So many small reads of a file say that there will be more.
constexpr std::uint32_t kReadsBefore = 4;
constexpr std::size_t kMostVersions = 20'000;

}  // namespace

struct LocalFiles::File {
  explicit File(int fd) : descriptor(fd) {}
  ~File() { ::close(descriptor); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  const int descriptor;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

struct LocalFiles::Board {
  Board(void* address, std::size_t length) : at(address), bytes(length) {}
  ~Board() { ::munmap(at, bytes); }
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;
  std::uint64_t Count(std::uint32_t slot) const {
    auto* const counters = static_cast<std::uint64_t*>(at);
    return std::atomic_ref(counters[slot]).load(std::memory_order_seq_cst);
  }
  void* const at;
  const std::size_t bytes;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

struct LocalFiles::Piece {
  LocalPiece::Kind kind = LocalPiece::Kind::kOther;
  std::uint64_t begin = 0;  // in the content
  std::uint64_t length = 0;
  std::uint64_t offset = 0;
  std::uint32_t slot = 0;
  std::uint64_t count = 0;
  std::shared_ptr<const File> file;
  std::shared_ptr<const Board> board;
};

struct LocalFiles::Window {
  std::vector<Piece> pieces;  // by `begin`
  SteadyTime asked;

  bool Moved() const {
    return std::ranges::any_of(pieces, [](const Piece& piece) {
      return piece.board != nullptr && piece.board->Count(piece.slot) != piece.count;
    });
  }
};

struct LocalFiles::Version {
  ETag etag;
  std::atomic<std::uint32_t> reads{0};  // small ones that the server answered
  std::atomic<std::uint64_t> size{0};
  std::atomic<SteadyTime::rep> looked_at{0};
  std::atomic<bool> looking{false};  // somebody is about to look again
  std::unordered_map<std::uint64_t, std::shared_ptr<const Window>> windows;  // by number
};

LocalFiles::LocalFiles(Clock& clock) : clock_(clock) {}
LocalFiles::~LocalFiles() = default;

bool LocalFiles::ReadWindow(const Window& window, std::uint64_t offset, MutableByteView into) {
  auto piece = std::ranges::upper_bound(window.pieces, offset, {}, &Piece::begin);
  if (piece == window.pieces.begin()) return false;
  --piece;
  while (!into.empty()) {
    if (piece == window.pieces.end() || offset < piece->begin ||
        offset >= piece->begin + piece->length) {
      return false;
    }
    const std::size_t n =
        std::min<std::uint64_t>(into.size(), piece->begin + piece->length - offset);
    if (piece->kind == LocalPiece::Kind::kOther) return false;
    if (piece->kind == LocalPiece::Kind::kZero) {
      std::memset(into.data(), 0, n);
    } else {
      iovec part{into.data(), n};
      const auto at = static_cast<off_t>(piece->offset + (offset - piece->begin));
      // What is not in memory is the server's to fetch: a disk would stop this loop.
      ssize_t got = 0;
      do {
        got = ::preadv2(piece->file->descriptor, &part, 1, at, RWF_NOWAIT);
        // A file system that cannot tell; the server has just said that the bytes are in memory.
        if (got < 0 && errno == EOPNOTSUPP) {
          got = ::pread(piece->file->descriptor, into.data(), n, at);
        }
      } while (got < 0 && errno == EINTR);
      if (got != static_cast<ssize_t>(n)) return false;
      // Behind the read: whoever punches moves the counter first.
      if (piece->board->Count(piece->slot) != piece->count) return false;
    }
    into = into.subspan(n);
    offset += n;
    ++piece;
  }
  return true;
}

std::optional<std::uint64_t> LocalFiles::Read(RemoteId id, const ETag& etag, std::uint64_t offset,
                                              MutableByteView into) {
  if (off_.load(std::memory_order_relaxed) || etag.empty() || into.size() > kMostBytes) {
    return std::nullopt;
  }
  std::shared_ptr<const Window> window;
  std::uint64_t size = 0;
  {
    std::shared_lock lock(mutex_);
    const auto found = versions_.find(id.value());
    if (found == versions_.end() || found->second->etag != etag) return std::nullopt;
    Version& version = *found->second;
    const SteadyTime looked(SteadyTime::duration(version.looked_at.load()));
    const auto age = clock_.SteadyNow() - looked;
    // One reader asks whether it is still the version; the others go on for as long again.
    if (age > 2 * kTrust || (age > kTrust && !version.looking.exchange(true))) return std::nullopt;
    size = version.size.load();
    const auto at = version.windows.find(offset / kWindow);
    if (at == version.windows.end()) return std::nullopt;
    window = at->second;
  }
  if (offset + into.size() > size || offset / kWindow != (offset + into.size() - 1) / kWindow) {
    return std::nullopt;
  }
  if (!ReadWindow(*window, offset, into)) return std::nullopt;
  return size;
}

bool LocalFiles::ShouldAsk(RemoteId id, const ETag& etag, std::uint64_t offset, std::size_t bytes) {
  if (off_.load(std::memory_order_relaxed) || etag.empty() || id == RemoteId() ||
      bytes > kMostBytes || bytes == 0 || offset / kWindow != (offset + bytes - 1) / kWindow) {
    return false;
  }
  std::unique_lock lock(mutex_);
  std::shared_ptr<Version>& version = versions_[id.value()];
  if (version == nullptr || version->etag != etag) {
    if (version != nullptr) windows_ -= version->windows.size();
    version = std::make_shared<Version>();
    version->etag = etag;
    if (versions_.size() > kMostVersions) {
      versions_.clear();
      windows_ = 0;
    }
    return false;
  }
  if (version->reads.fetch_add(1) + 1 < kReadsBefore) return false;
  // What could not be read a moment ago, for want of memory or of a place, is not asked for again
  // at every read.
  const auto known = version->windows.find(offset / kWindow);
  return known == version->windows.end() || clock_.SteadyNow() - known->second->asked > kTrust ||
         known->second->Moved();
}

std::shared_ptr<const LocalFiles::File> LocalFiles::Open(const LocalPiece& piece) {
  const auto known = files_.find(piece.path);
  if (known != files_.end() && known->second->device == piece.device &&
      known->second->inode == piece.inode) {
    return known->second;
  }
  const int fd = ::open(piece.path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return nullptr;
  auto file = std::make_shared<File>(fd);
  struct stat status{};
  // A container may have another file under the path.
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_dev != piece.device ||
      status.st_ino != piece.inode) {
    return nullptr;
  }
  if (files_.size() >= kMostFiles) files_.clear();
  file->device = piece.device;
  file->inode = piece.inode;
  files_.insert_or_assign(piece.path, file);
  return file;
}

std::shared_ptr<const LocalFiles::Board> LocalFiles::Map(const std::string& path) {
  const auto known = boards_.find(path);
  if (known != boards_.end()) return known->second;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return nullptr;
  const File closes(fd);
  struct stat status{};
  if (::fstat(fd, &status) != 0 || status.st_size < 8 || status.st_size > (1 << 20)) return nullptr;
  const auto bytes = static_cast<std::size_t>(status.st_size);
  void* const at = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return nullptr;
  auto board = std::make_shared<Board>(at, bytes);
  board->device = status.st_dev;
  board->inode = status.st_ino;
  boards_.emplace(path, board);
  return board;
}

bool LocalFiles::AnotherBoard(const std::vector<LocalPiece>& pieces) const {
  const std::string* looked = nullptr;
  for (const LocalPiece& piece : pieces) {
    if (piece.board.empty() || (looked != nullptr && *looked == piece.board)) continue;
    looked = &piece.board;
    const auto known = boards_.find(piece.board);
    if (known == boards_.end()) continue;
    struct stat status{};
    if (::stat(piece.board.c_str(), &status) != 0 || status.st_dev != known->second->device ||
        status.st_ino != known->second->inode) {
      return true;
    }
  }
  return false;
}

void LocalFiles::Learn(RemoteId id, const ETag& etag, std::uint64_t file_size, std::uint64_t begin,
                       const std::vector<LocalPiece>& pieces, SteadyTime asked) {
  auto window = std::make_shared<Window>();
  window->asked = asked;
  std::unique_lock lock(mutex_);
  if (AnotherBoard(pieces)) {
    // What is mapped counts no more, and nothing that was believed by it is to be believed.
    versions_.clear();
    boards_.clear();
    windows_ = 0;
  }
  const auto found = versions_.find(id.value());
  if (found == versions_.end() || found->second->etag != etag) return;
  std::uint64_t at = begin;
  for (const LocalPiece& told : pieces) {
    Piece piece;
    piece.kind = told.kind;
    piece.begin = at;
    piece.length = told.length;
    at += told.length;
    if (told.kind == LocalPiece::Kind::kFile) {
      piece.offset = told.offset;
      piece.slot = told.slot;
      piece.count = told.count;
      piece.file = Open(told);
      piece.board = Map(told.board);
      // Not ours to read: that will not change.
      if (piece.file == nullptr || piece.board == nullptr ||
          (std::size_t{piece.slot} + 1) * sizeof(std::uint64_t) > piece.board->bytes) {
        TurnOff();
        return;
      }
    }
    window->pieces.push_back(std::move(piece));
  }
  Version& version = *found->second;
  version.size = file_size;
  version.looked_at = asked.time_since_epoch().count();
  version.looking = false;
  Keep(version, begin / kWindow, std::move(window));
}

void LocalFiles::Failed(RemoteId id, const ETag& etag, std::uint64_t begin, SteadyTime asked) {
  auto window = std::make_shared<Window>();
  window->asked = asked;
  std::unique_lock lock(mutex_);
  const auto found = versions_.find(id.value());
  if (found == versions_.end() || found->second->etag != etag) return;
  Keep(*found->second, begin / kWindow, std::move(window));
}

void LocalFiles::Keep(Version& version, std::uint64_t number,
                      std::shared_ptr<const Window> window) {
  if (windows_ >= kMostWindows) {
    for (auto& [id, known] : versions_) known->windows.clear();
    windows_ = 0;
  }
  if (version.windows.insert_or_assign(number, std::move(window)).second) ++windows_;
}

}  // namespace forebay::vfs
