#include "engine/body_writer.h"

#include <gtest/gtest.h>

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

// However much is uploaded at once, no more than the budget is in use.
TEST_F(BodyWriterTest, MemoryComesFromThePool) {
  BufferPool one(BufferPool::kLarge);
  Services services{.store = f_.services().store,
                    .chunks = f_.services().chunks,
                    .clock = f_.services().clock,
                    .pool = f_.services().pool,
                    .ids = f_.services().ids,
                    .etags = f_.services().etags,
                    .buffers = one,
                    .pins = f_.services().pins,
                    .limits = {}};
  auto all = RunSync(one.Acquire({}, BufferPool::kLarge));
  ASSERT_TRUE(all);
  OpContext hurried;
  hurried.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(50);
  TextReader reader(Text(100));
  const auto late = RunSync(StoreBody(services, hurried, &reader, UpTo(1000)));
  ASSERT_FALSE(late);
  EXPECT_EQ(reader.bytes_read(), 0u);
  *all = {};
  EXPECT_TRUE(RunSync(StoreBody(services, {}, &reader, UpTo(1000))));
}

}  // namespace
}  // namespace forebay::engine
