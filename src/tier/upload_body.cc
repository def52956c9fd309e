#include "tier/upload_body.h"

#include <algorithm>
#include <cstring>

#include "azure/xml_documents.h"
#include "base/checksum.h"
#include "base/codec.h"
#include "engine/read_gate.h"
#include "meta/keys.h"

namespace forebay::tier {
namespace {

constexpr std::size_t kExtentsAtATime = 64;
constexpr std::size_t kExtentsCutAtATime = 512;

// Memory and the part of the budget that pays for it.
struct Held {
  std::unique_ptr<std::byte[]> bytes;
  Permit permit;
};

Result<std::string> InlinePiece(const kv::Reader& reader, const meta::Extent& extent) {
  FB_ASSIGN_OR_RETURN(
      auto stored, reader.Get(kv::Space::kInline, meta::keys::InlinePiece(extent.chunk.sequence)));
  if (!stored || stored->size() < std::size_t{extent.offset} + extent.length) {
    return Fail(Code::kCorruption,
                "Inline piece " + std::to_string(extent.chunk.sequence) + " is missing or short.");
  }
  return std::move(*stored);
}

// Fills `into` from one extent.
Task<> ReadExtent(engine::Services& services, meta::Extent extent, MutableByteView into) {
  if (extent.is_hole()) {
    std::memset(into.data(), 0, into.size());
    co_return Result<>{};
  }
  if (extent.is_inline()) {
    FB_CO_ASSIGN_OR_RETURN(const std::string piece,
                           co_await engine::ReadMeta(services, [extent](const kv::Reader& reader) {
                             return InlinePiece(reader, extent);
                           }));
    std::memcpy(into.data(), piece.data() + extent.offset, into.size());
    co_return Result<>{};
  }
  FB_CO_ASSIGN_OR_RETURN(
      const chunk::ReadPinPtr pin,
      co_await engine::ReadMeta(services, [&services, id = extent.chunk](const kv::Reader& reader) {
        return services.chunks.Pin(reader, id);
      }));
  co_return co_await services.pool.Run(
      [pin, into, offset = extent.offset] { return pin->ReadBlocking(into, offset); });
}

// What tells the bytes of an extent from all others.
Result<> Describe(engine::Services& services, const kv::Reader& reader, const meta::Extent& extent,
                  Encoder& out) {
  out.U64(extent.chunk.session).U64(extent.chunk.sequence);
  out.U32(extent.is_hole() ? 0 : extent.offset).U32(extent.length);
  if (extent.is_hole()) return {};
  if (extent.is_inline()) {
    FB_ASSIGN_OR_RETURN(const std::string piece, InlinePiece(reader, extent));
    out.U64(Crc64(AsBytes(piece)));
    return {};
  }
  FB_ASSIGN_OR_RETURN(const chunk::ReadPinPtr pin, services.chunks.Pin(reader, extent.chunk));
  out.U64(pin->crc64());
  return {};
}

// Blocks as they are put together from extents.
struct Cut {
  std::uint64_t block_bytes = 0;
  std::uint64_t start = 0;  // of the block that is open
  std::uint64_t end = 0;    // of what has been seen
  Encoder open;
  std::vector<UploadBlock> blocks;

  // Holes may be longer than a block, other extents never are.
  Result<> Add(engine::Services& services, const kv::Reader& reader, meta::Extent extent) {
    for (std::uint64_t rest = extent.length; rest > 0; rest -= extent.length) {
      const std::uint64_t room = block_bytes - (end - start);
      extent.length = static_cast<std::uint32_t>(extent.is_hole() ? std::min(rest, room) : rest);
      FB_RETURN_IF_ERROR(Describe(services, reader, extent, open));
      end += extent.length;
      if (end - start >= block_bytes) Close();
    }
    return {};
  }
  void Close() {
    if (end == start) return;
    const Md5Digest digest = Md5::Of(AsBytes(open.str()));
    blocks.push_back({lake::BlockId(AsText(digest)), start, end - start});
    open = Encoder();
    start = end;
  }
};

// A budget as ReadRange takes it.
struct Budget {
  Semaphore& semaphore;
  std::size_t bytes;
};

class RangeSource final : public BodySource {
 public:
  RangeSource(engine::Services& services, OpContext context, Budget budget, BodyRange range,
              std::uint64_t piece)
      : services_(services),
        context_(std::move(context)),
        budget_(budget),
        range_(std::move(range)),
        piece_(piece) {}

  Task<std::optional<BodyPiece>> Next(bool) override {
    if (range_.length == 0) co_return std::nullopt;
    BodyRange some = range_;
    some.length = std::min(piece_, range_.length);
    FB_CO_ASSIGN_OR_RETURN(
        const std::shared_ptr<lake::Content> content,
        co_await ReadRange(services_, context_, budget_.semaphore, budget_.bytes, some));
    range_.offset += some.length;
    range_.length -= some.length;
    BodyPiece piece;
    piece.memory = content->memory();
    piece.keep_alive = content;
    co_return piece;
  }

 private:
  engine::Services& services_;
  const OpContext context_;
  const Budget budget_;
  BodyRange range_;  // what is left
  const std::uint64_t piece_;
};

class RangeContent final : public lake::Content {
 public:
  RangeContent(engine::Services& services, OpContext context, Budget budget, BodyRange range,
               std::uint64_t piece)
      : services_(services),
        context_(std::move(context)),
        budget_(budget),
        range_(std::move(range)),
        piece_(piece) {}
  std::uint64_t length() const override { return range_.length; }
  Task<std::unique_ptr<BodySource>> Open() override {
    co_return std::make_unique<RangeSource>(services_, context_, budget_, range_, piece_);
  }

 private:
  engine::Services& services_;
  const OpContext context_;
  const Budget budget_;
  const BodyRange range_;
  const std::uint64_t piece_;
};

}  // namespace

std::shared_ptr<lake::Content> StreamRange(engine::Services& services, OpContext context,
                                           Semaphore& budget, std::size_t budget_bytes,
                                           BodyRange range, std::uint64_t piece) {
  return std::make_shared<RangeContent>(services, std::move(context), Budget{budget, budget_bytes},
                                        std::move(range), piece);
}

Task<std::shared_ptr<lake::Content>> ReadRange(engine::Services& services, OpContext context,
                                               Semaphore& budget, std::size_t budget_bytes,
                                               BodyRange range) {
  if (range.length == 0) co_return std::shared_ptr<lake::Content>();
  auto held = std::make_shared<Held>();
  const auto length = static_cast<std::size_t>(range.length);
  FB_CO_ASSIGN_OR_RETURN(held->permit,
                         co_await budget.Acquire(std::min(length, budget_bytes), context));
  held->bytes = std::make_unique_for_overwrite<std::byte[]>(length);
  std::size_t at = 0;
  while (at < length) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_ASSIGN_OR_RETURN(const std::vector<meta::Extent> extents,
                           co_await engine::ReadMeta(services, [&](const kv::Reader& reader) {
                             return meta::ExtentsOf(reader, range.body, range.offset + at,
                                                    length - at, kExtentsAtATime);
                           }));
    if (extents.empty()) {
      co_return Fail(Code::kCorruption, "A body is shorter than its record says.");
    }
    for (const meta::Extent& extent : extents) {
      FB_CO_RETURN_IF_ERROR(co_await ReadExtent(
          services, extent, MutableByteView(held->bytes.get() + at, extent.length)));
      at += extent.length;
    }
  }
  co_return lake::ViewContent(ByteView(held->bytes.get(), length), held);
}

Task<std::vector<UploadBlock>> CutBody(engine::Services& services, OpContext context,
                                       meta::BodyRef body, std::uint64_t length,
                                       std::uint64_t block_bytes) {
  auto cut = std::make_shared<Cut>();
  // Blocks may be longer than this, never shorter, so that the number of them is bounded.
  cut->block_bytes = std::max(block_bytes, length / (azure::kMaxBlocks - 1) + 1);
  while (cut->end < length) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    const std::uint64_t from = cut->end;
    FB_CO_RETURN_IF_ERROR(co_await engine::ReadMetaOnPool(
        services, [&services, body, length, from, cut](const kv::Reader& reader) -> Result<> {
          FB_ASSIGN_OR_RETURN(
              const std::vector<meta::Extent> extents,
              meta::ExtentsOf(reader, body, from, length - from, kExtentsCutAtATime));
          if (extents.empty()) {
            return Fail(Code::kCorruption, "A body is shorter than its record says.");
          }
          for (const meta::Extent& extent : extents) {
            FB_RETURN_IF_ERROR(cut->Add(services, reader, extent));
          }
          return {};
        }));
  }
  cut->Close();
  co_return std::move(cut->blocks);
}

}  // namespace forebay::tier
