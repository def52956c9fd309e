// The bytes of a commit's pieces, in their order: those that the request brings, and kept or copied
// ones that only a lake has, which come through here as if they had been sent.
//
// One user at a time; the request, what is held and the services outlive it. Errors: the body's,
// those of GetBlob, kInvalidInput (fewer bytes came than the plan names), kInvalidRange.
#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "async/byte_stream.h"
#include "async/context.h"
#include "engine/copy_through.h"
#include "engine/node_content.h"
#include "engine/services.h"

namespace forebay::engine {

// Files of a commit whose bytes are a lake's.
struct LakeHeld {
  bool target = false;
  std::set<meta::InodeId> sources{};  // of kCopy pieces

  bool Has(const ContentPiece& piece) const {
    return (target && piece.kind == ContentPiece::Kind::kKeep) ||
           (piece.kind == ContentPiece::Kind::kCopy && sources.contains(piece.inode));
  }
};

// The file that a kCopy piece comes from.
NodeTarget SourceOf(const CommitNodeRequest& request, const ContentPiece& piece);

class PieceReader final : public BodyReader {
 public:
  PieceReader(Services& services, OpContext context, const CommitNodeRequest& request,
              const LakeHeld& held)
      : services_(services), context_(std::move(context)), request_(request), held_(held) {}

  std::optional<std::uint64_t> content_length() const override;
  Task<std::size_t> Read(MutableByteView data) override;

 private:
  bool Brings(const ContentPiece& piece) const;
  Task<> Open(const ContentPiece& piece);

  Services& services_;
  OpContext context_;
  const CommitNodeRequest& request_;
  const LakeHeld& held_;
  std::size_t index_ = 0;
  std::uint64_t left_ = 0;
  std::optional<SourceReader> from_lake_;  // of the piece at hand; nullopt: from the request
};

}  // namespace forebay::engine
