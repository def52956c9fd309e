#include "engine/body_writer.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "engine/engine_fixture.h"

namespace forebay::engine {
namespace {

class BodyWriterTest : public testing::Test {
 protected:
  Result<StoredBody> Store(TextReader& reader, StoreBodyOptions options) {
    return RunSync(StoreBody(f_.services(), {}, &reader, std::move(options)));
  }
  static StoreBodyOptions UpTo(std::uint64_t max_bytes) {
    StoreBodyOptions options;
    options.max_bytes = max_bytes;
    return options;
  }
  EngineFixture f_{{.limits = TinyLimits()}};
};

TEST_F(BodyWriterTest, CutsTheBodyAndSumsItUp) {
  for (std::size_t size = 0; size <= 70; ++size) {
    SCOPED_TRACE("size " + std::to_string(size));
    const std::string text = Text(size, 1);
    for (const bool hidden : {false, true}) {
      TextReader reader(text, 1 + size % 23);
      if (hidden) reader.HideLength();
      StoreBodyOptions options = UpTo(1000);
      options.want_md5 = true;
      const auto stored = Store(reader, options);
      ASSERT_TRUE(stored) << stored.error().ToString();
      EXPECT_EQ(stored->size, size);
      EXPECT_EQ(stored->crc64, Crc64(AsBytes(text)));
      EXPECT_EQ(stored->md5, *ExpectMd5(text).md5);
      EXPECT_EQ(stored->chunks.size(), size <= 8 ? 0 : (size + 15) / 16);
      EXPECT_EQ(stored->inline_data, size <= 8 ? text : "");
      std::uint64_t sum = 0;
      for (const meta::Extent& extent : stored->extents) sum += extent.length;
      EXPECT_EQ(sum, size);
    }
  }
  EXPECT_EQ(f_.Stored(), "") << "what nobody links is given back";
}

TEST_F(BodyWriterTest, NoBodyIsEmpty) {
  StoreBodyOptions options;
  options.expected = ExpectMd5("");
  options.expected.crc64 = 0;
  const auto stored = RunSync(StoreBody(f_.services(), {}, nullptr, options));
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->size, 0u);
  EXPECT_TRUE(stored->extents.empty());
  EXPECT_EQ(stored->md5, *ExpectMd5("").md5);
}

TEST_F(BodyWriterTest, LimitsHoldForAnnouncedAndForHiddenLengths) {
  for (const std::size_t limit : {std::size_t{5}, std::size_t{16}, std::size_t{40}}) {
    for (const bool hidden : {false, true}) {
      TextReader fits(Text(limit));
      TextReader over(Text(limit + 1));
      if (hidden) fits.HideLength();
      if (hidden) over.HideLength();
      EXPECT_TRUE(Store(fits, UpTo(limit)));
      const auto refused = Store(over, UpTo(limit));
      ASSERT_FALSE(refused) << limit << hidden;
      EXPECT_EQ(refused.error().code(), Code::kRequestBodyTooLarge);
      if (!hidden) EXPECT_EQ(over.bytes_read(), 0u);
    }
  }
  EXPECT_EQ(f_.Stored(), "");
}

TEST_F(BodyWriterTest, Md5IsComputedWhenItIsToBeChecked) {
  TextReader reader(Text(40));
  const auto without = Store(reader, UpTo(100));
  ASSERT_TRUE(without);
  EXPECT_EQ(without->md5, "");
  TextReader again(Text(40));
  StoreBodyOptions options = UpTo(100);
  options.expected = ExpectMd5(Text(40));
  const auto with = Store(again, options);
  ASSERT_TRUE(with);
  EXPECT_EQ(with->md5, *options.expected.md5);
}

// Stalls after its first bytes, and sees what others find in the pool meanwhile.
class WatchedReader final : public BodyReader {
 public:
  WatchedReader(std::string text, std::function<void(std::size_t at)> watch)
      : text_(std::move(text)), watch_(std::move(watch)) {}
  std::optional<std::uint64_t> content_length() const override { return text_.size(); }
  Task<std::size_t> Read(MutableByteView data) override {
    watch_(at_);
    const std::size_t n = std::min({data.size(), std::size_t{10'000}, text_.size() - at_});
    std::memcpy(data.data(), text_.data() + at_, n);
    at_ += n;
    co_return n;
  }

 private:
  std::string text_;
  std::function<void(std::size_t)> watch_;
  std::size_t at_ = 0;
};

class BodyMemoryTest : public testing::Test {
 protected:
  Services With(BufferPool& pool) {
    return {.store = f_.services().store,
            .chunks = f_.services().chunks,
            .clock = f_.services().clock,
            .pool = f_.services().pool,
            .ids = f_.services().ids,
            .etags = f_.services().etags,
            .buffers = pool,
            .pins = f_.services().pins,
            .limits = {}};
  }
  static std::vector<BufferPool::Buffer> TakeLarger(BufferPool& pool) {
    std::vector<BufferPool::Buffer> held;
    while (auto more = pool.TryLarger(BufferPool::kTiny, BufferPool::kLarge)) {
      held.push_back(std::move(*more));
    }
    return held;
  }
  static StoreBodyOptions UpTo(std::uint64_t max_bytes) {
    StoreBodyOptions options;
    options.max_bytes = max_bytes;
    return options;
  }
  EngineFixture f_;
};

TEST_F(BodyMemoryTest, ABodyThatFindsNoBufferIsNotRead) {
  BufferPool pool(BufferPool::kLarge, std::chrono::milliseconds(30));
  Services services = With(pool);
  std::vector<BufferPool::Buffer> all;
  while (auto buffer = pool.TryLarger(0, 1)) all.push_back(std::move(*buffer));
  TextReader reader(Text(100));
  const auto busy = RunSync(StoreBody(services, {}, &reader, UpTo(1000)));
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code(), Code::kServerBusy);
  EXPECT_EQ(reader.bytes_read(), 0u);
  all.pop_back();
  EXPECT_TRUE(RunSync(StoreBody(services, {}, &reader, UpTo(1000))));
}

TEST_F(BodyMemoryTest, NoLargeBufferIsTakenBeforeTheTinyOneIsFull) {
  BufferPool pool(24 << 20);
  Services services = With(pool);
  const std::size_t idle = TakeLarger(pool).size();
  std::size_t looks = 0;
  std::size_t fewest = idle;
  WatchedReader reader(Text(5 << 20), [&](std::size_t at) {
    const std::size_t others = TakeLarger(pool).size();
    if (at < BufferPool::kTiny) {
      EXPECT_EQ(others, idle) << "at " << at;
      ++looks;
    } else {
      fewest = std::min(fewest, others);
    }
  });
  const auto stored = RunSync(StoreBody(services, {}, &reader, UpTo(8 << 20)));
  ASSERT_TRUE(stored) << stored.error().ToString();
  EXPECT_GE(looks, 6u);
  EXPECT_LT(fewest, idle) << "then it has one";
  EXPECT_EQ(stored->crc64, Crc64(AsBytes(Text(5 << 20))));
  ASSERT_EQ(stored->extents.size(), 2u);
  EXPECT_EQ(stored->extents.front().length, 4u << 20) << "whole chunks all the same";
  EXPECT_EQ(TakeLarger(pool).size(), idle);
}

// All larger buffers are held: a body goes on in small pieces, and in whole ones when it can.
TEST_F(BodyMemoryTest, ABodyGoesOnWhileLargeBuffersAreHeld) {
  BufferPool pool(24 << 20);
  Services services = With(pool);
  std::vector<BufferPool::Buffer> held = TakeLarger(pool);
  const std::string text = Text(6 << 20);
  WatchedReader reader(text, [&](std::size_t at) {
    if (at > (1u << 20)) held.clear();
  });
  const auto stored = RunSync(StoreBody(services, {}, &reader, UpTo(8 << 20)));
  ASSERT_TRUE(stored) << stored.error().ToString();
  EXPECT_EQ(stored->crc64, Crc64(AsBytes(text)));
  EXPECT_EQ(stored->extents.front().length, BufferPool::kTiny);
  const auto largest = std::ranges::max(stored->extents, {}, &meta::Extent::length);
  EXPECT_EQ(largest.length, 4u << 20);
}

}  // namespace
}  // namespace forebay::engine
