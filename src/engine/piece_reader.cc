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
    from_lake_.reset();
    if (piece.kind != Kind::kData) FB_CO_RETURN_IF_ERROR(co_await Open(piece));
  }
  const std::size_t wanted = std::min<std::uint64_t>(data.size(), left_);
  BodyReader& from = from_lake_ ? static_cast<BodyReader&>(*from_lake_) : *request_.body;
  auto got = co_await from.Read(data.first(wanted));
  if (!got) {
    co_return Fail(from_lake_ ? NotBrought(std::move(got.error())) : std::move(got.error()));
  }
  if (*got == 0) co_return Fail(Code::kInvalidInput, "The plan names more bytes than came.");
  left_ -= *got;
  co_return *got;
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
  from_lake_.emplace(std::move(found.body), found.length);
  co_return Result<>();
}

}  // namespace forebay::engine
