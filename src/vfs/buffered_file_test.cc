#include "vfs/buffered_file.h"

#include <gtest/gtest.h>
#include <linux/falloc.h>

#include <atomic>
#include <random>
#include <thread>

#include "vfs/buffered_files_for_test.h"

namespace forebay::vfs {
namespace {

using namespace std::chrono_literals;

TEST_F(BufferedFileTest, WhatIsWrittenIsReadAtOnceAndByOthersAfterTheFlush) {
  Machine here(server_), there(server_);
  auto file = here.Create("f");
  const std::string text = Random(1, 3_MiB + 17);
  ASSERT_TRUE(Write(*file, 0, text));
  EXPECT_TRUE(file->State().dirty);
  EXPECT_EQ(*Read(*file, 1000, 2_MiB), text.substr(1000, 2_MiB));
  EXPECT_EQ(there.Open("f")->State().size, 0u);
  ASSERT_TRUE(RunSync(file->Flush({})));
  EXPECT_FALSE(file->State().dirty);
  auto other = there.Open("f");
  EXPECT_EQ(*Read(*other, 0, text.size() + 5), text);
  EXPECT_EQ(*Read(*other, 0, text.size() + 5, true), text);
}

TEST_F(BufferedFileTest, ASmallFileIsOneRequest) {
  Machine here(server_);
  auto file = here.Create("f");
  ASSERT_TRUE(Write(*file, 0, "a few bytes"));
  ASSERT_TRUE(RunSync(file->Close({})));
  EXPECT_EQ(here.remote.data.stages, 0);
  EXPECT_EQ(here.remote.data.commits, 1);
}

// A range of `from` as it is now.
CopiedRange RangeOf(const std::string& from, const OpenFile& file, std::uint64_t offset,
                    std::uint64_t length) {
  return {{.path = from, .id = {}}, file.State().etag, offset, length};
}

TEST_F(BufferedFileTest, ACopyByReferenceIsOneCommitAndNoBytes) {
  Machine here(server_);
  const std::string text = Random(8, 3_MiB);
  auto from = Put(here, "from", text);
  auto to = here.Create("to");
  const int commits = here.remote.data.commits, stages = here.remote.data.stages;
  EXPECT_TRUE(*RunSync(to->CopyFrom({}, RangeOf("from", *from, 1_MiB, 2_MiB), 10, false)));
  EXPECT_EQ(here.remote.data.commits, commits + 1);
  EXPECT_FALSE(to->State().dirty);
  ASSERT_TRUE(RunSync(to->Close({})));
  EXPECT_EQ(here.remote.data.commits, commits + 1);
  EXPECT_EQ(here.remote.data.stages, stages);
  EXPECT_EQ(here.remote.data.reads, 0);
  EXPECT_TRUE(*Read(*here.Open("to"), 0, 4_MiB) == std::string(10, '\0') + text.substr(1_MiB));
}

TEST_F(BufferedFileTest, ACopyLeavesWhatItDoesNotTouchAndWhatIsCachedOfThat) {
  Machine here(server_), there(server_);
  auto from = Put(here, "from", std::string(1_MiB, 'c'));
  std::string text = Random(9, 4_MiB);
  auto to = Put(here, "to", text);
  EXPECT_TRUE(*Read(*to, 0, text.size()) == text);
  ASSERT_TRUE(Write(*to, 5, "not yet committed"));
  EXPECT_TRUE(*RunSync(to->CopyFrom({}, RangeOf("from", *from, 0, 1_MiB), 1_MiB, false)));
  text.replace(5, 17, "not yet committed");
  text.replace(1_MiB, 1_MiB, std::string(1_MiB, 'c'));
  EXPECT_TRUE(*Read(*to, 0, text.size()) == text);
  EXPECT_TRUE(*Read(*there.Open("to"), 0, text.size()) == text);
}

TEST_F(BufferedFileTest, ACopyThatCannotBeMadeDoesNothing) {
  Machine here(server_);
  auto from = Put(here, "from", std::string(2_MiB, 'c'));
  auto to = Put(here, "to", "before");
  const CopiedRange old = RangeOf("from", *from, 0, 1_MiB);
  ASSERT_TRUE(Write(*from, 0, "changed"));
  ASSERT_TRUE(RunSync(from->Flush({})));
  EXPECT_FALSE(*RunSync(to->CopyFrom({}, old, 0, false)));
  here.remote.data.fail_commits = 1;
  EXPECT_FALSE(*RunSync(to->CopyFrom({}, RangeOf("from", *from, 0, 1_MiB), 0, false)));
  EXPECT_EQ(*Read(*to, 0, 100), "before");
  EXPECT_FALSE(to->State().dirty);
}

TEST_F(BufferedFileTest, AContentIsReplacedByACopyInOneStepOrNotByIt) {
  Machine here(server_), there(server_);
  auto from = Put(here, "from", std::string(2_MiB, 'c'));
  auto to = Put(here, "to", "before");
  ASSERT_TRUE(RunSync(to->Truncate({}, 0)));
  // Half of it would be seen.
  EXPECT_FALSE(*RunSync(to->CopyFrom({}, RangeOf("from", *from, 0, 1_MiB), 0, false)));
  EXPECT_EQ(*Read(*there.Open("to"), 0, 100), "before");
  EXPECT_TRUE(*RunSync(to->CopyFrom({}, RangeOf("from", *from, 0, 2_MiB), 0, true)));
  EXPECT_EQ(*Read(*there.Open("to"), 0, 3_MiB), std::string(2_MiB, 'c'));
  // With bytes of its own before it, it is more than the copy.
  ASSERT_TRUE(RunSync(to->Truncate({}, 0)));
  ASSERT_TRUE(Write(*to, 0, "x"));
  EXPECT_FALSE(*RunSync(to->CopyFrom({}, RangeOf("from", *from, 0, 2_MiB), 0, true)));
  EXPECT_EQ(there.Open("to")->State().size, 2_MiB);
}

TEST_F(BufferedFileTest, BlocksAreUploadedWhileTheWriterGoesOnWithinTheBudget) {
  Machine here(server_, Small());
  here.remote.data.stage_delay = 2ms;
  auto file = here.Create("f");
  const std::string text = Random(2, 5_MiB);
  for (std::size_t at = 0; at < text.size(); at += 10'000) {
    ASSERT_TRUE(Write(*file, at, std::string_view(text).substr(at, 10'000)));
    ASSERT_LE(1_MiB - here.files.write_budget().available(), 1_MiB);
  }
  EXPECT_GT(here.remote.data.stages, 60);
  EXPECT_EQ(here.remote.data.commits, 0);  // nobody sees half of it
  ASSERT_TRUE(RunSync(file->Sync({})));
  EXPECT_EQ(here.remote.data.commits, 1);
  EXPECT_EQ(here.files.write_budget().available(), 1_MiB);
  EXPECT_EQ(*Read(*here.Open("f"), 0, text.size()), text);
}

TEST_F(BufferedFileTest, WritersOfManyFilesShareTheBudgetWithoutADeadlock) {
  Machine here(server_, Small());
  std::vector<std::shared_ptr<OpenFile>> files;
  for (int i = 0; i < 40; ++i) files.push_back(here.Create("f" + std::to_string(i)));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      // Each leaves all of its files open with a part of a block in memory.
      for (int round = 0; round < 12; ++round) {
        for (std::size_t i = static_cast<std::size_t>(t); i < files.size(); i += 4) {
          const std::string piece = Random(static_cast<unsigned>(i), 9000);
          ASSERT_TRUE(Write(*files[i], static_cast<std::uint64_t>(round) * 9000, piece));
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < files.size(); ++i) {
    ASSERT_TRUE(RunSync(files[i]->Close({})));
    const std::string piece = Random(static_cast<unsigned>(i), 9000);
    auto again = here.Open("f" + std::to_string(i));
    EXPECT_EQ(again->State().size, 12u * 9000);
    EXPECT_EQ(*Read(*again, 11 * 9000, 9000), piece);
  }
}

TEST_F(BufferedFileTest, AFailedUploadIsToldOnceToTheWriterAndThenByEveryFlush) {
  Machine here(server_, Small());
  auto file = here.Create("f");
  const std::string text = Random(3, 64_KiB);
  here.remote.data.fail_stages = 3;
  ASSERT_TRUE(Write(*file, 0, text));
  while (here.remote.data.fail_stages == 3) std::this_thread::sleep_for(1ms);
  Result<> told;
  for (int i = 0; i < 1000 && told; ++i) {
    told = Write(*file, 70'000, "x");
    std::this_thread::sleep_for(1ms);
  }
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code(), Code::kInsufficientStorage);
  EXPECT_TRUE(Write(*file, 70'000, "x"));
  EXPECT_FALSE(RunSync(file->Flush({})));
  EXPECT_FALSE(RunSync(file->Sync({})));
  // Room again: nothing was lost.
  ASSERT_TRUE(RunSync(file->Sync({})));
  ASSERT_TRUE(RunSync(file->Flush({})));
  EXPECT_EQ(*Read(*here.Open("f"), 0, 64_KiB), text);
}

TEST_F(BufferedFileTest, AnInterruptedWriteLeavesTheFormerContent) {
  Machine other(server_);
  {
    Machine here(server_, Small());
    auto file = here.Create("f");
    ASSERT_TRUE(Write(*file, 0, "the former content"));
    ASSERT_TRUE(RunSync(file->Close({})));
    auto again = here.Open("f");
    ASSERT_TRUE(RunSync(again->Truncate({}, 0)));
    ASSERT_TRUE(Write(*again, 0, Random(4, 300'000)));
    EXPECT_EQ(again->State().size, 300'000u);
    // The machine dies here.
  }
  EXPECT_EQ(*Read(*other.Open("f"), 0, 100), "the former content");
}

TEST_F(BufferedFileTest, AChangeInTheMiddleIsOneSmallCommit) {
  Machine here(server_);
  std::string text = Random(5, 4_MiB);
  auto file = Put(here, "f", text);
  const int stages = here.remote.data.stages;
  for (const std::uint64_t at : {5u, 1'000'000u, 3'999'999u}) {
    ASSERT_TRUE(Write(*file, at, "patched"));
    text.replace(at, 7, "patched");
  }
  ASSERT_TRUE(RunSync(file->Flush({})));
  EXPECT_EQ(here.remote.data.stages, stages);
  EXPECT_EQ(*Read(*here.Open("f"), 0, text.size()), text);
}

TEST_F(BufferedFileTest, ChangesOfTwoMachinesToDifferentPlacesBothStay) {
  Machine here(server_), there(server_);
  auto mine = Put(here, "f", std::string(100, '.'));
  auto theirs = there.Open("f");
  ASSERT_TRUE(Write(*mine, 10, "mine"));
  ASSERT_TRUE(Write(*theirs, 50, "theirs"));
  ASSERT_TRUE(RunSync(theirs->Flush({})));
  ASSERT_TRUE(RunSync(mine->Flush({})));
  const std::string all = *Read(*here.Open("f"), 0, 200);
  EXPECT_EQ(all.size(), 100u);
  EXPECT_EQ(all.substr(10, 4), "mine");
  EXPECT_EQ(all.substr(50, 6), "theirs");
}

TEST_F(BufferedFileTest, TwoMachinesThatFillAnEmptyFileBothStay) {
  Machine here(server_), there(server_);
  auto first = here.Create("f");
  ASSERT_TRUE(RunSync(first->Flush({})));
  auto second = there.Open("f");
  ASSERT_TRUE(Write(*first, 0, std::string(300'000, 'a')));
  ASSERT_TRUE(Write(*second, 300'000, std::string(300'000, 'b')));
  ASSERT_TRUE(RunSync(first->Flush({})));
  ASSERT_TRUE(RunSync(second->Flush({})));
  Machine other(server_);
  auto reader = other.Open("f");
  EXPECT_EQ(*Read(*reader, 0, 1'000'000), std::string(300'000, 'a') + std::string(300'000, 'b'));
}

TEST_F(BufferedFileTest, AnotherMachinesCommitsTakeNothingFromAWriterWhoseMemoryIsShort) {
  Machine here(server_, Small()), there(server_);
  for (const bool fresh : {true, false}) {
    auto mine = here.Create(fresh ? "new" : "old");
    if (!fresh) ASSERT_TRUE(Write(*mine, 6_MiB, "the end"));
    ASSERT_TRUE(RunSync(mine->Flush({})));
    auto theirs = there.Open(fresh ? "new" : "old");
    const std::string text = Random(11, 5_MiB);
    for (std::size_t at = 0; at < text.size(); at += 100'000) {
      ASSERT_TRUE(Write(*mine, at, std::string_view(text).substr(at, 100'000)));
      if (at % 1'000'000 != 0) continue;
      ASSERT_TRUE(Write(*theirs, 7_MiB, "theirs"));
      ASSERT_TRUE(RunSync(theirs->Flush({})));
    }
    ASSERT_TRUE(RunSync(mine->Close({})));
    auto reader = there.Open(fresh ? "new" : "old");
    EXPECT_EQ(*Read(*reader, 0, text.size()), text);
    EXPECT_EQ(*Read(*reader, 7_MiB, 10), "theirs");
  }
}

TEST_F(BufferedFileTest, AWriterThatWaitsForMemoryIsToldThatUploadsFail) {
  Machine here(server_, Small());
  auto file = here.Create("f");
  here.remote.data.fail_stages = 1'000'000;
  Result<> done;
  for (int i = 0; i < 64 && done; ++i) {
    done = Write(*file, static_cast<std::uint64_t>(i) * 100'000, std::string(100'000, 'x'));
  }
  EXPECT_EQ(done.error().code(), Code::kInsufficientStorage);
}

TEST_F(BufferedFileTest, ACachedFileIsNotFetchedAgainAlsoWhenItsModeChanges) {
  Machine here(server_);
  auto file = here.Create("f");
  const std::string text = Random(6, 900'000);
  ASSERT_TRUE(Write(*file, 0, text));
  ASSERT_TRUE(RunSync(file->Close({})));
  file = here.Open("f");
  EXPECT_EQ(*Read(*file, 0, 1'000'000), text);
  const int reads = here.remote.data.reads;
  const ETag before = file->State().etag;
  AttributeChanges changes;
  changes.mode = 0600;
  auto fresh = RunSync(here.remote.SetAttributes({}, {.path = "f", .id = {}}, changes));
  ASSERT_TRUE(fresh);
  file->Restamp(before, *fresh);
  EXPECT_EQ(*Read(*file, 0, 1'000'000), text);
  ASSERT_TRUE(RunSync(file->Close({})));
  EXPECT_EQ(*Read(*here.Open("f"), 0, 1'000'000), text);
  EXPECT_EQ(here.remote.data.reads, reads);
}

TEST_F(BufferedFileTest, SequentialReadsAreFetchedAheadAndOnlyOnce) {
  BufferedFilesOptions options;
  options.read_ahead_bytes = 4_MiB;
  Machine here(server_, options);
  const std::string text = Random(7, 20_MiB);
  {
    auto file = here.Create("f");
    ASSERT_TRUE(Write(*file, 0, text));
    ASSERT_TRUE(RunSync(file->Close({})));
  }
  auto file = here.Open("f");
  here.remote.data.read_bytes = 0;
  for (std::size_t at = 0; at < text.size(); at += 128_KiB) {
    ASSERT_EQ(*Read(*file, at, 128_KiB), text.substr(at, 128_KiB)) << at;
  }
  EXPECT_EQ(here.remote.data.read_bytes, text.size());
}

TEST_F(BufferedFileTest, HolesAndLengths) {
  Machine here(server_);
  auto file = here.Create("f");
  ASSERT_TRUE(RunSync(file->Allocate({}, 0, 0, 1000)));
  EXPECT_EQ(file->State().size, 1000u);
  ASSERT_TRUE(RunSync(file->Allocate({}, FALLOC_FL_KEEP_SIZE, 0, 5000)));
  EXPECT_EQ(file->State().size, 1000u);
  ASSERT_TRUE(Write(*file, 0, std::string(1000, 'x')));
  ASSERT_TRUE(RunSync(file->Allocate({}, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 5000)));
  ASSERT_TRUE(Write(*file, 1'000'000, "end"));
  auto refused = RunSync(file->Allocate({}, FALLOC_FL_COLLAPSE_RANGE, 0, 4096));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kUnsupported);
  const std::string expected = std::string(100, 'x') + std::string(999'900, '\0') + "end";
  EXPECT_EQ(*Read(*file, 0, 2'000'000), expected);
  ASSERT_TRUE(RunSync(file->Close({})));
  file = here.Open("f");
  EXPECT_EQ(*Read(*file, 0, 2'000'000), expected);
  auto hole = RunSync(file->Seek({}, 0, false));
  ASSERT_TRUE(hole);  // where, is for the server to know; this one calls everything data
  EXPECT_LE(*hole, 1'000'003u);
  EXPECT_FALSE(RunSync(file->Seek({}, 5'000'000, true)));
}

// One file, random operations through two machines' worth of buffers in turn, against a string.
TEST_F(BufferedFileTest, RandomOperationsMatchAString) {
  for (unsigned seed = 0; seed < 12; ++seed) {
    Machine here(server_, Small());
    const std::string name = "f" + std::to_string(seed);
    auto file = here.Create(name);
    std::mt19937 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    std::string truth;
    for (int i = 0; i < 150; ++i) {
      const std::uint64_t offset = below(600'000);
      const std::string data =
          Random(static_cast<unsigned>(random()), 1 + below(below(4) == 0 ? 250'000 : 9'000));
      switch (below(8)) {
        case 0:
          truth.resize(offset, '\0');
          ASSERT_TRUE(RunSync(file->Truncate({}, offset)));
          break;
        case 1:
          ASSERT_TRUE(RunSync(file->Flush({})));
          break;
        case 2:
          ASSERT_TRUE(RunSync(file->Close({})));
          file = here.Open(name);
          break;
        case 3:
          here.files.Squeeze();
          break;
        default:
          if (truth.size() < offset + data.size()) truth.resize(offset + data.size(), '\0');
          truth.replace(offset, data.size(), data);
          ASSERT_TRUE(Write(*file, offset, data));
      }
      const std::uint64_t at = below(700'000), n = 1 + below(200'000);
      const std::string expected = at < truth.size() ? truth.substr(at, n) : "";
      ASSERT_TRUE(*Read(*file, at, n, below(4) == 0) == expected)
          << "seed " << seed << " step " << i;
      ASSERT_EQ(file->State().size, truth.size());
    }
    ASSERT_TRUE(RunSync(file->Close({})));
    EXPECT_TRUE(*Read(*here.Open(name), 0, 2'000'000) == truth) << seed;
  }
}

}  // namespace
}  // namespace forebay::vfs
