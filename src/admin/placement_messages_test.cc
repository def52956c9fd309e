#include "admin/placement_messages.h"

#include <gmock/gmock.h>

#include "admin/event_messages.h"

namespace forebay::admin {
namespace {

using ::testing::HasSubstr;

TEST(PlacementMessages, RoundTrip) {
  const PatternRequest pattern{.container = "c", .pattern = "a/**", .hydrate = true};
  EXPECT_EQ(*DecodePatternRequest(Encode(pattern)), pattern);
  const JobRequest request{.container = "c", .id = 17};
  EXPECT_EQ(*DecodeJobRequest(Encode(request)), request);
  const PrefetchInfo job{.account = "a",
                         .container = "c",
                         .id = 1,
                         .pattern = "p\"",
                         .state = "running",
                         .waits_for = "the lake",
                         .created = "2026-01-01T00:00:00Z",
                         .finished = "2026-01-02T00:00:00Z",
                         .matched = 2,
                         .done = 3,
                         .failed = 4,
                         .bytes = 5,
                         .fetched = 6,
                         .expected_names = 7,
                         .expected_bytes = 8,
                         .last_error = "no"};
  EXPECT_EQ(*DecodePrefetchInfo(Encode(job)), job);
  EXPECT_EQ(*DecodePrefetchInfos(Encode(std::vector{job, job})), (std::vector{job, job}));
  const std::vector<PinInfo> pins{{.pattern = "a", .since = "b", .hydrate = true},
                                  {.pattern = "c"}};
  EXPECT_EQ(*DecodePins(Encode(pins)), pins);
  EXPECT_EQ(DecodePinAnswer(Encode(PinAnswer{7}))->job, 7u);
  const EvictInfo evicted{
      .names = 1, .evicted = 2, .evicted_bytes = 3, .absent = 4, .pinned = 5, .unsent = 6};
  EXPECT_EQ(*DecodeEvictInfo(Encode(evicted)), evicted);
  const HydrateInfo hydrated{.bytes = 1, .fetched = 2};
  EXPECT_EQ(*DecodeHydrateInfo(Encode(hydrated)), hydrated);
  const ContainerTierInfo tier{.names = 1,
                               .bytes = 2,
                               .resident_bytes = 3,
                               .local = 4,
                               .both = 5,
                               .lake = 6,
                               .partial = 7,
                               .pinned = 8};
  EXPECT_EQ(*DecodeContainerTier(Encode(tier)), tier);
  const BlobTierInfo blob{.residency = "both", .bytes = 1, .resident_bytes = 2, .pinned_by = "**"};
  EXPECT_EQ(*DecodeBlobTier(Encode(blob)), blob);
  const CacheInfo cache{.watermark = "below",
                        .resident_bytes = 1,
                        .pinned_bytes = 2,
                        .cache_bytes = 3,
                        .disk_capacity = 4,
                        .disk_used = 5,
                        .hits = 6,
                        .misses = 7,
                        .hit_bytes = 8,
                        .miss_bytes = 9,
                        .evicted_bytes = 10};
  EXPECT_EQ(*DecodeCache(Encode(cache)), cache);
}

TEST(PlacementMessages, WhatIsMissingIsNamed) {
  EXPECT_THAT(DecodePatternRequest("{\"container\": \"c\"}").error().message(),
              HasSubstr("\"pattern\" is missing"));
  EXPECT_THAT(DecodePrefetchInfos("{}").error().message(), HasSubstr("\"jobs\" is missing"));
  EXPECT_FALSE(DecodePins("{\"pins\": [3]}"));
  EXPECT_FALSE(DecodeCache("{\"watermark\": \"below\", \"hits\": \"many\"}"));
}

TEST(EventMessages, RoundTrip) {
  const EventPageInfo events{.events = {{.cursor = 1,
                                         .kind = "conflict",
                                         .warning = true,
                                         .at = "t",
                                         .name = "n",
                                         .other = "o",
                                         .etag_before = "b",
                                         .etag_now = "e",
                                         .text = "words"},
                                        {.cursor = 2, .kind = "lake_reached"}},
                             .more = true};
  EXPECT_EQ(*DecodeEventPage(Encode(events)), events);
  const ConflictPageInfo conflicts{.conflicts = {{.id = ~std::uint64_t{0},
                                                  .kind = "both_changed",
                                                  .outcome = "kept_both",
                                                  .name = "n",
                                                  .kept_as = "k",
                                                  .at = "t",
                                                  .etag_before = "b",
                                                  .etag_now = "e",
                                                  .length_here = 1,
                                                  .length_there = 2,
                                                  .modified_here = "h",
                                                  .modified_there = "m"}},
                                   .more = false};
  EXPECT_EQ(*DecodeConflictPage(Encode(conflicts)), conflicts) << "64 bits are kept";
  EXPECT_FALSE(DecodeEventPage("{\"events\": [{}]}"));
}

}  // namespace
}  // namespace forebay::admin
