#include "meta/extent.h"

#include <algorithm>

#include "base/codec.h"
#include "meta/keys.h"

namespace forebay::meta {
namespace {

constexpr std::uint8_t kVersion = 1;

void AppendExtents(Encoder& out, const std::vector<Extent>& extents) {
  out.Varint(extents.size());
  // Neighbours mostly come from one writer in one session: deltas keep a page small.
  std::uint64_t session = 0;
  std::uint64_t sequence = 0;
  for (const Extent& e : extents) {
    out.Signed(static_cast<std::int64_t>(e.chunk.session - session));
    out.Signed(static_cast<std::int64_t>(e.chunk.sequence - sequence));
    out.Varint(e.offset).Varint(e.length);
    session = e.chunk.session;
    sequence = e.chunk.sequence;
  }
}

std::vector<Extent> TakeExtents(Decoder& in) {
  std::vector<Extent> extents;
  const std::uint64_t count = in.Varint();
  if (count > in.remaining()) {
    // Each takes four bytes at least: never reserve memory for what cannot be there.
    in.Raw(in.remaining() + 1);  // makes Finish report it
    return extents;
  }
  extents.reserve(count);
  std::uint64_t session = 0;
  std::uint64_t sequence = 0;
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    Extent e;
    session += static_cast<std::uint64_t>(in.Signed());
    sequence += static_cast<std::uint64_t>(in.Signed());
    e.chunk = {session, sequence};
    e.offset = static_cast<std::uint32_t>(in.Varint());
    e.length = static_cast<std::uint32_t>(in.Varint());
    extents.push_back(e);
  }
  return extents;
}

Result<> CheckVersion(Decoder& in, std::string_view what) {
  if (const std::uint8_t version = in.U8(); in.ok() && version != kVersion) {
    return Fail(Code::kCorruption, std::string(what) + " of version " + std::to_string(version) +
                                       " was written by a newer Forebay.");
  }
  return {};
}

// Adds the part of `extents` (which start at `start` in the body) that lies in [offset, end).
void Clip(const std::vector<Extent>& extents, std::uint64_t start, std::uint64_t offset,
          std::uint64_t end, std::size_t max_extents, std::vector<Extent>& out) {
  std::uint64_t at = start;
  for (const Extent& e : extents) {
    if (at >= end || out.size() >= max_extents) return;
    const std::uint64_t next = at + e.length;
    if (next > offset) {
      const std::uint64_t skip = offset > at ? offset - at : 0;
      const std::uint64_t drop = next > end ? next - end : 0;
      out.push_back({e.chunk, static_cast<std::uint32_t>(e.offset + skip),
                     static_cast<std::uint32_t>(e.length - skip - drop)});
    }
    at = next;
  }
}

}  // namespace

void AppendHole(std::vector<Extent>& extents, std::uint64_t length) {
  while (length > 0) {
    std::uint64_t room = kMaxHoleBytes;
    if (!extents.empty() && extents.back().is_hole()) {
      room = kMaxHoleBytes - extents.back().length;
      const auto more = static_cast<std::uint32_t>(std::min(room, length));
      extents.back().length += more;
      length -= more;
      if (length == 0) return;
    }
    const auto next = static_cast<std::uint32_t>(std::min<std::uint64_t>(kMaxHoleBytes, length));
    extents.push_back({{}, 0, next});
    length -= next;
  }
}

std::string EncodeExtents(const std::vector<Extent>& extents) {
  Encoder out;
  out.U8(kVersion);
  AppendExtents(out, extents);
  return out.Take();
}

Result<std::vector<Extent>> DecodeExtents(std::string_view in) {
  Decoder decoder(in);
  FB_RETURN_IF_ERROR(CheckVersion(decoder, "An extent list"));
  std::vector<Extent> extents = TakeExtents(decoder);
  FB_RETURN_IF_ERROR(decoder.Finish("an extent list"));
  return extents;
}

std::string EncodeExtentPage(const ExtentPage& page) {
  Encoder out;
  out.U8(kVersion).Varint(page.start);
  AppendExtents(out, page.extents);
  return out.Take();
}

Result<ExtentPage> DecodeExtentPage(std::string_view in) {
  Decoder decoder(in);
  FB_RETURN_IF_ERROR(CheckVersion(decoder, "An extent page"));
  ExtentPage page;
  page.start = decoder.Varint();
  page.extents = TakeExtents(decoder);
  FB_RETURN_IF_ERROR(decoder.Finish("an extent page"));
  return page;
}

std::string EncodeBlockListPage(const std::vector<CommittedBlock>& blocks) {
  Encoder out;
  out.U8(kVersion).Varint(blocks.size());
  for (const CommittedBlock& block : blocks) out.String(block.id).Varint(block.size);
  return out.Take();
}

Result<std::vector<CommittedBlock>> DecodeBlockListPage(std::string_view in) {
  Decoder decoder(in);
  FB_RETURN_IF_ERROR(CheckVersion(decoder, "A block list page"));
  std::vector<CommittedBlock> blocks;
  const std::uint64_t count = decoder.Varint();
  for (std::uint64_t i = 0; i < count && decoder.ok(); ++i) {
    std::string id = decoder.String();
    blocks.push_back({std::move(id), decoder.Varint()});
  }
  FB_RETURN_IF_ERROR(decoder.Finish("a block list page"));
  return blocks;
}

Result<std::vector<Extent>> ExtentsOf(const kv::Reader& reader, const BodyRef& body,
                                      std::uint64_t offset, std::uint64_t length,
                                      std::size_t max_extents) {
  std::vector<Extent> out;
  const std::uint64_t end = offset + length;
  if (!body.paged) {
    Clip(body.direct, 0, offset, end, max_extents, out);
    return out;
  }
  // The page of `offset` is the first whose end lies beyond it.
  const std::string begin_key = keys::ExtentPage(body.id, offset + 1);
  auto it = reader.Scan(begin_key, PrefixEnd(keys::ExtentPagesOf(body.id)));
  std::uint64_t at = offset;
  for (; it->Valid() && at < end && out.size() < max_extents; it->Next()) {
    FB_ASSIGN_OR_RETURN(ExtentPage page, DecodeExtentPage(it->value()));
    if (page.start > at) break;
    std::uint64_t page_end = page.start;
    for (const Extent& e : page.extents) page_end += e.length;
    Clip(page.extents, page.start, at, end, max_extents, out);
    at = page_end;
  }
  FB_RETURN_IF_ERROR(it->status());
  if (out.empty() && length > 0) {
    return Fail(Code::kCorruption, "Body " + std::to_string(body.id.value()) +
                                       " has no page for offset " + std::to_string(offset) + ".");
  }
  return out;
}

}  // namespace forebay::meta
