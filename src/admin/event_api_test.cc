#include "admin/event_api.h"

#include <gmock/gmock.h>

#include "admin/event_messages.h"
#include "admin/lake_messages.h"
#include "admin/operations_fixture.h"
#include "tier/conflict.h"
#include "tier/events.h"

namespace forebay::admin {
namespace {

using ::testing::HasSubstr;

class EventApiTest : public OperationsFixture {
 protected:
  EventApiTest() { AddEventOperations(api_, parts()); }
  void SetUp() override {
    fixture_.Attach();
    ASSERT_TRUE(fixture_.Import());
    container_ = fixture_.Attached()->get()->container;
  }
  void Note(std::vector<tier::LakeEvent> events) {
    for (const tier::LakeEvent& event : events) {
      ASSERT_TRUE(fixture_.engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
        tier::NoteEvent(txn, container_, event);
        return {};
      }));
    }
  }
  std::uint64_t Note(const tier::ConflictRecord& conflict) {
    EXPECT_TRUE(fixture_.engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_RETURN_IF_ERROR(tier::NoteConflict(txn, container_, conflict));
      return {};
    }));
    return tier::ConflictId(conflict);
  }
  EventPageInfo Events(const std::string& more = "") {
    const auto text = Call("GET", "/v1/lakes/events?container=box" + more);
    EXPECT_TRUE(text) << text.error().message();
    return text ? *DecodeEventPage(*text) : EventPageInfo{};
  }
  ConflictPageInfo Conflicts(const std::string& more = "") {
    const auto text = Call("GET", "/v1/lakes/conflicts?container=box" + more);
    EXPECT_TRUE(text) << text.error().message();
    return text ? *DecodeConflictPage(*text) : ConflictPageInfo{};
  }

  meta::ContainerId container_;
};

TEST_F(EventApiTest, EventsAreListedPageByPage) {
  const std::size_t before = Events().events.size();
  for (int i = 0; i < 5; ++i) {
    Note({{.kind = tier::EventKind::kLakeChanged,
           .at = WallTime::FromSeconds(i),
           .name = "blob " + std::to_string(i),
           .etag_before = "0x1",
           .etag_now = "0x2",
           .text = "it changed there"}});
  }
  const EventPageInfo all = Events();
  ASSERT_EQ(all.events.size(), before + 5);
  EXPECT_FALSE(all.more);
  EXPECT_EQ(all.events.back().name, "blob 4");
  EXPECT_EQ(all.events.back().kind, tier::EventKindName(tier::EventKind::kLakeChanged));
  EXPECT_EQ(all.events.back().etag_now, "0x2");
  EXPECT_EQ(all.events.back().at, "1970-01-01T00:00:04Z");
  std::vector<EventInfo> paged;
  for (EventPageInfo page{.more = true}; page.more;) {
    const std::uint64_t after = paged.empty() ? 0 : paged.back().cursor;
    page = Events("&limit=2&after=" + std::to_string(after));
    ASSERT_LE(page.events.size(), 2u);
    ASSERT_FALSE(page.events.empty());
    paged.insert(paged.end(), page.events.begin(), page.events.end());
  }
  EXPECT_EQ(paged, all.events);
}

TEST_F(EventApiTest, ConflictsAreListedAndTakenOffTheList) {
  EXPECT_TRUE(Conflicts().conflicts.empty());
  tier::ConflictRecord kept;
  kept.outcome = tier::ConflictOutcome::kKeptBoth;
  kept.name = "a";
  kept.kept_as = "a (conflict)";
  kept.etag_before = "0x1";
  kept.etag_now = "0x2";
  kept.at = WallTime::FromSeconds(7);
  kept.length_here = 3;
  kept.length_there = 4;
  const std::uint64_t id = Note(kept);
  tier::ConflictRecord taken;
  taken.kind = tier::ConflictKind::kNameTaken;
  taken.name = "b";
  Note(taken);
  const ConflictPageInfo all = Conflicts();
  ASSERT_EQ(all.conflicts.size(), 2u);
  EXPECT_EQ(Conflicts("&limit=1").conflicts.size(), 1u);
  EXPECT_TRUE(Conflicts("&limit=1").more);
  const auto first = std::ranges::find(all.conflicts, id, &ConflictInfo::id);
  ASSERT_NE(first, all.conflicts.end());
  EXPECT_EQ(*first, (ConflictInfo{.id = id,
                                  .kind = "both_changed",
                                  .outcome = "kept_both",
                                  .name = "a",
                                  .kept_as = "a (conflict)",
                                  .at = "1970-01-01T00:00:07Z",
                                  .etag_before = "0x1",
                                  .etag_now = "0x2",
                                  .length_here = 3,
                                  .length_there = 4}));
  const ConflictRequest dismiss{.container = "box", .id = id};
  ASSERT_TRUE(Call("POST", "/v1/lakes/conflicts/resolve", Encode(dismiss)));
  ASSERT_EQ(Conflicts().conflicts.size(), 1u);
  EXPECT_EQ(Conflicts().conflicts.front().name, "b");
}

TEST_F(EventApiTest, ACheckSaysWhatHasChangedThere) {
  fixture_.lake().Plant("new", "there");
  const auto text = Call("POST", "/v1/lakes/check", Encode(ContainerRequest{"box"}));
  ASSERT_TRUE(text) << text.error().message();
  const auto check = DecodeCheck(*text);
  ASSERT_TRUE(check);
  EXPECT_EQ(check->changed, 1u);
  EXPECT_EQ(check->deleted, 0u);
  EXPECT_THAT(check->finished, HasSubstr("Z"));
  EXPECT_EQ(*fixture_.engine().Read("new"), "there");
}

TEST_F(EventApiTest, AnEventOfAzureHasItsNameLookedAt) {
  fixture_.lake().Plant("told", "of");
  const auto text = Call("POST", "/v1/lakes/azure-events", R"([{"topic": "", "id": "1",
    "subject": "/blobServices/default/containers/datasets/blobs/told", "data": {},
    "eventType": "Microsoft.Storage.BlobCreated", "eventTime": "2026-01-01T00:00:00Z"}])");
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_THAT(*text, HasSubstr("\"names\": 1"));
  const auto handshake = Call("POST", "/v1/lakes/azure-events", R"([{"topic": "", "id": "1",
    "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
    "data": {"validationCode": "code"}}])");
  ASSERT_TRUE(handshake);
  EXPECT_THAT(*handshake, HasSubstr("\"validationResponse\": \"code\""));
}

TEST_F(EventApiTest, WhatIsWrongIsSaid) {
  EXPECT_EQ(CodeOf("GET", "/v1/lakes/events"), Code::kInvalidInput) << "no container";
  EXPECT_EQ(CodeOf("GET", "/v1/lakes/conflicts?container=nowhere"), Code::kNotFound);
  EXPECT_EQ(CodeOf("GET", "/v1/lakes/events?container=box&after=x"), Code::kInvalidInput);
  EXPECT_EQ(CodeOf("GET", "/v1/lakes/events?container=box&limit=-1"), Code::kInvalidInput);
  const ConflictRequest wrong{.container = "box", .id = 1, .keep = "mine"};
  const auto refused = Call("POST", "/v1/lakes/conflicts/resolve", Encode(wrong));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("ours or theirs"));
  EXPECT_FALSE(Call("POST", "/v1/lakes/conflicts/resolve",
                    Encode(ConflictRequest{.container = "box", .id = 7})))
      << "there is none";
  EXPECT_EQ(CodeOf("POST", "/v1/lakes/azure-events", "nonsense"), Code::kInvalidInput);
}

}  // namespace
}  // namespace forebay::admin
