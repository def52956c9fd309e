#include "tier/conflict.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"

namespace forebay::tier {
namespace {

using meta::ConflictPolicy;

constexpr meta::ContainerId kBox(7);
constexpr WallTime kWhen = WallTime::FromSeconds(1'795'255'200);  // 2026-11-21T10:00:00Z

ConflictRecord Conflict(std::string name, std::string theirs = "0x2") {
  ConflictRecord record;
  record.name = std::move(name);
  record.etag_before = "0x1";
  record.etag_now = std::move(theirs);
  record.at = kWhen;
  return record;
}

TEST(ConflictTest, EveryCaseHasItsStep) {
  struct Case {
    LocalChange ours;
    bool there;
    ConflictStep keep_both, lake_wins, local_wins;
  };
  using enum ConflictStep;
  const Case cases[] = {
      {LocalChange::kContent, true, kKeepBoth, kTakeTheirs, kSendOurs},
      {LocalChange::kContent, false, kSendAnew, kTakeTheirs, kSendAnew},
      {LocalChange::kDelete, true, kTakeTheirs, kTakeTheirs, kSendOurs},
      {LocalChange::kDelete, false, kNone, kNone, kNone},
      {LocalChange::kAttributes, true, kTakeTheirs, kTakeTheirs, kSendOurs},
      {LocalChange::kAttributes, false, kTakeTheirs, kTakeTheirs, kTakeTheirs},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(DecideConflict(ConflictPolicy::kKeepBoth, c.ours, c.there), c.keep_both);
    EXPECT_EQ(DecideConflict(ConflictPolicy::kLakeWins, c.ours, c.there), c.lake_wins);
    EXPECT_EQ(DecideConflict(ConflictPolicy::kLocalWins, c.ours, c.there), c.local_wins);
  }
}

TEST(ConflictTest, NamesSayWhenAndWhereAndKeepTheirExtension) {
  EXPECT_EQ(ConflictName("dir/a.txt", kWhen, "node1", 0),
            "dir/a (conflict 2026-11-21T10-00-00Z node1).txt");
  EXPECT_EQ(ConflictName("a", kWhen, "node1", 1), "a (conflict 2026-11-21T10-00-00Z node1 2)");
  EXPECT_EQ(ConflictName("d.x/.rc", kWhen, "n", 0), "d.x/.rc (conflict 2026-11-21T10-00-00Z n)");
  // At the limit, and never half a character.
  std::string umlauts;
  for (int i = 0; i < 500; ++i) umlauts += "\xC3\xA4";
  const std::string cut = ConflictName(umlauts + ".bin", kWhen, "node1", 0);
  EXPECT_LE(cut.size(), 1024u);
  EXPECT_TRUE(cut.ends_with(" (conflict 2026-11-21T10-00-00Z node1).bin"));
  EXPECT_EQ(cut.find(" (conflict") % 2, 0u);
}

TEST(ConflictTest, ComesBackAsItWas) {
  ConflictRecord record = Conflict("n");
  record.kind = ConflictKind::kDeletedHere;
  record.outcome = ConflictOutcome::kRestored;
  record.kept_as = "k";
  record.length_here = 5;
  record.length_there = 6;
  record.modified_here = {1};
  record.modified_there = {2};
  record.record_here = "r";
  const auto back = DecodeConflict(Encode(record));
  ASSERT_TRUE(back);
  EXPECT_EQ(Encode(*back), Encode(record));
  EXPECT_EQ(back->kind, ConflictKind::kDeletedHere);
  EXPECT_FALSE(DecodeConflict(Encode(record).substr(0, 12)));
  EXPECT_EQ(DecodeConflict("\x02").error().code(), Code::kCorruption);
}

TEST(ConflictTest, IsListedOnceHoweverOftenItIsDecided) {
  engine::EngineFixture engine({.faults = {}});
  const auto note = [&](const ConflictRecord& record) {
    bool fresh = false;
    EXPECT_TRUE(engine.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(fresh, NoteConflict(txn, kBox, record));
      return {};
    }));
    return fresh;
  };
  EXPECT_TRUE(note(Conflict("a")));
  EXPECT_FALSE(note(Conflict("a")));
  EXPECT_TRUE(note(Conflict("a", "0x3")));  // another one of the same blob
  EXPECT_TRUE(note(Conflict("b")));
  ConflictRecord seen = Conflict("c");
  seen.outcome = ConflictOutcome::kDismissed;
  EXPECT_TRUE(note(seen));
  const auto snapshot = engine.store().GetSnapshot();
  const auto all = ListConflicts(*snapshot, kBox, 0, 100);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->conflicts.size(), 3u);
  EXPECT_FALSE(all->more);
  // By pages.
  std::vector<std::uint64_t> ids;
  std::uint64_t after = 0;
  while (true) {
    const auto page = ListConflicts(*snapshot, kBox, after, 1);
    ASSERT_TRUE(page);
    for (const auto& listed : page->conflicts) ids.push_back(after = listed.id);
    if (!page->more) break;
  }
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_TRUE(ListConflicts(*snapshot, meta::ContainerId(8), 0, 10)->conflicts.empty());
}

}  // namespace
}  // namespace forebay::tier
