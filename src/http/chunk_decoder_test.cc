#include "http/chunk_decoder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace forebay::http {
namespace {

// Decodes with the input cut into pieces of `step`; "bad" or "more" where it does not end.
std::string Decode(std::string_view in, std::size_t step, std::string_view* rest = nullptr) {
  ChunkDecoder decoder;
  std::string out;
  while (!in.empty()) {
    std::string_view piece = in.substr(0, step);
    while (!piece.empty()) {
      std::size_t used = 0;
      if (decoder.state() == ChunkDecoder::State::kData) {
        used = std::min<std::uint64_t>(piece.size(), decoder.available());
        out.append(piece.substr(0, used));
        decoder.Consumed(used);
      } else {
        used = decoder.Feed(piece);
      }
      piece.remove_prefix(used);
      in.remove_prefix(used);
      if (decoder.state() == ChunkDecoder::State::kBad) return "bad";
      if (decoder.state() == ChunkDecoder::State::kEnd) {
        if (rest != nullptr) *rest = in;
        return out;
      }
    }
  }
  return "more";
}

TEST(ChunkDecoderTest, DecodesHoweverItIsCut) {
  const std::string wire =
      "3\r\nabc\r\n1A;name=\"v\"\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\nT: v\r\n\r\nnext";
  for (std::size_t step = 1; step <= wire.size(); ++step) {
    std::string_view rest;
    EXPECT_EQ(Decode(wire, step, &rest), "abcabcdefghijklmnopqrstuvwxyz") << step;
    EXPECT_EQ(rest, "next");
  }
  EXPECT_EQ(Decode("0\r\n\r\n", 100), "");
  EXPECT_EQ(Decode("0003\r\nabc\r\n000\r\n\r\n", 100), "abc");
}

TEST(ChunkDecoderTest, RefusesTheMalformed) {
  for (const std::string wire :
       {"\r\n", "g\r\n", "3\nabc\r\n0\r\n\r\n", "3\r\nabcd\r\n", "3\r\nabc\n0\r\n\r\n", "-1\r\n",
        "0x3\r\n", " 3\r\n", "11111111111111111\r\n", "00000000000000000\r\n", "3;a\nb\r\n",
        "0\r\nT: v\n\r\n", "0\r\n\rX", "3\rabc"}) {
    EXPECT_EQ(Decode(wire, 1), "bad") << wire;
  }
  EXPECT_EQ(Decode("3;" + std::string(20'000, 'x'), 100), "bad");
  EXPECT_EQ(Decode("0\r\n" + std::string(20'000, 'x'), 100), "bad");
  EXPECT_EQ(Decode("3\r\nab", 1), "more");
}

}  // namespace
}  // namespace forebay::http
