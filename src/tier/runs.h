// Which bytes of a lake-held body are here: runs, each from a start to an end offset, that never
// overlap. Format: docs/formats/tier-records.md.
//
// Inside a reader or a transaction. Cache state: every run may be gone at the next look, and one
// whose chunks do not read is dropped and fetched again.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "engine/services.h"
#include "kv/store.h"
#include "meta/extent.h"
#include "meta/ids.h"

namespace forebay::tier {

// A half-open range of a body.
struct Span {
  std::uint64_t start = 0;
  std::uint64_t end = 0;

  std::uint64_t length() const { return end - start; }
  bool Contains(std::uint64_t offset) const { return start <= offset && offset < end; }
  friend bool operator==(const Span&, const Span&) = default;
};

// None is longer, so that no look at a few bytes has to step over what was given up elsewhere.
inline constexpr std::uint64_t kMaxRunBytes = 4 << 20;

struct Run {
  Span span;
  std::vector<meta::Extent> extents;  // its bytes, in order
};

// The runs that overlap `span`, whole, in order; at most `max` of them.
Result<std::vector<Run>> RunsIn(const kv::Reader& reader, meta::BodyId body, Span span,
                                std::size_t max);

// Around `offset`: the run that holds it, or the gap that it lies in, up to `limit`, and no further
// than kMaxRunBytes.
struct Place {
  std::optional<Run> run;
  Span gap;  // when there is no run
};
Result<Place> PlaceOf(const kv::Reader& reader, meta::BodyId body, std::uint64_t offset,
                      std::uint64_t limit);

// False, and nothing is written, where a run overlaps already. kInternal: the run is too long.
Result<bool> AddRun(kv::Transaction& txn, meta::BodyId body, const Run& run);

// Drops the runs that overlap the span and gives their bytes back. Returns how many bytes.
Result<std::uint64_t> DropRuns(engine::Services& services, kv::Transaction& txn, meta::BodyId body,
                               Span span);

// Drops this very run, whose bytes cannot be read; false when it is not there any more.
Result<bool> DropSameRun(engine::Services& services, kv::Transaction& txn, meta::BodyId body,
                         const Run& run);

// How many bytes of the runs in `span` are here; counts no further than `enough`.
Result<std::uint64_t> ResidentIn(const kv::Reader& reader, meta::BodyId body, Span span,
                                 std::uint64_t enough);

// How many bytes of the body are here.
Result<std::uint64_t> ResidentBytes(const kv::Reader& reader, meta::BodyId body);

// The extents of [from, from + length) of a run.
std::vector<meta::Extent> ExtentsOfRun(const Run& run, std::uint64_t from, std::uint64_t length);

}  // namespace forebay::tier
