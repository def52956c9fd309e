#include "admin/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace forebay::admin {
namespace {

using testing::HasSubstr;

const VolumeInfo kVolume{.uuid = "9a534c31-ff3f-4fa1-9b52-f9e4dd58f2d2",
                         .path = "/disk \"1\"",
                         .state = "failed",
                         .failure = "I/O error",
                         .holds_metadata = true,
                         .total_bytes = 1ULL << 60,
                         .available_bytes = 2,
                         .live_bytes = 3,
                         .segment_bytes = 4,
                         .segments = 5};

TEST(Messages, VolumesRoundTrip) {
  auto back =
      DecodeVolumes(EncodeVolumes({kVolume, {.uuid = "b", .path = "/b", .state = "active"}}));
  ASSERT_TRUE(back) << back.error().message();
  ASSERT_EQ(back->size(), 2u);
  EXPECT_EQ(back->front(), kVolume);
  EXPECT_EQ(*DecodeVolume(EncodeVolume(kVolume)), kVolume);
  EXPECT_TRUE(DecodeVolumes(EncodeVolumes({}))->empty());
}

TEST(Messages, OthersRoundTrip) {
  ScrubInfo scrub{.running = true,
                  .started = "2026-01-01T00:00:00Z",
                  .finished = "",
                  .chunks = 7,
                  .bytes = 8,
                  .live_bytes = 9,
                  .damaged = 1,
                  .findings = {"one", "two"}};
  EXPECT_EQ(*DecodeScrub(EncodeScrub(scrub)), scrub);
  EXPECT_EQ(DecodeScrubRequest(EncodeScrubRequest({.bytes_per_second = 0}))->bytes_per_second, 0u);
  EXPECT_FALSE(DecodeScrubRequest(EncodeScrubRequest({}))->bytes_per_second);
  EXPECT_FALSE(DecodeScrubRequest("")->bytes_per_second) << "no body means no wishes";
  auto request = DecodeVolumeRequest(EncodeVolumeRequest({.volume = "/a", .force = true}));
  EXPECT_EQ(request->volume, "/a");
  EXPECT_TRUE(request->force);
  EXPECT_EQ(DecodeBackupRequest(EncodeBackupRequest({.to = "/b"}))->to, "/b");
  auto backup =
      DecodeBackup(EncodeBackup({.segments_copied = 1, .segments_kept = 2, .bytes_copied = 3}));
  EXPECT_EQ(backup->bytes_copied, 3u);
}

TEST(Messages, TimesAreToTheSecondAndNeverIsEmpty) {
  EXPECT_EQ(TimeText(WallTime{}), "");
  EXPECT_EQ(TimeText(WallTime::FromSeconds(1'700'000'000)), "2023-11-14T22:13:20Z");
}

TEST(Messages, WrongTextSaysWhatIsMissing) {
  for (const char* text : {"", "[]", "{", "nonsense", "\"text\"", "{\"volumes\": 3}"}) {
    auto volumes = DecodeVolumes(text);
    ASSERT_FALSE(volumes) << text;
    EXPECT_EQ(volumes.error().code(), Code::kInvalidInput) << text;
  }
  EXPECT_EQ(DecodeVolumeRequest("{}").error().message(), "$: the member \"volume\" is missing.");
  EXPECT_EQ(DecodeVolumeRequest("{\"volume\": 3}").error().message(),
            "$.volume: a string is expected.");
  EXPECT_EQ(DecodeVolumeRequest("{\"volume\": \"a\", \"force\": \"yes\"}").error().message(),
            "$.force: true or false is expected.");
  EXPECT_THAT(DecodeScrubRequest("{\"bytes_per_second\": -1}").error().message(),
              HasSubstr("$.bytes_per_second: a whole number"));
  EXPECT_FALSE(DecodeScrub("{\"chunks\": 1}")) << "how much is damaged is no default";
  EXPECT_FALSE(DecodeBackup("{\"segments_copied\": 1, \"segments_kept\": 2}"));
  EXPECT_FALSE(DecodeScrub("{\"chunks\": 1, \"damaged\": 0, \"findings\": [3]}"));
  EXPECT_FALSE(DecodeVolumes("{\"volumes\": [3]}"));
  // What a newer server adds is no trouble.
  EXPECT_TRUE(DecodeVolumeRequest("{\"volume\": \"a\", \"colour\": \"blue\"}"));
}

TEST(Messages, ErrorsKeepTheCodesThatCommandsTellApart) {
  Error error = DecodeError(EncodeError({Code::kBusy, "A scrub is running already."}));
  EXPECT_EQ(error.code(), Code::kBusy);
  EXPECT_EQ(error.message(), "A scrub is running already.");
  EXPECT_EQ(DecodeError(EncodeError({Code::kCorruption, "Oh."})).code(), Code::kIo);
  EXPECT_THAT(DecodeError("<html>proxy</html>").message(), HasSubstr("<html>proxy</html>"));
  EXPECT_EQ(DecodeError("{\"error\": \"text\"}").code(), Code::kIo);
}

TEST(Messages, APathThatIsNoUtf8DoesNoHarm) {
  VolumeInfo odd{.uuid = "u", .path = "/a\xff", .state = "active"};
  auto back = DecodeVolume(EncodeVolume(odd));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->path, "/a\xEF\xBF\xBD");
}

}  // namespace
}  // namespace forebay::admin
