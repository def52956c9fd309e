#include "engine/piece_reader.h"

#include <algorithm>

#include "engine/bring_here.h"
#include "engine/get_blob.h"

namespace forebay::engine {

using Kind = ContentPiece::Kind;

NodeTarget SourceOf(const CommitNodeRequest& request, const ContentPiece& piece) {
  NodeTarget source;
  source.container = request.target.container;
  source.inode = piece.inode;
  source.path = piece.path;
  if (!piece.etag.empty()) {
    source.conditions.if_match =
        azure::ETagCondition{.any = false, .etags = {azure::ETag(piece.etag)}};
  }
  return source;
}

std::optional<std::uint64_t> PieceReader::content_length() const {
  std::uint64_t total = 0;
  for (const ContentPiece& piece : request_.pieces) {
    if (Brings(piece)) total += piece.length;
  }
  return total;
}

Task<std::size_t> PieceReader::Read(MutableByteView data) {
  while (left_ == 0) {
    if (index_ == request_.pieces.size()) co_return std::size_t{0};
    const ContentPiece& piece = request_.pieces[index_++];
    if (!Brings(piece)) continue;
    left_ = piece.length;
    source_.reset();
    if (piece.kind != Kind::kData) FB_CO_RETURN_IF_ERROR(co_await Open(piece));
  }
  const std::size_t wanted = std::min<std::uint64_t>(data.size(), left_);
  std::size_t got = 0;
  if (source_ == nullptr) {
    FB_CO_ASSIGN_OR_RETURN(got, co_await request_.body->Read(data.first(wanted)));
  } else {
    FB_CO_ASSIGN_OR_RETURN(got, co_await FromLake(data.first(wanted)));
  }
  if (got == 0) co_return Fail(Code::kInvalidInput, "The plan names more bytes than came.");
  left_ -= got;
  co_return got;
}

bool PieceReader::Brings(const ContentPiece& piece) const {
  return piece.kind == Kind::kData || held_.Has(piece);
}

Task<> PieceReader::Open(const ContentPiece& piece) {
  GetBlobRequest request;
  request.node = piece.kind == Kind::kCopy ? SourceOf(request_, piece) : request_.target;
  request.conditions = request.node->conditions;
  request.range = {piece.offset, piece.length};
  FB_CO_ASSIGN_OR_RETURN(auto found, co_await GetBlob(services_, context_, std::move(request)));
  if (found.length != piece.length) {
    co_return Fail(Code::kInvalidRange, "The plan names bytes behind the end of a file.");
  }
  source_ = std::move(found.body);
  piece_ = {};
  at_ = 0;
  co_return Result<>();
}

Task<std::size_t> PieceReader::FromLake(MutableByteView data) {
  if (at_ == piece_.memory.size()) {
    auto next = co_await source_->Next(/*allow_file=*/false);
    if (!next) co_return Fail(NotBrought(std::move(next.error())));
    if (!*next) co_return std::size_t{0};
    piece_ = std::move(**next);
    at_ = 0;
  }
  const std::size_t n = std::min(data.size(), piece_.memory.size() - at_);
  std::copy_n(piece_.memory.begin() + static_cast<std::ptrdiff_t>(at_), n, data.begin());
  at_ += n;
  co_return n;
}

}  // namespace forebay::engine
