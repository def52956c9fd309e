#include "vfs/buffered_file.h"

#include <algorithm>
#include <cstring>

#include "vfs/disk_cache.h"

namespace forebay::vfs {
namespace {

// A file that changes faster than it can be read is read without a cache after so many attempts,
constexpr int kAttempts = 4;
// or, where reads keep to a version, given up after so many.
constexpr int kMostAttempts = 64;

// ETags of one file are numbers of one length that grow.
bool IsBetween(const ETag& first, const ETag& etag, const ETag& last) {
  return !first.empty() && first.view().size() == etag.view().size() &&
         last.view().size() == etag.view().size() && first.view() <= etag.view() &&
         etag.view() <= last.view();
}

}  // namespace

BufferedFile::BufferedFile(BufferedFiles& files, OpenFileRequest request)
    : files_(files),
      inode_(request.attributes.inode),
      where_(std::move(request.where)),
      content_(
          std::min<std::size_t>(files.options().block_bytes,
                                MemoryPool::SizeFor(std::min<std::uint64_t>(
                                    files.traits().max_block_bytes, files.options().block_bytes)))),
      version_(files.cache().Open(inode_, request.attributes.etag)),
      read_ahead_(files.options().read_ahead_bytes) {
  content_.SetBase(request.attributes.etag, request.attributes.size);
  base_mtime_ = request.attributes.mtime;
}

BufferedFile::~BufferedFile() {
  if (version_->etag.empty()) files_.cache().Drop(*version_);
}

OpenFileState BufferedFile::State() const {
  std::lock_guard lock(mutex_);
  const bool dirty = content_.Dirty();
  return {.size = content_.size(),
          .mtime = dirty ? mtime_ : std::nullopt,
          .dirty = dirty,
          .etag = content_.base()};
}

void BufferedFile::Revalidate(const Attributes& fresh, const ETag& asked) {
  std::lock_guard lock(mutex_);
  if (fresh.etag == content_.base()) return;
  // What is not committed stays; the commit finds out that its base has changed.
  if (content_.Dirty() || exclusive_) return;
  if (content_.base() != asked) return;  // asked before our last commit, told after it
  if (Parts(fresh)) return;
  Rebase(fresh, IsGrown(fresh));
}

bool BufferedFile::IsGrown(const Attributes& fresh) const {
  // Somebody changed its mode or the like, and the content is what it was: every commit sets the
  // time to the nanosecond.
  const bool same = fresh.size == content_.base_size() && fresh.mtime == base_mtime_;
  return same || (fresh.size >= content_.base_size() &&
                  IsBetween(fresh.grown_from, content_.base(), fresh.etag));
}

bool BufferedFile::Parts(const Attributes& fresh) const {
  if (!files_.traits().keeps_versions || follows_ || !read_) return false;
  if (content_.Dirty() || exclusive_ || fresh.etag == content_.base()) return false;
  return !IsGrown(fresh);
}

bool BufferedFile::Keeps(const Attributes& fresh) const {
  std::lock_guard lock(mutex_);
  return Parts(fresh);
}

void BufferedFile::Follow() {
  std::lock_guard lock(mutex_);
  follows_ = true;
}

void BufferedFile::AssumeRead() {
  std::lock_guard lock(mutex_);
  read_ = true;
}

Task<> BufferedFile::Touch(OpContext context) {
  ETag etag;
  {
    std::lock_guard lock(mutex_);
    if (!read_ || follows_ || content_.Dirty() || content_.base_size() == 0) co_return Result<>();
    etag = content_.base();
  }
  FB_CO_ASSIGN_OR_RETURN(FileRef file, where_());
  co_return co_await files_.remote().WantVersion(context, std::move(file), std::move(etag));
}

void BufferedFile::Restamp(const ETag& before, const Attributes& fresh) {
  std::lock_guard lock(mutex_);
  if (content_.base() == before) Rebase(fresh, fresh.size == content_.base_size());
}

void BufferedFile::Rebase(const Attributes& fresh, bool grown) {
  const std::uint64_t old_size = content_.base_size();
  content_.SetBase(fresh.etag, fresh.size);
  base_mtime_ = fresh.mtime;
  if (grown && !fresh.etag.empty()) {
    auto next = std::make_shared<CachedVersion>(inode_, fresh.etag);
    files_.cache().Carry(*version_, next, {}, std::min(old_size, fresh.size));
    version_ = std::move(next);
  } else {
    read_ = false;
    version_ = files_.cache().Open(inode_, fresh.etag);
  }
}

Task<> BufferedFile::Refresh(OpContext context, ETag stale) {
  FB_CO_ASSIGN_OR_RETURN(FileRef file, where_());
  FB_CO_ASSIGN_OR_RETURN(Attributes fresh, co_await files_.remote().Stat(context, std::move(file)));
  std::lock_guard lock(mutex_);
  if (content_.base() != stale) co_return Result<>();  // a commit was faster
  if (Parts(fresh)) {
    co_return Fail(Code::kFileGone,
                   "The version that was open is gone from the server: open the file again.");
  }
  Rebase(fresh, IsGrown(fresh));
  co_return Result<>();
}

bool BufferedFile::MayTell(const Wanted& wanted) {
  std::lock_guard lock(mutex_);
  // A commit of our own, or of one that others may see, is no other version to those who read here.
  if (!files_.traits().keeps_versions || follows_) return true;
  if (version_->etag != wanted.version->etag) return false;
  read_ = true;
  return true;
}

Task<std::size_t> BufferedFile::Read(OpContext context, std::uint64_t offset, MutableByteView into,
                                     bool direct) {
  for (int attempt = 0;; ++attempt) {
    const Wanted wanted = Gather(offset, into, direct);
    if (wanted.commit_first) {
      FB_CO_RETURN_IF_ERROR(co_await Commit(context));
      continue;
    }
    if (wanted.base.empty()) co_return wanted.bytes;
    const ETag etag = wanted.version->etag;
    Result<> done;
    if (attempt >= kAttempts && !files_.traits().keeps_versions) {
      done = co_await FetchDirect(context, wanted, ETag(), offset, into);
    } else if (direct) {
      done = co_await FetchDirect(context, wanted, etag, offset, into);
    } else {
      done = co_await Fetch(context, wanted, offset, into);
    }
    if (done && MayTell(wanted)) co_return wanted.bytes;
    if (attempt > kMostAttempts) {
      co_return Fail(Code::kBusy, "The file changes faster than it can be read.");
    }
    if (done) continue;
    if (done.error().code() != Code::kConditionNotMet) co_return Fail(std::move(done.error()));
    FB_CO_RETURN_IF_ERROR(co_await Refresh(context, etag));
  }
}

BufferedFile::Wanted BufferedFile::Gather(std::uint64_t offset, MutableByteView into, bool direct) {
  Wanted out;
  std::lock_guard lock(mutex_);
  std::vector<DirtyContent::Piece> pieces = content_.Read(offset, into.size());
  if (DirtyContent::NeedsCommit(pieces)) {
    out.commit_first = true;
    return out;
  }
  for (DirtyContent::Piece& piece : pieces) {
    std::byte* to = into.data() + (piece.offset - offset);
    out.bytes += piece.length;
    switch (piece.kind) {
      case DirtyContent::Piece::Kind::kBlock:
        // Under the lock: a writer changes blocks in place.
        std::memcpy(to, piece.block->At(piece.offset), piece.length);
        break;
      case DirtyContent::Piece::Kind::kZero:
        std::memset(to, 0, piece.length);
        break;
      case DirtyContent::Piece::Kind::kBase:
        out.base.push_back(std::move(piece));
        break;
    }
  }
  out.version = version_;
  if (!out.base.empty() && !direct) {
    out.limit = content_.base_limit();
    out.plan = read_ahead_.Next(offset, into.size(), out.limit);
  }
  return out;
}

std::shared_ptr<Extent> BufferedFile::StartAt(const std::shared_ptr<CachedVersion>& version,
                                              std::uint64_t at, std::uint64_t unit,
                                              std::uint64_t limit) {
  ContentCache& cache = files_.cache();
  if (auto extent = cache.Find(*version, at)) return extent;
  std::uint64_t begin = at / unit * unit;
  const std::uint64_t end = std::min(limit, begin + unit);
  if (begin != at && cache.Find(*version, begin)) begin = at;
  auto extent = cache.Claim(version, begin, end - begin);
  // Its beginning was free, but it ends before what is wanted: an extent lies between.
  if (extent && begin + extent->length <= at) {
    files_.Spawn(Fill(shared_from_this(), version, std::move(extent)));
    extent = cache.Claim(version, at, end - at);
  }
  if (!extent) return cache.Find(*version, at);  // null where there is no room
  files_.Spawn(Fill(shared_from_this(), version, extent));
  return extent;
}

void BufferedFile::Start(const Wanted& wanted) {
  for (std::uint64_t at = wanted.plan.begin; at < wanted.plan.end;) {
    auto extent = StartAt(wanted.version, at, wanted.plan.unit, wanted.limit);
    if (!extent) return;
    at = extent->offset + extent->length;
  }
}

boost::asio::awaitable<void> BufferedFile::Fill(std::shared_ptr<BufferedFile> self,
                                                std::shared_ptr<CachedVersion> version,
                                                std::shared_ptr<Extent> extent) {
  Result<FileRef> file = self->where_();
  if (!file) {
    files_.cache().Failed(*version, *extent, std::move(file.error()));
    co_return;
  }
  ReadRequest request{.file = std::move(*file),
                      .etag = version->etag,
                      .offset = extent->offset,
                      .into = {extent->memory->data(), extent->length}};
  DiskCache* const disk = version->etag.empty() ? nullptr : files_.options().disk;
  const FileRef where = request.file;
  if (disk != nullptr && co_await disk->Read(where, version->etag, extent->offset, request.into)) {
    files_.cache().Filled(*extent, extent->length);
    co_return;
  }
  auto answer = co_await files_.remote().Read(files_.background(), std::move(request));
  if (answer) {
    files_.cache().Filled(*extent, answer->bytes);
    if (disk != nullptr) {
      disk->Write(where, version->etag, extent->offset, extent->memory, answer->bytes);
    }
  } else {
    files_.cache().Failed(*version, *extent, std::move(answer.error()));
  }
}

Task<> BufferedFile::Fetch(OpContext context, const Wanted& wanted, std::uint64_t offset,
                           MutableByteView into) {
  Start(wanted);
  for (const DirtyContent::Piece& piece : wanted.base) {
    for (std::uint64_t at = piece.offset; at < piece.offset + piece.length;) {
      const std::uint64_t rest = piece.offset + piece.length - at;
      std::byte* to = into.data() + (at - offset);
      auto extent = StartAt(wanted.version, at, wanted.plan.unit, wanted.limit);
      if (!extent) {  // the cache is full of what is on its way
        Wanted alone;
        alone.base.push_back({DirtyContent::Piece::Kind::kBase, at, rest, nullptr});
        FB_CO_RETURN_IF_ERROR(
            co_await FetchDirect(context, alone, wanted.version->etag, at, {to, rest}));
        break;
      }
      if (!extent->ready.IsSet()) FB_CO_RETURN_IF_ERROR(co_await extent->ready.Wait(context));
      if (extent->error) co_return Fail(*extent->error);
      const std::uint64_t skip = at - extent->offset;
      if (skip >= extent->bytes) {
        co_return Fail(Code::kConditionNotMet, "The file is shorter than it was.");
      }
      const std::uint64_t n = std::min(rest, extent->bytes - skip);
      std::memcpy(to, extent->memory->data() + skip, n);
      at += n;
    }
  }
  co_return Result<>();
}

Task<> BufferedFile::FetchDirect(OpContext context, const Wanted& wanted, ETag etag,
                                 std::uint64_t offset, MutableByteView into) {
  for (const DirtyContent::Piece& piece : wanted.base) {
    FB_CO_ASSIGN_OR_RETURN(FileRef file, where_());
    ReadRequest request{.file = std::move(file),
                        .etag = etag,
                        .offset = piece.offset,
                        .into = into.subspan(piece.offset - offset, piece.length)};
    FB_CO_ASSIGN_OR_RETURN(const ReadAnswer answer,
                           co_await files_.remote().Read(context, std::move(request)));
    if (answer.bytes < piece.length) {
      co_return Fail(Code::kConditionNotMet, "The file is shorter than it was.");
    }
  }
  co_return Result<>();
}

Task<std::uint64_t> BufferedFile::Seek(OpContext context, std::uint64_t offset, bool data) {
  FB_CO_RETURN_IF_ERROR(co_await Commit(context));  // the server knows where holes are
  const std::uint64_t size = State().size;
  if (offset >= size) co_return Fail(Code::kNoSuchOffset, "Behind the end of the file.");
  FB_CO_ASSIGN_OR_RETURN(FileRef file, where_());
  auto found = co_await files_.remote().SeekData(context, std::move(file), offset, data);
  if (found || found.error().code() != Code::kUnsupported) co_return found;
  co_return data ? offset : size;
}

}  // namespace forebay::vfs
