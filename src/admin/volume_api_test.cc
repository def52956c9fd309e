#include "admin/volume_api.h"

#include <gmock/gmock.h>

#include "admin/messages.h"
#include "admin/test_support.h"

namespace forebay::admin {
namespace {

using ::testing::HasSubstr;

class VolumeApiTest : public testing::StoreTest {
 protected:
  void OpenAll(std::vector<std::string> directories) {
    Open(std::move(directories));
    AddVolumeOperations(api_, *store_, pool_, "/a");
  }
  VolumeInfo At(const std::string& path) {
    auto volumes = DecodeVolumes(*Call("GET", "/v1/volumes"));
    for (const VolumeInfo& volume : *volumes) {
      if (volume.path == path) return volume;
    }
    ADD_FAILURE() << "no volume at " << path;
    return {};
  }
  static std::string Named(const std::string& volume, bool force = false) {
    return EncodeVolumeRequest({.volume = volume, .force = force});
  }
};

TEST_F(VolumeApiTest, ListsWhatThereIs) {
  OpenAll({"/a", "/b"});
  for (char c = 0; c < 8; ++c) Put(10'000, c);
  const VolumeInfo a = At("/a"), b = At("/b");
  EXPECT_EQ(a.state, "active");
  EXPECT_TRUE(a.holds_metadata);
  EXPECT_FALSE(b.holds_metadata);
  EXPECT_EQ(a.live_bytes + b.live_bytes, 8 * 12'288u);
  EXPECT_GE(a.segment_bytes, a.live_bytes);
  EXPECT_GT(b.total_bytes, 0u);
  EXPECT_GE(b.segments, 1u);
}

TEST_F(VolumeApiTest, AVolumeIsDrainedAndRemoved) {
  OpenAll({"/a", "/b"});
  for (char c = 0; c < 8; ++c) Put(10'000, c);
  EXPECT_EQ(CodeOf("POST", "/v1/volumes/remove", Named("/b")), Code::kBusy) << "not drained";
  auto drained = DecodeVolume(*Call("POST", "/v1/volumes/drain", Named("/b/")));
  EXPECT_EQ(drained->state, "draining");
  EXPECT_EQ(CodeOf("POST", "/v1/volumes/remove", Named("/b")), Code::kBusy) << "not empty";
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store_->RunMaintenanceOnce());
  const VolumeInfo b = At("/b");
  EXPECT_EQ(b.segments, 0u);
  auto removed = DecodeVolume(*Call("POST", "/v1/volumes/remove", Named(b.uuid.substr(0, 8))));
  EXPECT_EQ(removed->state, "removed");
  EXPECT_EQ(CodeOf("POST", "/v1/volumes/drain", Named(b.uuid)), Code::kNotFound);
  EXPECT_EQ(At("/a").live_bytes, 8 * 12'288u);
}

TEST_F(VolumeApiTest, ADrainIsTakenBack) {
  OpenAll({"/a", "/b"});
  ASSERT_TRUE(Call("POST", "/v1/volumes/drain", Named("/b")));
  EXPECT_EQ(CodeOf("POST", "/v1/volumes/drain", Named("/a")), Code::kBusy)
      << "one must be left to write to";
  auto active = DecodeVolume(*Call("POST", "/v1/volumes/activate", Named("/b")));
  EXPECT_EQ(active->state, "active");
}

TEST_F(VolumeApiTest, TheMetadataStays) {
  OpenAll({"/a", "/b"});
  ASSERT_TRUE(Call("POST", "/v1/volumes/drain", Named("/a"))) << "its chunks may go";
  for (bool force : {false, true}) {
    auto refused = Call("POST", "/v1/volumes/remove", Named("/a", force));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kInvalidInput);
    EXPECT_THAT(refused.error().message(), HasSubstr("metadata"));
  }
}

TEST_F(VolumeApiTest, AVolumeIsGivenUpByForceOnly) {
  OpenAll({"/a", "/b"});
  for (char c = 0; c < 8; ++c) Put(10'000, c);
  auto lost = DecodeVolume(*Call("POST", "/v1/volumes/remove", Named("/b", true)));
  EXPECT_EQ(lost->state, "lost");
  EXPECT_GT(lost->live_bytes, 0u) << "that much is gone";
  EXPECT_EQ(CodeOf("POST", "/v1/volumes/drain", Named("/b")), Code::kVolumeFailed);
}

TEST_F(VolumeApiTest, BytesNeedRoomElsewhere) {
  OpenAll({"/a", "/b"});
  for (char c = 0; c < 20; ++c) Put(60'000, c);
  disk_.SetCapacity(20 * 61'440 + 200'000);
  auto refused = Call("POST", "/v1/volumes/drain", Named("/b"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kNoSpace);
  EXPECT_EQ(At("/b").state, "active");
}

TEST_F(VolumeApiTest, NamesThatDoNotFit) {
  OpenAll({"/a", "/b"});
  EXPECT_EQ(CodeOf("POST", "/v1/volumes/drain", Named("/c")), Code::kNotFound);
  EXPECT_EQ(CodeOf("POST", "/v1/volumes/drain", Named("")), Code::kNotFound);
  EXPECT_EQ(CodeOf("POST", "/v1/volumes/drain", Named(At("/b").uuid.substr(0, 3))), Code::kNotFound)
      << "too short to be meant";
  EXPECT_EQ(CodeOf("POST", "/v1/volumes/drain", "no JSON"), Code::kInvalidInput);
  EXPECT_EQ(CodeOf("GET", "/v1/volumes/drain"), Code::kUnsupportedHttpVerb);
}

}  // namespace
}  // namespace forebay::admin
