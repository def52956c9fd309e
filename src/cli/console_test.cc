#include "cli/console.h"

#include <gmock/gmock.h>

#include "cli/test_support.h"

namespace forebay::cli {
namespace {

using ::testing::HasSubstr;

TEST(Console, ResultsAndErrorsHaveTheirStreams) {
  testing::CaughtConsole caught;
  caught.console().Say("a result");
  EXPECT_EQ(caught.console().Refuse({Code::kBusy, "Not now."}), 1);
  EXPECT_EQ(caught.out(), "a result\n");
  EXPECT_EQ(caught.err(), "forebay: Not now.\n");
}

TEST(Progress, IsQuietWhereNobodyLooks) {
  testing::CaughtConsole caught;
  {
    Progress progress(caught.console());
    progress.Show("draining", 1, 2);
  }
  EXPECT_EQ(caught.err(), "");
}

TEST(Progress, DrawsABarAndTakesItAway) {
  testing::CaughtConsole caught(/*terminal=*/true);
  {
    Progress progress(caught.console());
    progress.Show("draining", 1 << 20, 2 << 20);
    EXPECT_THAT(caught.err(), HasSubstr("draining [===============               ]  50 %  "
                                        "1.0 MiB of 2.0 MiB"));
    progress.Show("draining", 5, 2);  // above the total
    EXPECT_THAT(caught.err(), HasSubstr("100 %"));
    progress.Show("draining", 0, 0);
  }
  EXPECT_TRUE(caught.err().ends_with("\r\x1b[K"));
  EXPECT_EQ(caught.out(), "");
}

TEST(HumanBytes, HasThreeDigitsAtMost) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1024), "1.0 KiB");
  EXPECT_EQ(HumanBytes(1536), "1.5 KiB");
  EXPECT_EQ(HumanBytes(10 << 20), "10 MiB");
  EXPECT_EQ(HumanBytes((1ULL << 30) - 1), "1.0 GiB");
  EXPECT_EQ(HumanBytes(5ULL << 50), "5.0 PiB");
  EXPECT_EQ(HumanBytes(~0ULL), "16384 PiB");
}

}  // namespace
}  // namespace forebay::cli
