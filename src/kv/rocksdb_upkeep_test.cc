#include "kv/rocksdb_upkeep.h"

#include <gtest/gtest.h>

namespace forebay::kv {
namespace {

rocksdb::BlobMetaData Blob(std::uint64_t number, std::uint64_t total, std::uint64_t garbage) {
  rocksdb::BlobMetaData blob;
  blob.blob_file_number = number;
  blob.total_blob_bytes = total;
  blob.garbage_blob_bytes = garbage;
  return blob;
}

// How many files RocksDB moves for a share.
std::size_t Moved(const MovePlan& plan) {
  return static_cast<std::size_t>(plan.Share() * static_cast<double>(plan.of));
}

TEST(PlanMovesTest, TakesTheOldestThatFit) {
  const std::vector<rocksdb::BlobMetaData> blobs = {Blob(9, 100, 10), Blob(3, 100, 50),
                                                    Blob(5, 100, 0), Blob(7, 100, 90)};
  const MovePlan plan = PlanMoves(blobs, 155, 1);
  EXPECT_EQ(plan.files, 2u) << "3 and 5, and 7 no more";
  EXPECT_EQ(plan.of, 4u);
  EXPECT_EQ(plan.live_bytes, 150u);
  EXPECT_EQ(Moved(plan), 2u);
}

TEST(PlanMovesTest, AFileThatDoesNotFitEndsThePlan) {
  // What is behind it cannot go first: RocksDB knows ages only.
  const MovePlan plan = PlanMoves({Blob(1, 100, 0), Blob(2, 100, 99)}, 99, 1);
  EXPECT_EQ(plan.files, 0u);
  EXPECT_EQ(plan.Share(), 0);
}

TEST(PlanMovesTest, KeepsToTheShareThatMayBeMoved) {
  std::vector<rocksdb::BlobMetaData> blobs;
  for (std::uint64_t i = 0; i < 9; ++i) blobs.push_back(Blob(i, 100, 20));
  EXPECT_EQ(PlanMoves(blobs, 1 << 20, 0.5).files, 4u);
  const MovePlan all = PlanMoves(blobs, 1 << 20, 1);
  EXPECT_EQ(all.files, 9u);
  EXPECT_EQ(Moved(all), 9u);
  for (std::size_t fits = 0; fits <= 9; ++fits)
    EXPECT_EQ(Moved(PlanMoves(blobs, 80 * fits, 1)), fits);
}

TEST(PlanMovesTest, NothingIsNothing) {
  const MovePlan plan = PlanMoves({}, 100, 0.5);
  EXPECT_EQ(plan.files, 0u);
  EXPECT_EQ(plan.Share(), 0);
}

}  // namespace
}  // namespace forebay::kv
