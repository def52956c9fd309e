// The bytes of a commit's pieces, in their order: those that the request brings, and kept ones that
// only a lake has, which come through here as if they had been sent.
//
// One user at a time; the request and the services outlive it. Errors: the body's, those of
// GetBlob, kInvalidInput (fewer bytes came than the plan names), kInvalidRange.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "async/byte_stream.h"
#include "async/context.h"
#include "engine/node_content.h"
#include "engine/services.h"

namespace forebay::engine {

class PieceReader final : public BodyReader {
 public:
  PieceReader(Services& services, OpContext context, const CommitNodeRequest& request,
              bool from_lake)
      : services_(services),
        context_(std::move(context)),
        request_(request),
        from_lake_(from_lake) {}

  std::optional<std::uint64_t> content_length() const override;
  Task<std::size_t> Read(MutableByteView data) override;

 private:
  bool Brings(const ContentPiece& piece) const;
  Task<> Open(const ContentPiece& piece);
  Task<std::size_t> FromLake(MutableByteView data);

  Services& services_;
  OpContext context_;
  const CommitNodeRequest& request_;
  const bool from_lake_;
  std::size_t index_ = 0;
  std::uint64_t left_ = 0;
  std::unique_ptr<BodySource> source_;  // null: from the request
  BodyPiece piece_;
  std::size_t at_ = 0;
};

}  // namespace forebay::engine
