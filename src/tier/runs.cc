#include "tier/runs.h"

#include <algorithm>
#include <limits>

#include "base/codec.h"
#include "engine/references.h"
#include "meta/keys.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

// Runs of one drop; a run has one extent, or a few.
constexpr std::size_t kMaxRunsPerDrop = 64;

Result<Run> RunOf(std::string_view key, std::string_view value) {
  FB_ASSIGN_OR_RETURN(meta::ExtentPage page, meta::DecodeExtentPage(value));
  Run run;
  run.span.start = page.start;
  run.span.end = KeyReader(key.substr(1 + sizeof(std::uint64_t))).U64();
  run.extents = std::move(page.extents);
  if (run.span.start >= run.span.end) return Fail(Code::kCorruption, "A run that is empty.");
  return run;
}

// Runs are kept by where they end; those that begin before `start_below` end before this.
std::string LastKey(meta::BodyId body, std::uint64_t start_below) {
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - kMaxRunBytes - 1;
  return start_below > most ? PrefixEnd(keys::RunsOf(body))
                            : keys::Run(body, start_below + kMaxRunBytes + 1);
}

}  // namespace

Result<std::vector<Run>> RunsIn(const kv::Reader& reader, meta::BodyId body, Span span,
                                std::size_t max) {
  std::vector<Run> runs;
  // The first run that ends behind the start of the span.
  auto it = reader.Scan(keys::Run(body, span.start + 1), LastKey(body, span.end));
  for (; it->Valid() && runs.size() < max; it->Next()) {
    FB_ASSIGN_OR_RETURN(Run run, RunOf(it->key(), it->value()));
    if (run.span.start >= span.end) break;
    runs.push_back(std::move(run));
  }
  FB_RETURN_IF_ERROR(it->status());
  return runs;
}

Result<std::uint64_t> ResidentIn(const kv::Reader& reader, meta::BodyId body, Span span,
                                 std::uint64_t enough) {
  std::uint64_t bytes = 0;
  auto it = reader.Scan(keys::Run(body, span.start + 1), LastKey(body, span.end));
  for (; it->Valid() && bytes < enough; it->Next()) {
    FB_ASSIGN_OR_RETURN(const Run run, RunOf(it->key(), it->value()));
    if (run.span.start >= span.end) break;
    bytes += std::min(run.span.end, span.end) - std::max(run.span.start, span.start);
  }
  FB_RETURN_IF_ERROR(it->status());
  return std::min(bytes, enough);
}

Result<Place> PlaceOf(const kv::Reader& reader, meta::BodyId body, std::uint64_t offset,
                      std::uint64_t limit) {
  // Where the run before ends, so that a fetch need not begin inside it.
  constexpr std::uint64_t kLookBack = 64 << 10;
  Place place;
  place.gap = {offset > kLookBack ? offset - kLookBack : 0,
               offset + std::min(limit - offset, kMaxRunBytes)};
  // Ends at the first run that says it: of a body that was read here and there there are many.
  auto it = reader.Scan(keys::Run(body, place.gap.start + 1), LastKey(body, place.gap.end));
  for (; it->Valid(); it->Next()) {
    FB_ASSIGN_OR_RETURN(Run run, RunOf(it->key(), it->value()));
    if (run.span.Contains(offset)) {
      place.run = std::move(run);
      break;
    }
    if (run.span.start > offset) {
      place.gap.end = std::min(place.gap.end, run.span.start);
      break;
    }
    place.gap.start = run.span.end;
  }
  FB_RETURN_IF_ERROR(it->status());
  return place;
}

Result<bool> AddRun(kv::Transaction& txn, meta::BodyId body, const Run& run) {
  if (run.span.length() > kMaxRunBytes) return Fail(Code::kInternal, "A run that is too long.");
  FB_ASSIGN_OR_RETURN(const std::vector<Run> there, RunsIn(txn, body, run.span, 1));
  if (!there.empty()) return false;
  txn.Put(keys::Run(body, run.span.end),
          meta::EncodeExtentPage({.start = run.span.start, .extents = run.extents}));
  txn.Add(keys::ResidentBytes(body), static_cast<std::int64_t>(run.span.length()));
  return true;
}

Result<std::uint64_t> DropRuns(engine::Services& services, kv::Transaction& txn, meta::BodyId body,
                               Span span) {
  std::uint64_t dropped = 0;
  FB_ASSIGN_OR_RETURN(const std::vector<Run> runs, RunsIn(txn, body, span, kMaxRunsPerDrop));
  for (const Run& run : runs) {
    FB_RETURN_IF_ERROR(engine::ReleaseExtents(services.chunks, txn, body, run.extents));
    txn.Erase(keys::Run(body, run.span.end));
    dropped += run.span.length();
  }
  if (dropped > 0) txn.Add(keys::ResidentBytes(body), -static_cast<std::int64_t>(dropped));
  return dropped;
}

Result<bool> DropSameRun(engine::Services& services, kv::Transaction& txn, meta::BodyId body,
                         const Run& run) {
  FB_ASSIGN_OR_RETURN(const std::vector<Run> there, RunsIn(txn, body, run.span, 1));
  const bool same =
      !there.empty() && there.front().span == run.span && there.front().extents == run.extents;
  if (same) FB_RETURN_IF_ERROR(DropRuns(services, txn, body, run.span));
  return same;
}

Result<std::uint64_t> ResidentBytes(const kv::Reader& reader, meta::BodyId body) {
  FB_ASSIGN_OR_RETURN(auto counter, reader.Get(keys::ResidentBytes(body)));
  return static_cast<std::uint64_t>(std::max<std::int64_t>(kv::CounterValue(counter), 0));
}

std::vector<meta::Extent> ExtentsOfRun(const Run& run, std::uint64_t from, std::uint64_t length) {
  std::vector<meta::Extent> extents;
  std::uint64_t at = run.span.start;
  const std::uint64_t end = from + length;
  for (const meta::Extent& extent : run.extents) {
    const std::uint64_t extent_end = at + extent.length;
    if (extent_end > from && at < end) {
      const std::uint64_t skip = from > at ? from - at : 0;
      const std::uint64_t take = std::min(extent_end, end) - (at + skip);
      extents.push_back({extent.chunk, extent.offset + static_cast<std::uint32_t>(skip),
                         static_cast<std::uint32_t>(take)});
    }
    at = extent_end;
  }
  return extents;
}

}  // namespace forebay::tier
