// Prefetch jobs, pins and hydration by command: everything once, over restarts and broken links.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "tier/evict_fixture.h"

namespace forebay::tier {
namespace {

constexpr std::size_t kBlob = 100 << 10;

std::string Name(std::size_t i) { return "train/" + std::to_string(1000 + i); }

class PrefetchTest : public ::testing::Test {
 protected:
  void Plant(std::size_t count, TierFixtureOptions options = {}, std::size_t size = kBlob) {
    const bool run_jobs = options.run_jobs;
    fixture_ = std::make_unique<EvictFixture>(std::move(options));
    for (std::size_t i = 0; i < count; ++i) {
      bytes_.push_back(Pattern(size, i + 1));
      f().lake().Plant(Name(i), bytes_.back());
    }
    f().lake().Plant("valid/1", Pattern(5000, 99));
    f().Attach();
    f().ImportAll(run_jobs);
  }
  std::uint64_t Start(const std::string& pattern) {
    const auto id =
        f().engine().Run(f().placement().StartPrefetch({}, f().engine().Container(), pattern));
    EXPECT_TRUE(id) << id.error().ToString();
    return id.value_or(0);
  }
  Result<> RunHere(std::uint64_t id) {
    f().engine().clock().Advance(std::chrono::hours(1));  // whoever held the lease is gone
    FB_ASSIGN_OR_RETURN(AttachmentPtr attachment, f().Attached());
    return f().engine().Run(f().tier().placement_parts().prefetcher.RunHere({}, attachment, id));
  }
  meta::PrefetchRecord Status(std::uint64_t id) {
    const auto status =
        f().engine().Run(f().placement().Prefetch({}, f().engine().Container(), id));
    EXPECT_TRUE(status) << status.error().ToString();
    return status ? status->record : meta::PrefetchRecord();
  }
  std::uint64_t AwaitEnd(std::uint64_t id) {
    for (int i = 0; i < 4000; ++i) {
      const auto status =
          f().engine().Run(f().placement().Prefetch({}, f().engine().Container(), id));
      if (status && !status->running_here) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return Status(id).done;
  }
  std::uint64_t Gets() const { return fixture_->Requests(lake::LakeOperation::kGet); }
  std::uint64_t AllBytes() const {
    std::uint64_t sum = 0;
    for (const std::string& bytes : bytes_) sum += bytes.size();
    return sum;
  }
  void ExpectAllResident() {
    f().faulty_lake().SetLink(lake::LinkState::kDown);
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      EXPECT_TRUE(Same(f().engine().Read(Name(i)), bytes_[i])) << i;
    }
    f().faulty_lake().Heal();
  }
  EvictFixture& f() { return *fixture_; }

  std::unique_ptr<EvictFixture> fixture_;
  std::vector<std::string> bytes_;
};

TEST_F(PrefetchTest, WhatMatchesIsFetchedOnceWithARequestEach) {
  Plant(50);
  const std::uint64_t id = Start("train/**");
  EXPECT_EQ(Status(id).state, meta::PrefetchState::kRunning);
  const auto done = RunHere(id);
  ASSERT_TRUE(done) << done.error().ToString();
  const meta::PrefetchRecord record = Status(id);
  EXPECT_EQ(record.state, meta::PrefetchState::kDone);
  EXPECT_EQ(record.matched, 50u);
  EXPECT_EQ(record.done, 50u);
  EXPECT_EQ(record.failed, 0u);
  EXPECT_EQ(record.bytes, AllBytes());
  EXPECT_EQ(record.fetched, AllBytes());
  EXPECT_EQ(Gets(), 50u);
  EXPECT_EQ(f().BytesDown(), AllBytes());
  EXPECT_EQ(f().usage().of(lake::Cause::kPrefetch).bytes_down, AllBytes());
  EXPECT_EQ(f().Where("valid/1").residency, engine::Residency::kLake);
  EXPECT_EQ(f().Where(Name(7)).residency, engine::Residency::kBoth);
  ExpectAllResident();
  // Again: nothing is fetched.
  const std::uint64_t again = Start("train/**");
  ASSERT_TRUE(RunHere(again));
  EXPECT_EQ(Status(again).done, 50u);
  EXPECT_EQ(Status(again).fetched, 0u);
  EXPECT_EQ(f().BytesDown(), AllBytes());
}

TEST_F(PrefetchTest, LargeBlobsComeInPartsAndOnlyWhatIsMissing) {
  Plant(2, {}, 11'000'000);
  ASSERT_TRUE(f().engine().Read(Name(0), engine::GetBlobRequest::Range{5'000'000, 100'000}));
  f().Settle();
  const std::uint64_t before = f().BytesDown();
  ASSERT_GT(before, 0u);
  const std::uint64_t id = Start("train/");
  ASSERT_TRUE(RunHere(id));
  EXPECT_EQ(Status(id).done, 2u);
  EXPECT_EQ(Status(id).fetched, AllBytes() - before);
  EXPECT_EQ(f().BytesDown(), AllBytes());
  ExpectAllResident();
}

TEST_F(PrefetchTest, WithReadersBesideItNothingIsFetchedTwice) {
  TierFixtureOptions options;
  options.run_jobs = true;
  Plant(40, std::move(options), 900'000);
  f().faulty_lake().SetLatency(std::chrono::milliseconds(2));
  const std::uint64_t id = Start("train/**");
  std::vector<std::thread> readers;
  std::atomic<int> wrong{0};
  for (unsigned t = 0; t < 4; ++t) {
    readers.emplace_back([&, t] {
      for (std::size_t i = t % 2; i < bytes_.size(); i += 2) {
        if (f().engine().Read(Name(i)).value_or("") != bytes_[i]) ++wrong;
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(AwaitEnd(id), 40u);
  f().Settle();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(f().BytesDown(), AllBytes());
}

TEST_F(PrefetchTest, ABrokenLinkIsWaitedForAndNothingIsDoneTwice) {
  Plant(30);
  const std::uint64_t id = Start("train/**");
  f().faulty_lake().FailNext({.kind = lake::Fault::Kind::kError, .code = Code::kServerBusy},
                             lake::LakeOperation::kGet, 3);
  EXPECT_FALSE(RunHere(id));
  EXPECT_EQ(Status(id).state, meta::PrefetchState::kRunning);
  // A new process goes on. The job may have stopped before all three were met.
  f().Settle();
  f().faulty_lake().Heal();
  f().Restart();
  const auto done = RunHere(id);
  ASSERT_TRUE(done) << done.error().ToString();
  EXPECT_EQ(Status(id).done, 30u);
  EXPECT_EQ(f().BytesDown(), AllBytes());
  ExpectAllResident();
}

TEST_F(PrefetchTest, AnErrorOfTheStoreAtAnyStepIsMadeUpFor) {
  Plant(12);
  for (std::size_t skip = 0; skip < 20; ++skip) {
    const std::uint64_t id = Start("train/**");
    f().engine().store().FailNext(Code::kIo, 1, skip);
    (void)RunHere(id);
    f().engine().store().FailNext(Code::kIo, 0);
    f().Settle();
    f().Restart();
    if (Status(id).state == meta::PrefetchState::kRunning) {
      const auto done = RunHere(id);
      EXPECT_TRUE(done) << done.error().ToString();
    }
    EXPECT_EQ(Status(id).state, meta::PrefetchState::kDone) << skip;
    EXPECT_EQ(Status(id).done, 12u) << skip;
    ExpectAllResident();
    ASSERT_TRUE(f().engine().Run(f().placement().EvictNow({}, f().engine().Container(), "**")));
  }
}

TEST_F(PrefetchTest, ItGoesOnAfterARestartByItself) {
  TierFixtureOptions options;
  options.run_jobs = true;
  Plant(60, std::move(options));
  f().faulty_lake().SetLatency(std::chrono::milliseconds(5));
  const std::uint64_t id = Start("train/**");
  std::this_thread::sleep_for(std::chrono::milliseconds(10));
  f().Restart();
  f().engine().clock().Advance(std::chrono::hours(1));
  EXPECT_EQ(AwaitEnd(id), 60u);
  EXPECT_EQ(Status(id).state, meta::PrefetchState::kDone);
  ExpectAllResident();
}

TEST_F(PrefetchTest, SaysHowMuchThereIsToDo) {
  TierFixtureOptions options;
  options.run_jobs = true;
  Plant(60, std::move(options));
  ASSERT_TRUE(f().engine().Run(f().placement().Hydrate({}, f().engine().Blob(Name(7)))));
  const std::uint64_t listed = f().Requests(lake::LakeOperation::kList);
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  const std::uint64_t id = Start("train/**");
  PrefetchStatus status;
  for (int i = 0; i < 4000 && status.expected_names == 0; ++i) {
    status = *f().engine().Run(f().placement().Prefetch({}, f().engine().Container(), id));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_EQ(status.expected_names, 60u) << "what is here already is a part of it";
  EXPECT_EQ(status.expected_bytes, AllBytes());
  EXPECT_EQ(f().Requests(lake::LakeOperation::kList), listed) << "from the records";
  f().faulty_lake().Heal();
  EXPECT_EQ(AwaitEnd(id), 60u);
}

TEST_F(PrefetchTest, OneThatIsCancelledStops) {
  TierFixtureOptions options;
  options.run_jobs = true;
  options.placement.prefetch.fetches = 1;
  Plant(60, std::move(options));
  f().faulty_lake().SetLatency(std::chrono::milliseconds(10));
  const std::uint64_t id = Start("train/**");
  ASSERT_TRUE(f().engine().Run(f().placement().CancelPrefetch({}, f().engine().Container(), id)));
  AwaitEnd(id);
  f().Settle();
  EXPECT_EQ(Status(id).state, meta::PrefetchState::kCancelled);
  EXPECT_LT(Gets(), 60u);
  const std::uint64_t gets = Gets();
  f().Restart();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  EXPECT_EQ(Gets(), gets);
  EXPECT_EQ(f().engine()
                .Run(f().placement().CancelPrefetch({}, f().engine().Container(), 12345))
                .error()
                .code(),
            Code::kResourceNotFound);
}

TEST_F(PrefetchTest, MoreThanFitsEndsWithNoRoom) {
  TierFixtureOptions options;
  options.run_jobs = true;
  options.placement.evict.cache_bytes = 20 * kBlob;
  options.placement.evict.interval = std::chrono::milliseconds(5);
  Plant(60, std::move(options));
  const std::uint64_t id = Start("train/**");
  AwaitEnd(id);
  EXPECT_EQ(Status(id).state, meta::PrefetchState::kNoRoom);
  EXPECT_FALSE(Status(id).last_error.empty());
  // No byte was fetched to be thrown away again.
  EXPECT_LE(f().BytesDown(), 20 * kBlob);
  EXPECT_GE(f().BytesDown(), 15 * kBlob);
}

TEST_F(PrefetchTest, AFullDiskIsReadThroughWithoutStoring) {
  Plant(3);
  f().engine().chunks().FailNextWrites(Code::kNoSpace, 2);
  EXPECT_TRUE(Same(f().engine().Read(Name(0)), bytes_[0]));
  f().Settle();
  EXPECT_EQ(f().Where(Name(0)).bytes, 0u);
  const auto full = f().engine().Run(f().placement().Hydrate({}, f().engine().Blob(Name(1))));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code(), Code::kNoSpace);
  EXPECT_TRUE(f().engine().Run(f().placement().Hydrate({}, f().engine().Blob(Name(1)))));
}

TEST_F(PrefetchTest, PinningHydratesWhenAsked) {
  TierFixtureOptions options;
  options.run_jobs = true;
  Plant(10, std::move(options));
  const auto id = f().engine().Run(
      f().placement().Pin({}, f().engine().Container(), "train/100[0-2]", /*hydrate=*/true));
  ASSERT_TRUE(id);
  EXPECT_EQ(AwaitEnd(*id), 3u);
  const auto pins = f().engine().Run(f().placement().Pins({}, f().engine().Container()));
  ASSERT_TRUE(pins);
  ASSERT_EQ(pins->size(), 1u);
  EXPECT_EQ(pins->front().pattern, "train/100[0-2]");
  EXPECT_TRUE(pins->front().hydrate);
  const auto where = f().engine().Run(f().placement().ResidencyOf({}, f().engine().Blob(Name(1))));
  ASSERT_TRUE(where);
  EXPECT_TRUE(where->pinned);
  EXPECT_EQ(where->pinned_by, "train/100[0-2]");
  EXPECT_EQ(where->resident.residency, engine::Residency::kBoth);
  EXPECT_EQ(f().engine()
                .Run(f().placement().Pin({}, f().engine().Container(), "a[", false))
                .error()
                .code(),
            Code::kInvalidInput);
  EXPECT_EQ(
      f().engine().Run(f().placement().Unpin({}, f().engine().Container(), "x")).error().code(),
      Code::kResourceNotFound);
}

TEST_F(PrefetchTest, HydrateBringsOneBlobAndSaysHowMuch) {
  Plant(2, {}, 5'000'000);
  const auto first = f().engine().Run(f().placement().Hydrate({}, f().engine().Blob(Name(0))));
  ASSERT_TRUE(first) << first.error().ToString();
  EXPECT_EQ(first->bytes, 5'000'000u);
  EXPECT_EQ(first->fetched, 5'000'000u);
  const auto second = f().engine().Run(f().placement().Hydrate({}, f().engine().Blob(Name(0))));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->fetched, 0u);
  // Changed in the lake meanwhile: what is there now is brought.
  f().lake().Plant(Name(1), bytes_[0]);
  const auto changed = f().engine().Run(f().placement().Hydrate({}, f().engine().Blob(Name(1))));
  ASSERT_TRUE(changed) << changed.error().ToString();
  EXPECT_TRUE(Same(f().engine().Read(Name(1)), bytes_[0]));
  EXPECT_EQ(
      f().engine().Run(f().placement().Hydrate({}, f().engine().Blob("train/none"))).error().code(),
      Code::kBlobNotFound);
}

TEST_F(PrefetchTest, NamesThatWereNotImportedYetAreFetchedToo) {
  fixture_ = std::make_unique<EvictFixture>();
  for (std::size_t i = 0; i < 20; ++i) {
    bytes_.push_back(Pattern(3000, i + 1));
    f().lake().Plant(Name(i), bytes_.back());
  }
  f().Attach();
  const std::uint64_t id = Start("train/**");
  ASSERT_TRUE(RunHere(id));
  EXPECT_EQ(Status(id).done, 20u);
  ExpectAllResident();
}

TEST_F(PrefetchTest, ASummaryCountsWhatIsWhere) {
  Plant(6);
  f().MakeBoth(Name(0), bytes_[0]);
  ASSERT_TRUE(f().engine().Run(f().placement().Hydrate({}, f().engine().Blob(Name(1)))));
  ASSERT_TRUE(f().engine().Run(
      f().placement().Pin({}, f().engine().Container(), "train/1000", /*hydrate=*/false)));
  const auto summary = f().engine().Run(f().placement().Summary({}, f().engine().Container()));
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->names, 7u);
  EXPECT_EQ(summary->bytes, AllBytes() + 5000);
  EXPECT_EQ(summary->resident_bytes, 2 * kBlob);
  EXPECT_EQ(summary->both, 2u);
  EXPECT_EQ(summary->lake, 5u);
  EXPECT_EQ(summary->local + summary->partial, 0u);
  EXPECT_EQ(summary->pinned, 1u);
  EXPECT_EQ(
      f().engine().Run(f().placement().Summary({}, f().engine().Container("plain"))).error().code(),
      Code::kResourceNotFound);
}

}  // namespace
}  // namespace forebay::tier
