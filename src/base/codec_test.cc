#include "base/codec.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace forebay {
namespace {

using namespace std::string_literals;

TEST(Codec, RoundTripsEveryField) {
  for (std::uint64_t v : {std::uint64_t{0}, std::uint64_t{127}, std::uint64_t{128},
                          std::uint64_t{1} << 63, ~std::uint64_t{0}}) {
    auto s = static_cast<std::int64_t>(v);
    std::string out = Encoder()
                          .U8(7)
                          .U32(0xdeadbeef)
                          .U64(v)
                          .Varint(v)
                          .Signed(s)
                          .String("a\0b"s)
                          .Raw("tail")
                          .Take();
    Decoder in(out);
    EXPECT_EQ(in.U8(), 7);
    EXPECT_EQ(in.U32(), 0xdeadbeef);
    EXPECT_EQ(in.U64(), v);
    EXPECT_EQ(in.Varint(), v);
    EXPECT_EQ(in.Signed(), s);
    EXPECT_EQ(in.String(), "a\0b"s);
    EXPECT_EQ(in.remaining(), 4u);
    EXPECT_EQ(in.Rest(), "tail");
    EXPECT_TRUE(in.Finish("test"));
  }
}

TEST(Codec, BytesAreAsDocumented) {
  EXPECT_EQ(Encoder().U32(1).str(), "\x01\0\0\0"s);
  EXPECT_EQ(Encoder().Varint(300).str(), "\xac\x02"s);
  EXPECT_EQ(Encoder().Signed(-1).str(), "\x01"s);
  EXPECT_EQ(Encoder().Signed(std::numeric_limits<std::int64_t>::min()).str(),
            "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s);
}

TEST(Codec, EveryTruncationFailsAndStaysFailed) {
  std::string out = Encoder().U8(1).U32(2).U64(3).Varint(1 << 20).Signed(-5).String("hello").Take();
  for (std::size_t n = 0; n < out.size(); ++n) {
    Decoder in(std::string_view(out).substr(0, n));
    in.U8(), in.U32(), in.U64(), in.Varint(), in.Signed(), in.String();
    EXPECT_FALSE(in.ok()) << n;
    EXPECT_EQ(in.U8(), 0);
    auto finished = in.Finish("thing");
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().code(), Code::kCorruption);
  }
}

TEST(Codec, MalformedVarintsAndLengthsFail) {
  for (const std::string& bad : {std::string(10, '\xff'), std::string(9, '\xff') + "\x02"}) {
    Decoder in(bad);
    in.Varint();
    EXPECT_FALSE(in.ok());
  }
  std::string huge = Encoder().Varint(~std::uint64_t{0}).Take();
  Decoder in(huge);
  EXPECT_EQ(in.StringView(), "");
  EXPECT_FALSE(in.ok());
}

TEST(Keys, OrderOfBytesIsOrderOfValues) {
  std::vector<std::string> texts = {"",      "\0"s, "\0\0"s, "\0\x01"s,  "\0\xff"s,
                                    "\x01"s, "a",   "a\0"s,  "a\0b"s,    "a\x01"s,
                                    "ab",    "b",   "\xff"s, "\xff\xff"s};
  for (const auto& a : texts) {
    for (const auto& b : texts) {
      // What follows must not disturb the order.
      auto ka = KeyBuilder('t').Text(a).U64(9).Take(), kb = KeyBuilder('t').Text(b).U64(1).Take();
      if (a != b) EXPECT_EQ(ka < kb, a < b);
    }
  }
  EXPECT_LT(KeyBuilder().U16(255).Take(), KeyBuilder().U16(256).Take());
  EXPECT_LT(KeyBuilder().U32(255).Take(), KeyBuilder().U32(256).Take());
  EXPECT_LT(KeyBuilder().U64Descending(256).Take(), KeyBuilder().U64Descending(255).Take());
}

TEST(Keys, RoundTrip) {
  std::string key =
      KeyBuilder('x').U8(1).U16(2).U32(3).U64(4).U64Descending(5).Text("n\0m"s).Tail("z").Take();
  KeyReader in(key);
  EXPECT_EQ(in.U8(), 'x');
  EXPECT_EQ(in.U8(), 1);
  EXPECT_EQ(in.U16(), 2);
  EXPECT_EQ(in.U32(), 3u);
  EXPECT_EQ(in.U64(), 4u);
  EXPECT_EQ(in.U64Descending(), 5u);
  EXPECT_EQ(in.Text(), "n\0m"s);
  EXPECT_EQ(in.Tail(), "z");
  EXPECT_TRUE(in.ok());
  for (const std::string& bad : {"abc"s, "a\0"s, "a\0\x02"s}) {
    KeyReader reader(bad);
    reader.Text();
    EXPECT_FALSE(reader.ok());
  }
}

TEST(Keys, PrefixEnd) {
  EXPECT_EQ(PrefixEnd("ab"), "ac");
  EXPECT_EQ(PrefixEnd("a\xff\xff"), "b");
  EXPECT_EQ(PrefixEnd("\x7f"), "\x80");
  EXPECT_EQ(PrefixEnd("\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
}

}  // namespace
}  // namespace forebay
