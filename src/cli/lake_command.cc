#include "cli/lake_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "admin/lake_messages.h"
#include "base/encoding.h"
#include "cli/lake_events_command.h"
#include "cli/lake_text.h"
#include "cli/lifecycle_command.h"

namespace forebay::cli {
namespace {

using admin::LakeInfo;

constexpr std::chrono::milliseconds kPoll{300};

constexpr const char* kLakeFooter =
    "A container is named CONTAINER, or ACCOUNT/CONTAINER where several accounts have one of that\n"
    "name. The server does the work and goes on when a command ends. docs/lakes.md is the "
    "guide.\n\n"
    "Try it on a lake that nothing can happen to, since read-only is the default:\n"
    "  forebay lake attach training --endpoint https://acct.blob.core.windows.net/datasets \\\n"
    "      --credential sas:@/etc/forebay/lake.sas --wait\n"
    "  forebay lake status training";
constexpr const char* kAttachFooter =
    "Credentials, given by where they are kept and never themselves:\n"
    "  sas:@FILE             a shared access signature in a file, read again when it rotates\n"
    "  key:@FILE             an account key in a file, the same\n"
    "  token:@FILE           a bearer token that something else keeps fresh in a file\n"
    "  managed-identity      of this machine in Azure; managed-identity:CLIENT_ID for one of "
    "several\n"
    "  workload-identity     of a pod (AZURE_CLIENT_ID, AZURE_TENANT_ID, "
    "AZURE_FEDERATED_TOKEN_FILE)\n"
    "  anonymous             for a public container\n"
    "The server reads them, so its user must be able to.";

// "sas:@lake.sas" with the file's absolute path: the server has another folder.
std::string WithAbsolutePath(const std::string& credential) {
  const std::size_t at = credential.find(":@");
  if (at == std::string::npos || credential.substr(at + 2).starts_with('/')) return credential;
  std::error_code ignored;
  const auto path = std::filesystem::absolute(credential.substr(at + 2), ignored);
  return credential.substr(0, at + 2) + path.lexically_normal().string();
}

Result<LakeInfo> StatusOf(Control& control, const std::string& container) {
  FB_ASSIGN_OR_RETURN(const std::string text,
                      control.Call("GET", "/v1/lakes?container=" + PercentEncode(container), ""));
  FB_ASSIGN_OR_RETURN(std::vector<LakeInfo> lakes, admin::DecodeLakes(text));
  if (lakes.size() == 1) return std::move(lakes.front());
  return Fail(Code::kIo, "The server does not answer what was asked.");
}

int WaitForImport(Control& control, const Console& console, LakeInfo lake) {
  const std::string container = lake.account + "/" + lake.container;
  Ticker ticker(console);
  std::string problem;
  while (!lake.import.finished) {
    ticker.Show(LakeSummary(lake));
    if (lake.problem != std::exchange(problem, lake.problem) && !problem.empty()) {
      ticker.Clear();
      console.Note(problem);
    }
    std::this_thread::sleep_for(kPoll);
    auto next = StatusOf(control, container);
    if (!next) return console.Refuse(next.error());
    lake = std::move(*next);
  }
  ticker.Clear();
  console.Print(LakeText(lake, false));
  return 0;
}

int Attach(Control& control, const Console& console, admin::AttachLakeRequest request, bool wait) {
  request.credential = WithAbsolutePath(request.credential);
  auto text = control.Call("POST", "/v1/lakes/attach", Encode(request));
  if (!text) return console.Refuse(text.error());
  auto lake = admin::DecodeLake(*text);
  if (!lake) return console.Refuse(lake.error());
  if (lake->created) {
    console.Say(fmt::format("made the container {}/{}", lake->account, lake->container));
  }
  console.Say(fmt::format(
      "attached {}/{} to {} ({}); {}", lake->account, lake->container, lake->lake, lake->mode,
      lake->overflow ? "what does not fit here goes there from now on"
                     : "its names come in, and everything can be read from now on"));
  return wait ? WaitForImport(control, console, std::move(*lake)) : 0;
}

int Status(Control& control, const Console& console, const std::string& container, bool json,
           bool traffic) {
  const std::string query = container.empty() ? "" : "?container=" + PercentEncode(container);
  auto text = control.Call("GET", "/v1/lakes" + query, "");
  if (!text) return console.Refuse(text.error());
  if (json) {
    console.Print(*text);
    return 0;
  }
  auto lakes = admin::DecodeLakes(*text);
  if (!lakes) return console.Refuse(lakes.error());
  if (lakes->empty()) {
    console.Say("no container is attached to a lake; `forebay lake attach --help` shows how");
  }
  bool problem = false;
  for (const LakeInfo& lake : *lakes) {
    console.Print(LakeText(lake, traffic));
    problem |= !lake.problem.empty();
  }
  return problem ? kExitProblems : 0;
}

int Detach(Control& control, const Console& console, const std::string& container, bool drop) {
  auto text = control.Call("POST", "/v1/lakes/detach",
                           Encode(admin::DetachRequest{.container = container, .drop = drop}));
  if (!text) return console.Refuse(text.error());
  auto lake = admin::DecodeLake(*text);
  if (!lake) return console.Refuse(lake.error());
  console.Say(fmt::format("detached {}/{} from {}: {}", lake->account, lake->container, lake->lake,
                          lake->overflow ? "all of it is here"
                                         : "blobs whose bytes are all here stay, the others are in "
                                           "the lake only"));
  return 0;
}

// The barrier is one call; how far it is, is asked beside it.
int Sync(Control& control, const Console& console, const std::string& container, bool wait) {
  auto lake = StatusOf(control, container);
  if (!lake) return console.Refuse(lake.error());
  if (!wait) {
    console.Print(LakeText(*lake, false));
    return 0;
  }
  std::atomic<bool> done{false};
  Result<std::string> answer;
  std::jthread barrier([&] {
    answer = control.Call("POST", "/v1/lakes/sync", Encode(admin::ContainerRequest{container}));
    done = true;
  });
  Ticker ticker(console);
  std::string problem;
  for (auto next = std::chrono::steady_clock::now() + kPoll; !done;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    if (std::chrono::steady_clock::now() < next) continue;
    next = std::chrono::steady_clock::now() + kPoll;
    auto now = StatusOf(control, container);
    if (!now) continue;
    ticker.Show(LakeSummary(*now));
    // Some need people, who would wait for ever.
    if (now->problem.empty() || now->problem == problem) continue;
    problem = std::move(now->problem);
    ticker.Clear();
    console.Note(problem);
  }
  barrier.join();
  ticker.Clear();
  if (!answer) return console.Refuse(answer.error());
  console.Say("the lake has everything that was changed before");
  return 0;
}

int Approve(Control& control, const Console& console, const std::string& container,
            std::uint64_t deletes) {
  auto text =
      control.Call("POST", "/v1/lakes/approve",
                   Encode(admin::ApproveRequest{.container = container, .deletes = deletes}));
  if (!text) return console.Refuse(text.error());
  console.Say(fmt::format("{} deletes may travel to the lake", Grouped(deletes)));
  return 0;
}

int Verify(Control& control, const Console& console, const std::string& container) {
  auto text = control.Call("POST", "/v1/lakes/verify", Encode(admin::ContainerRequest{container}));
  if (!text) return console.Refuse(text.error());
  auto verified = admin::DecodeVerify(*text);
  if (!verified) return console.Refuse(verified.error());
  console.Print(VerifyText(*verified));
  return verified->damaged > 0 ? kExitProblems : 0;
}

int TakeOver(Control& control, const Console& console, const std::string& container) {
  auto text =
      control.Call("POST", "/v1/lakes/takeover", Encode(admin::ContainerRequest{container}));
  if (!text) return console.Refuse(text.error());
  auto lake = admin::DecodeLake(*text);
  if (!lake) return console.Refuse(lake.error());
  console.Say(fmt::format("{} is this server's; another one that had it stops within a minute",
                          lake->lake));
  return 0;
}

}  // namespace

struct LakeCommands::Values {
  std::string container;
  admin::AttachLakeRequest attach;
  bool json = false, wait = false, traffic = false, drop = false;
  std::uint64_t deletes = 0;
  LakeEventFlags events;
  LifecycleFlags lifecycle;
};

namespace {

void AddContainer(CLI::App* command, std::string& value, bool required = true) {
  command->add_option("container", value, "CONTAINER or ACCOUNT/CONTAINER")
      ->required(required)
      ->type_name("CONTAINER");
}

}  // namespace

void LakeCommands::AddAttach(CommandLine& line, CLI::App& lake, Values& values) {
  const Console& console = line.console();
  CLI::App* attach =
      AddServed(line, lake, "attach",
                "Make a container show what a container of a lake holds. Names come in\n"
                "the background, bytes when they are read; all can be read at once.",
                [&values, &console](Control& control) {
                  values.attach.container = values.container;
                  return Attach(control, console, values.attach, values.wait);
                });
  AddContainer(attach, values.container);
  admin::AttachLakeRequest& request = values.attach;
  attach
      ->add_option("--endpoint", request.endpoint,
                   "The lake's container: https://ACCT.blob.core.windows.net/CONTAINER[/PREFIX]")
      ->required()
      ->type_name("URL");
  attach->add_option("--credential", request.credential, "Where the credential is kept, see below")
      ->required()
      ->type_name("KIND:@FILE");
  attach->add_option(
      "--mode", request.mode,
      "read-only (default: nothing can happen to the lake), read-write, or capacity (a "
      "container of its own, whose cold bytes overflow into the lake)");
  attach->add_option("--prefix", request.prefix, "Only this part of the lake's container");
  attach->add_option("--ordering", request.ordering,
                     "commit (default: the lake sees changes in the order they were made) or "
                     "relaxed (of several overwrites only the last one)");
  attach->add_option("--ack", request.acknowledge,
                     "local (default: a write is answered when it is durable here) or lake (when "
                     "it is in the lake)");
  attach->add_option("--conflicts", request.conflicts,
                     "keep-both (default), lake-wins or local-wins, for a blob that was changed on "
                     "both sides");
  attach->add_flag("--wait", values.wait, "Stay until all names are here, with progress");
  attach->footer(kAttachFooter);
}

// What is done with a lake once it is there.
void LakeCommands::AddMore(CommandLine& line, CLI::App& lake, Values& values) {
  const Console& console = line.console();
  CLI::App* sync = AddServed(line, lake, "sync",
                             "Show what has not travelled to the lake yet; with --wait, stay until "
                             "it has all that was\nchanged before.",
                             [&values, &console](Control& control) {
                               return Sync(control, console, values.container, values.wait);
                             });
  AddContainer(sync, values.container);
  sync->add_flag("--wait", values.wait, "Stay until then");

  AddLakeEventCommands(line, lake, values.events);
  AddLifecycleCommands(line, lake, values.lifecycle);

  CLI::App* approve = AddServed(
      line, lake, "approve", "Let deletes travel to the lake that were held back for being many.",
      [&values, &console](Control& control) {
        return Approve(control, console, values.container, values.deletes);
      });
  AddContainer(approve, values.container);
  approve->add_option("--deletes", values.deletes, "So many; `lake status` says how many wait")
      ->required()
      ->type_name("NUMBER");

  AddContainer(AddServed(line, lake, "verify",
                         "Hold what a lake that is room (mode capacity) has against what this "
                         "server knows.\nChanges nothing. Exit status: 2 when a blob is damaged.",
                         [&values, &console](Control& control) {
                           return Verify(control, console, values.container);
                         }),
               values.container);
  AddContainer(AddServed(line, lake, "takeover",
                         "Make the part of a lake that is room (mode capacity) this server's. "
                         "Only when the\nserver that `lake status` names is gone for good: what it "
                         "has sent and this one\ndoes not know is deleted there.",
                         [&values, &console](Control& control) {
                           return TakeOver(control, console, values.container);
                         }),
               values.container);

  CLI::App* detach =
      AddServed(line, lake, "detach",
                "End it: blobs whose bytes are here stay, the others are no longer shown. The "
                "lake\nkeeps everything. Waits until it has all changes.",
                [&values, &console](Control& control) {
                  return Detach(control, console, values.container, values.drop);
                });
  AddContainer(detach, values.container);
  detach->add_flag(
      "--drop", values.drop,
      "Do not wait: what has not travelled stays here, and the lake never hears of it. Of mode "
      "capacity: leave objects there that the lake does not let go");
}

LakeCommands::~LakeCommands() = default;

LakeCommands::LakeCommands(CommandLine& line) : values_(std::make_unique<Values>()) {
  Values& values = *values_;
  const Console& console = line.console();
  CLI::App* lake = line.root().add_subcommand(
      "lake", "Put containers of Azure behind containers of this server.");
  lake->require_subcommand(1);
  lake->footer(kLakeFooter);
  const auto add = [&](const char* name, const char* help, std::function<int(Control&)> body) {
    return AddServed(line, *lake, name, help, std::move(body));
  };

  AddAttach(line, *lake, values);

  CLI::App* status =
      add("status",
          "How lakes are: names imported, bytes here, what has not travelled yet, "
          "the link.\nExit status: 2 when one has a problem.",
          [&values, &console](Control& control) {
            return Status(control, console, values.container, values.json, values.traffic);
          });
  AddContainer(status, values.container, false);
  status->add_flag("--traffic", values.traffic, "Also requests and bytes by cause");
  status->add_flag("--json", values.json, "As the server says it, for programs");

  AddMore(line, *lake, values);
}

}  // namespace forebay::cli
