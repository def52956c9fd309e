// Reading what the lake holds: each byte fetched once, as it is there, or not at all.
#include "tier/read_through.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <thread>

#include "engine/sweeper.h"
#include "meta/keys.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {
namespace {

using lake::LakeOperation;
using Range = engine::GetBlobRequest::Range;

// Says no more than that they differ: the bytes are many, and random.
testing::AssertionResult Same(const Result<std::string>& got, const std::string& want) {
  if (!got) return testing::AssertionFailure() << got.error().ToString();
  if (*got == want) return testing::AssertionSuccess();
  const auto at = std::ranges::mismatch(*got, want).in1 - got->begin();
  return testing::AssertionFailure()
         << got->size() << " bytes, wanted " << want.size() << ", they differ from " << at;
}

class ReadThroughTest : public ::testing::Test {
 protected:
  // A blob of the lake, imported.
  void Plant(std::size_t size, std::uint64_t seed = 1) {
    bytes_ = Pattern(size, seed);
    fixture_.lake().Plant("blob", bytes_);
    fixture_.Attach();
    ASSERT_TRUE(fixture_.Import());
  }
  std::string Part(std::uint64_t offset, std::uint64_t length) const {
    return bytes_.substr(offset, length);
  }
  Result<std::string> Read(std::uint64_t offset, std::uint64_t length) {
    return engine().Read("blob", Range{offset, length});
  }
  std::uint64_t Gets() const { return fixture_.Requests(LakeOperation::kGet); }
  std::uint64_t Resident() {
    const auto record = engine().Properties("blob");
    EXPECT_TRUE(record);
    return ResidentBytes(*engine().store().GetSnapshot(), record->record.body.id).value();
  }
  engine::EngineFixture& engine() { return fixture_.engine(); }

  TierFixture fixture_;
  std::string bytes_;
};

TEST_F(ReadThroughTest, TheWholeOnceAndThenFromHere) {
  Plant(10'000'000);
  EXPECT_TRUE(Same(engine().Read("blob"), bytes_));
  fixture_.Settle();
  EXPECT_EQ(fixture_.BytesDown(), bytes_.size());
  EXPECT_EQ(Gets(), 3u);  // 4 MiB each
  EXPECT_EQ(Resident(), bytes_.size());
  fixture_.faulty_lake().SetLink(lake::LinkState::kDown);
  EXPECT_TRUE(Same(engine().Read("blob"), bytes_));
  EXPECT_TRUE(Same(Read(5'000'001, 70'000), Part(5'000'001, 70'000)));
  EXPECT_EQ(Gets(), 3u);
}

TEST_F(ReadThroughTest, ARangeFetchesItsPagesOnly) {
  Plant(10'000'000);
  EXPECT_TRUE(Same(Read(1'000'000, 4096), Part(1'000'000, 4096)));
  fixture_.Settle();
  EXPECT_EQ(Gets(), 1u);
  EXPECT_EQ(fixture_.BytesDown(), kGridBytes);
  EXPECT_EQ(Resident(), kGridBytes);
  // Across the page that is here and the ones beside it.
  EXPECT_TRUE(Same(Read(900'000, 300'000), Part(900'000, 300'000)));
  fixture_.Settle();
  EXPECT_EQ(fixture_.BytesDown(), Resident());
  EXPECT_TRUE(Same(Read(9'999'990, 100), Part(9'999'990, 100)));
  fixture_.Settle();
  EXPECT_EQ(fixture_.BytesDown(), Resident());
}

TEST_F(ReadThroughTest, ASmallBlobIsOneRequest) {
  Plant(100 << 10);
  EXPECT_TRUE(Same(Read(50'000, 10), Part(50'000, 10)));
  EXPECT_TRUE(Same(engine().Read("blob"), bytes_));
  fixture_.Settle();
  EXPECT_EQ(Gets(), 1u);
  EXPECT_EQ(Resident(), bytes_.size());
}

TEST_F(ReadThroughTest, AHundredReadersOfARangeFetchItOnce) {
  Plant(1 << 20);
  fixture_.faulty_lake().SetLatency(std::chrono::milliseconds(30));
  std::vector<std::thread> readers;
  std::atomic<int> right{0};
  for (int i = 0; i < 100; ++i) {
    readers.emplace_back(
        [&] { right += Read(300'000, 100'000).value_or("") == Part(300'000, 100'000) ? 1 : 0; });
  }
  for (std::thread& reader : readers) reader.join();
  fixture_.Settle();
  EXPECT_EQ(right, 100);
  EXPECT_EQ(Gets(), 1u);
}

// Readers everywhere at once: every byte comes right, and none comes twice.
TEST_F(ReadThroughTest, ManyReadersOfManyRangesFetchEveryByteOnce) {
  Plant(20 << 20);
  std::vector<std::thread> readers;
  std::atomic<int> wrong{0};
  for (int i = 0; i < 12; ++i) {
    readers.emplace_back([&, i] {
      std::mt19937_64 random(static_cast<std::uint64_t>(i));
      for (int n = 0; n < 40; ++n) {
        const std::uint64_t offset = random() % bytes_.size();
        const std::uint64_t length = 1 + random() % 500'000;
        if (Read(offset, length).value_or("") != Part(offset, length)) ++wrong;
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  fixture_.Settle();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(fixture_.BytesDown(), Resident());
  EXPECT_EQ(fixture_.tier().fetches().not_stored, 0u);
}

TEST_F(ReadThroughTest, SequentialReadsAreReadAhead) {
  Plant(8 << 20);
  constexpr std::uint64_t kStep = 128 << 10;
  for (std::uint64_t at = 0; at < bytes_.size(); at += kStep) {
    ASSERT_TRUE(Same(Read(at, kStep), Part(at, kStep)));
  }
  fixture_.Settle();
  EXPECT_LT(Gets(), 20u);  // 64 without it
  EXPECT_EQ(fixture_.BytesDown(), bytes_.size());
}

TEST_F(ReadThroughTest, RandomReadsAreNotReadAhead) {
  Plant(16 << 20);
  for (const std::uint64_t at : {7u, 2u, 11u, 1u, 14u, 4u}) {
    ASSERT_TRUE(Read(std::uint64_t{at} << 20, 4096));
  }
  fixture_.Settle();
  EXPECT_EQ(fixture_.BytesDown(), 6 * kGridBytes);
}

// Every page of the blob, in random order: the first ones one by one, then more and more at a time.
TEST_F(ReadThroughTest, RandomReadsOfOneRegionFillIt) {
  Plant(16 << 20);
  std::vector<std::uint64_t> pages(bytes_.size() / kGridBytes);
  std::iota(pages.begin(), pages.end(), 0);
  std::ranges::shuffle(pages, std::mt19937_64(3));
  for (const std::uint64_t page : pages) {
    ASSERT_TRUE(Same(Read(page * kGridBytes + 100, 4096), Part(page * kGridBytes + 100, 4096)));
    fixture_.Settle();
  }
  EXPECT_EQ(fixture_.BytesDown(), bytes_.size());
  EXPECT_LE(Gets(), 80u);  // of 256
}

// One page, one, two, four: as much as is here of the region already.
TEST_F(ReadThroughTest, WhatComesWithARandomReadIsNoMoreThanWasReadThere) {
  Plant(8 << 20);
  for (const std::uint64_t at : {3u << 20, 1u << 20, 0u, 2u << 20}) {
    const std::uint64_t here = Resident();
    ASSERT_TRUE(Read(at, 4096));
    fixture_.Settle();
    EXPECT_EQ(Resident(), here + std::max<std::uint64_t>(here, kGridBytes));
  }
  EXPECT_EQ(Resident(), 8 * kGridBytes);
}

TEST_F(ReadThroughTest, NothingComesAlongWhereItPushesOutSomethingElse) {
  Plant(4 << 20);
  fixture_.tier().placement_parts().book.SetCrowded(true);
  for (const std::uint64_t at : {3u << 20, 1u << 20, 0u, 2u << 20}) {
    ASSERT_TRUE(Read(at, 4096));
    fixture_.Settle();
  }
  EXPECT_EQ(Resident(), 4 * kGridBytes);
}

TEST_F(ReadThroughTest, AShortAnswerIsNeverStoredAndNeverZeros) {
  Plant(1 << 20);
  for (const std::uint64_t cut : {0u, 1u, 65'536u, 700'000u, (1u << 20) - 1}) {
    fixture_.faulty_lake().FailNext({.kind = lake::Fault::Kind::kShortBody, .bytes = cut},
                                    LakeOperation::kGet);
    const auto got = engine().Read("blob");
    EXPECT_FALSE(got) << cut;
    fixture_.Settle();
    EXPECT_EQ(Resident(), 0u) << cut;
  }
  EXPECT_TRUE(Same(engine().Read("blob"), bytes_));
  fixture_.Settle();
  EXPECT_EQ(Resident(), bytes_.size());
}

TEST_F(ReadThroughTest, AnAnswerOfTheWrongBytesIsNeverStored) {
  Plant(1 << 20);
  fixture_.faulty_lake().FailNext({.kind = lake::Fault::Kind::kLongBody}, LakeOperation::kGet);
  EXPECT_FALSE(engine().Read("blob"));
  fixture_.Settle();
  EXPECT_EQ(Resident(), 0u);
}

TEST_F(ReadThroughTest, OfflineWhatIsAbsentFailsAndWhatIsHereReads) {
  Plant(1 << 20);
  ASSERT_TRUE(Read(0, 1000));
  fixture_.Settle();
  fixture_.faulty_lake().SetLink(lake::LinkState::kDown);
  EXPECT_TRUE(Same(Read(10, 100), Part(10, 100)));
  const auto absent = Read(900'000, 10);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code(), Code::kOffline);
  fixture_.faulty_lake().Heal();
  EXPECT_TRUE(Same(Read(900'000, 10), Part(900'000, 10)));
}

TEST_F(ReadThroughTest, ABlobChangedInTheLakeIsReadAsItIsNow) {
  Plant(300'000);
  ASSERT_TRUE(Read(0, 10));
  fixture_.Settle();
  const std::string changed = Pattern(500'000, 9);
  fixture_.lake().Plant("blob", changed);
  const std::uint64_t old_body = engine().Properties("blob")->record.body.id.value();
  // Small blobs are here as a whole: change detection (or a refresh) brings the news.
  const auto record = engine().Properties("blob");
  ASSERT_TRUE(record);
  auto attachment = fixture_.Attached();
  ASSERT_TRUE(attachment);
  LiveNames names(fixture_.services());
  ASSERT_TRUE(
      engine().Run(names.Refresh({}, *attachment, "blob", "blob", record->record.lake->etag)));
  EXPECT_TRUE(Same(engine().Read("blob"), changed));
  EXPECT_NE(engine().Properties("blob")->record.body.id.value(), old_body);
}

TEST_F(ReadThroughTest, AChangeIsNoticedByTheFirstByteThatIsNotHere) {
  Plant(1 << 20);
  ASSERT_TRUE(Read(0, 10));
  fixture_.Settle();
  const std::string changed = Pattern(2 << 20, 9);
  fixture_.lake().Plant("blob", changed);
  EXPECT_TRUE(Same(Read(500'000, 10), changed.substr(500'000, 10)));
  EXPECT_TRUE(Same(engine().Read("blob"), changed));
  EXPECT_EQ(engine().Properties("blob")->record.length, changed.size());
}

TEST_F(ReadThroughTest, ABlobGoneInTheLakeReads404) {
  Plant(1 << 20);
  ASSERT_TRUE(Read(0, 10));
  fixture_.Settle();
  fixture_.lake().Remove("blob");
  const auto got = Read(500'000, 10);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kBlobNotFound);
  EXPECT_EQ(engine().Properties("blob").error().code(), Code::kBlobNotFound);
  engine::Sweeper sweeper(fixture_.services());
  ASSERT_TRUE(sweeper.RunOnce());
  EXPECT_EQ(engine().LinkedChunks(), 0u);
  EXPECT_EQ(engine().KeysOfTable('b'), 0u);
}

TEST_F(ReadThroughTest, WhatIsHereSurvivesARestart) {
  Plant(1 << 20);
  ASSERT_TRUE(Read(100'000, 200'000));
  fixture_.Settle();
  const std::uint64_t down = fixture_.BytesDown();
  fixture_.Restart();
  EXPECT_TRUE(Same(Read(100'000, 200'000), Part(100'000, 200'000)));
  EXPECT_EQ(fixture_.BytesDown(), down);
  EXPECT_TRUE(Same(engine().Read("blob"), bytes_));
  fixture_.Settle();
  EXPECT_EQ(fixture_.BytesDown(), bytes_.size());
}

TEST_F(ReadThroughTest, DamagedBytesHereAreFetchedAgain) {
  Plant(3 << 20);
  ASSERT_TRUE(Same(engine().Read("blob"), bytes_));
  fixture_.Settle();
  const std::uint64_t down = fixture_.BytesDown();
  engine().chunks().FailNextReads(Code::kCorruption, 1);
  EXPECT_TRUE(Same(engine().Read("blob"), bytes_));
  fixture_.Settle();
  EXPECT_GT(fixture_.BytesDown(), down);
  EXPECT_EQ(Resident(), bytes_.size());
  // Healed: nothing is fetched any more.
  const std::uint64_t healed = fixture_.BytesDown();
  EXPECT_TRUE(Same(engine().Read("blob"), bytes_));
  EXPECT_EQ(fixture_.BytesDown(), healed);
}

TEST_F(ReadThroughTest, AFullDiskStopsStoringNotReading) {
  Plant(1 << 20);
  engine().chunks().FailNextWrites(Code::kNoSpace, 100);
  EXPECT_TRUE(Same(engine().Read("blob"), bytes_));
  fixture_.Settle();
  EXPECT_EQ(Resident(), 0u);
}

// Whatever transaction of storing fails: the reader has its bytes, and what is left is consistent.
TEST_F(ReadThroughTest, AFailureAtEveryStepOfStoringLeavesAMissOrARun) {
  Plant(1 << 20);
  for (std::size_t step = 0; step < 6; ++step) {
    for (const bool lost : {false, true}) {
      if (lost) {
        engine().store().LoseNextAnswers(step);
      } else {
        engine().store().FailNext(Code::kIo, 1, step);
      }
      const std::uint64_t at = (step * 2 + (lost ? 1 : 0)) * kGridBytes;
      EXPECT_TRUE(Same(Read(at, 10), Part(at, 10)));
      fixture_.Settle();
      engine().store().FailNext(Code::kIo, 0);
      engine().store().LoseNextAnswers(0);
      EXPECT_TRUE(Same(Read(at, kGridBytes), Part(at, kGridBytes)));
      fixture_.Settle();
    }
  }
  EXPECT_EQ(engine().KeysOfTable('b'), engine().LinkedChunks());
}

TEST_F(ReadThroughTest, RandomFaultsNeverShowWrongBytes) {
  Plant(6 << 20);
  fixture_.faulty_lake().SetRandom({.seed = 7,
                                    .error = 0.1,
                                    .lost_answer = 0.05,
                                    .short_body = 0.2,
                                    .max_latency = std::chrono::milliseconds(2)});
  std::vector<std::thread> readers;
  std::atomic<int> wrong{0}, right{0};
  for (int i = 0; i < 6; ++i) {
    readers.emplace_back([&, i] {
      std::mt19937_64 random(static_cast<std::uint64_t>(i));
      for (int n = 0; n < 30; ++n) {
        const std::uint64_t offset = random() % bytes_.size();
        const std::uint64_t length = 1 + random() % 900'000;
        const auto got = Read(offset, length);
        if (!got) continue;
        ++(*got == Part(offset, length) ? right : wrong);
      }
    });
  }
  for (std::thread& reader : readers) reader.join();
  fixture_.Settle();
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(right, 20);
  fixture_.faulty_lake().Heal();
  // The breaker may be open for a moment.
  for (int i = 0; i < 500 && !engine().Read("blob"); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(Same(engine().Read("blob"), bytes_));
}

TEST_F(ReadThroughTest, ABlobReplacedUnderAFetchIsNotMixed) {
  // The lake's blob changes between two fetches of one read: the stream ends, it does not go on
  // with other bytes.
  Plant(6 << 20);
  std::atomic<int> gets{0};
  const std::string changed = Pattern(6 << 20, 5);
  fixture_.lake().OnRequest([&](LakeOperation operation, const std::string&) {
    if (operation == LakeOperation::kGet && ++gets == 1) fixture_.lake().Plant("blob", changed);
  });
  const auto got = engine().Read("blob");
  fixture_.lake().OnRequest(nullptr);
  EXPECT_TRUE(!got || *got == bytes_ || *got == changed);
  fixture_.Settle();
  // Where all of it was fetched before the change, it is served until the change is noticed.
  const auto again = engine().Read("blob");
  EXPECT_TRUE(again && (*again == bytes_ || *again == changed));
}

}  // namespace
}  // namespace forebay::tier
