#include "admin/placement_api.h"

#include <gmock/gmock.h>

#include <thread>

#include "admin/operations_fixture.h"
#include "admin/placement_messages.h"

namespace forebay::admin {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

tier::TierFixtureOptions WithJobs() {
  tier::TierFixtureOptions options;
  options.run_jobs = true;
  return options;
}

class PlacementApiTest : public OperationsFixture {
 protected:
  PlacementApiTest() : OperationsFixture(WithJobs()) { AddPlacementOperations(api_, parts()); }
  void SetUp() override {
    for (std::uint64_t i = 0; i < 4; ++i) {
      fixture_.lake().Plant("train/" + std::to_string(i), tier::Pattern(10'000, i + 1));
    }
    fixture_.lake().Plant("labels", "cat");
    fixture_.Attach();
    for (int i = 0; i < 30'000 && !fixture_.tier().Status().front().import.finished; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ASSERT_TRUE(fixture_.tier().Status().front().import.finished);
  }
  template <class T>
  T Ask(const std::string& path, const PatternRequest& request,
        Result<T> (*decode)(std::string_view)) {
    const auto text = Call("POST", path, Encode(request));
    EXPECT_TRUE(text) << path << ": " << text.error().message();
    auto answer = text ? decode(*text) : std::unexpected(text.error());
    return answer ? std::move(*answer) : T{};
  }
  BlobTierInfo Where(const std::string& name) {
    return *DecodeBlobTier(*Call("GET", "/v1/tier?container=box&name=" + name));
  }
  ContainerTierInfo All() { return *DecodeContainerTier(*Call("GET", "/v1/tier?container=box")); }
};

TEST_F(PlacementApiTest, APrefetchIsAJobThatCanBeWatched) {
  PrefetchInfo job =
      Ask("/v1/prefetch", {.container = "box", .pattern = "train/**"}, &DecodePrefetchInfo);
  EXPECT_EQ(job.pattern, "train/**");
  EXPECT_EQ(job.account, account());
  const std::string path = "/v1/prefetch?container=box&id=" + std::to_string(job.id);
  for (int i = 0; i < 30'000 && job.state == "running"; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    const auto jobs = DecodePrefetchInfos(*Call("GET", path));
    ASSERT_TRUE(jobs);
    ASSERT_THAT(*jobs, SizeIs(1));
    job = jobs->front();
  }
  EXPECT_EQ(job.state, "done");
  EXPECT_EQ(job.done, 4u);
  EXPECT_EQ(job.bytes, 40'000u);
  EXPECT_THAT(job.finished, HasSubstr("Z"));
  EXPECT_THAT(*DecodePrefetchInfos(*Call("GET", "/v1/prefetch?container=box")), SizeIs(1));
  const auto cancelled =
      Call("POST", "/v1/prefetch/cancel", Encode(JobRequest{.container = "box", .id = job.id}));
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(DecodePrefetchInfo(*cancelled)->state, "done") << "what is done stays done";
  EXPECT_EQ(CodeOf("POST", "/v1/prefetch/cancel", Encode(JobRequest{"box", job.id + 1000})),
            Code::kResourceNotFound);
}

TEST_F(PlacementApiTest, HydrateEvictAndWhatIsWhere) {
  EXPECT_EQ(Where("labels").residency, "lake");
  const HydrateInfo brought =
      Ask("/v1/tier/hydrate", {.container = "box", .pattern = "labels"}, &DecodeHydrateInfo);
  EXPECT_EQ(brought.bytes, 3u);
  EXPECT_EQ(brought.fetched, 3u);
  EXPECT_EQ(Where("labels").residency, "both");
  EXPECT_EQ(Where("labels").resident_bytes, 3u);
  const ContainerTierInfo all = All();
  EXPECT_EQ(all.names, 5u);
  EXPECT_EQ(all.both, 1u);
  EXPECT_EQ(all.lake, 4u);
  EXPECT_EQ(all.resident_bytes, 3u);
  const EvictInfo gone =
      Ask("/v1/tier/evict", {.container = "box", .pattern = "**"}, &DecodeEvictInfo);
  EXPECT_EQ(gone.names, 5u);
  EXPECT_EQ(gone.evicted, 1u);
  EXPECT_EQ(gone.absent, 4u);
  EXPECT_EQ(Where("labels").residency, "lake");
  EXPECT_EQ(CodeOf("POST", "/v1/tier/hydrate",
                   Encode(PatternRequest{.container = "box", .pattern = "none"})),
            Code::kBlobNotFound);
}

TEST_F(PlacementApiTest, APinKeepsWhatItMatches) {
  Ask("/v1/tier/hydrate", {.container = "box", .pattern = "labels"}, &DecodeHydrateInfo);
  const PinAnswer pinned =
      Ask("/v1/tier/pin", {.container = "box", .pattern = "lab*"}, &DecodePinAnswer);
  EXPECT_EQ(pinned.job, 0u) << "nothing was asked to be fetched";
  const auto pins = DecodePins(*Call("GET", "/v1/tier/pins?container=box"));
  ASSERT_TRUE(pins);
  ASSERT_THAT(*pins, SizeIs(1));
  EXPECT_EQ(pins->front().pattern, "lab*");
  EXPECT_EQ(Where("labels").pinned_by, "lab*");
  EXPECT_EQ(Ask("/v1/tier/evict", {.container = "box", .pattern = "**"}, &DecodeEvictInfo).pinned,
            1u);
  EXPECT_EQ(Where("labels").residency, "both");
  EXPECT_THAT(Ask("/v1/tier/unpin", {.container = "box", .pattern = "lab*"}, &DecodePins),
              SizeIs(0));
  EXPECT_EQ(Where("labels").pinned_by, "");
  EXPECT_EQ(CodeOf("POST", "/v1/tier/unpin",
                   Encode(PatternRequest{.container = "box", .pattern = "lab*"})),
            Code::kResourceNotFound);
}

TEST_F(PlacementApiTest, TheCacheOfTheNode) {
  (void)*fixture_.engine().Read("labels");
  fixture_.Settle();
  const auto cache = DecodeCache(*Call("GET", "/v1/cache"));
  ASSERT_TRUE(cache);
  EXPECT_EQ(cache->misses, 1u);
  EXPECT_EQ(cache->resident_bytes, 3u);
  EXPECT_FALSE(cache->watermark.empty());
}

TEST_F(PlacementApiTest, WhatIsWrongIsSaid) {
  EXPECT_EQ(CodeOf("GET", "/v1/tier"), Code::kInvalidInput) << "no container";
  EXPECT_EQ(CodeOf("GET", "/v1/tier?container=nowhere"), Code::kNotFound);
  EXPECT_EQ(CodeOf("GET", "/v1/tier?container=box&name=none"), Code::kBlobNotFound);
  EXPECT_EQ(CodeOf("GET", "/v1/prefetch?container=box&id=x"), Code::kInvalidInput);
  EXPECT_EQ(CodeOf("POST", "/v1/prefetch", "{}"), Code::kInvalidInput);
  EXPECT_EQ(
      CodeOf("POST", "/v1/tier/pin", Encode(PatternRequest{.container = "box", .pattern = "[a"})),
      Code::kInvalidInput);
  ASSERT_TRUE(fixture_.engine().MakeContainer("plain"));
  EXPECT_EQ(CodeOf("GET", "/v1/tier?container=plain"), Code::kResourceNotFound)
      << "it is not attached";
}

}  // namespace
}  // namespace forebay::admin
