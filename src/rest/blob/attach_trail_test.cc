#include "rest/blob/attach_trail.h"

#include <gmock/gmock.h>

#include "engine/lake_for_test.h"
#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class AttachTrailTest : public ::testing::Test {
 protected:
  void SetUp() override {
    f_.engine().services().lake = &lake_;
    f_.MakeContainer();
    f_.PutBlob("/box/a", "content");
  }
  void TearDown() override { f_.engine().services().lake = nullptr; }

  ServiceFixture f_;
  engine::OneTextLake lake_{""};
};

TEST_F(AttachTrailTest, TheWayBackIsTheAnswer) {
  lake_.leads_back = "acct/box -> acct/theirs";
  for (const char* what : {"restype=container", "restype=container&comp=list&maxresults=1"}) {
    const Reply reply =
        f_.Send("GET", std::string("/box?") + what, {{"x-forebay-attach-trail", "token;4"}});
    EXPECT_EQ(reply.status, 200u);
    EXPECT_EQ(reply.Header("x-forebay-leads-back"), "acct/box -> acct/theirs");
    EXPECT_EQ(reply.body, "");
  }
  EXPECT_THAT(lake_.trails, ElementsAre("box token;4", "box token;4"));
}

TEST_F(AttachTrailTest, WhereThereIsNoneTheAnswerIsTheUsualOne) {
  const Reply reply =
      f_.Send("GET", "/box?restype=container&comp=list", {{"x-forebay-attach-trail", "token;4"}});
  EXPECT_FALSE(reply.headers.Has("x-forebay-leads-back"));
  EXPECT_THAT(reply.body, HasSubstr("<Name>a</Name>"));
  EXPECT_EQ(lake_.trails.size(), 1u);
}

TEST_F(AttachTrailTest, NobodyIsAskedUnlessTheCallerAsksAndMay) {
  lake_.leads_back = "acct/box";
  for (const char* header : {"", "token", "token;17"}) {
    const Reply reply =
        f_.Send("GET", "/box?restype=container", {{"x-forebay-attach-trail", header}});
    EXPECT_FALSE(reply.headers.Has("x-forebay-leads-back")) << header;
  }
  const Reply stranger = f_.Send("GET", "/box?restype=container",
                                 {{"x-forebay-attach-trail", "token;4"}}, "", As::kNobody);
  EXPECT_GE(stranger.status, 400u);
  EXPECT_THAT(lake_.trails, IsEmpty());
}

}  // namespace
}  // namespace forebay::rest
