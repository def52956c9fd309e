#include "azure/wire.h"

#include <gtest/gtest.h>

#include "azure/marker.h"
#include "azure/metadata.h"
#include "azure/ranges.h"

namespace forebay::azure {
namespace {

using Fields = std::vector<HeaderField>;

TEST(Wire, HttpDates) {
  WallTime t = WallTime::FromSeconds(784111777);
  EXPECT_EQ(FormatHttpDate(t), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(ParseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT"), t);
  EXPECT_EQ(ParseHttpDate("Sunday, 06-Nov-94 08:49:37 GMT"), t);
  EXPECT_EQ(ParseHttpDate("Sun Nov  6 08:49:37 1994"), t);
  EXPECT_EQ(FormatHttpDate(*ParseHttpDate("Thu, 29 Feb 2024 23:59:59 GMT")),
            "Thu, 29 Feb 2024 23:59:59 GMT");
  for (const char* bad : {"", "Sun", "Sun, 31 Feb 2024 00:00:00 GMT",
                          "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:49:37",
                          "Sun, 06 Nov 1994 08:49:37 GMTx", "06 Nov 1994", "1994-11-06"}) {
    EXPECT_FALSE(ParseHttpDate(bad)) << bad;
  }
}

TEST(Wire, IsoTimes) {
  WallTime t{WallTime::FromSeconds(1735725600).ticks + 1234567};
  EXPECT_EQ(FormatTicks(t), "2025-01-01T10:00:00.1234567Z");
  EXPECT_EQ(ParseIsoTime(FormatTicks(t)), t);
  EXPECT_EQ(ParseIsoTime("2025-01-01T10:00:00.5Z")->ticks, t.ticks - 1234567 + 5'000'000);
  EXPECT_EQ(FormatIsoSeconds(t), "2025-01-01T10:00:00Z");
  EXPECT_EQ(ParseIsoTime("2025-01-01T10:00Z"), ParseIsoTime("2025-01-01T12:00:00+02:00"));
  EXPECT_EQ(ParseIsoTime("2025-01-01"), ParseIsoTime("2025-01-01T00:00:00Z"));
  EXPECT_EQ(FormatTicks(WallTime{-1}), "1969-12-31T23:59:59.9999999Z");
  for (const char* bad :
       {"", "2025", "2025-1-1", "2025-01-01T10", "2025-01-01T10:00:00", "2025-01-01T10:00:00.Z",
        "2025-01-01T10:00:00.12345678Z", "2025-00-01", "2025-01-01T25:00Z", "2025-01-01Zx"}) {
    EXPECT_FALSE(ParseIsoTime(bad)) << bad;
  }
}

TEST(Ranges, WhichHeaderAndWhichForm) {
  auto range = [](const Fields& headers) { return *RangeFrom(headers); };
  EXPECT_EQ(range({{"Range", "bytes=0-99"}, {"x-ms-range", "bytes=5-9"}})->first, 5u);
  EXPECT_EQ(range({{"Range", "bytes=0-99"}})->last, 99u);
  EXPECT_FALSE(range({{"Range", "bytes=7-"}})->last);
  for (const char* ignored :
       {"bytes=-5", "items=0-1", "bytes=9-5", "bytes=0-1,3-4", "bytes=a-b", "bytes=5"}) {
    EXPECT_FALSE(range({{"Range", ignored}})) << ignored;
    EXPECT_FALSE(RangeFrom(Fields{{"x-ms-range", ignored}})) << ignored;
  }
  EXPECT_FALSE(SourceRangeFrom(Fields{{"x-ms-source-range", "bytes=5-"}}));
  EXPECT_EQ((*SourceRangeFrom(Fields{{"x-ms-source-range", "bytes=5-6"}}))->last, 6u);
}

TEST(Ranges, ContentRangeIsPrintedAndRead) {
  EXPECT_EQ(FormatContentRange({5, 5}, 10), "bytes 5-9/10");
  EXPECT_EQ(FormatUnsatisfiedRange(10), "bytes */10");
  auto parsed = ParseContentRange("bytes 5-9/10");
  EXPECT_EQ(parsed->range.length, 5u);
  EXPECT_EQ(parsed->total, 10u);
  for (const char* bad : {"", "bytes */10", "bytes 9-5/10", "bytes 0-10/10", "0-9/10"}) {
    EXPECT_FALSE(ParseContentRange(bad)) << bad;
  }
}

TEST(Metadata, CollectsAndValidates) {
  auto metadata = MetadataFrom(Fields{
      {"x-ms-meta-Name", " v "}, {"Other", "x"}, {"X-Ms-Meta-b_1", ""}, {"x-ms-meta-name", "w"}});
  ASSERT_TRUE(metadata);
  EXPECT_EQ(*metadata, (Metadata{{"Name", "v,w"}, {"b_1", ""}}));
  EXPECT_EQ(MetadataFrom(Fields{{"x-ms-meta-", "v"}}).error().code(), Code::kEmptyMetadataKey);
  for (const char* bad : {"x-ms-meta-1a", "x-ms-meta-a-b", "x-ms-meta-a.b", "x-ms-meta-ü"}) {
    EXPECT_EQ(MetadataFrom(Fields{{bad, "v"}}).error().code(), Code::kInvalidMetadata) << bad;
  }
  std::string big(8191, 'v');
  EXPECT_TRUE(MetadataFrom(Fields{{"x-ms-meta-a", big}}));
  big += "v";
  EXPECT_EQ(MetadataFrom(Fields{{"x-ms-meta-a", big}}).error().code(), Code::kMetadataTooLarge);
  EXPECT_TRUE(HasMetadata(Fields{{"x-ms-meta-a", ""}}));
  EXPECT_FALSE(HasMetadata(Fields{{"x-ms-meta", ""}}));
}

TEST(Tags, HeaderForm) {
  auto tags = ParseTagsHeader("k1=v1&k%202=a+b%2Bc&empty=");
  ASSERT_TRUE(tags);
  EXPECT_EQ(*tags, (Tags{{"empty", ""}, {"k 2", "a b+c"}, {"k1", "v1"}}));
  EXPECT_EQ(ParseTagsHeader(FormatTagsHeader(*tags)), *tags);
  EXPECT_EQ(ParseTagsHeader("a=1&a=2").error().code(), Code::kDuplicateTagNames);
  EXPECT_EQ(ParseTagsHeader("=1").error().code(), Code::kEmptyTagName);
  EXPECT_EQ(ParseTagsHeader("a").error().code(), Code::kInvalidTag);
  EXPECT_EQ(ParseTagsHeader("a=%3C").error().code(), Code::kInvalidTag);
  EXPECT_EQ(ParseTagsHeader("a=" + std::string(257, 'v')).error().code(), Code::kTagsTooLarge);
  EXPECT_TRUE(ParseTagsHeader(std::string(128, 'k') + "=" + std::string(256, 'v')));
  std::string eleven;
  for (int i = 0; i < 11; ++i) eleven += "&k" + std::to_string(i) + "=v";
  EXPECT_EQ(ParseTagsHeader(eleven).error().code(), Code::kTagsTooLarge);
}

TEST(Properties, HttpHeadersAndChecksums) {
  auto put = HttpHeadersFrom(Fields{{"Content-Type", "a/b"},
                                    {"Content-Encoding", "gzip"},
                                    {"x-ms-blob-content-type", "c/d"},
                                    {"x-ms-blob-content-disposition", "inline"}},
                             true);
  EXPECT_EQ(put->content_type, "c/d");
  EXPECT_EQ(put->content_encoding, "gzip");
  EXPECT_EQ(put->content_disposition, "inline");
  EXPECT_EQ(HttpHeadersFrom(Fields{}, true)->content_type, "application/octet-stream");
  EXPECT_EQ(HttpHeadersFrom(Fields{{"Content-Type", "a/b"}}, false)->content_type, "");
  EXPECT_FALSE(HttpHeadersFrom(Fields{{"x-ms-blob-content-md5", "abc"}}, true));
  EXPECT_EQ(ParseCrc64(FormatCrc64(0x0102030405060708)), 0x0102030405060708u);
  EXPECT_EQ(FormatCrc64(0x8d29d5c3f6ea8ebe), "vo7q9sPVKY0=");
  EXPECT_EQ(ParseMd5("1B2M2Y8AsgTpgAmY7PhCfg==")->size(), 16u);
  EXPECT_EQ(ParseMd5("1B2M2Y8AsgTpgAmY7PhC").error().code(), Code::kInvalidMd5);
  EXPECT_EQ(ParseCrc64("xx").error().code(), Code::kInvalidCrc64);
  EXPECT_EQ(ParseAccessTier("archive"), AccessTier::kArchive);
  EXPECT_FALSE(TierFromHeaders(Fields{{"x-ms-access-tier", "Tepid"}}));
  EXPECT_FALSE(DeleteSnapshotsFromHeaders(Fields{{"x-ms-delete-snapshots", "all"}}));
}

TEST(Marker, OnlyItsOwnListingTakesIt) {
  std::string position("a/b\0\xFF名", 9);
  std::string marker = EncodeMarker("blobs/con", position);
  EXPECT_EQ(
      marker.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
      std::string::npos);
  EXPECT_EQ(DecodeMarker("blobs/con", marker), position);
  EXPECT_EQ(DecodeMarker("blobs/other", marker).error().code(), Code::kOutOfRangeInput);
  for (std::size_t i = 0; i < marker.size(); ++i) {
    std::string bad = marker;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(DecodeMarker("blobs/con", bad)) << i;
    EXPECT_FALSE(DecodeMarker("blobs/con", marker.substr(0, i))) << i;
  }
  EXPECT_FALSE(DecodeMarker("blobs/con", "2!72!abc"));
  EXPECT_EQ(DecodeMarker("s", EncodeMarker("s", "")), "");
}

}  // namespace
}  // namespace forebay::azure
