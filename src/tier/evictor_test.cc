// Eviction through the real engine: what goes, what must stay, and that no byte is ever wrong.
#include "tier/evictor.h"

#include <atomic>
#include <chrono>
#include <numeric>
#include <random>
#include <thread>

#include "engine/get_block_list.h"
#include "engine/sweeper.h"
#include "tier/evict_fixture.h"

namespace forebay::tier {
namespace {

constexpr std::size_t kBlob = 8 << 10;

TierFixtureOptions WithCache(std::uint64_t bytes, bool run_jobs = false) {
  TierFixtureOptions options;
  options.run_jobs = run_jobs;
  options.placement.evict.cache_bytes = bytes;
  options.placement.evict.seed = 7;
  options.placement.evict.interval = std::chrono::milliseconds(5);
  return options;
}

std::string Name(std::size_t i) { return "b/" + std::to_string(1000 + i); }

// `count` blobs of kBlob bytes in the lake, imported.
class EvictorTest : public ::testing::Test {
 protected:
  void Plant(std::size_t count, TierFixtureOptions options, std::size_t size = kBlob) {
    const bool run_jobs = options.run_jobs;
    fixture_ = std::make_unique<EvictFixture>(std::move(options));
    for (std::size_t i = 0; i < count; ++i) {
      bytes_.push_back(Pattern(size, i + 1));
      f().lake().Plant(Name(i), bytes_.back());
    }
    f().Attach();
    f().ImportAll(run_jobs);
  }
  void ReadAll() {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      ASSERT_TRUE(Same(f().engine().Read(Name(i)), bytes_[i])) << i;
    }
    f().Settle();
  }
  void Pass() {
    const auto done = f().engine().Run(f().evictor().Pass({}));
    ASSERT_TRUE(done) << done.error().ToString();
  }
  std::uint64_t StoredResident() {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < bytes_.size(); ++i) sum += f().Where(Name(i)).bytes;
    return sum;
  }
  EvictFixture& f() { return *fixture_; }

  std::unique_ptr<EvictFixture> fixture_;
  std::vector<std::string> bytes_;
};

TEST_F(EvictorTest, AboveTheHighWatermarkItGoesDownToTheLowOne) {
  Plant(40, WithCache(20 * kBlob));
  ReadAll();
  EXPECT_EQ(StoredResident(), 40 * kBlob);
  EXPECT_EQ(f().Cache().resident_bytes, 40 * kBlob);
  Pass();
  const CacheStatus status = f().Cache();
  EXPECT_LE(status.resident_bytes, 17 * kBlob);  // 85 %
  EXPECT_GE(status.resident_bytes, 16 * kBlob);
  EXPECT_EQ(StoredResident(), status.resident_bytes);
  EXPECT_EQ(status.evicted_bytes, 40 * kBlob - status.resident_bytes);
  EXPECT_EQ(status.watermark, Watermark::kBelow);
  EXPECT_EQ(f().engine().LinkedChunks(), status.resident_bytes / kBlob);
  // Below the high watermark nothing more goes.
  Pass();
  EXPECT_EQ(f().Cache().resident_bytes, status.resident_bytes);
  ReadAll();
}

TEST_F(EvictorTest, ThreeQuartersOfTheDiskAreNoReason) {
  TierFixtureOptions options;
  auto used = std::make_shared<std::atomic<std::uint64_t>>(75);
  options.placement.evict.disk = [used]() -> Result<DiskUse> {
    return DiskUse{.capacity = 1000 * kBlob, .used = *used * 10 * kBlob};
  };
  Plant(40, std::move(options));
  ReadAll();
  Pass();
  EXPECT_EQ(f().Cache().resident_bytes, 40 * kBlob);
  EXPECT_FALSE(f().book().crowded());
  *used = 91;  // 910 blobs; 850 are the low watermark
  Pass();
  EXPECT_EQ(f().Cache().resident_bytes, 0u);
  EXPECT_EQ(f().Cache().watermark, Watermark::kStuck);
  *used = 87;
  ReadAll();
  Pass();
  EXPECT_TRUE(f().book().crowded());
  // The low watermark is not reached yet: it goes on.
  EXPECT_EQ(f().Cache().resident_bytes, 20 * kBlob);
  EXPECT_EQ(f().Cache().watermark, Watermark::kBelow);
}

TEST_F(EvictorTest, APinnedBlobStays) {
  Plant(30, WithCache(10 * kBlob));
  ReadAll();
  ASSERT_TRUE(f().engine().Run(
      f().placement().Pin({}, f().engine().Container(), "b/100[0-4]", /*hydrate=*/false)));
  Pass();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(f().Where(Name(i)).bytes, kBlob) << i;
  EXPECT_LE(StoredResident(), 9 * kBlob);
  // A pin outlives the process.
  f().Restart();
  ASSERT_TRUE(f().engine().Run(f().evictor().WalkAll({})));
  ReadAll();
  Pass();
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(f().Where(Name(i)).bytes, kBlob) << i;
  const auto evicted =
      f().engine().Run(f().placement().EvictNow({}, f().engine().Container(), "b/**"));
  ASSERT_TRUE(evicted);
  EXPECT_EQ(evicted->names, 30u);
  EXPECT_EQ(evicted->pinned, 5u);
  EXPECT_EQ(StoredResident(), 5 * kBlob);
  ASSERT_TRUE(f().engine().Run(f().placement().Unpin({}, f().engine().Container(), "b/100[0-4]")));
  ASSERT_TRUE(f().engine().Run(f().placement().EvictNow({}, f().engine().Container(), "b/")));
  EXPECT_EQ(StoredResident(), 0u);
}

TEST_F(EvictorTest, WhatTheLakeIsNotKnownToHoldStays) {
  Plant(4, WithCache(kBlob));
  f().MakeBoth(Name(0), bytes_[0], 0, /*unsent=*/77);  // a change is still to travel
  f().MakeBoth(Name(1), bytes_[1]);
  ReadAll();
  Pass();
  ASSERT_TRUE(f().engine().Run(f().evictor().WalkAll({})));
  Pass();
  EXPECT_EQ(f().Record(Name(0))->body.in_lake, false);
  EXPECT_EQ(f().Record(Name(1))->body.in_lake, true);
  EXPECT_EQ(f().Where(Name(1)).bytes, 0u);
  EXPECT_EQ(StoredResident(), kBlob);
  const auto evicted =
      f().engine().Run(f().placement().EvictNow({}, f().engine().Container(), "**"));
  ASSERT_TRUE(evicted);
  EXPECT_EQ(evicted->unsent, 1u);
  EXPECT_EQ(evicted->absent, 3u);
  EXPECT_EQ(f().Record(Name(0))->body.in_lake, false);
  // And a lake-held body of which a change is under way: its runs stay as well.
  ReadAll();
  ASSERT_TRUE(f().engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(auto box, engine::RequireContainer(txn, f().engine().account().name,
                                                           azure::ContainerName("box")));
    FB_ASSIGN_OR_RETURN(auto record, meta::NamespaceOf(box).Find(txn, box.id, Name(2)));
    record->lake->unsent = 5;
    return meta::NamespaceOf(box).Put(txn, box.id, Name(2), *record, f().services().ids);
  }));
  Pass();
  EXPECT_EQ(f().Where(Name(2)).bytes, kBlob);
  EXPECT_GE(f().Cache().refused_pieces, 1u);
}

// A local blob that has travelled: its bytes stay at first, then they go piece by piece, and who
// reads it meanwhile reads on.
TEST_F(EvictorTest, ALocalBlobThatTheLakeHoldsBecomesItsOwn) {
  Plant(1, WithCache(9 << 20), 10 << 20);
  f().MakeBoth(Name(0), bytes_[0], /*blocks=*/5);
  ASSERT_TRUE(f().Record(Name(0))->body.has_block_list);
  EXPECT_EQ(f().Where(Name(0)).residency, engine::Residency::kBoth);
  engine::GetBlobRequest request;
  request.target = f().engine().Blob(Name(0));
  auto reader = f().engine().Run(engine::GetBlob(f().services(), {}, request));
  ASSERT_TRUE(reader);
  ASSERT_TRUE(f().engine().Run(f().evictor().Pass({})));  // finds that cache_bytes is set
  ASSERT_TRUE(f().engine().Run(f().evictor().WalkAll({})));
  EXPECT_TRUE(f().Record(Name(0))->body.in_lake);
  EXPECT_EQ(f().Where(Name(0)).residency, engine::Residency::kBoth);
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  EXPECT_TRUE(Same(f().engine().Read(Name(0)), bytes_[0]));
  EXPECT_EQ(f().Requests(lake::LakeOperation::kGet), 0u);
  Pass();
  const engine::Resident left = f().Where(Name(0));
  EXPECT_EQ(left.residency, engine::Residency::kPartial);
  EXPECT_LE(left.bytes, 8u << 20);
  EXPECT_TRUE(Same(RunSync(engine::ReadAllOf(std::move(reader->body))), bytes_[0]));
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  EXPECT_TRUE(Same(f().engine().Read(Name(0)), bytes_[0]));
  f().Settle();
  EXPECT_EQ(f().BytesDown(), bytes_[0].size() - left.bytes);
  // Its blocks are still told.
  engine::GetBlockListRequest blocks;
  blocks.target = f().engine().Blob(Name(0));
  blocks.committed = true;
  const auto list = f().engine().Run(engine::GetBlockList(f().services(), {}, std::move(blocks)));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->committed.size(), 5u);
}

TEST_F(EvictorTest, NothingIsLeftOverOfWhatWasGivenUp) {
  TierFixtureOptions options = WithCache(kBlob);
  options.engine.limits = engine::TinyLimits();
  Plant(3, std::move(options), 3000);
  for (std::size_t i = 0; i < 3; ++i) f().MakeBoth(Name(i), bytes_[i], i == 2 ? 40 : 0);
  ASSERT_TRUE(f().engine().Run(f().evictor().Pass({})));
  ASSERT_TRUE(f().engine().Run(f().evictor().WalkAll({})));
  f().engine().Sweep(3);
  ReadAll();
  EXPECT_EQ(f().BytesDown(), 0u);
  const auto evicted =
      f().engine().Run(f().placement().EvictNow({}, f().engine().Container(), "**"));
  ASSERT_TRUE(evicted);
  EXPECT_EQ(evicted->evicted, 3u);
  EXPECT_EQ(evicted->evicted_bytes, 9000u);
  f().engine().Sweep(3);
  EXPECT_EQ(f().engine().LinkedChunks(), 0u);
  EXPECT_EQ(f().engine().InlinePieces(), 0u);
  EXPECT_EQ(f().engine().KeysOfTable('q'), 0u);
  EXPECT_EQ(f().engine().KeysOfTable('p'), 0u);
  EXPECT_EQ(f().engine().KeysOfTable('b'), 0u);
  EXPECT_EQ(f().engine().KeysOfTable('g'), 0u);
  ReadAll();
  EXPECT_EQ(f().BytesDown(), 9000u);
}

// Every transaction of an adoption fails once, or commits and does not say so.
class AdoptStepsTest : public EvictorTest, public ::testing::WithParamInterface<bool> {};

TEST_P(AdoptStepsTest, AnErrorAtAnyStepLosesNothing) {
  constexpr std::size_t kBytes = 4000;  // 250 chunks
  int failed = 0;
  int adopted = 0;
  for (std::size_t skip = 0; skip < 10; ++skip) {
    TierFixtureOptions options = WithCache(kBlob);
    options.engine.limits = engine::TinyLimits();
    bytes_.clear();
    Plant(1, std::move(options), kBytes);
    f().MakeBoth(Name(0), bytes_[0], GetParam() ? 30 : 0);
    f().engine().Sweep(2);
    f().faulty_lake().SetLink(lake::LinkState::kDown);
    auto attachment = f().Attached();
    ASSERT_TRUE(attachment);
    PinCache pins;
    AdoptRequest request;
    request.attachment = *attachment;
    request.name = Name(0);
    request.body = f().Record(Name(0))->body.id;
    f().engine().store().FailNext(Code::kIo, 1, skip);
    const auto done = f().engine().Run(Adopt(f().services(), {}, pins, std::move(request)));
    f().engine().store().FailNext(Code::kIo, 0);
    EXPECT_TRUE(Same(f().engine().Read(Name(0)), bytes_[0])) << skip;
    f().engine().Sweep(4);
    EXPECT_TRUE(Same(f().engine().Read(Name(0)), bytes_[0])) << skip;
    EXPECT_EQ(f().engine().KeysOfTable('g'), 0u) << skip;
    ++(done ? adopted : failed);
    EXPECT_EQ(f().Record(Name(0))->body.in_lake, done.has_value()) << skip;
    // Of the other body nothing is left: the local one's pages, or the runs of what came to
    // nothing.
    EXPECT_EQ(f().engine().KeysOfTable(done ? 'p' : 'b'), 0u) << skip;
    if (!done) continue;
    EXPECT_EQ(done->outcome, EvictOutcome::kDone);
    EXPECT_EQ(done->bytes, kBytes);
  }
  EXPECT_GE(failed, 4);
  EXPECT_GE(adopted, 2);
}
INSTANTIATE_TEST_SUITE_P(WithAndWithoutBlocks, AdoptStepsTest, ::testing::Bool());

TEST_F(EvictorTest, AnErrorAtAnyStepOfAPassLosesNothing) {
  Plant(20, WithCache(5 * kBlob));
  for (std::size_t skip = 0; skip < 8; ++skip) {
    ReadAll();
    f().engine().store().FailNext(Code::kIo, 1, skip);
    (void)f().engine().Run(f().evictor().Pass({}));
    f().engine().store().FailNext(Code::kIo, 0);
    EXPECT_EQ(f().Cache().resident_bytes, StoredResident()) << skip;
    Pass();
    EXPECT_LE(StoredResident(), 5 * kBlob);
    EXPECT_EQ(f().Cache().resident_bytes, StoredResident()) << skip;
    // Committed, and nobody heard: the next pass finds less than it thinks, and no more.
    ReadAll();
    f().engine().store().LoseNextAnswers(1);
    (void)f().engine().Run(f().evictor().Pass({}));
    Pass();
    EXPECT_LE(StoredResident(), 5 * kBlob);
  }
  ReadAll();
}

TEST_F(EvictorTest, ARestartFindsWhatIsHere) {
  Plant(20, WithCache(40 * kBlob));
  // Twice, far apart: the pieces come back, and that is remembered.
  ReadAll();
  for (std::size_t i = 0; i < 20; ++i) ASSERT_TRUE(f().engine().Read(Name(i)));
  ASSERT_TRUE(f().engine().Run(f().evictor().StoreHints({})));
  f().Restart();
  EXPECT_EQ(f().Cache().resident_bytes, 0u);
  EXPECT_FALSE(f().Cache().restored);
  ASSERT_TRUE(f().engine().Run(f().evictor().WalkAll({})));
  EXPECT_TRUE(f().Cache().restored);
  EXPECT_EQ(f().Cache().resident_bytes, 20 * kBlob);
  WalkRequest request;
  request.attachment = *f().Attached();
  request.pieces = true;
  const auto page = f().engine().Run(Walk(f().services(), std::move(request)));
  ASSERT_TRUE(page);
  ASSERT_EQ(page->pieces.size(), 20u);
  for (const WalkedPiece& piece : page->pieces) {
    EXPECT_EQ(piece.bytes, kBlob);
    EXPECT_NE(piece.hint, 0);
  }
}

TEST_F(EvictorTest, ABodyKnowsWhoseItIsAfterARename) {
  Plant(2, WithCache(kBlob));
  ReadAll();
  // As a rename of a directory leaves it: the home names nothing.
  ASSERT_TRUE(f().engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(auto box, engine::RequireContainer(txn, f().engine().account().name,
                                                           azure::ContainerName("box")));
    for (std::size_t i = 0; i < 2; ++i) {
      const meta::BodyId body = f().Record(Name(i))->body.id;
      txn.Put(meta::keys::BodyHome(body), meta::Encode(meta::BodyHomeRecord{box.id, "elsewhere"}));
    }
    return {};
  }));
  Pass();  // finds out, and walks
  EXPECT_EQ(StoredResident(), 0u);
}

// Readers at random while everything is given up again and again, by the evictor and by command.
TEST_F(EvictorTest, ReadersNeverSeeAnotherByte) {
  Plant(24, WithCache(6 * kBlob, /*run_jobs=*/true), kBlob);
  for (std::size_t i = 0; i < 8; ++i) f().MakeBoth(Name(i), bytes_[i], i % 2 == 0 ? 0 : 3);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::atomic<int> reads{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 random(t);
      while (!stop) {
        const std::size_t i = random() % bytes_.size();
        const std::uint64_t offset = random() % kBlob;
        const std::uint64_t length = 1 + random() % (kBlob - offset);
        const auto got = f().engine().Read(Name(i), engine::GetBlobRequest::Range{offset, length});
        if (!got || *got != bytes_[i].substr(offset, length)) ++wrong;
        ++reads;
      }
    });
  }
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  std::uint64_t evicted = 0;
  while (std::chrono::steady_clock::now() < until) {
    const auto done =
        f().engine().Run(f().placement().EvictNow({}, f().engine().Container(), "b/**"));
    EXPECT_TRUE(done);
    if (done) evicted += done->evicted;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(evicted, 10u);
  EXPECT_GT(reads, 50);
  f().Settle();
}

// The end result: epochs in an order of their own over twice what fits, through engine and store.
TEST_F(EvictorTest, ShuffledEpochsOverTwiceTheCacheHitHalf) {
  constexpr std::size_t kBlobs = 128;
  constexpr int kEpochs = 12;
  TierFixtureOptions options = WithCache(kBlobs / 2 * kBlob);
  options.placement.evict.high_percent = 100;
  options.placement.evict.low_percent = 97;
  Plant(kBlobs, std::move(options));
  std::mt19937_64 random(11);
  std::vector<std::size_t> order(kBlobs);
  std::iota(order.begin(), order.end(), 0U);
  CacheStatus before;
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    if (epoch == kEpochs - 4) before = f().Cache();
    std::ranges::shuffle(order, random);
    for (const std::size_t i : order) {
      ASSERT_TRUE(Same(f().engine().Read(Name(i)), bytes_[i]));
      f().Settle();
      Pass();
      ASSERT_LE(f().Cache().resident_bytes, kBlobs / 2 * kBlob);
    }
  }
  const CacheStatus after = f().Cache();
  const double hits = static_cast<double>(after.hits - before.hits);
  const double misses = static_cast<double>(after.misses - before.misses);
  EXPECT_EQ(hits + misses, 4.0 * kBlobs);
  EXPECT_GT(hits / (hits + misses), 0.42);
  EXPECT_LT(hits / (hits + misses), 0.5);
  EXPECT_EQ(after.miss_bytes, f().BytesDown());
  EXPECT_EQ(after.resident_bytes, StoredResident());
}

}  // namespace
}  // namespace forebay::tier
