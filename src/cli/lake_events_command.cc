#include "cli/lake_events_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "admin/event_messages.h"
#include "admin/lake_messages.h"
#include "base/encoding.h"
#include "cli/lake_text.h"

namespace forebay::cli {
namespace {

int Events(Control& control, const Console& console, const std::string& container, bool json) {
  std::uint64_t after = 0;
  for (bool more = true; more;) {
    auto text = control.Call("GET",
                             fmt::format("/v1/lakes/events?container={}&after={}&limit=1000",
                                         PercentEncode(container), after),
                             "");
    if (!text) return console.Refuse(text.error());
    auto page = admin::DecodeEventPage(*text);
    if (!page) return console.Refuse(page.error());
    if (json) console.Print(*text);
    for (const admin::EventInfo& event : page->events) {
      after = event.cursor;
      if (json) continue;
      console.Say(fmt::format("{}  {:<18}  {}{}{}", event.at, event.kind, event.name,
                              event.name.empty() || event.text.empty() ? "" : ": ", event.text));
    }
    more = page->more && !page->events.empty();
  }
  return 0;
}

int Resolve(Control& control, const Console& console, const admin::ConflictRequest& request) {
  auto text = control.Call("POST", "/v1/lakes/conflicts/resolve", Encode(request));
  if (!text) return console.Refuse(text.error());
  console.Say(request.keep.empty() ? "it is off the list" : "kept " + request.keep);
  return 0;
}

int Check(Control& control, const Console& console, const std::string& container) {
  auto text = control.Call("POST", "/v1/lakes/check", Encode(admin::ContainerRequest{container}));
  auto check = text ? admin::DecodeCheck(*text) : std::unexpected(text.error());
  if (!check) return console.Refuse(check.error());
  console.Say(fmt::format("compared {} names: {} changed there, {} deleted, {} conflicts",
                          Grouped(check->names), Grouped(check->changed), Grouped(check->deleted),
                          Grouped(check->conflicts)));
  return 0;
}

int Conflicts(Control& control, const Console& console, const std::string& container, bool json) {
  std::uint64_t after = 0, count = 0;
  for (bool more = true; more;) {
    auto text = control.Call("GET",
                             fmt::format("/v1/lakes/conflicts?container={}&after={}&limit=1000",
                                         PercentEncode(container), after),
                             "");
    if (!text) return console.Refuse(text.error());
    auto page = admin::DecodeConflictPage(*text);
    if (!page) return console.Refuse(page.error());
    if (json) console.Print(*text);
    for (const admin::ConflictInfo& conflict : page->conflicts) {
      after = conflict.id;
      ++count;
      if (json) continue;
      console.Say(fmt::format("{:>20}  {}  {:<13}  {:<9}  {}{}", conflict.id, conflict.at,
                              conflict.kind, conflict.outcome, conflict.name,
                              conflict.kept_as.empty() ? "" : "; ours is " + conflict.kept_as));
    }
    more = page->more && !page->conflicts.empty();
  }
  if (count == 0 && !json) console.Say("no conflicts");
  return 0;
}

void AddContainer(CLI::App* command, std::string& value) {
  command->add_option("container", value, "CONTAINER or ACCOUNT/CONTAINER")
      ->required()
      ->type_name("CONTAINER");
}

}  // namespace

void AddLakeEventCommands(CommandLine& line, CLI::App& lake, LakeEventFlags& values) {
  const Console& console = line.console();
  CLI::App* events = AddServed(line, lake, "events",
                               "What was decided about blobs, and how the lake was, oldest first.",
                               [&values, &console](Control& control) {
                                 return Events(control, console, values.container, values.json);
                               });
  AddContainer(events, values.container);
  events->add_flag("--json", values.json, "As the server says it, a page after the other");

  CLI::App* conflicts =
      AddServed(line, lake, "conflicts",
                "Blobs that were changed here and in the lake, and how that was settled.",
                [&values, &console](Control& control) {
                  if (values.resolve + values.dismiss == 0) {
                    return Conflicts(control, console, values.container, values.json);
                  }
                  return Resolve(control, console,
                                 {.container = values.container,
                                  .id = values.resolve + values.dismiss,
                                  .keep = values.keep});
                });
  AddContainer(conflicts, values.container);
  CLI::Option* resolve =
      conflicts->add_option("--resolve", values.resolve, "Settle the one with this number")
          ->type_name("ID");
  CLI::Option* keep = conflicts->add_option("--keep", values.keep, "With --resolve: ours or theirs")
                          ->type_name("SIDE")
                          ->needs(resolve);
  resolve->needs(keep);
  conflicts->add_option("--dismiss", values.dismiss, "Take one off the list; nothing else changes")
      ->type_name("ID")
      ->excludes(resolve);
  conflicts->add_flag("--json", values.json, "As the server says it, a page after the other");

  CLI::App* check = AddServed(
      line, lake, "check",
      "Compare a container with its lake now; a server does so by itself "
      "every\nlake.check_interval.",
      [&values, &console](Control& control) { return Check(control, console, values.container); });
  AddContainer(check, values.container);
}

}  // namespace forebay::cli
