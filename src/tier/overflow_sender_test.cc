#include "tier/overflow_sender.h"

#include "tier/overflow_fixture.h"

namespace forebay::tier {
namespace {

class OverflowSenderTest : public ::testing::Test {
 protected:
  OverflowSender Sender() {
    return {f_.services(), f_.tier().placement_parts().loop, f_.attachment(), sending_};
  }
  static constexpr meta::BodyId kTo{0xAB};

  OverflowFixture f_;
  const OffloadOptions sending_ = OverflowFixture::Small().offload;
};

TEST_F(OverflowSenderTest, ABodyGoesUpUnderItsNewNameOnce) {
  const std::string text = Pattern(9'000);
  ASSERT_TRUE(f_.engine().Put("a", text));
  OverflowSender sender = Sender();
  const auto etag = f_.engine().Run(sender.Upload(kTo, *f_.Record("a")));
  ASSERT_TRUE(etag) << etag.error().ToString();
  const std::string object = engine::LakeObjectName(kTo);
  EXPECT_EQ(f_.lake().Bytes(object), text);
  EXPECT_EQ(f_.lake().State(object)->etag().str(), *etag);
  // Something else under that name is nobody's to write over.
  f_.lake().Plant(object, "theirs");
  const auto refused = f_.engine().Run(sender.Upload(kTo, *f_.Record("a")));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kBlobAlreadyExists);
  EXPECT_EQ(f_.lake().Bytes(object), "theirs");
}

TEST_F(OverflowSenderTest, RemembersFromRoundToRound) {
  OverflowSender sender = Sender();
  EXPECT_EQ(sender.cursor(), "");
  sender.SetCursor("b");
  EXPECT_EQ(sender.cursor(), "b");
  EXPECT_TRUE(sender.IsDue(true));
  sender.PutOff(true, std::chrono::steady_clock::now());
  EXPECT_FALSE(sender.IsDue(true));
  EXPECT_TRUE(sender.IsDue(false));
  sender.PutOff(false, std::chrono::steady_clock::now() - std::chrono::hours(1));
  EXPECT_FALSE(sender.IsDue(false));
  EXPECT_TRUE(sender.TryBegin());
  EXPECT_FALSE(sender.TryBegin());
  sender.End();
  EXPECT_TRUE(sender.TryBegin());
  sender.CountSent(5);
  sender.CountSent(7);
  sender.CountFailure();
  EXPECT_EQ(sender.sent().bodies, 2u);
  EXPECT_EQ(sender.sent().bytes, 12u);
  EXPECT_EQ(sender.sent().failures, 1u);
  const Error error(Code::kServerBusy, "busy");
  sender.Note(&error);
  EXPECT_NE(sender.last_error().find("busy"), std::string::npos);
  sender.Note(nullptr);
  EXPECT_EQ(sender.last_error(), "");
}

TEST_F(OverflowSenderTest, NamesThatChangeAreNews) {
  OverflowSender sender = Sender();
  sender.SetNews(false);
  ASSERT_TRUE(f_.engine().Put("a", "text"));
  for (int i = 0; i < 20'000 && !sender.news(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(sender.news());
}

}  // namespace
}  // namespace forebay::tier
