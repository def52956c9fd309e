#include "tier/import_job.h"

#include "engine/get_container.h"
#include "meta/keys.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {
namespace {

bool Importing(TierFixture& fixture) {
  const auto snapshot = fixture.engine().store().GetSnapshot();
  return engine::RequireContainer(*snapshot, fixture.engine().account().name,
                                  azure::ContainerName("box"))
      ->lake.importing;
}

TEST(ImportJobTest, MakesARecordOfEveryNameAndReadsNoByte) {
  TierFixture fixture;
  fixture.lake().Plant("empty", "");
  fixture.lake().Plant("a/b", Pattern(1000), {{"Key", "value"}});
  fixture.lake().Plant("a/c", "text");
  const auto state = *fixture.lake().State("a/b");
  fixture.Attach();
  ASSERT_TRUE(Importing(fixture));
  ASSERT_TRUE(fixture.Import(1));
  EXPECT_FALSE(Importing(fixture));
  EXPECT_EQ(fixture.Requests(lake::LakeOperation::kGet), 0u);
  EXPECT_EQ(fixture.Requests(lake::LakeOperation::kHead), 0u);
  const auto got = fixture.engine().Properties("a/b");
  ASSERT_TRUE(got);
  EXPECT_EQ(got->record.length, 1000u);
  EXPECT_EQ(got->record.metadata, (azure::Metadata{{"Key", "value"}}));
  EXPECT_EQ(got->record.modified, state.properties.last_modified);
  EXPECT_EQ(got->record.http, state.properties.http);
  ASSERT_TRUE(got->record.lake);
  EXPECT_EQ(got->record.lake->etag, state.etag().str());
  EXPECT_TRUE(got->record.body.in_lake);
  EXPECT_EQ(fixture.engine().Read("empty").value(), "");
  EXPECT_EQ(fixture.ListAll("", "", 2).value(), (std::vector<std::string>{"a/b", "a/c", "empty"}));
}

TEST(ImportJobTest, WhatIsMissingAfterTheImportCostsNoRequest) {
  TierFixture fixture;
  fixture.lake().Plant("a", "x");
  fixture.Attach();
  ASSERT_TRUE(fixture.Import());
  EXPECT_EQ(fixture.engine().Read("nothing").error().code(), Code::kBlobNotFound);
  EXPECT_EQ(fixture.Requests(lake::LakeOperation::kHead), 0u);
}

// Whatever transaction fails, the next run goes on and the outcome is the same.
TEST(ImportJobTest, GoesOnAfterAFailureAtEveryStep) {
  for (std::size_t step = 0; step < 12; ++step) {
    for (const bool lost : {false, true}) {
      TierFixture fixture;
      std::vector<std::string> names;
      for (int i = 0; i < 400; ++i) {
        names.push_back("n" + std::to_string(1000 + i));
        fixture.lake().Plant(names.back(), "x");
      }
      fixture.Attach();
      if (lost) {
        fixture.engine().store().LoseNextAnswers(step);
      } else {
        fixture.engine().store().FailNext(Code::kIo, 1, step);
      }
      (void)fixture.Import(100);
      fixture.engine().store().FailNext(Code::kIo, 0);
      Result<> done;
      for (int i = 0; i < 20; ++i) {
        done = fixture.Import(100);
        if (done) break;
      }
      ASSERT_TRUE(done) << done.error().ToString();
      EXPECT_EQ(fixture.ListAll("", "", 1000).value(), names) << step;
      EXPECT_FALSE(Importing(fixture));
      auto attachment = fixture.Attached();
      ASSERT_TRUE(attachment);
      ImportJob job(fixture.services(), *attachment);
      fixture.engine().clock().Advance(std::chrono::hours(1));
      ASSERT_TRUE(fixture.engine().Run(job.Run({})));
      EXPECT_EQ(job.progress().names, 400u) << step;
      EXPECT_EQ(job.progress().bytes, 400u) << step;
    }
  }
}

TEST(ImportJobTest, OneProcessAtATime) {
  TierFixture fixture;
  for (int i = 0; i < 20; ++i) fixture.lake().Plant(std::to_string(i), "x");
  fixture.Attach();
  auto attachment = fixture.Attached();
  ASSERT_TRUE(attachment);
  ImportJob first(fixture.services(), *attachment);
  first.page_size = 5;
  ImportJob second(fixture.services(), *attachment);
  // The second asks while the first holds the lease.
  bool asked = false;
  fixture.lake().OnRequest([&](lake::LakeOperation operation, const std::string&) {
    if (operation != lake::LakeOperation::kList || std::exchange(asked, true)) return;
    std::thread([&] {
      auto locked = RunSync(second.Run({}));
      ASSERT_FALSE(locked);
      EXPECT_EQ(locked.error().code(), Code::kLocked);
    }).join();
  });
  ASSERT_TRUE(fixture.engine().Run(first.Run({})));
  EXPECT_TRUE(asked);
  EXPECT_EQ(first.progress().names, 20u);
}

// A process that lost its lease without noticing writes nothing any more.
TEST(ImportJobTest, AnOvertakenProcessIsFencedOff) {
  TierFixture fixture;
  for (int i = 0; i < 20; ++i) fixture.lake().Plant("n" + std::to_string(10 + i), "x");
  fixture.Attach();
  auto attachment = fixture.Attached();
  ASSERT_TRUE(attachment);
  ImportJob slow(fixture.services(), *attachment);
  slow.page_size = 5;
  int lists = 0;
  fixture.lake().OnRequest([&](lake::LakeOperation operation, const std::string&) {
    if (operation != lake::LakeOperation::kList || ++lists != 2) return;
    std::thread([&] {
      ImportJob fast(fixture.services(), *attachment);
      fixture.engine().clock().Advance(std::chrono::hours(1));
      EXPECT_TRUE(RunSync(fast.Run({})));
    }).join();
  });
  auto done = fixture.engine().Run(slow.Run({}));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kLocked);
  EXPECT_EQ(fixture.ListAll("", "", 100)->size(), 20u);
}

TEST(ImportJobTest, ANameDeletedHereStaysAway) {
  TierFixture fixture;
  fixture.lake().Plant("gone", "x");
  fixture.lake().Plant("here", "x");
  fixture.Attach();
  auto attachment = fixture.Attached();
  ASSERT_TRUE(attachment);
  meta::NameNote note;
  note.kind = meta::NoteKind::kTombstone;
  note.unsent = 7;
  const std::string key = meta::keys::NameNote((*attachment)->container, "gone");
  ASSERT_TRUE(fixture.engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    txn.Put(key, meta::Encode(note));
    return {};
  }));
  ASSERT_TRUE(fixture.Import());
  EXPECT_EQ(fixture.ListAll("", "", 10).value(), (std::vector<std::string>{"here"}));
  EXPECT_EQ(fixture.engine().Read("gone").error().code(), Code::kBlobNotFound);
  // The offload still needs it.
  EXPECT_EQ(fixture.engine().KeysOfTable('v'), 1u);
}

// More than one transaction takes where something is found: what is here in the midst of a page is
// treated as ever, and nothing of the page is lost.
TEST(ImportJobTest, NamesInTheMidstOfALargePageAreLeftAlone) {
  TierFixture fixture;
  std::vector<std::string> names;
  for (int i = 0; i < 2000; ++i) {
    names.push_back("n" + std::to_string(1000 + i));
    fixture.lake().Plant(names.back(), "x");
  }
  fixture.Attach();
  auto attachment = fixture.Attached();
  ASSERT_TRUE(attachment);
  ASSERT_TRUE(fixture.engine().Read("n1500"));  // looked up before the import came to it
  meta::NameNote note;
  note.kind = meta::NoteKind::kTombstone;
  note.unsent = 7;
  for (const std::string name : {"n1000", "n2999"}) {
    const std::string key = meta::keys::NameNote((*attachment)->container, name);
    ASSERT_TRUE(fixture.engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      txn.Put(key, meta::Encode(note));
      return {};
    }));
  }
  names.pop_back();
  names.erase(names.begin());
  const auto before = fixture.engine().Properties("n1500")->record.body.id;
  ASSERT_TRUE(fixture.Import(5000));
  EXPECT_EQ(fixture.ListAll("", "", 5000).value(), names);
  EXPECT_EQ(fixture.engine().Properties("n1500")->record.body.id, before);
  EXPECT_EQ(fixture.engine().KeysOfTable('v'), 2u);
}

// It stood in the way of pages that were listed before the delete; then the lake may have the name
// again.
TEST(ImportJobTest, ATombstoneThatHasTravelledGoesWithTheImport) {
  TierFixture fixture;
  fixture.Attach();
  auto attachment = fixture.Attached();
  ASSERT_TRUE(attachment);
  meta::NameNote note;
  note.kind = meta::NoteKind::kTombstone;
  const std::string key = meta::keys::NameNote((*attachment)->container, "gone");
  ASSERT_TRUE(fixture.engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    txn.Put(key, meta::Encode(note));
    return {};
  }));
  ASSERT_TRUE(fixture.Import());
  EXPECT_EQ(fixture.engine().KeysOfTable('v'), 0u);
}

// What a whole import, in pages of ten, says of itself at each of its listings.
std::vector<ImportProgress> Told(TierFixture& fixture) {
  std::vector<ImportProgress> told;
  auto attachment = fixture.Attached();
  EXPECT_TRUE(attachment);
  fixture.engine().clock().Advance(std::chrono::hours(1));
  ImportJob job(fixture.services(), *attachment);
  job.page_size = 10;
  job.estimate_from = 10;
  fixture.lake().OnRequest([&](lake::LakeOperation operation, const std::string&) {
    if (operation == lake::LakeOperation::kList) told.push_back(job.progress());
  });
  EXPECT_TRUE(fixture.engine().Run(job.Run({})));
  fixture.lake().OnRequest({});
  EXPECT_EQ(job.progress().names, 200u);
  EXPECT_EQ(job.progress().expected, 0u) << "it is done: the number is known";
  return told;
}

TEST(ImportJobTest, SaysAboutHowManyNamesThereAre) {
  for (const std::string top : {"", "data/set/"}) {
    TierFixture fixture;
    for (int i = 0; i < 200; ++i) {
      fixture.lake().Plant(top + "d" + std::to_string(100 + i / 10) + "/" + std::to_string(i), "x");
    }
    fixture.Attach();
    const std::vector<ImportProgress> told = Told(fixture);
    ASSERT_GE(told.size(), 20u);
    EXPECT_EQ(told[1].expected, 0u) << "too early to tell";
    EXPECT_LT(told.back().names, 200u);
    EXPECT_GE(told.back().expected, 200u);
    EXPECT_LE(told.back().expected, 230u);
    // Another container in front of the same lake, or this one again.
    ASSERT_TRUE(fixture.engine().Run(fixture.tier().Detach({}, fixture.engine().Container())));
    ASSERT_TRUE(fixture.engine().Run(fixture.tier().Attach({}, fixture.Request())));
    for (const ImportProgress& progress : Told(fixture)) {
      EXPECT_EQ(progress.expected, 200u) << "counted before";
    }
  }
}

TEST(ImportJobTest, NothingIsGuessedWhereThereIsNothingToGoBy) {
  TierFixture fixture;
  for (int i = 0; i < 200; ++i) fixture.lake().Plant("n" + std::to_string(1000 + i), "x");
  fixture.Attach();
  for (const ImportProgress& progress : Told(fixture)) EXPECT_EQ(progress.expected, 0u);
}

TEST(ImportJobTest, AHierarchicalContainerGetsItsDirectories) {
  for (const bool hierarchical_lake : {false, true}) {
    TierFixture fixture({.engine = {.hierarchical = true}, .lake_hierarchical = hierarchical_lake});
    fixture.lake().Plant("d/e/f", "text");
    fixture.lake().Plant("d-x", "text");
    fixture.Attach();
    ASSERT_TRUE(fixture.Import(1));
    EXPECT_EQ(fixture.ListAll("", "", 10).value(),
              (std::vector<std::string>{"d", "d/e", "d/e/f", "d-x"}));
    EXPECT_EQ(fixture.engine().Read("d/e/f").value(), "text");
    EXPECT_TRUE(fixture.engine().Properties("d/e")->record.directory);
  }
}

}  // namespace
}  // namespace forebay::tier
