#include "cli/lifecycle_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "admin/lifecycle_messages.h"
#include "base/encoding.h"
#include "cli/lake_text.h"

namespace forebay::cli {
namespace {

using admin::LifecycleMoveInfo;
using admin::LifecycleReportInfo;
using admin::LifecycleRequest;

// Well above what a policy may have; what is longer is some other file.
constexpr std::size_t kMaxPolicy = 1 << 20;

constexpr const char* kFooter =
    "A policy is Azure's JSON, {\"rules\": […]}, and is kept by account. A server carries it out "
    "once a\nday. Rules go by the time of modification or creation, prefixMatch and "
    "blobIndexMatch.\n\n"
    "  forebay lake lifecycle preview devstoreaccount1 policy.json   # what it would do; it is not "
    "put\n"
    "  forebay lake lifecycle put devstoreaccount1 policy.json\n"
    "  forebay lake lifecycle get devstoreaccount1 > policy.json";

Result<std::string> ReadPolicy(const std::string& path) {
  const bool standard = path == "-";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(
      standard ? nullptr : std::fopen(path.c_str(), "rb"),
      [](std::FILE* file) { return std::fclose(file); });
  std::FILE* file = standard ? stdin : opened.get();
  if (file == nullptr) return Fail(Code::kNotFound, "The file " + path + " cannot be opened.");
  std::string text(kMaxPolicy + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  if (std::ferror(file) != 0) return Fail(Code::kIo, "The file " + path + " cannot be read.");
  if (text.size() > kMaxPolicy) {
    return Fail(Code::kInvalidInput, "The file " + path + " is too long for a policy.");
  }
  return text;
}

std::string PathOf(const LifecycleFlags& flags) {
  return "/v1/lifecycle?account=" + PercentEncode(flags.account);
}

Result<std::string> Ask(Control& control, const char* path, const LifecycleRequest& request) {
  FB_ASSIGN_OR_RETURN(const std::string body, Encode(request));
  return control.Call("POST", path, body);
}

int Get(Control& control, const Console& console, const LifecycleFlags& flags) {
  auto text = control.Call("GET", PathOf(flags), "");
  if (!text) return console.Refuse(text.error());
  if (flags.json) {
    console.Print(*text);
    return 0;
  }
  auto info = admin::DecodeLifecycle(*text);
  if (!info) return console.Refuse(info.error());
  console.Print(info->policy + "\n");
  if (info->last_run) {
    const LifecycleReportInfo& run = *info->last_run;
    console.Note(fmt::format("last run {}: {} moved, {} deleted, {} failed", run.finished,
                             Grouped(run.moved), Grouped(run.deleted), Grouped(run.failed)));
  }
  return 0;
}

int Put(Control& control, const Console& console, const LifecycleFlags& flags) {
  auto policy = ReadPolicy(flags.file);
  if (!policy) return console.Refuse(policy.error());
  auto text =
      Ask(control, "/v1/lifecycle", {.account = flags.account, .policy = std::move(*policy)});
  if (!text) return console.Refuse(text.error());
  console.Say(
      fmt::format("the policy is put; `forebay lake lifecycle preview {}` lists what it would do",
                  flags.account));
  return 0;
}

int Delete(Control& control, const Console& console, const LifecycleFlags& flags) {
  auto text = Ask(control, "/v1/lifecycle/delete", {.account = flags.account});
  if (!text) return console.Refuse(text.error());
  console.Say("the account has no lifecycle policy any more");
  return 0;
}

void List(const Console& console, const LifecycleReportInfo& report) {
  for (const LifecycleMoveInfo& move : report.moves) {
    console.Say(fmt::format("{:<13}  {:>10}  {}/{}  (rule {}){}", move.action,
                            HumanBytes(move.bytes), move.container, move.name, move.rule,
                            move.error.empty() ? "" : ": " + move.error));
  }
  const std::uint64_t due = report.dry_run ? report.moved + report.deleted : report.failed;
  if (due > report.moves.size()) {
    console.Say(fmt::format("… and {} more", Grouped(due - report.moves.size())));
  }
}

int Run(Control& control, const Console& console, const LifecycleFlags& flags, bool dry_run) {
  LifecycleRequest request{.account = flags.account, .dry_run = dry_run};
  if (!flags.file.empty()) {
    auto policy = ReadPolicy(flags.file);
    if (!policy) return console.Refuse(policy.error());
    request.policy = std::move(*policy);
  }
  auto text = Ask(control, "/v1/lifecycle/run", request);
  if (!text) return console.Refuse(text.error());
  if (flags.json) {
    console.Print(*text);
    return 0;
  }
  auto report = admin::DecodeLifecycleReport(*text);
  if (!report) return console.Refuse(report.error());
  List(console, *report);
  const char* would = report->dry_run ? "would be " : "";
  std::string out = fmt::format("{} blobs looked at: {} {}moved to another tier, {} {}deleted",
                                Grouped(report->blobs), Grouped(report->moved), would,
                                Grouped(report->deleted), would);
  if (report->skipped > 0) {
    out +=
        fmt::format("; {} may not be changed, or were changed meanwhile", Grouped(report->skipped));
  }
  if (report->failed > 0) out += fmt::format("; {} failed", Grouped(report->failed));
  console.Say(out);
  return report->failed > 0 ? kExitProblems : 0;
}

}  // namespace

void AddLifecycleCommands(CommandLine& line, CLI::App& lake, LifecycleFlags& flags) {
  const Console& console = line.console();
  CLI::App* lifecycle = lake.add_subcommand(
      "lifecycle", "Policies that move blobs to cooler tiers, or delete them, by age.");
  lifecycle->require_subcommand(1);
  lifecycle->footer(kFooter);
  const auto add = [&](const char* name, const char* help, std::function<int(Control&)> body) {
    CLI::App* command = AddServed(line, *lifecycle, name, help, std::move(body));
    command->add_option("account", flags.account, "An account of this server")
        ->required()
        ->type_name("ACCOUNT");
    return command;
  };
  const auto file = [&](CLI::App* command, const char* help, bool required) {
    command->add_option("file", flags.file, help)->required(required)->type_name("FILE");
  };
  CLI::App* get = add("get", "Print the policy, as `put` takes it.",
                      [&](Control& control) { return Get(control, console, flags); });
  get->add_flag("--json", flags.json, "As the server says it, with how the last run went");
  file(add("put", "Put a policy in place of the one there is.",
           [&](Control& control) { return Put(control, console, flags); }),
       "The policy in Azure's JSON; - for standard input", true);
  CLI::App* preview =
      add("preview", "List what the policy would do now. Nothing is done.",
          [&](Control& control) { return Run(control, console, flags, /*dry_run=*/true); });
  file(preview, "A policy to try instead of the one that is put", false);
  preview->add_flag("--json", flags.json, "As the server says it, for programs");
  CLI::App* run =
      add("run", "Carry the policy out now. Exit status: 2 when something could not be done.",
          [&](Control& control) { return Run(control, console, flags, /*dry_run=*/false); });
  run->add_flag("--json", flags.json, "As the server says it, for programs");
  add("delete", "Forget the policy.",
      [&](Control& control) { return Delete(control, console, flags); });
}

}  // namespace forebay::cli
