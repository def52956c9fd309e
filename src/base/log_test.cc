#include "base/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "base/encoding.h"

namespace forebay {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class LogTest : public testing::Test {
 protected:
  void SetUp() override {
    file_ = testing::TempDir() + "/forebay_log_test." + std::to_string(::getpid());
    std::filesystem::remove(file_);
  }
  void TearDown() override {
    EXPECT_TRUE(ConfigureLog({}));
    std::filesystem::remove(file_);
  }
  static std::string Read(const std::string& file) {
    std::ifstream in(file);
    return (std::ostringstream() << in.rdbuf()).str();
  }
  std::string file_;
};

TEST_F(LogTest, TextLinesQuoteWhatNeedsIt) {
  ASSERT_TRUE(ConfigureLog({.level = LogLevel::kInfo, .format = LogFormat::kText, .file = file_}));
  Log(LogLevel::kDebug, "unseen");
  Log(LogLevel::kInfo, "listening\non",
      {{"address", "127.0.0.1:10000"},
       {"tls", false},
       {"n", -3},
       {"name", "a b"},
       {"empty", ""},
       {"quote", "a\"b"}});
  FlushLog();
  EXPECT_THAT(Read(file_),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z INFO listening\\\\non "
                           "address=127.0.0.1:10000 tls=false n=-3 name=\"a b\" empty=\"\" "
                           "quote=\"a\\\\\"b\"\n"));
  EXPECT_FALSE(LogEnabled(LogLevel::kDebug));
}

TEST_F(LogTest, JsonIsOneObjectALine) {
  ASSERT_TRUE(ConfigureLog({.level = LogLevel::kTrace, .format = LogFormat::kJson, .file = file_}));
  Log(LogLevel::kWarn, "a \"b\"\x01",
      {{"x", 1.5}, {"nan", std::nan("")}, {"big", ~std::uint64_t{0}}, {"s", "\t"}});
  FlushLog();
  EXPECT_THAT(
      Read(file_),
      HasSubstr(
          R"("level":"WARN","message":"a \"b\"\u0001","x":1.5,"nan":null,"big":18446744073709551615,"s":"\t"})"
          "\n"));
}

// A collector that is given one bad byte may drop the whole line, or the file.
TEST_F(LogTest, AnyBytesBecomeValidUtf8) {
  for (const LogFormat format : {LogFormat::kJson, LogFormat::kText}) {
    std::filesystem::remove(file_);
    ASSERT_TRUE(ConfigureLog({.format = format, .file = file_}));
    // Bytes on their own, overlong, a surrogate, a character cut short, and good ones around them.
    Log(LogLevel::kInfo, "bad \xff\xc0\xaf",
        {{"a", "\xed\xa0\x80x"}, {"b", "gr\xc3\xbc\xc3"}, {"c", "\xf0\x9f\x98\x80\xe2\x82"}});
    std::string all(256, '\0');
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i);
    Log(LogLevel::kInfo, all, {{"all", all}});
    FlushLog();
    const std::string written = Read(file_);
    EXPECT_TRUE(IsValidUtf8(written));
    EXPECT_EQ(std::ranges::count(written, '\n'), 2);
    EXPECT_THAT(written, HasSubstr("bad \\ufffd\\ufffd\\ufffd"));
    EXPECT_THAT(written, HasSubstr("\\ufffd\\ufffd\\ufffdx"));
    EXPECT_THAT(written, HasSubstr("gr\xc3\xbc\\ufffd"));
    EXPECT_THAT(written, HasSubstr("\xf0\x9f\x98\x80\\ufffd\\ufffd"));
    EXPECT_THAT(written, HasSubstr("\\u0001"));
  }
}

TEST_F(LogTest, ReopenFollowsRotation) {
  ASSERT_TRUE(ConfigureLog({.file = file_}));
  Log(LogLevel::kInfo, "before");
  FlushLog();
  std::filesystem::rename(file_, file_ + ".1");
  ASSERT_TRUE(ReopenLog());
  Log(LogLevel::kInfo, "after");
  FlushLog();
  EXPECT_THAT(Read(file_ + ".1"), HasSubstr("before"));
  EXPECT_THAT(Read(file_), HasSubstr("after"));
  std::filesystem::remove(file_ + ".1");
}

TEST_F(LogTest, RefusesAFileThatCannotBeOpened) {
  auto result = ConfigureLog({.file = "/nonexistent/dir/log"});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message(), HasSubstr("/nonexistent/dir/log"));
}

TEST_F(LogTest, ThreadsWriteWholeLines) {
  ASSERT_TRUE(ConfigureLog({.file = file_}));
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 500; ++i) Log(LogLevel::kInfo, "line", {{"thread", t}, {"i", i}});
      });
    }
  }
  FlushLog();
  std::istringstream lines(Read(file_));
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    ASSERT_THAT(line, HasSubstr("Z INFO line thread=")) << count;
  }
  EXPECT_EQ(count, 2000);  // fewer than the queue holds, so none may be dropped
}

TEST_F(LogTest, AStalledDiskDropsOldLinesAndSaysSo) {
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  int fifo = ::open(file_.c_str(), O_RDWR | O_NONBLOCK);  // nobody reads for now
  ASSERT_GE(fifo, 0);
  ASSERT_TRUE(ConfigureLog({.file = file_}));
  const std::string filler(100, 'x');
  for (int i = 0; i < 20'000; ++i) Log(LogLevel::kInfo, "flood", {{"filler", filler}});

  std::string seen;
  std::string buffer(64 * 1024, '\0');
  for (int tries = 0; tries < 2000 && seen.find("log lines dropped") == std::string::npos;
       ++tries) {
    ssize_t n = ::read(fifo, buffer.data(), buffer.size());
    if (n > 0) seen.append(buffer, 0, static_cast<std::size_t>(n));
    if (n > 0) continue;
    Log(LogLevel::kInfo, "tick");
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_THAT(seen, HasSubstr("WARN log lines dropped count="));
  EXPECT_TRUE(ConfigureLog({}));
  ::close(fifo);
}

TEST(LogDeathTest, PanicAborts) { EXPECT_DEATH(Panic("the sky fell"), "the sky fell"); }

}  // namespace
}  // namespace forebay
