#include "azure/structured_message.h"

#include <gtest/gtest.h>

#include "base/checksum.h"

namespace forebay::azure {
namespace {

std::string FromHex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

// "hello world" as @azure/storage-common 12.5 encodes it.
const std::string kFromSdk = FromHex(
    "0132000000000000000100010001000b0000000000000068656c6c6f20776f726c64be8eeaf6c3d5298dbe8eeaf6c3"
    "d5298d");

std::string Encode(std::string_view content, std::uint64_t segment) {
  StructuredMessageEncoder encoder(content.size(), segment);
  std::string out = encoder.Header();
  while (encoder.HasSegment()) {
    auto length = static_cast<std::size_t>(encoder.NextSegmentLength());
    out += encoder.SegmentHeader();
    std::string_view part = content.substr(0, length);
    content.remove_prefix(length);
    // In two pieces, as a body streams.
    encoder.Content(AsBytes(part.substr(0, part.size() / 2)));
    encoder.Content(AsBytes(part.substr(part.size() / 2)));
    out += part;
    out += encoder.SegmentFooter();
  }
  out += encoder.Footer();
  EXPECT_EQ(out.size(), encoder.message_length());
  return out;
}

// Decodes in pieces of `in_step` into a buffer of `out_step`.
Result<std::string> Decode(std::string_view wire, std::size_t in_step, std::size_t out_step) {
  StructuredMessageDecoder decoder;
  std::string content;
  std::vector<std::byte> buffer(out_step);
  while (!wire.empty()) {
    std::string_view piece = wire.substr(0, in_step);
    wire.remove_prefix(piece.size());
    while (!piece.empty()) {
      auto step = decoder.Decode(AsBytes(piece), buffer);
      if (!step) return Fail(step.error());
      if (step->consumed == 0 && step->produced == 0) return Fail(Code::kInternal, "stuck");
      content += AsText(ByteView(buffer).first(step->produced));
      piece.remove_prefix(step->consumed);
    }
  }
  FB_RETURN_IF_ERROR(decoder.Finish(content.size()));
  EXPECT_EQ(decoder.content_crc(), Crc64(AsBytes(content)));
  return content;
}

TEST(StructuredMessage, WhatTheSdkSendsIsUnderstood) {
  auto content = Decode(kFromSdk, 1000, 1000);
  ASSERT_TRUE(content) << content.error().ToString();
  EXPECT_EQ(*content, "hello world");
  EXPECT_EQ(Encode("hello world", kStructuredSegmentBytes), kFromSdk);
}

TEST(StructuredMessage, AnyCutOfAnySegmentationRoundTrips) {
  std::string content;
  for (int i = 0; i < 257; ++i) content.push_back(static_cast<char>(i * 7));
  for (std::uint64_t segment : {1u, 7u, 64u, 256u, 257u, 1000u}) {
    std::string wire = Encode(content, segment);
    EXPECT_EQ(wire.size(), StructuredMessageLength(content.size(), segment));
    for (std::size_t in_step : {1u, 3u, 100u, 100000u}) {
      for (std::size_t out_step : {1u, 5u, 4096u}) {
        auto decoded = Decode(wire, in_step, out_step);
        ASSERT_TRUE(decoded) << decoded.error().ToString();
        ASSERT_EQ(*decoded, content);
      }
    }
  }
  EXPECT_EQ(*Decode(Encode("", 10), 3, 3), "");
}

TEST(StructuredMessage, DecodingInPlaceWorks) {
  std::string wire = Encode("0123456789", 4);
  StructuredMessageDecoder decoder;
  MutableByteView buffer(reinterpret_cast<std::byte*>(wire.data()), wire.size());
  auto step = decoder.Decode(buffer, buffer);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->produced, 10u);
  EXPECT_EQ(wire.substr(0, 10), "0123456789");
  EXPECT_TRUE(decoder.finished());
}

TEST(StructuredMessage, NoSegmentAtAllIsAnEmptyContent) {
  std::string wire = FromHex("0115000000000000000100000000000000000000000000").substr(0, 13) +
                     std::string(8, '\0');
  auto decoded = Decode(wire, 100, 100);
  ASSERT_TRUE(decoded) << decoded.error().ToString();
  EXPECT_EQ(*decoded, "");
}

TEST(StructuredMessage, EveryFlippedBitIsFound) {
  const std::string wire = Encode("the content of two segments", 16);
  for (std::size_t i = 0; i < wire.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = wire;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      auto decoded = Decode(bad, 1000, 1000);
      // Without the flag for checksums the footers become garbage, which is found too.
      EXPECT_FALSE(decoded) << "byte " << i << " bit " << bit;
    }
  }
}

TEST(StructuredMessage, ShortAndLongBodiesAreRefused) {
  for (std::size_t n = 0; n < kFromSdk.size(); ++n) {
    EXPECT_FALSE(Decode(kFromSdk.substr(0, n), 7, 100)) << n;
  }
  EXPECT_FALSE(Decode(kFromSdk + "x", 1000, 100));
  StructuredMessageDecoder decoder;
  std::array<std::byte, 100> buffer;
  ASSERT_TRUE(decoder.Decode(AsBytes(kFromSdk), buffer));
  EXPECT_TRUE(decoder.Finish(11));
  EXPECT_FALSE(decoder.Finish(12));
}

TEST(StructuredMessage, HeaderIsChecked) {
  EXPECT_TRUE(CheckStructuredBodyHeader("XSM/1.0; properties=crc64"));
  EXPECT_TRUE(CheckStructuredBodyHeader("xsm/1.0;properties=crc64"));
  EXPECT_FALSE(CheckStructuredBodyHeader("XSM/2.0; properties=crc64"));
  EXPECT_FALSE(CheckStructuredBodyHeader("XSM/1.0"));
}

}  // namespace
}  // namespace forebay::azure
