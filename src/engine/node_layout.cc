#include "engine/node_layout.h"

#include <algorithm>
#include <memory>

#include "engine/read_gate.h"
#include "meta/extent.h"

namespace forebay::engine {
namespace {

constexpr std::size_t kMaxExtents = 512;
// A file whose chunks move or go while they are looked up is looked at again.
constexpr int kMaxAttempts = 8;

struct Found {
  NodeLayout layout;
  std::vector<meta::Extent> extents;
  std::vector<chunk::ReadPinPtr> pins;  // of each extent; null: not in a segment
};

Result<std::shared_ptr<Found>> Find(Services& services, const kv::Reader& reader,
                                    const LayoutRequest& request) {
  auto found = std::make_shared<Found>();
  FB_ASSIGN_OR_RETURN(const Node node, FindNode(reader, request.target));
  FB_RETURN_IF_ERROR(RequireFileNode(node));
  FB_RETURN_IF_ERROR(CheckReadNode(node, request.target.conditions));
  FB_ASSIGN_OR_RETURN(found->layout.attributes, AttributesOf(reader, node, /*with_target=*/false));
  if (request.offset >= node.record.length) {
    return Fail(Code::kInvalidRange, "The range begins behind the end of the file.");
  }
  const std::uint64_t length =
      std::min({request.length, node.record.length - request.offset, kMaxLayoutBytes});
  found->layout.offset = request.offset;
  if (node.record.body.in_lake) {
    found->extents.push_back({{0, 1}, 0, static_cast<std::uint32_t>(length)});
    found->pins.emplace_back();
    return found;
  }
  FB_ASSIGN_OR_RETURN(found->extents, meta::ExtentsOf(reader, node.record.body, request.offset,
                                                      length, kMaxExtents));
  for (const meta::Extent& extent : found->extents) {
    chunk::ReadPinPtr& pin = found->pins.emplace_back();
    if (extent.is_hole() || extent.is_inline()) continue;
    FB_ASSIGN_OR_RETURN(pin, services.chunks.Pin(reader, extent.chunk));
  }
  return found;
}

// On a pool. What is in memory and was not compared with its checksums yet is compared now; what is
// not is left alone, as nobody knows whether all of it is wanted.
Result<> Describe(Found& found) {
  for (std::size_t i = 0; i < found.extents.size(); ++i) {
    const meta::Extent& extent = found.extents[i];
    LayoutPiece& piece = found.layout.pieces.emplace_back();
    piece.length = extent.length;
    if (extent.is_hole()) piece.kind = LayoutPiece::Kind::kZero;
    const chunk::ReadPin* pin = found.pins[i].get();
    if (pin == nullptr) continue;
    if (!pin->ReadyToSend(extent.offset, extent.length)) {
      if (!pin->Resident(extent.offset, extent.length)) continue;
      FB_RETURN_IF_ERROR(pin->Prepare(extent.offset, extent.length));
    }
    auto place = pin->Local();
    if (!place) continue;
    piece.kind = LayoutPiece::Kind::kFile;
    piece.offset = pin->file_offset() + extent.offset;
    piece.place = std::move(*place);
  }
  return {};
}

}  // namespace

Task<NodeLayout> LayoutNode(Services& services, OpContext context, LayoutRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    auto found = co_await ReadMeta(
        services,
        [&services, &request](const kv::Reader& reader) { return Find(services, reader, request); },
        context);
    if (!found && found.error().code() == Code::kNotFound) continue;
    if (!found) co_return Fail(std::move(found.error()));
    FB_CO_RETURN_IF_ERROR(co_await services.pool.Run([keep = *found] { return Describe(*keep); }));
    co_return std::move((*found)->layout);
  }
  co_return Fail(Code::kServerBusy, "The file changes faster than it can be looked up.");
}

}  // namespace forebay::engine
