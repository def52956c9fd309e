#include "vfs/read_ahead.h"

#include <gtest/gtest.h>

#include <random>

namespace forebay::vfs {
namespace {

constexpr std::uint64_t kSize = 1_GiB;

TEST(ReadAheadTest, ASmallFileIsFetchedWhole) {
  ReadAhead ahead(16_MiB);
  const auto plan = ahead.Next(0, 4096, 700'000);
  EXPECT_EQ(plan.begin, 0u);
  EXPECT_EQ(plan.end, 700'000u);
}

TEST(ReadAheadTest, ASequentialReaderIsKeptAhead) {
  ReadAhead ahead(16_MiB);
  std::uint64_t fetched = 0;
  for (std::uint64_t at = 0; at < 100_MiB; at += 128_KiB) {
    const auto plan = ahead.Next(at, 128_KiB, kSize);
    EXPECT_LE(plan.begin, at);
    fetched = std::max(fetched, plan.end);
    EXPECT_LE(fetched, at + 128_KiB + 16_MiB);
    if (at > 20_MiB) {
      EXPECT_GE(fetched, at + 128_KiB + 8_MiB);
    }
  }
}

TEST(ReadAheadTest, OutOfOrderRequestsOfTheKernelAreOneReader) {
  ReadAhead ahead(16_MiB);
  ahead.Next(0, 1_MiB, kSize);
  for (std::uint64_t group = 0; group < 10; ++group) {
    const std::uint64_t at = (1 + group * 4) * 1_MiB;
    for (const std::uint64_t i : {2u, 0u, 3u, 1u}) {
      if (at + i * 1_MiB < 3_MiB) continue;
      EXPECT_EQ(ahead.Next(at + i * 1_MiB, 1_MiB, kSize).unit, ReadAhead::kLarge);
    }
  }
}

TEST(ReadAheadTest, RandomReadsFetchLittle) {
  ReadAhead ahead(16_MiB);
  std::mt19937_64 random(7);
  std::uint64_t planned = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t at = random() % (kSize / 4096) * 4096;
    const auto plan = ahead.Next(at, 4096, kSize);
    EXPECT_LE(plan.begin, at);
    EXPECT_GE(plan.end, at + 4096);
    planned += plan.unit == ReadAhead::kSmall ? ReadAhead::kSmall : plan.end - plan.begin;
  }
  EXPECT_LT(planned, 1000 * 1_MiB);
}

TEST(ReadAheadTest, SeveralReadersAreToldApart) {
  ReadAhead ahead(16_MiB);
  for (std::uint64_t i = 0; i < 64; ++i) {
    for (std::uint64_t reader = 0; reader < 4; ++reader) {
      const auto plan = ahead.Next(reader * 200_MiB + i * 1_MiB, 1_MiB, kSize);
      if (i > 8) {
        EXPECT_EQ(plan.unit, ReadAhead::kLarge) << reader;
      }
    }
  }
}

TEST(ReadAheadTest, NothingBehindTheEnd) {
  ReadAhead ahead(16_MiB);
  EXPECT_EQ(ahead.Next(100, 10, 100).end, 0u);
  EXPECT_EQ(ahead.Next(90, 100, 100).end, 100u);
}

}  // namespace
}  // namespace forebay::vfs
