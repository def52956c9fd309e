#include "tier/import_estimate.h"

#include <gtest/gtest.h>

namespace forebay::tier {
namespace {

std::vector<std::string> Directories(int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back("d" + std::to_string(100 + i) + "/");
  return names;
}

TEST(ImportEstimateTest, SaysNothingWithoutKnowledge) {
  ImportEstimate estimate;
  EXPECT_FALSE(estimate.expected());
  estimate.At("some/name", 1'000'000);
  EXPECT_FALSE(estimate.expected());
  estimate.SetLevel({}, {"a", "b"});
  estimate.At("some/name", 1'000'001);
  EXPECT_FALSE(estimate.expected()) << "no directories to go by";
}

TEST(ImportEstimateTest, WhatWasCountedBeforeHoldsUntilThereAreMore) {
  ImportEstimate estimate;
  estimate.SetBefore(3'000);
  EXPECT_EQ(estimate.expected(), 3'000u);
  estimate.At("a", 2'999);
  EXPECT_EQ(estimate.expected(), 3'000u);
  estimate.At("b", 3'001);
  EXPECT_FALSE(estimate.expected()) << "it has grown, and nobody knows by how much";
}

TEST(ImportEstimateTest, DirectoriesThatAreDoneTellOfThoseThatAreLeft) {
  ImportEstimate estimate;
  estimate.SetLevel(Directories(40), {});
  std::uint64_t names = 0;
  for (int i = 0; i < 10; ++i) {
    for (int page = 0; page < 5; ++page) {
      names += 100;
      estimate.At("d" + std::to_string(100 + i) + "/name" + std::to_string(page), names);
      // The fifth one has begun: four are done.
      if (i < 4) EXPECT_FALSE(estimate.expected()) << i;
    }
  }
  // A page begins in the middle of a directory: a little more than 500 each.
  ASSERT_TRUE(estimate.expected());
  EXPECT_GE(*estimate.expected(), 40u * 500);
  EXPECT_LE(*estimate.expected(), 40u * 520);
}

TEST(ImportEstimateTest, NamesBesideTheDirectoriesAreNotMultiplied) {
  ImportEstimate estimate;
  std::vector<std::string> plain;
  for (int i = 0; i < 1'000; ++i) plain.push_back("c" + std::to_string(10'000 + i));
  estimate.SetLevel(Directories(10), plain);
  estimate.At("c10999", 1'000);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    estimate.At("d" + std::to_string(99 + i) + "/x", 1'000 + 10 * i - 9);
  }
  EXPECT_EQ(estimate.expected(), 1'000u + 10 * 41 / 4);
}

TEST(ImportEstimateTest, AnImportThatGoesOnInTheMiddleCountsFromTheNextEnd) {
  ImportEstimate estimate;
  estimate.SetLevel(Directories(20), {});
  // Half of the tenth directory was there before the level was known.
  estimate.At("d109/half", 950);
  EXPECT_FALSE(estimate.expected());
  estimate.At("d110/first", 1'001);
  EXPECT_EQ(estimate.expected(), 2'002u);
}

TEST(ImportEstimateTest, IsNeverLessThanWhatIsThere) {
  ImportEstimate estimate;
  estimate.SetLevel(Directories(6), {});
  for (std::uint64_t i = 0; i < 6; ++i) {
    estimate.At("d" + std::to_string(100 + i) + "/x", i + 1);
  }
  estimate.At("d105/y", 5'000);
  EXPECT_EQ(estimate.expected(), 5'000u) << "the last one is larger than all others";
}

}  // namespace
}  // namespace forebay::tier
