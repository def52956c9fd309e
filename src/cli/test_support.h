// For tests: commands whose output is caught, and stores in directories of their own.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/temp_dir_for_test.h"
#include "cli/app.h"
#include "config/config.h"

namespace forebay::cli::testing {

// What a command printed, and how it ended.
struct Outcome {
  int status = -1;
  std::string out;
  std::string err;
};

// A console into files that are gone with it.
class CaughtConsole {
 public:
  explicit CaughtConsole(bool terminal = false)
      : console_{.out = std::tmpfile(), .err = std::tmpfile(), .terminal = terminal} {}
  ~CaughtConsole() {
    std::fclose(console_.out);
    std::fclose(console_.err);
  }
  CaughtConsole(const CaughtConsole&) = delete;
  CaughtConsole& operator=(const CaughtConsole&) = delete;
  const Console& console() const { return console_; }
  std::string out() const { return Read(console_.out); }
  std::string err() const { return Read(console_.err); }

 private:
  static std::string Read(std::FILE* file) {
    std::string text;
    std::rewind(file);
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
    return text;
  }
  Console console_;
};

inline Outcome RunCommand(std::vector<std::string> arguments, bool terminal = false) {
  CaughtConsole caught(terminal);
  const int status = RunApp(std::move(arguments), caught.console());
  return {status, caught.out(), caught.err()};
}

class DirectoryTest : public ::testing::Test {
 protected:
  // A server's configuration: every port free, data in `names` below the test's directory.
  config::Config ConfigFor(const std::vector<std::string>& names) const {
    config::Input input;
    input.flags = {{"listen", "127.0.0.1:0"}, {"admin_listen", "127.0.0.1:0"}};
    for (const std::string& name : names) input.flags.emplace_back("data", root_ + "/" + name);
    input.flags.emplace_back("log.level", "error");
    auto config = config::Load(input);
    EXPECT_TRUE(config);
    return *config;
  }

  TempDir directory_;
  const std::string root_ = directory_.path();
};

// Holds a committed page to what the code says; FOREBAY_UPDATE_GOLDEN=1 writes it.
inline void HoldToFile(const std::string& relative, const std::string& text) {
  const std::string path = std::string(FOREBAY_SOURCE_DIR) + "/" + relative;
  if (std::getenv("FOREBAY_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream in(path);
  EXPECT_EQ((std::ostringstream() << in.rdbuf()).str(), text)
      << relative << " is stale; run FOREBAY_UPDATE_GOLDEN=1 cli_test";
}

}  // namespace forebay::cli::testing
