// The command line: what is understood, what is refused and how, and what the help says.
#include "cli/app.h"

#include <gmock/gmock.h>

#include "cli/node.h"
#include "cli/test_support.h"
#include "cli/version.h"

namespace forebay::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using testing::RunCommand;

TEST(CommandLine, HelpAndVersionAreResults) {
  Outcome help = RunCommand({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.err, "");
  for (const char* word : {"serve", "volume", "scrub", "fsck", "backup", "restore"}) {
    EXPECT_THAT(help.out, HasSubstr(word));
  }
  Outcome version = RunCommand({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_EQ(version.out, std::string("forebay ") + Version() + "\n");
}

TEST(CommandLine, WrongOnesNameTheNearestRightOne) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{}, "A subcommand is required"},
      {{"srve"}, "There is no command \"srve\" (did you mean \"serve\"?)"},
      {{"volume"}, "A subcommand is required"},
      {{"volume", "drian", "x"}, "There is no command \"drian\" (did you mean \"drain\"?)"},
      {{"volume", "drain"}, "volume is required"},
      {{"volume", "remove", "x", "--forse"}, "no flag --forse (did you mean \"--force\"?)"},
      {{"serve", "--lisen", "127.0.0.1:1"}, "no flag --lisen (did you mean \"--listen\"?)"},
      {{"serve", "--lisen=127.0.0.1:1"}, "no flag --lisen (did you mean \"--listen\"?)"},
      {{"serve", "--acount", "name=x"}, "no flag --acount (did you mean \"--account\"?)"},
      {{"serve", "--data"}, "--data"},
      {{"scrub", "start", "--rat", "1"}, "no flag --rat (did you mean \"--rate\"?)"},
      {{"fsck", "extra"}, "extra"},
      {{"backup"}, "--to is required"},
      {{"restore", "--from", "x"}, "--data is required"},
  };
  for (const auto& [arguments, words] : cases) {
    Outcome outcome = RunCommand(arguments);
    EXPECT_EQ(outcome.status, 64) << words;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(words), HasSubstr("See: forebay"))) << words;
  }
  EXPECT_THAT(RunCommand({"scrub", "start", "--rat", "1"}).err,
              HasSubstr("See: forebay scrub start --help"));
}

TEST(CommandLine, EveryCommandsHelpIsOnItsPage) {
  testing::HoldToFile("docs/cli.md",
                      "# Commands\n\n<!-- Generated from src/cli/app.cc; `FOREBAY_UPDATE_GOLDEN=1 "
                      "cli_test` writes this page. -->\n\nWhat `--help` says for each command. "
                      "[administration.md](administration.md) shows them at "
                      "work; `forebay serve` takes every key of "
                      "[configuration.md](configuration.md) as a flag.\n" +
                          CommandPages());
}

using StoreCommandTest = testing::DirectoryTest;

TEST_F(StoreCommandTest, WithoutAStoreNothingIsMade) {
  const std::string data = root_ + "/none";
  for (std::vector<std::string> command : std::vector<std::vector<std::string>>{
           {"volume", "list"}, {"scrub", "status"}, {"fsck"}, {"backup", "--to", root_ + "/b"}}) {
    command.insert(command.end(), {"--data", data});
    Outcome outcome = RunCommand(command);
    EXPECT_EQ(outcome.status, 1) << command.front();
    EXPECT_THAT(outcome.err, HasSubstr("There is no store in " + data));
  }
  EXPECT_FALSE(std::filesystem::exists(data));
}

TEST_F(StoreCommandTest, AWrongConfigurationIsRefused) {
  Outcome outcome = RunCommand({"fsck", "--config", root_ + "/missing.toml"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("missing.toml"));
}

TEST_F(StoreCommandTest, AStoreAtRestIsLookedAfterHere) {
  ASSERT_TRUE(Node::Open(ConfigFor({"a", "b"})));
  const std::string a = root_ + "/a", b = root_ + "/b";
  const std::vector<std::string> data = {"--data", a, "--data", b};
  auto run = [&](std::vector<std::string> command) {
    command.insert(command.end(), data.begin(), data.end());
    return RunCommand(command);
  };
  Outcome list = run({"volume", "list"});
  EXPECT_EQ(list.status, 0) << list.err;
  EXPECT_THAT(list.out, AllOf(HasSubstr(a + " (metadata)"), HasSubstr(b + "\n")));
  EXPECT_THAT(run({"volume", "list", "--json"}).out, HasSubstr("\"path\": \"" + b + "\""));

  EXPECT_EQ(run({"volume", "remove", b}).status, 1) << "not drained";
  EXPECT_EQ(run({"volume", "remove", a, "--force"}).status, 1) << "metadata";
  EXPECT_EQ(run({"volume", "drain", "/no/such"}).status, 1);
  Outcome drain = run({"volume", "drain", b});
  EXPECT_EQ(drain.status, 0) << drain.err;
  EXPECT_THAT(drain.out, HasSubstr("once a server runs"));
  EXPECT_THAT(run({"volume", "activate", b}).out, HasSubstr("is active"));
  Outcome waited = run({"volume", "drain", b, "--wait"});
  EXPECT_EQ(waited.status, 0) << waited.err;
  EXPECT_THAT(waited.out, HasSubstr("is empty"));
  Outcome removed = run({"volume", "remove", b});
  EXPECT_EQ(removed.status, 0) << removed.err;
  EXPECT_THAT(removed.out, HasSubstr("take it out of `data`"));
  Outcome after = RunCommand({"volume", "list", "--data", a});
  EXPECT_THAT(after.out, Not(HasSubstr(b)));
}

TEST_F(StoreCommandTest, AMissingDirectoryIsGivenUpHere) {
  ASSERT_TRUE(Node::Open(ConfigFor({"a", "b"})));
  std::filesystem::remove_all(root_ + "/b");
  auto refused = Node::Open(ConfigFor({"a"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kVolumeFailed);
  EXPECT_THAT(refused.error().message(),
              AllOf(HasSubstr("--allow-missing-volumes"), HasSubstr("volume remove")));
  Outcome list = RunCommand({"volume", "list", "--data", root_ + "/a"});
  EXPECT_THAT(list.out, HasSubstr("missing"));
  Outcome removed =
      RunCommand({"volume", "remove", root_ + "/b", "--force", "--data", root_ + "/a"});
  EXPECT_EQ(removed.status, 0) << removed.err;
  EXPECT_THAT(removed.out, HasSubstr("is given up"));
  EXPECT_TRUE(Node::Open(ConfigFor({"a"})));
}

TEST_F(StoreCommandTest, AScrubOfAStoreAtRestRunsToItsEnd) {
  ASSERT_TRUE(Node::Open(ConfigFor({"a"})));
  const std::string a = root_ + "/a";
  EXPECT_THAT(RunCommand({"scrub", "status", "--data", a}).out,
              HasSubstr("no scrub was completed yet"));
  Outcome scrub = RunCommand({"scrub", "start", "--rate", "1GiB", "--data", a});
  EXPECT_EQ(scrub.status, 0) << scrub.err;
  EXPECT_THAT(scrub.out, AllOf(HasSubstr("last completed"), HasSubstr("0 damaged")));
  EXPECT_THAT(RunCommand({"scrub", "status", "--json", "--data", a}).out,
              HasSubstr("\"running\": false"));
  EXPECT_EQ(RunCommand({"scrub", "cancel", "--data", a}).status, 1) << "none runs";
  Outcome wrong = RunCommand({"scrub", "start", "--rate", "fast", "--data", a});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("--rate"));
}

TEST_F(StoreCommandTest, FsckBackupAndRestore) {
  ASSERT_TRUE(Node::Open(ConfigFor({"a"})));
  const std::string a = root_ + "/a", backup = root_ + "/backup";
  Outcome fsck = RunCommand({"fsck", "--verify", "--data", a});
  EXPECT_EQ(fsck.status, 0) << fsck.err;
  EXPECT_THAT(fsck.out, HasSubstr("0 problems"));
  Outcome made = RunCommand({"backup", "--to", backup, "--data", a});
  EXPECT_EQ(made.status, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("backup complete"));
  Outcome restored = RunCommand({"restore", "--from", backup, "--data", root_ + "/new"});
  EXPECT_EQ(restored.status, 0) << restored.err;
  EXPECT_THAT(restored.out, HasSubstr("forebay serve --data " + root_ + "/new"));
  EXPECT_EQ(RunCommand({"restore", "--from", backup, "--data", root_ + "/new"}).status, 1)
      << "never over data";
}

}  // namespace
}  // namespace forebay::cli
