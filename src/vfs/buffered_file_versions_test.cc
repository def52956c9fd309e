// BufferedFile: which version a reader sees while others commit.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "vfs/buffered_files_for_test.h"

namespace forebay::vfs {
namespace {

class BufferedFileVersionsTest : public BufferedFileTest {};

// A file that one machine has written and may write again, and another has open for reading.
struct TwoMachines {
  explicit TwoMachines(MemoryServer& server) : here(server), there(server, NoReadAhead()) {}
  void Put(const std::string& text) {
    if (!writer) writer = here.Create("f");
    ASSERT_TRUE(RunSync(writer->Truncate({}, 0)));
    ASSERT_TRUE(Write(*writer, 0, text));
    ASSERT_TRUE(RunSync(writer->Flush({})));
  }
  // What an fstat does.
  void Look(OpenFile& reader) {
    const ETag asked = reader.State().etag;
    auto fresh = RunSync(there.remote.Stat({}, {.path = "f", .id = {}}));
    ASSERT_TRUE(fresh);
    reader.Revalidate(*fresh, asked);
  }
  static BufferedFilesOptions NoReadAhead() {
    BufferedFilesOptions options;
    options.read_ahead_bytes = 0;
    return options;
  }
  Machine here, there;
  std::shared_ptr<OpenFile> writer;
};

TEST_F(BufferedFileVersionsTest, AReaderKeepsTheVersionThatItHasReadFrom) {
  TwoMachines m(server_);
  m.Put(std::string(500'000, 'a'));
  auto reader = m.there.Open("f");
  EXPECT_EQ(*Read(*reader, 0, 10), "aaaaaaaaaa");
  m.Put(std::string(300'000, 'b'));
  m.Look(*reader);
  EXPECT_EQ(*Read(*reader, 200'000, 1'000'000), std::string(300'000, 'a'));
  EXPECT_EQ(*Read(*reader, 200'000, 1'000'000, true), std::string(300'000, 'a'));
  EXPECT_EQ(reader->State().size, 500'000u);
  EXPECT_EQ(*Read(*m.there.Open("f"), 0, 1'000'000), std::string(300'000, 'b'));
}

TEST_F(BufferedFileVersionsTest, OnlyWhatIsReadAsAVersionIsAskedFor) {
  TwoMachines m(server_);
  m.Put("text");
  auto reader = m.there.Open("f");
  ASSERT_TRUE(RunSync(reader->Touch({})));
  EXPECT_EQ(m.there.remote.data.wants, 0) << "nothing was read yet";
  EXPECT_EQ(*Read(*reader, 0, 10), "text");
  m.Put("another");
  ASSERT_TRUE(RunSync(reader->Touch({})));
  EXPECT_EQ(m.there.remote.data.wants, 1);
  server_.ForgetVersions();
  EXPECT_EQ(RunSync(reader->Touch({})).error().code(), Code::kConditionNotMet);
  ASSERT_TRUE(RunSync(m.writer->Touch({})));
  EXPECT_EQ(m.here.remote.data.wants, 0) << "who writes follows the others";
}

TEST_F(BufferedFileVersionsTest, WhoHasNotReadYetReadsTheNewest) {
  TwoMachines m(server_);
  m.Put(std::string(500'000, 'a'));
  auto reader = m.there.Open("f"), other = m.there.Open("f");
  m.Put(std::string(600'000, 'b'));
  m.Look(*reader);
  EXPECT_EQ(*Read(*reader, 0, 1'000'000), std::string(600'000, 'b'));
  // The same where the server says so, and not an fstat.
  server_.ForgetVersions();
  EXPECT_EQ(*Read(*other, 0, 1'000'000), std::string(600'000, 'b'));
}

TEST_F(BufferedFileVersionsTest, AReaderFollowsAFileThatGrows) {
  TwoMachines m(server_);
  std::string text(100'000, 'a');
  m.Put(text);
  auto reader = m.there.Open("f");
  EXPECT_EQ(*Read(*reader, 0, 1'000'000), text);
  for (char c = 'b'; c < 'f'; ++c) {
    const std::string more(5'000, c);
    ASSERT_TRUE(Write(*m.writer, text.size(), more));
    ASSERT_TRUE(RunSync(m.writer->Flush({})));
    text += more;
    if (c == 'c') continue;  // two steps at once
    m.Look(*reader);
    EXPECT_EQ(*Read(*reader, 0, 1'000'000), text);
  }
  m.Put("something else");
  m.Look(*reader);
  EXPECT_EQ(*Read(*reader, 0, 1'000'000), text);
}

TEST_F(BufferedFileVersionsTest, AVersionThatIsGoneIsAnErrorAndNeverAMixture) {
  TwoMachines m(server_);
  m.Put(std::string(2'000'000, 'a'));
  auto reader = m.there.Open("f");
  EXPECT_EQ(*Read(*reader, 0, 10), "aaaaaaaaaa");
  m.Put(std::string(2'000'000, 'b'));
  server_.ForgetVersions();
  EXPECT_EQ(Read(*reader, 1'900'000, 10).error().code(), Code::kFileGone);
  EXPECT_EQ(*Read(*reader, 0, 10), "aaaaaaaaaa") << "what is in memory is still of that version";
}

TEST_F(BufferedFileVersionsTest, WhoWritesOrLocksFollowsTheOthers) {
  TwoMachines m(server_);
  m.Put(std::string(500'000, 'a'));
  auto reader = m.there.Open("f");
  reader->Follow();
  EXPECT_EQ(*Read(*reader, 0, 10), "aaaaaaaaaa");
  m.Put(std::string(300'000, 'b'));
  m.Look(*reader);
  EXPECT_EQ(*Read(*reader, 0, 1'000'000), std::string(300'000, 'b'));
}

TEST_F(BufferedFileVersionsTest, RacingReadersSeeWholeVersionsOnly) {
  TwoMachines m(server_);
  m.Put(std::string(400'000, 'a'));
  std::atomic<bool> stop = false;
  std::atomic<int> whole = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        auto reader = m.there.Open("f");
        std::string all;
        for (;;) {
          auto piece = Read(*reader, all.size(), 90'000);
          ASSERT_TRUE(piece) << piece.error().ToString();
          if (piece->empty()) break;
          all += *piece;
          m.Look(*reader);
        }
        ASSERT_FALSE(all.empty());
        ASSERT_EQ(all, std::string(all.size(), all[0]));
        ASSERT_EQ(all.size(), 400'000u + 1000u * static_cast<unsigned>(all[0] - 'a'));
        ++whole;
      }
    });
  }
  for (char c = 'b'; c <= 'z'; ++c) {
    const int before = whole;
    m.Put(std::string(400'000u + 1000u * static_cast<unsigned>(c - 'a'), c));
    while (whole < before + 2 && !testing::Test::HasFailure()) std::this_thread::yield();
  }
  stop = true;
  for (auto& reader : readers) reader.join();
}

}  // namespace
}  // namespace forebay::vfs
