#include "admin/lake_api.h"

#include <gmock/gmock.h>

#include "admin/lake_messages.h"
#include "admin/operations_fixture.h"

namespace forebay::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class LakeApiTest : public OperationsFixture {
 protected:
  LakeApiTest() {
    LakeParts parts = OperationsFixture::parts();
    parts.usage = [](const std::string&, const std::string&) {
      lake::LakeUsage usage;
      usage.by_cause[0] = {.requests = 3, .bytes_down = 4, .bytes_up = 5};
      usage.retries = 6;
      return std::optional(usage);
    };
    AddLakeOperations(api_, parts);
  }
  Result<LakeInfo> Attach(AttachLakeRequest request) {
    FB_ASSIGN_OR_RETURN(std::string text, Call("POST", "/v1/lakes/attach", Encode(request)));
    return DecodeLake(text);
  }
  std::vector<LakeInfo> List() { return *DecodeLakes(*Call("GET", "/v1/lakes")); }
  static AttachLakeRequest Request() {
    return {.container = "box",
            .endpoint = "https://acct.blob.core.windows.net/datasets",
            .credential = "sas:@/etc/forebay/lake.sas"};
  }
  // What is wrong with the request, and that it changed nothing.
  std::string Refused(AttachLakeRequest request, Code code = Code::kInvalidInput) {
    auto refused = Attach(std::move(request));
    EXPECT_FALSE(refused);
    if (refused) return "";
    EXPECT_EQ(refused.error().code(), code) << refused.error().message();
    EXPECT_TRUE(List().empty());
    EXPECT_FALSE(engine::RequireContainer(*fixture_.engine().store().GetSnapshot(),
                                          fixture_.engine().account().name,
                                          azure::ContainerName("box")))
        << "a refused attach leaves no container";
    return refused.error().message();
  }
};

TEST_F(LakeApiTest, AttachMakesTheContainerAndSaysHowItIs) {
  auto lake = Attach(Request());
  ASSERT_TRUE(lake) << lake.error().message();
  EXPECT_TRUE(lake->created);
  EXPECT_EQ(lake->mode, "read-only") << "nobody's lake is at risk unless asked";
  EXPECT_EQ(lake->ordering, "commit");
  EXPECT_EQ(lake->acknowledge, "local");
  EXPECT_EQ(lake->conflicts, "keep-both");
  EXPECT_EQ(lake->credential, "sas:@/etc/forebay/lake.sas");
  EXPECT_EQ(lake->problem, "");
  ASSERT_EQ(lake->traffic.size(), lake::kCauses);
  EXPECT_EQ(lake->traffic[0].cause, "read_through");
  EXPECT_EQ(lake->traffic[0].bytes_down, 4u);
  EXPECT_EQ(lake->retries, 6u);
  EXPECT_THAT(lake->attached, HasSubstr("Z"));

  ASSERT_EQ(List().size(), 1u);
  EXPECT_EQ(List()[0].container, "box");
  EXPECT_EQ(DecodeLakes(*Call("GET", "/v1/lakes?container=box"))->size(), 1u);
  auto again = Attach(Request());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::kResourceAlreadyExists);
}

TEST_F(LakeApiTest, DetachEndsIt) {
  fixture_.lake().Plant("a", "text");
  ASSERT_TRUE(Attach(Request()));
  ASSERT_TRUE(fixture_.Import());
  auto gone = Call("POST", "/v1/lakes/detach", Encode(DetachRequest{.container = "box"}));
  ASSERT_TRUE(gone) << gone.error().message();
  EXPECT_EQ(DecodeLake(*gone)->container, "box");
  EXPECT_TRUE(List().empty());
  auto again = Call("POST", "/v1/lakes/detach", Encode(DetachRequest{.container = "box"}));
  EXPECT_EQ(again.error().code(), Code::kResourceNotFound);
  auto none = Call("GET", "/v1/lakes?container=box");
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message(), HasSubstr("not attached"));
}

TEST_F(LakeApiTest, WordsThatAreNoneAreRefusedWithThoseThatAre) {
  AttachLakeRequest request = Request();
  request.mode = "readonly";
  EXPECT_THAT(Refused(request), HasSubstr("read-only, read-write, capacity"));
  request = Request();
  request.ordering = "strict";
  EXPECT_THAT(Refused(request), HasSubstr("commit, relaxed"));
  request = Request();
  request.conflicts = "mine";
  EXPECT_THAT(Refused(request), HasSubstr("keep-both, lake-wins, local-wins"));
  request = Request();
  request.credential = "sas:sv=1&sig=SECRET";
  EXPECT_THAT(Refused(request), AllOf(HasSubstr("where it is kept"), Not(HasSubstr("SECRET"))));
}

TEST_F(LakeApiTest, WhatTheLakeRefusesIsToldWithAdvice) {
  fixture_.faulty_lake().SetLink(lake::LinkState::kDown);
  EXPECT_THAT(Refused(Request(), Code::kNetwork), HasSubstr("out of reach"));
  EXPECT_EQ(StatusOf(Error(Code::kNetwork, "")), 502u);
}

TEST_F(LakeApiTest, WhatIsWrongWithALakeIsSaidInItsStatus) {
  fixture_.lake().Plant("a", "text");
  ASSERT_TRUE(Attach(Request()));
  ASSERT_TRUE(fixture_.Import());
  const auto attachment =
      fixture_.engine().Run(fixture_.tier().AttachmentOf(fixture_.engine().Container()));
  ASSERT_TRUE(attachment);
  const auto ask = [&] {
    return fixture_.engine().Run(
        (*attachment)->lake->Head({{}, lake::Cause::kAdmin}, {.name = lake::BlobName("a")}));
  };
  struct Case {
    Code code;
    const char* problem;
    const char* link;
  };
  for (const Case& one : {
           Case{Code::kAuthenticationFailed, "refuses our credential",
                "up"},  // an expired SAS, too
           Case{Code::kAuthorizationFailure, "lacks a permission", "up"},
           Case{Code::kContainerNotFound, "container is not there", "up"},
           Case{Code::kClockSkew, "Set the clock of this machine", "up"},
           Case{Code::kNetwork, "out of reach", "failing"},
       }) {
    fixture_.faulty_lake().FailNext({.code = one.code}, lake::LakeOperation::kHead);
    EXPECT_FALSE(ask());
    LakeInfo lake = List().front();
    EXPECT_THAT(lake.problem, HasSubstr(one.problem));
    ASSERT_TRUE(lake.link);
    EXPECT_EQ(lake.link->state, one.link) << one.problem;
    EXPECT_TRUE(ask());
    lake = List().front();
    EXPECT_EQ(lake.problem, "") << "it is over, and said to be: " << one.problem;
    EXPECT_EQ(lake.link->state, "up");
  }
  // Given up: nobody says that it is up, nor that nothing is the matter.
  fixture_.faulty_lake().SetLink(lake::LinkState::kDown);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(ask());
  const LakeInfo lake = List().front();
  EXPECT_EQ(lake.link->state, "down");
  EXPECT_THAT(lake.problem, HasSubstr("out of reach"));
}

TEST_F(LakeApiTest, SaysHowMuchIsHere) {
  fixture_.lake().Plant("a", "four");
  fixture_.lake().Plant("b", "sixsix");
  ASSERT_TRUE(Attach(Request()));
  ASSERT_TRUE(fixture_.Import());
  EXPECT_EQ(*fixture_.engine().Read("b"), "sixsix");
  fixture_.Settle();
  std::optional<ResidencyInfo> here;
  // A count that is under way is told when it is done.
  for (int i = 0; i < 1000 && (!here || here->resident_bytes == 0); ++i) here = List()[0].residency;
  ASSERT_TRUE(here);
  EXPECT_EQ(here->resident_bytes, 6u);
  EXPECT_EQ(here->total_bytes, 10u);
  EXPECT_EQ(here->pinned_bytes, 0u);
}

TEST_F(LakeApiTest, ABareNameIsTheOneAccountThatHasIt) {
  accounts_.Swap(Accounts({{account(), false}, {"second", false}, {"tree", true}}));
  AttachLakeRequest request = Request();
  EXPECT_THAT(Refused(request, Code::kNotFound), HasSubstr("second/box"))
      << "nobody can tell in which account to make it";
  request.container = "third/box";
  EXPECT_THAT(Refused(request, Code::kNotFound), HasSubstr("no account \"third\""));
  request.container = "NO";
  EXPECT_THAT(Refused(request), HasSubstr("ACCOUNT/CONTAINER"));
  ASSERT_TRUE(RunSync(engine::CreateContainer(
      fixture_.services(), {},
      {.target = {{azure::AccountName("second"), false}, azure::ContainerName("box")}})));
  auto lake = Attach(Request());
  ASSERT_TRUE(lake) << lake.error().message();
  EXPECT_EQ(lake->account, "second");
  EXPECT_FALSE(lake->created);
  ASSERT_TRUE(fixture_.engine().MakeContainer());
  auto twice = Call("GET", "/v1/lakes?container=box");
  ASSERT_FALSE(twice);
  EXPECT_THAT(twice.error().message(), AllOf(HasSubstr("Several"), HasSubstr("second/box")));
}

TEST_F(LakeApiTest, WhatLiesInALakeThatIsRoomIsVerifiedAndTakenOver) {
  AttachLakeRequest request = Request();
  request.mode = "capacity";
  auto lake = Attach(request);
  ASSERT_TRUE(lake) << lake.error().message();
  ASSERT_TRUE(lake->overflow);
  ASSERT_TRUE(fixture_.engine().Put("a", tier::Pattern(5'000)));
  const auto evicted = fixture_.engine().Run(
      fixture_.tier().placement().EvictNow({}, fixture_.engine().Container(), "a"));
  ASSERT_TRUE(evicted) << evicted.error().message();
  EXPECT_EQ(List()[0].overflow->sent_bodies, 1u);
  const std::string body = Encode(ContainerRequest{"box"});
  auto verified = DecodeVerify(*Call("POST", "/v1/lakes/verify", body));
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->blobs, 1u);
  EXPECT_EQ(verified->objects, 1u);
  EXPECT_EQ(verified->damaged, 0u);
  for (const std::string& name : fixture_.lake().Names()) {
    if (name != tier::kOwnerObject) fixture_.lake().Remove(name);
  }
  verified = DecodeVerify(*Call("POST", "/v1/lakes/verify", body));
  ASSERT_TRUE(verified);
  ASSERT_EQ(verified->damage.size(), 1u);
  EXPECT_EQ(verified->damage[0].name, "a");
  auto taken = Call("POST", "/v1/lakes/takeover", body);
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_EQ(DecodeLake(*taken)->container, "box");
}

TEST_F(LakeApiTest, OnlyALakeThatIsRoomIsVerifiedAndTakenOver) {
  ASSERT_TRUE(Attach(Request()));
  for (const char* path : {"/v1/lakes/verify", "/v1/lakes/takeover"}) {
    auto refused = Call("POST", path, Encode(ContainerRequest{"box"}));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kInvalidInput);
    EXPECT_THAT(refused.error().message(), HasSubstr("mode capacity"));
  }
}

}  // namespace
}  // namespace forebay::admin
