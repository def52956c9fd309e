// Where the bytes of a body are: extents in order, and how they are grouped into pages.
//
// An extent is a run of bytes inside a chunk (4 MiB at most), inside an inline piece (a small
// value in kv::Space::kInline, chunk session 0), or a hole: zeros that are stored nowhere and
// belong to nobody (session 0, sequence 0). A body of at most kMaxDirectExtents carries them in its
// blob record; a larger one has pages keyed by end offset, so that one seek finds the page of any
// offset. Format: docs/formats/meta-records.md. Value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chunk/chunk_id.h"
#include "kv/store.h"
#include "meta/ids.h"

namespace forebay::meta {

inline constexpr std::size_t kMaxDirectExtents = 4;
inline constexpr std::size_t kMaxExtentsPerPage = 1024;

struct Extent {
  chunk::ChunkId chunk;      // session 0: an inline piece, its id in `sequence`; 0 there: a hole
  std::uint32_t offset = 0;  // within the chunk
  std::uint32_t length = 0;  // at least 1

  bool is_inline() const { return chunk.session == 0 && chunk.sequence != 0; }
  bool is_hole() const { return chunk.session == 0 && chunk.sequence == 0; }
  friend bool operator==(const Extent&, const Extent&) = default;
};

// A page covers [start, end) of the body; its key carries `end`.
struct ExtentPage {
  std::uint64_t start = 0;
  std::vector<Extent> extents;
};

// A hole of `length` bytes: as few extents as that takes.
inline constexpr std::uint32_t kMaxHoleBytes = 1U << 30;
void AppendHole(std::vector<Extent>& extents, std::uint64_t length);

struct BodyRef {
  BodyId id;
  bool paged = false;  // extents in pages, else in `direct`
  // The lake holds the bytes: no manifest here, at most runs of resident bytes (keys::Run).
  bool in_lake = false;
  std::vector<Extent> direct;
  bool has_block_list = false;  // committed by Put Block List: pages of block ids exist
};

// One entry of a committed block list.
struct CommittedBlock {
  std::string id;  // decoded
  std::uint64_t size = 0;
};

std::string EncodeExtents(const std::vector<Extent>& extents);
Result<std::vector<Extent>> DecodeExtents(std::string_view in);

std::string EncodeExtentPage(const ExtentPage& page);
Result<ExtentPage> DecodeExtentPage(std::string_view in);

std::string EncodeBlockListPage(const std::vector<CommittedBlock>& blocks);
Result<std::vector<CommittedBlock>> DecodeBlockListPage(std::string_view in);

// The extents that cover [offset, offset + length) of a body of `size` bytes, clipped to it, at
// most `max_extents` of them: long ranges are read in several calls. kCorruption when a page is
// missing.
Result<std::vector<Extent>> ExtentsOf(const kv::Reader& reader, const BodyRef& body,
                                      std::uint64_t offset, std::uint64_t length,
                                      std::size_t max_extents);

}  // namespace forebay::meta
