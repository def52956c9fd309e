#include "cli/lake_text.h"

#include <gtest/gtest.h>

namespace forebay::cli {
namespace {

admin::LakeInfo Lake() {
  admin::LakeInfo lake{.account = "acct",
                       .container = "training",
                       .lake = "https://acct.blob.core.windows.net/datasets/",
                       .credential = "sas:@/etc/lake.sas",
                       .mode = "read-write"};
  lake.import = {.names = 1'204'331, .bytes = 1ULL << 44, .names_per_second = 8'300};
  return lake;
}

TEST(LakeText, ASummarySaysWhatMatters) {
  admin::LakeInfo lake = Lake();
  EXPECT_EQ(LakeSummary(lake), "importing: 1,204,331 names so far (8,300/s)");
  lake.import.expected_names = 3'020'000;
  EXPECT_EQ(LakeSummary(lake), "imported 1,204,331 of ~3 M names (8,300/s)");
  lake.link = {.state = "failing"};
  EXPECT_EQ(LakeSummary(lake), "imported 1,204,331 of ~3 M names (8,300/s), link failing");
  lake.import.finished = true;
  lake.residency = {.resident_bytes = 2'309'033'790'914ULL, .total_bytes = 14ULL << 40};
  lake.backlog = {.files = 3, .bytes = 41ULL << 30, .oldest_seconds = 12};
  lake.link = {.state = "up"};
  EXPECT_EQ(LakeSummary(lake),
            "imported 1,204,331 names, 2.1 TiB here of 14 TiB, backlog 3 files / 41 GiB / oldest "
            "12 s, link up");
  lake.backlog = {.files = 1, .bytes = 5, .oldest_seconds = 7200, .paused = "many deletes"};
  lake.link = {.state = "down", .down_seconds = 300};
  EXPECT_EQ(LakeSummary(lake),
            "imported 1,204,331 names, 2.1 TiB here of 14 TiB, backlog 1 file / 5 B / oldest 2 h "
            "(paused), link down for 5 min");
  lake.mode = "read-only";
  lake.residency.reset();
  EXPECT_EQ(LakeSummary(lake), "imported 1,204,331 names, link down for 5 min");
}

TEST(LakeText, OfALakeThatIsRoomItSaysWhatLiesThere) {
  admin::LakeInfo lake = Lake();
  lake.mode = "capacity";
  lake.overflow = {.bodies = 12'345, .bytes = 3ULL << 40};
  lake.residency = {.resident_bytes = 1ULL << 40, .total_bytes = 4ULL << 40};
  lake.link = {.state = "up"};
  EXPECT_EQ(LakeSummary(lake),
            "12,345 bodies / 3.0 TiB in the lake, 1.0 TiB here of 4.0 TiB, link up");
  lake.overflow = {.bodies = 1, .bytes = 5, .to_delete = 2'000};
  EXPECT_EQ(LakeSummary(lake),
            "1 body / 5 B in the lake, 2,000 to delete, 1.0 TiB here of 4.0 TiB, link up");
  lake.overflow = {.to_delete = 3,
                   .stuck = 2,
                   .sent_bodies = 1'234,
                   .sent_bytes = 5ULL << 30,
                   .failures = 6,
                   .writes_held = "The disks are full."};
  const std::string text = LakeText(lake, true);
  for (const char* words :
       {"0 bodies / 0 B in the lake, 3 to delete (2 not let go), ",
        "  writes refused: The disks are full.\n",
        "  1,234 bodies / 5.0 GiB sent since the server began, 6 did not go\n"}) {
    EXPECT_NE(text.find(words), std::string::npos) << text;
  }
}

TEST(LakeText, WhatWasVerifiedNamesWhatIsDamaged) {
  admin::VerifyInfo verified{.blobs = 1, .bytes = 5, .objects = 1};
  EXPECT_EQ(VerifyText(verified), "1 blob / 5 B in the lake, 0 damaged; 1 objects there\n");
  verified = {.blobs = 3'000,
              .bytes = 5ULL << 30,
              .damaged = 2,
              .damage = {{.name = "a/b", .object = "00ab", .what = "is missing"}},
              .objects = 3'010,
              .to_delete = 4,
              .unowned = 5,
              .foreign = 6};
  EXPECT_EQ(VerifyText(verified),
            "a/b: its object 00ab is missing\nand 1 more\n3,000 blobs / 5.0 GiB in the lake, 2 "
            "damaged; 3,010 objects there, 4 to delete, 5 that nobody names, 6 that are not "
            "ours\n");
}

TEST(LakeText, ProblemsAndTrafficHaveLinesOfTheirOwn) {
  admin::LakeInfo lake = Lake();
  lake.problem = "The lake refuses our credential.";
  lake.traffic = {{.cause = "import", .requests = 1'205, .bytes_down = 0, .bytes_up = 0},
                  {.cause = "offload"}};
  lake.failures = 2;
  EXPECT_EQ(LakeText(lake, true),
            "acct/training -> https://acct.blob.core.windows.net/datasets/ (read-write, "
            "sas:@/etc/lake.sas)\n"
            "  importing: 1,204,331 names so far (8,300/s)\n"
            "  problem: The lake refuses our credential.\n"
            "  import              1,205 requests        0 B down        0 B up\n"
            "  2 failed tries, 0 repeated\n");
}

TEST(LakeText, RefusedWritesAreSaidBesideAnotherProblem) {
  admin::LakeInfo lake = Lake();
  lake.backlog = {.files = 2, .bytes = 9, .writes_held = "The disks are full."};
  EXPECT_NE(LakeText(lake, false).find("\n  writes refused: The disks are full.\n"),
            std::string::npos);
  lake.problem = "The lake is out of reach.";
  EXPECT_NE(LakeText(lake, false)
                .find("\n  writes refused: The disks are full.\n"
                      "  problem: The lake is out of reach.\n"),
            std::string::npos);
  // Not twice.
  lake.problem = lake.backlog->writes_held;
  EXPECT_EQ(LakeText(lake, false).find("writes refused"), std::string::npos);
}

TEST(LakeText, NumbersForPeople) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(12'345'678), "12,345,678");
  EXPECT_EQ(About(0), "0");
  EXPECT_EQ(About(950), "950");
  EXPECT_EQ(About(1'000), "1 K");
  EXPECT_EQ(About(9'940), "9.9 K");
  EXPECT_EQ(About(9'960), "10 K");
  EXPECT_EQ(About(850'000), "850 K");
  EXPECT_EQ(About(999'999), "1 M");
  EXPECT_EQ(About(2'449'000), "2.4 M");
  EXPECT_EQ(About(14'200'000'000), "14 G");
  EXPECT_EQ(Age(119), "119 s");
  EXPECT_EQ(Age(120), "2 min");
  EXPECT_EQ(Age(7200), "2 h");
  EXPECT_EQ(Age(48 * 3600), "2 d");
}

}  // namespace
}  // namespace forebay::cli
