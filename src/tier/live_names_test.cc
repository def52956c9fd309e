// Names before the import has come to them: found one by one and page by page, each asked for once.
#include "tier/live_names.h"

#include <set>

#include "engine/copy_blob.h"
#include "meta/keys.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {
namespace {

using lake::LakeOperation;

TEST(LookUpTest, ANameThatIsNotImportedYetIsThere) {
  TierFixture fixture;
  fixture.lake().Plant("a/b", "text", {{"k", "v"}});
  fixture.Attach();
  const auto got = fixture.engine().Properties("a/b");
  ASSERT_TRUE(got) << got.error().ToString();
  EXPECT_EQ(got->record.length, 4u);
  EXPECT_EQ(got->record.metadata, (azure::Metadata{{"k", "v"}}));
  EXPECT_EQ(fixture.engine().Read("a/b").value(), "text");
  EXPECT_EQ(fixture.Requests(LakeOperation::kHead), 1u);
}

TEST(LookUpTest, AbsenceIsAskedForOnceAndEndsWithTheImport) {
  TierFixture fixture;
  fixture.lake().Plant("a", "text");
  fixture.Attach();
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(fixture.engine().Read("b").error().code(), Code::kBlobNotFound);
  }
  EXPECT_EQ(fixture.Requests(LakeOperation::kHead), 1u);
  EXPECT_EQ(fixture.engine().KeysOfTable('v'), 1u);
  // It came into being there since; the import brings it.
  fixture.lake().Plant("b", "late");
  ASSERT_TRUE(fixture.Import());
  EXPECT_EQ(fixture.engine().Read("b").value(), "late");
  EXPECT_EQ(fixture.engine().KeysOfTable('v'), 0u);
}

TEST(LookUpTest, AHundredReadersAskOnce) {
  TierFixture fixture;
  fixture.lake().Plant("a", "text");
  fixture.Attach();
  fixture.faulty_lake().SetLatency(std::chrono::milliseconds(50));
  std::vector<std::thread> readers;
  std::atomic<int> right{0};
  for (int i = 0; i < 100; ++i) {
    readers.emplace_back([&] { right += fixture.engine().Properties("a").has_value() ? 1 : 0; });
  }
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(right, 100);
  EXPECT_EQ(fixture.Requests(LakeOperation::kHead), 1u);
}

TEST(LookUpTest, WithoutALinkTheAnswerIsAnErrorNotAbsence) {
  TierFixture fixture;
  fixture.lake().Plant("a", "text");
  fixture.Attach();
  fixture.faulty_lake().SetLink(lake::LinkState::kDown);
  const auto got = fixture.engine().Properties("a");
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kOffline);
  EXPECT_EQ(fixture.engine().KeysOfTable('v'), 0u);
  fixture.faulty_lake().Heal();
  EXPECT_TRUE(fixture.engine().Properties("a"));
}

TEST(LookUpTest, ACopyOutOfTheContainerHasItsOwnBytes) {
  TierFixture fixture;
  const std::string bytes = Pattern(300'000);
  fixture.lake().Plant("a", bytes, {{"k", "v"}});
  fixture.Attach();
  ASSERT_TRUE(fixture.engine().MakeContainer("other"));
  engine::CopyBlobRequest request;
  request.source = fixture.engine().Blob("a");
  request.target = fixture.engine().Blob("copy", "other");
  ASSERT_TRUE(fixture.engine().Run(engine::CopyBlob(fixture.services(), {}, request)));
  fixture.lake().Remove("a");
  fixture.faulty_lake().SetLink(lake::LinkState::kDown);
  EXPECT_EQ(fixture.engine().Read("copy", std::nullopt, "other").value(), bytes);
  EXPECT_EQ(fixture.engine().Properties("copy", {}, "other")->record.metadata,
            (azure::Metadata{{"k", "v"}}));
}

TEST(LookUpTest, HierarchicalContainersFindDirectories) {
  TierFixture fixture({.engine = {.hierarchical = true}});
  fixture.lake().Plant("d/e/f", "text");
  fixture.Attach();
  const auto directory = fixture.engine().Properties("d/e");
  ASSERT_TRUE(directory) << directory.error().ToString();
  EXPECT_TRUE(directory->record.directory);
  EXPECT_EQ(fixture.engine().Read("d/x").error().code(), Code::kBlobNotFound);
}

// --- Listings, at every page size and at every position of the import's cursor.

const std::vector<std::string>& Names() {
  static const std::vector<std::string> names = {"a",  "a-b", "a/1",     "a/2",   "a/b/1", "a/b/2",
                                                 "a0", "b",   "c/d/e/f", "c/d/g", "c/h",   "z"};
  return names;
}

std::vector<std::string> Folded(const std::string& prefix, const std::string& delimiter) {
  std::vector<std::string> out;
  for (const std::string& name : Names()) {
    if (!name.starts_with(prefix)) continue;
    const std::size_t at =
        delimiter.empty() ? std::string::npos : name.find(delimiter, prefix.size());
    const std::string item = at == std::string::npos ? name : name.substr(0, at + delimiter.size());
    if (out.empty() || out.back() != item) out.push_back(item);
  }
  return out;
}

TEST(CoverListingTest, ListsTheLakeInOrderFromTheFirstMinute) {
  for (const std::string prefix : {"", "a", "a/", "c/d"}) {
    for (const std::string delimiter : {"", "/"}) {
      for (const std::size_t page : {1u, 2u, 3u, 100u}) {
        TierFixture fixture;
        for (const std::string& name : Names()) fixture.lake().Plant(name, "x");
        fixture.Attach();
        const auto listed = fixture.ListAll(prefix, delimiter, page);
        ASSERT_TRUE(listed) << listed.error().ToString();
        EXPECT_EQ(*listed, Folded(prefix, delimiter)) << prefix << " " << delimiter << page;
      }
    }
  }
}

TEST(CoverListingTest, MergesWithACursorInTheMiddle) {
  for (std::size_t lists = 1; lists <= Names().size(); lists += 3) {
    for (const std::size_t page : {1u, 2u, 100u}) {
      TierFixture fixture;
      for (const std::string& name : Names()) fixture.lake().Plant(name, "x");
      fixture.Attach();
      // The import breaks off after some pages of one name.
      std::size_t seen = 0;
      fixture.lake().OnRequest([&](LakeOperation operation, const std::string&) {
        if (operation == LakeOperation::kList && ++seen == lists) {
          fixture.faulty_lake().SetLink(lake::LinkState::kDown);
        }
      });
      EXPECT_FALSE(fixture.Import(1) && lists < Names().size());
      fixture.lake().OnRequest(nullptr);
      fixture.faulty_lake().Heal();
      EXPECT_EQ(fixture.ListAll("", "/", page).value(), Folded("", "/")) << lists;
      EXPECT_EQ(fixture.ListAll("", "", page).value(), Names()) << lists;
    }
  }
}

TEST(CoverListingTest, WhatTheCursorHasPassedIsListedOffline) {
  TierFixture fixture;
  for (const std::string& name : Names()) fixture.lake().Plant(name, "x");
  fixture.Attach();
  std::size_t seen = 0;
  fixture.lake().OnRequest([&](LakeOperation operation, const std::string&) {
    if (operation == LakeOperation::kList && ++seen == 9) {
      fixture.faulty_lake().SetLink(lake::LinkState::kDown);
    }
  });
  ASSERT_FALSE(fixture.Import(1));
  EXPECT_EQ(fixture.ListAll("a/", "", 100).value(),
            (std::vector<std::string>{"a/1", "a/2", "a/b/1", "a/b/2"}));
  EXPECT_FALSE(fixture.ListAll("z", "", 100));
  EXPECT_EQ(fixture.engine().Read("a/nothing").error().code(), Code::kBlobNotFound);
}

TEST(CoverListingTest, NamesDeletedHereAreNotListed) {
  TierFixture fixture;
  for (const std::string& name : Names()) fixture.lake().Plant(name, "x");
  fixture.Attach();
  const auto attachment = fixture.Attached();
  ASSERT_TRUE(attachment);
  ASSERT_TRUE(fixture.engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    meta::NameNote note;
    note.kind = meta::NoteKind::kTombstone;
    txn.Put(meta::keys::NameNote((*attachment)->container, "b"), meta::Encode(note));
    return {};
  }));
  std::vector<std::string> want = Names();
  std::erase(want, "b");
  EXPECT_EQ(fixture.ListAll("", "", 2).value(), want);
}

TEST(CoverListingTest, HierarchicalContainersListInTheirOwnOrder) {
  TierFixture fixture({.engine = {.hierarchical = true}});
  for (const std::string& name : {"d/x", "d-1", "d/a/y", "e"}) fixture.lake().Plant(name, "x");
  fixture.Attach();
  EXPECT_EQ(fixture.ListAll("", "/", 1).value(), (std::vector<std::string>{"d/", "d-1", "e"}));
  EXPECT_EQ(fixture.ListAll("", "", 2).value(),
            (std::vector<std::string>{"d", "d/a", "d/a/y", "d/x", "d-1", "e"}));
}

}  // namespace
}  // namespace forebay::tier
