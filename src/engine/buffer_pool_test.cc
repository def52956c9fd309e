#include "engine/buffer_pool.h"

#include <gtest/gtest.h>

#include "async/run_sync.h"

namespace forebay::engine {
namespace {

using std::chrono::milliseconds;
using Use = BufferPool::Use;

constexpr std::size_t kBudget = 48 << 20;

OpContext Until(milliseconds wait) {
  OpContext context;
  context.deadline = std::chrono::steady_clock::now() + wait;
  return context;
}

std::size_t Sum(const std::vector<BufferPool::Buffer>& held) {
  std::size_t sum = 0;
  for (const BufferPool::Buffer& buffer : held) sum += buffer.size();
  return sum;
}

// Takes buffers until there are none.
std::vector<BufferPool::Buffer> TakeAll(BufferPool& pool, Use use, std::size_t wanted) {
  std::vector<BufferPool::Buffer> held;
  while (true) {
    auto buffer = RunSync(pool.Acquire(Until(milliseconds(5)), use, wanted));
    if (!buffer) return held;
    held.push_back(std::move(*buffer));
  }
}
// What clients hold that sent their first bytes and then stall.
std::vector<BufferPool::Buffer> TakeLarger(BufferPool& pool) {
  std::vector<BufferPool::Buffer> held;
  while (auto buffer = pool.TryLarger(BufferPool::kTiny, BufferPool::kLarge)) {
    held.push_back(std::move(*buffer));
  }
  return held;
}

TEST(BufferPoolTest, SizesAreClasses) {
  BufferPool pool(kBudget);
  const auto size = [&](std::size_t wanted) {
    return RunSync(pool.Acquire({}, Use::kUpload, wanted))->size();
  };
  EXPECT_EQ(size(1), BufferPool::kTiny);
  EXPECT_EQ(size(BufferPool::kTiny), BufferPool::kTiny);
  EXPECT_EQ(size(BufferPool::kTiny + 1), BufferPool::kSmall);
  EXPECT_EQ(size(BufferPool::kSmall + 1), BufferPool::kLarge);
  EXPECT_EQ(RunSync(pool.AcquireFirst({}))->size(), BufferPool::kTiny);
  EXPECT_FALSE(pool.TryLarger(BufferPool::kSmall, BufferPool::kSmall)) << "nothing larger needed";
}

TEST(BufferPoolTest, LargeBuffersLeaveAReserveForTinyOnes) {
  BufferPool pool(kBudget);
  const auto larger = TakeLarger(pool);
  EXPECT_EQ(larger.front().size(), BufferPool::kLarge);
  EXPECT_EQ(larger.back().size(), BufferPool::kSmall);
  const auto tiny = TakeAll(pool, Use::kUpload, BufferPool::kTiny);
  EXPECT_GE(tiny.size(), kBudget / 12 / BufferPool::kTiny);
  EXPECT_EQ(Sum(larger) + Sum(tiny), kBudget / 3 * 2);
}

TEST(BufferPoolTest, UploadsAndDownloadsDoNotTakeEachOthersShare) {
  BufferPool pool(kBudget);
  auto readers = TakeAll(pool, Use::kDownload, BufferPool::kSmall);
  EXPECT_EQ(Sum(readers), kBudget / 3);
  EXPECT_GE(readers.size(), kBudget / 6 / BufferPool::kTiny) << "many slow readers fit";
  EXPECT_TRUE(RunSync(pool.AcquireFirst(Until(milliseconds(5)))));
  readers.clear();
  const auto writers = TakeAll(pool, Use::kUpload, BufferPool::kLarge);
  EXPECT_EQ(Sum(writers), kBudget / 3 * 2);
  EXPECT_TRUE(RunSync(pool.Acquire(Until(milliseconds(5)), Use::kDownload, BufferPool::kSmall)));
}

TEST(BufferPoolTest, AnUploadWaitsWithPatienceAndThenIsBusy) {
  BufferPool pool(kBudget, milliseconds(30));
  auto held = TakeAll(pool, Use::kUpload, BufferPool::kTiny);
  const auto busy = RunSync(pool.AcquireFirst({}));
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code(), Code::kServerBusy);
  // The request's own end is said as such.
  const auto late = RunSync(pool.AcquireFirst(Until(milliseconds(5))));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);
  std::stop_source gone;
  gone.request_stop();
  OpContext context;
  context.cancel = gone.get_token();
  EXPECT_EQ(RunSync(pool.AcquireFirst(context)).error().code(), Code::kCancelled);
  held.pop_back();
  EXPECT_TRUE(RunSync(pool.AcquireFirst({})));
}

TEST(BufferPoolTest, WhoFindsNoLargerBufferGoesOn) {
  BufferPool pool(kBudget);
  auto held = TakeLarger(pool);
  const auto none = RunSync(pool.Larger({}, BufferPool::kTiny, BufferPool::kLarge));
  ASSERT_TRUE(none);
  EXPECT_FALSE(*none);
  held.erase(held.begin());
  const auto some = RunSync(pool.Larger({}, BufferPool::kTiny, BufferPool::kLarge));
  ASSERT_TRUE(some && *some);
  EXPECT_EQ((*some)->size(), BufferPool::kLarge);
}

TEST(BufferPoolTest, EverythingComesBack) {
  BufferPool pool(kBudget);
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(Sum(TakeAll(pool, Use::kUpload, BufferPool::kLarge)), kBudget / 3 * 2);
    EXPECT_EQ(Sum(TakeAll(pool, Use::kDownload, BufferPool::kSmall)), kBudget / 3);
  }
  // The smallest budget has room for each kind.
  BufferPool least(0);
  EXPECT_TRUE(least.TryLarger(BufferPool::kTiny, BufferPool::kLarge));
  EXPECT_EQ(RunSync(least.Acquire({}, Use::kDownload, BufferPool::kSmall))->size(),
            BufferPool::kSmall);
}

}  // namespace
}  // namespace forebay::engine
