// The commands against a server that answers as a test tells it to: what is asked, what is said.
#include "cli/lifecycle_command.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>

#include "admin/lifecycle_messages.h"
#include "cli/test_support.h"

namespace forebay::cli {
namespace {

using admin::LifecycleInfo;
using admin::LifecycleReportInfo;
using admin::LifecycleRequest;
using ::testing::AllOf;
using testing::CaughtConsole;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Outcome;

constexpr const char* kPolicy =
    R"({"rules": [{"name": "old", "enabled": true, "type": "Lifecycle", "definition": {}}]})";

class ScriptedControl final : public Control {
 public:
  Result<std::string> Call(const std::string& method, const std::string& path,
                           const std::string& body) override {
    calls.push_back(method + " " + path);
    bodies.push_back(body);
    return answer;
  }
  bool local() const override { return here; }
  void StartWork() override {}

  Result<std::string> answer = "{}";
  bool here = false;
  std::vector<std::string> calls, bodies;
};

class LineForTest final : public CommandLine {
 public:
  LineForTest(const Console& console, Control& control) : console_(console), control_(control) {}
  CLI::App& root() override { return app_; }
  const Console& console() const override { return console_; }
  CLI::App* AddControl(CLI::App& parent, const char* name, const char* help,
                       std::function<int(Control&)> body) override {
    CLI::App* command = parent.add_subcommand(name, help);
    command->callback([this, body = std::move(body)] { status = body(control_); });
    return command;
  }
  int status = -1;

 private:
  const Console& console_;
  Control& control_;
  CLI::App app_;
};

class LifecycleCommandTest : public testing::DirectoryTest {
 protected:
  Outcome Run(std::vector<std::string> words) {
    const CaughtConsole caught;
    LineForTest line(caught.console(), server_);
    LifecycleFlags flags;
    AddLifecycleCommands(line, line.root(), flags);
    std::ranges::reverse(words);  // as CLI11 takes them
    words.emplace_back("lifecycle");
    try {
      line.root().parse(std::move(words));
    } catch (const CLI::ParseError& error) {
      return {.status = kExitUsage, .out = caught.out(), .err = error.what()};
    }
    return {line.status, caught.out(), caught.err()};
  }
  std::string File(const std::string& text) const {
    const std::string path = root_ + "/policy.json";
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  LifecycleRequest Sent() const {
    auto request = admin::DecodeLifecycleRequest(server_.bodies.back());
    EXPECT_TRUE(request) << request.error().ToString();
    return request ? *request : LifecycleRequest{};
  }
  ScriptedControl server_;
};

TEST_F(LifecycleCommandTest, GetPrintsThePolicyAndNotesTheLastRunBesideIt) {
  LifecycleReportInfo run;
  run.finished = "2026-01-02T03:04:05Z";
  run.moved = 1'234;
  run.deleted = 5;
  run.failed = 6;
  server_.answer =
      admin::Encode(LifecycleInfo{.account = "mine", .policy = kPolicy, .last_run = run});
  const Outcome got = Run({"get", "mine"});
  EXPECT_EQ(got.status, 0);
  EXPECT_THAT(server_.calls, ElementsAre("GET /v1/lifecycle?account=mine"));
  EXPECT_THAT(got.out, AllOf(HasSubstr("\"name\": \"old\""), Not(HasSubstr("last"))));
  EXPECT_EQ(got.err, "last run 2026-01-02T03:04:05Z: 1,234 moved, 5 deleted, 6 failed\n");
  const Outcome json = Run({"get", "mine", "--json"});
  EXPECT_EQ(json.out, *server_.answer);
  EXPECT_EQ(json.err, "");
}

TEST_F(LifecycleCommandTest, NamesOfAccountsAreEscaped) {
  (void)Run({"get", "a&b=c"});
  EXPECT_THAT(server_.calls, ElementsAre("GET /v1/lifecycle?account=a%26b%3Dc"));
}

TEST_F(LifecycleCommandTest, PutSendsTheFile) {
  const Outcome put = Run({"put", "mine", File(kPolicy)});
  EXPECT_EQ(put.status, 0) << put.err;
  EXPECT_THAT(server_.calls, ElementsAre("POST /v1/lifecycle"));
  EXPECT_EQ(Sent().account, "mine");
  ASSERT_TRUE(Sent().policy);
  EXPECT_THAT(*Sent().policy, HasSubstr("\"old\""));
  EXPECT_FALSE(Sent().dry_run);
  EXPECT_THAT(put.out, HasSubstr("preview mine"));
}

TEST_F(LifecycleCommandTest, PutReadsStandardInput) {
  const int kept = ::dup(STDIN_FILENO);
  ASSERT_NE(std::freopen(File(kPolicy).c_str(), "rb", stdin), nullptr);
  const Outcome put = Run({"put", "mine", "-"});
  EXPECT_EQ(put.status, 0) << put.err;
  ASSERT_TRUE(Sent().policy);
  EXPECT_THAT(*Sent().policy, HasSubstr("\"old\""));
  ASSERT_EQ(::dup2(kept, STDIN_FILENO), STDIN_FILENO);
  ::close(kept);
  std::clearerr(stdin);
}

TEST_F(LifecycleCommandTest, AFileThatIsNoPolicyIsRefusedBeforeAnythingIsAsked) {
  EXPECT_THAT(Run({"put", "mine", root_ + "/none"}).err, HasSubstr("cannot be opened"));
  EXPECT_THAT(Run({"put", "mine", root_}).err, HasSubstr("cannot be read")) << "a directory";
  EXPECT_THAT(Run({"preview", "mine", File(std::string((1 << 20) + 1, ' '))}).err,
              HasSubstr("too long"));
  const Outcome no_json = Run({"put", "mine", File("rules: none")});
  EXPECT_EQ(no_json.status, 1);
  EXPECT_NE(no_json.err, "");
  EXPECT_EQ(Run({"put", "mine"}).status, kExitUsage);
  EXPECT_THAT(server_.calls, IsEmpty());
}

TEST_F(LifecycleCommandTest, PreviewListsWhatWouldBeDone) {
  LifecycleReportInfo report;
  report.dry_run = true;
  report.blobs = 12'000;
  report.moved = 3;
  report.deleted = 2;
  report.skipped = 7;
  report.moves = {
      {.container = "box", .name = "a/b", .action = "tierToCool", .rule = "old", .bytes = 2048},
      {.container = "box", .name = "c", .action = "delete", .rule = "older"}};
  server_.answer = admin::Encode(report);
  const Outcome tried = Run({"preview", "mine", File(kPolicy)});
  EXPECT_EQ(tried.status, 0) << tried.err;
  EXPECT_THAT(server_.calls, ElementsAre("POST /v1/lifecycle/run"));
  EXPECT_TRUE(Sent().dry_run);
  EXPECT_TRUE(Sent().policy) << "the one to try";
  EXPECT_EQ(tried.out,
            "tierToCool        2.0 KiB  box/a/b  (rule old)\n"
            "delete                0 B  box/c  (rule older)\n"
            "… and 3 more\n"
            "12,000 blobs looked at: 3 would be moved to another tier, 2 would be deleted; "
            "7 may not be changed, or were changed meanwhile\n");
  (void)Run({"preview", "mine"});
  EXPECT_FALSE(Sent().policy) << "the one that is put";
  EXPECT_EQ(Run({"preview", "mine", "--json"}).out, *server_.answer);
}

TEST_F(LifecycleCommandTest, ARunThatCouldNotDoAllSaysWhatAndEndsWithAStatusOfItsOwn) {
  LifecycleReportInfo report;
  report.blobs = 4;
  report.moved = 1;
  report.failed = 2;
  report.moves = {{.container = "box",
                   .name = "a",
                   .action = "tierToCold",
                   .rule = "old",
                   .bytes = 10,
                   .error = "no room"}};
  server_.answer = admin::Encode(report);
  const Outcome run = Run({"run", "mine"});
  EXPECT_EQ(run.status, kExitProblems);
  EXPECT_FALSE(Sent().dry_run);
  EXPECT_EQ(run.out,
            "tierToCold           10 B  box/a  (rule old): no room\n"
            "… and 1 more\n"
            "4 blobs looked at: 1 moved to another tier, 0 deleted; 2 failed\n");
  report.failed = 0;
  report.moves.clear();
  server_.answer = admin::Encode(report);
  EXPECT_EQ(Run({"run", "mine"}).status, 0);
}

TEST_F(LifecycleCommandTest, DeleteForgetsThePolicy) {
  EXPECT_EQ(Run({"delete", "mine"}).status, 0);
  EXPECT_THAT(server_.calls, ElementsAre("POST /v1/lifecycle/delete"));
  EXPECT_EQ(Sent().account, "mine");
  EXPECT_FALSE(Sent().policy);
}

TEST_F(LifecycleCommandTest, WhatTheServerRefusesIsSaid) {
  server_.answer = Fail(Code::kNotFound, "There is no account mine.");
  for (const char* command : {"get", "preview", "run", "delete"}) {
    const Outcome refused = Run({command, "mine"});
    EXPECT_EQ(refused.status, 1) << command;
    EXPECT_THAT(refused.err, HasSubstr("There is no account mine.")) << command;
    EXPECT_EQ(refused.out, "") << command;
  }
  server_.answer = "no JSON";
  EXPECT_EQ(Run({"get", "mine"}).status, 1);
  EXPECT_EQ(Run({"run", "mine"}).status, 1);
}

TEST_F(LifecycleCommandTest, AStoreAtRestHasNobodyToCarryPoliciesOut) {
  server_.here = true;
  for (const char* command : {"get", "preview", "run", "delete"}) {
    const Outcome refused = Run({command, "mine"});
    EXPECT_EQ(refused.status, 1) << command;
    EXPECT_THAT(refused.err, HasSubstr("forebay serve")) << command;
  }
  EXPECT_THAT(server_.calls, IsEmpty());
}

}  // namespace
}  // namespace forebay::cli
