// The records as they lie on disk: what is written here must be readable for ever.
#include "chunk/records.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "chunk/segment.h"

namespace forebay::chunk {
namespace {

std::string Hex(std::string_view bytes) { return HexEncode(AsBytes(bytes)); }

TEST(ChunkRecordsTest, GoldenChunkRecords) {
  ChunkRecord small{.location = {SegmentId(3), 8192},
                    .length = 300,
                    .crc64 = 0x0102030405060708,
                    .block_crcs = {0x0102030405060708}};
  EXPECT_EQ(Hex(small.Encode()), "010302ac020807060504030201");
  EXPECT_EQ(*ChunkRecord::Decode(small.Encode()), small);
  ChunkRecord large{.location = {SegmentId(300), 4096},
                    .length = 65'537,
                    .crc64 = 1,
                    .block_crcs = {2, 0xFFFFFFFFFFFFFFFF}};
  EXPECT_EQ(Hex(large.Encode()),
            "01ac02018180040100000000000000"
            "0200000000000000"
            "ffffffffffffffff");
  EXPECT_EQ(*ChunkRecord::Decode(large.Encode()), large);
}

TEST(ChunkRecordsTest, GoldenOtherRecords) {
  EXPECT_EQ(Hex(IndexRecord({.chunk = {1, 300}, .length = 5}).Encode()), "0101ac0205");
  EXPECT_EQ(Hex(FreeRecord{.length = 4096}.Encode()), "018020");
  EXPECT_EQ(Hex(SegmentRecord({.volume = VolumeNumber(2), .sealed = true, .size = 4096}).Encode()),
            "0102018020");
  VolumeRecord volume{.number = VolumeNumber(1), .mode = VolumeMode::kDraining, .path = "/a"};
  EXPECT_EQ(Hex(volume.Encode()), "010101022f61");
  auto back = VolumeRecord::Decode(volume.Encode());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->path, "/a");
  EXPECT_EQ(back->mode, VolumeMode::kDraining);
}

TEST(ChunkRecordsTest, GoldenScrubRecord) {
  ScrubRecord record{.running = true,
                     .started = {300},
                     .finished = {1},
                     .after = {2, 300},
                     .chunks = 5,
                     .bytes = 4096,
                     .damaged = 1};
  EXPECT_EQ(Hex(record.Encode()), "0101d8040202ac0205802001");
  EXPECT_EQ(*ScrubRecord::Decode(record.Encode()), record);
  EXPECT_FALSE(ScrubRecord::Decode("\x02"));
}

TEST(ChunkRecordsTest, GoldenKeys) {
  EXPECT_EQ(Hex(keys::Chunk({1, 2})), "4300000000000000010000000000000002");
  EXPECT_EQ(Hex(keys::Index({SegmentId(1), 4096})), "5300000000000000010000000000001000");
  EXPECT_EQ(Hex(keys::Free({SegmentId(1), 4096})), "4600000000000000010000000000001000");
  EXPECT_EQ(Hex(keys::Segment(SegmentId(5))), "470000000000000005");
  EXPECT_EQ(Hex(keys::SegmentLive(SegmentId(5))), "4700000000000000056c");
  EXPECT_EQ(*keys::ParseChunk(keys::Chunk({1, 2})), (ChunkId{1, 2}));
  EXPECT_EQ(*keys::ParseLocation(keys::Free({SegmentId(7), 8192})), (Location{SegmentId(7), 8192}));
  EXPECT_TRUE(keys::ParseSegment(keys::SegmentLive(SegmentId(5)))->second);
  EXPECT_FALSE(keys::ParseSegment(keys::Segment(SegmentId(5)))->second);
  // The single-letter keys lie before every record of their table.
  EXPECT_LT(keys::kSession, keys::TableBegin('C'));
  EXPECT_LT(keys::TableBegin('C'), keys::Chunk({0, 0}) + "x");
}

TEST(ChunkRecordsTest, GoldenSegmentHeader) {
  std::string header = EncodeSegmentHeader(SegmentId(9), "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a");
  EXPECT_EQ(header.size(), kAlignment);
  EXPECT_EQ(header.substr(0, 8), "FBSEGMT1");
  EXPECT_EQ(Hex(header.substr(8, 9)), "090000000000000024");
  EXPECT_EQ(header.substr(17, 36), "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a");
  EXPECT_EQ(Hex(header.substr(53, 4)), "38b9ab45");
  EXPECT_TRUE(CheckSegmentHeader(header, SegmentId(9), "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a"));
  EXPECT_FALSE(CheckSegmentHeader(header, SegmentId(8), "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a"));
  header[20] ^= 1;
  EXPECT_FALSE(CheckSegmentHeader(header, SegmentId(9), "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a"));
}

TEST(ChunkRecordsTest, DamageIsCorruptionAndLaterFieldsAreAllowed) {
  ChunkRecord record{
      .location = {SegmentId(3), 8192}, .length = 70'000, .crc64 = 9, .block_crcs = {1, 2}};
  std::string good = record.Encode();
  for (std::size_t n = 0; n < good.size(); ++n) {
    EXPECT_FALSE(ChunkRecord::Decode(good.substr(0, n))) << n;
  }
  EXPECT_TRUE(ChunkRecord::Decode(good + "later"));
  std::string newer = good;
  newer[0] = 2;
  EXPECT_FALSE(ChunkRecord::Decode(newer));
  ChunkRecord huge = record;
  huge.length = kMaxChunkBytes + 1;
  EXPECT_EQ(ChunkRecord::Decode(huge.Encode()).error().code(), Code::kCorruption);
  ChunkRecord far = record;
  far.location.offset = 0 - 2 * kAlignment;  // its end would be before its beginning
  EXPECT_FALSE(ChunkRecord::Decode(far.Encode()));
  EXPECT_FALSE(keys::ParseChunk("C123"));
  EXPECT_FALSE(keys::ParseLocation("S123"));
  EXPECT_FALSE(keys::ParseSegment("G1"));
}

// 2^32 + 1 must not be read as 1.
TEST(ChunkRecordsTest, NumbersThatDoNotFitAreCorruption) {
  const auto wide = [](std::string before, std::string after = "") {
    return std::string("\x01") + before + "\x81\x80\x80\x80\x10" + after;
  };
  EXPECT_FALSE(IndexRecord::Decode(wide("\x02\x03")));
  EXPECT_FALSE(FreeRecord::Decode(wide("")));
  EXPECT_FALSE(SegmentRecord::Decode(wide("", "\x01\x05")));
  EXPECT_FALSE(VolumeRecord::Decode(wide("", std::string("\0\x01/", 3))));
  EXPECT_TRUE(FreeRecord::Decode("\x01\x81\x80\x80\x80\x01"));
}

}  // namespace
}  // namespace forebay::chunk
