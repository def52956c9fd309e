#include "tier/lake_directories.h"

#include <gtest/gtest.h>

#include "async/run_sync.h"
#include "lake/faulty_lake.h"
#include "lake/memory_lake.h"

namespace forebay::tier {
namespace {

using lake::LakeOperation;

TEST(LakeDirectories, OneIsMadeOnceAndNeverInTheWayOfAFile) {
  lake::MemoryLake lake({.hierarchical = true});
  const auto made = RunSync(EnsureDirectory(lake, {}, "a/b", {{"k", "v"}}));
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_FALSE(made->was_there);
  EXPECT_EQ(made->etag, lake.State("a/b")->etag().str());
  lake.Plant("a/b/file", "bytes");
  const auto again = RunSync(EnsureDirectory(lake, {}, "a/b", {{"k", "other"}}));
  ASSERT_TRUE(again) << again.error().ToString();
  EXPECT_TRUE(again->was_there);
  EXPECT_EQ(lake.Bytes("a/b/file"), "bytes");
  const auto file = RunSync(EnsureDirectory(lake, {}, "a/b/file", {}));
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code(), Code::kPathConflict);
  EXPECT_EQ(lake.Bytes("a/b/file"), "bytes");
}

TEST(LakeDirectories, AMarkerIsSaidOnce) {
  const lake::Metadata plain{{"k", "v"}};
  const lake::Metadata marked{{"k", "v"}, {"hdi_isfolder", "true"}};
  EXPECT_EQ(Marked(plain), marked);
  EXPECT_EQ(Marked(marked), marked);
  EXPECT_EQ(Unmarked(marked), plain);
}

// --- Markers of a flat lake that go.

class MarkerTest : public ::testing::Test {
 protected:
  MarkerTest() {
    Attachments attachments([this](const meta::AttachRecord&) {
      return Result<std::shared_ptr<lake::ObjectLake>>(
          std::shared_ptr<lake::ObjectLake>(&faulty_, [](lake::ObjectLake*) {}));
    });
    auto made = attachments.Make(meta::ContainerId(1), {});
    EXPECT_TRUE(made);
    if (made) attachment_ = std::move(*made);
  }
  Result<bool> Remove(std::optional<lake::Metadata> known = {}) {
    return RunSync(RemoveDirectory(attachment_, {}, "d", std::move(known)));
  }

  const lake::Metadata told_ = Marked({{"k", "v"}});
  lake::MemoryLake lake_;
  lake::FaultyLake faulty_{lake_};
  AttachmentPtr attachment_;
};

TEST_F(MarkerTest, OneGoesWhereNothingIsBelow) {
  lake_.Plant("d", "", told_);
  lake_.Plant("d2/other", "bytes");
  EXPECT_TRUE(*Remove(told_));
  EXPECT_FALSE(lake_.State("d"));
  EXPECT_TRUE(*Remove(told_)) << "again";
  EXPECT_FALSE(lake_.State("d"));
  lake_.Plant("d", "", told_);
  lake_.Plant("d/theirs", "bytes");
  EXPECT_TRUE(*Remove(told_));
  EXPECT_TRUE(lake_.State("d"));
}

TEST_F(MarkerTest, AFileStays) {
  lake_.Plant("d", "bytes");
  EXPECT_FALSE(*Remove(told_));
  EXPECT_EQ(lake_.Bytes("d"), "bytes");
}

// Nobody is known to have made one.
TEST_F(MarkerTest, NoneIsMadeWhereThereWasNone) {
  lake_.Plant("d/theirs", "bytes");
  EXPECT_TRUE(*Remove());
  EXPECT_FALSE(lake_.State("d"));
}

// Somebody puts something into the directory between the look below it and the delete, and at each
// step of what follows in turn the request fails, or its answer is lost: done again, it is there.
TEST_F(MarkerTest, OneIsKeptWhicheverStepFails) {
  for (const auto kind : {lake::Fault::Kind::kError, lake::Fault::Kind::kLostAnswer}) {
    bool failed = true;
    int step = 0;
    for (; failed; ++step) {
      ASSERT_LT(step, 10);
      SCOPED_TRACE(step);
      lake_.Remove("d/theirs");
      lake_.Plant("d", "", told_);
      int seen = 0;
      lake_.OnRequest([&](LakeOperation operation, const std::string&) {
        if (operation == LakeOperation::kList) lake_.Plant("d/theirs", "bytes");
        if (seen++ == step) faulty_.FailNext({.kind = kind});
      });
      const std::uint64_t faults = faulty_.faults();
      (void)Remove(told_);
      failed = faulty_.faults() > faults;
      lake_.OnRequest({});
      faulty_.Heal();
      lake_.Plant("d/theirs", "bytes");  // nobody had looked below
      EXPECT_TRUE(*Remove(told_));
      ASSERT_TRUE(lake_.State("d"));
      EXPECT_EQ(lake_.State("d")->metadata, told_);
    }
    EXPECT_GE(step, 5) << "look, look below, delete, look, look below, put";
  }
}

}  // namespace
}  // namespace forebay::tier
