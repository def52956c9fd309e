#include "rest/blob/structured_source.h"

#include <algorithm>

namespace forebay::rest {
namespace {

BodyPiece Owned(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  return {AsBytes(*owner), std::nullopt, owner};
}

}  // namespace

Task<std::optional<BodyPiece>> StructuredSource::NextContent() {
  if (pending_.memory.empty()) {
    FB_CO_ASSIGN_OR_RETURN(auto piece, co_await inner_->Next(false));
    if (!piece) co_return Fail(Code::kInternal, "The blob's body ended before its length.");
    pending_ = std::move(*piece);
  }
  const auto size =
      static_cast<std::size_t>(std::min<std::uint64_t>(segment_left_, pending_.memory.size()));
  BodyPiece out{pending_.memory.first(size), std::nullopt, pending_.keep_alive};
  pending_.memory = pending_.memory.subspan(size);
  if (pending_.memory.empty()) pending_.keep_alive.reset();
  encoder_.Content(out.memory);
  segment_left_ -= size;
  if (segment_left_ == 0) step_ = Step::kSegmentFooter;
  co_return std::optional<BodyPiece>(std::move(out));
}

Task<std::optional<BodyPiece>> StructuredSource::Next(bool /*allow_file*/) {
  switch (step_) {
    case Step::kHeader:
      // An empty content is one empty segment.
      step_ = encoder_.HasSegment() ? Step::kSegmentHeader : Step::kFooter;
      co_return std::optional<BodyPiece>(Owned(encoder_.Header()));
    case Step::kSegmentHeader:
      segment_left_ = encoder_.NextSegmentLength();
      step_ = segment_left_ > 0 ? Step::kContent : Step::kSegmentFooter;
      co_return std::optional<BodyPiece>(Owned(encoder_.SegmentHeader()));
    case Step::kContent:
      co_return co_await NextContent();
    case Step::kSegmentFooter: {
      std::string footer = encoder_.SegmentFooter();
      step_ = encoder_.HasSegment() ? Step::kSegmentHeader : Step::kFooter;
      co_return std::optional<BodyPiece>(Owned(std::move(footer)));
    }
    case Step::kFooter:
      step_ = Step::kEnd;
      co_return std::optional<BodyPiece>(Owned(encoder_.Footer()));
    case Step::kEnd:
      break;
  }
  co_return std::optional<BodyPiece>();
}

}  // namespace forebay::rest
