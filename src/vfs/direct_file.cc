#include "vfs/direct_file.h"

namespace forebay::vfs {

DirectFile::DirectFile(Remote& remote, OpenFileRequest request)
    : remote_(remote), request_(std::move(request)) {
  state_.size = request_.attributes.size;
  state_.etag = request_.attributes.etag;
}

OpenFileState DirectFile::State() const {
  std::lock_guard lock(mutex_);
  return state_;
}

void DirectFile::Revalidate(const Attributes& fresh, const ETag& /*asked*/) {
  std::lock_guard lock(mutex_);
  state_.size = fresh.size;
  state_.etag = fresh.etag;
  state_.mtime = fresh.mtime;
}

void DirectFile::Restamp(const ETag& before, const Attributes& fresh) {
  std::lock_guard lock(mutex_);
  if (state_.etag != before) return;
  state_.etag = fresh.etag;
  if (state_.mtime) state_.mtime = fresh.mtime;
}

Task<> DirectFile::LookAgain(OpContext context) {
  FB_CO_ASSIGN_OR_RETURN(FileRef where, request_.where());
  FB_CO_ASSIGN_OR_RETURN(const Attributes fresh, co_await remote_.Stat(context, std::move(where)));
  Revalidate(fresh, {});
  co_return Result<>();
}

Task<std::size_t> DirectFile::Read(OpContext context, std::uint64_t offset, MutableByteView into,
                                   bool /*direct*/) {
  FB_CO_ASSIGN_OR_RETURN(FileRef where, request_.where());
  ReadRequest request;
  request.file = std::move(where);
  request.offset = offset;
  request.into = into;
  FB_CO_ASSIGN_OR_RETURN(const ReadAnswer answer, co_await remote_.Read(context, request));
  co_return answer.bytes;
}

Task<> DirectFile::Commit(OpContext context, std::vector<CommitPiece> pieces) {
  CommitRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.file, request_.where());
  const OpenFileState now = State();
  request.base = now.etag;
  request.base_size = now.size;
  request.pieces = std::move(pieces);
  FB_CO_ASSIGN_OR_RETURN(const CommitAnswer answer,
                         co_await remote_.Commit(context, std::move(request)));
  std::lock_guard lock(mutex_);
  state_.size = answer.size;
  state_.etag = answer.etag;
  state_.mtime = answer.mtime;
  co_return Result<>();
}

// `piece`, of `length`, at `offset`; the rest as it is.
Task<> DirectFile::Splice(OpContext context, std::uint64_t offset, CommitPiece piece,
                          std::uint64_t length) {
  const std::uint64_t size = State().size;
  std::vector<CommitPiece> pieces;
  const std::uint64_t before = std::min(offset, size);
  if (before > 0) pieces.emplace_back(KeptRange{0, before});
  if (offset > size) pieces.emplace_back(ZeroRange{offset - size});
  pieces.push_back(std::move(piece));
  const std::uint64_t end = offset + length;
  if (end < size) pieces.emplace_back(KeptRange{end, size - end});
  co_return co_await Commit(context, std::move(pieces));
}

Task<> DirectFile::Write(OpContext context, WriteAt at, std::uint64_t offset, ByteView data,
                         bool /*direct*/) {
  if (data.empty()) co_return Result<>();
  FB_CO_ASSIGN_OR_RETURN(const Permit turn, co_await turn_.Acquire(1, context));
  for (;;) {
    const std::uint64_t place = at == WriteAt::kEnd ? State().size : offset;
    auto done = co_await Splice(context, place, InlineData{data}, data.size());
    if (done || done.error().code() != Code::kConditionNotMet) co_return done;
    FB_CO_RETURN_IF_ERROR(co_await LookAgain(context));
  }
}

Task<> DirectFile::Truncate(OpContext context, std::uint64_t size) {
  FB_CO_ASSIGN_OR_RETURN(const Permit turn, co_await turn_.Acquire(1, context));
  for (;;) {
    const std::uint64_t now = State().size;
    std::vector<CommitPiece> pieces;
    if (std::min(size, now) > 0) pieces.emplace_back(KeptRange{0, std::min(size, now)});
    if (size > now) pieces.emplace_back(ZeroRange{size - now});
    auto done = co_await Commit(context, std::move(pieces));
    if (done || done.error().code() != Code::kConditionNotMet) co_return done;
    FB_CO_RETURN_IF_ERROR(co_await LookAgain(context));
  }
}

Task<> DirectFile::Allocate(OpContext context, int mode, std::uint64_t offset,
                            std::uint64_t length) {
  if (mode != 0) co_return Fail(Code::kUnsupported, "Only plain fallocate.");
  if (offset + length <= State().size) co_return Result<>();
  co_return co_await Truncate(context, offset + length);
}

Task<bool> DirectFile::CopyFrom(OpContext context, CopiedRange range, std::uint64_t offset,
                                bool /*whole*/) {
  FB_CO_ASSIGN_OR_RETURN(const Permit turn, co_await turn_.Acquire(1, context));
  const std::uint64_t length = range.length;
  const auto done = co_await Splice(context, offset, std::move(range), length);
  co_return done.has_value();
}

Task<std::uint64_t> DirectFile::Seek(OpContext context, std::uint64_t offset, bool data) {
  FB_CO_ASSIGN_OR_RETURN(FileRef where, request_.where());
  auto found = co_await remote_.SeekData(context, std::move(where), offset, data);
  if (found || found.error().code() != Code::kUnsupported) co_return found;
  const std::uint64_t size = State().size;
  if (offset >= size) co_return Fail(Code::kNoSuchOffset, "Behind the end.");
  co_return data ? offset : size;
}

Task<> DirectFile::Flush(OpContext /*context*/) { co_return Result<>(); }
Task<> DirectFile::Sync(OpContext /*context*/) { co_return Result<>(); }
Task<> DirectFile::Close(OpContext /*context*/) { co_return Result<>(); }

}  // namespace forebay::vfs
