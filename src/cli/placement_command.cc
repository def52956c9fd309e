#include "cli/placement_command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "admin/placement_messages.h"
#include "base/encoding.h"
#include "cli/interrupt.h"
#include "cli/lake_text.h"

namespace forebay::cli {
namespace {

using admin::PatternRequest;
using admin::PrefetchInfo;

constexpr std::chrono::milliseconds kPoll{300};

constexpr const char* kPatternHelp =
    "Patterns: * within a folder, ** across folders, ?, [a-z], {a,b}; a plain name is itself, and\n"
    "one that ends with / means all below it. Quote them, or the shell takes them for files.";
constexpr const char* kPrefetchFooter =
    "The server does the work; it goes on when this command ends, and after a restart of the\n"
    "server where it was. Ctrl-C only stops watching.\n\n"
    "  forebay prefetch training 'imagenet/train/**' --wait\n"
    "  forebay prefetch training --list\n"
    "  forebay prefetch training --cancel 17\n\n";

Result<PrefetchInfo> JobOf(Control& control, const std::string& container, std::uint64_t id) {
  FB_ASSIGN_OR_RETURN(
      const std::string text,
      control.Call(
          "GET", fmt::format("/v1/prefetch?container={}&id={}", PercentEncode(container), id), ""));
  FB_ASSIGN_OR_RETURN(std::vector<PrefetchInfo> jobs, admin::DecodePrefetchInfos(text));
  if (jobs.size() == 1) return std::move(jobs.front());
  return Fail(Code::kIo, "The server does not answer what was asked.");
}

std::string JobText(const PrefetchInfo& job) {
  std::string out =
      fmt::format("{} of {} names, {} ({} fetched)", Grouped(job.done), Grouped(job.matched),
                  HumanBytes(job.bytes), HumanBytes(job.fetched));
  if (job.failed > 0) out += fmt::format(", {} failed: {}", Grouped(job.failed), job.last_error);
  if (!job.waits_for.empty()) out += ", waits: " + job.waits_for;
  return out;
}

// How a job that has ended went.
int Report(const Console& console, const PrefetchInfo& job) {
  const std::string text = JobText(job);
  if (job.state == "done" && job.failed == 0) {
    console.Say("prefetched " + text);
    return 0;
  }
  if (job.state == "no_room") {
    return console.Refuse({Code::kNoSpace, "There is no room for all of it: " + text +
                                               ". What is here stays; unpin or evict something, "
                                               "or ask for less."});
  }
  return console.Refuse({Code::kIo, "The job is " + job.state + ": " + text});
}

// A bar, where it is known how much there is to do; words until then, and where it waits.
class JobLine {
 public:
  explicit JobLine(const Console& console) : bar_(console), words_(console) {}

  void Show(const PrefetchInfo& job) {
    if (job.expected_bytes == 0 || !job.waits_for.empty()) {
      return words_.Show("prefetching " + JobText(job));
    }
    // Of a large blob that is under way, too.
    bar_.Show(
        fmt::format("prefetching {} of {} names", Grouped(job.done), Grouped(job.expected_names)),
        std::max(job.bytes, job.fetched), job.expected_bytes);
  }
  void Clear() {
    bar_.Clear();
    words_.Clear();
  }

 private:
  Progress bar_;
  Ticker words_;
};

int Watch(Control& control, const Console& console, PrefetchInfo job) {
  const std::string container = job.account + "/" + job.container;
  Interrupt interrupt;
  JobLine line(console);
  while (job.state == "running") {
    line.Show(job);
    std::this_thread::sleep_for(kPoll);
    if (interrupt.requested()) {
      line.Clear();
      console.Note(
          fmt::format("the job goes on: {}\n`forebay prefetch {} --watch {}` looks at it "
                      "again, `--cancel {}` ends it",
                      JobText(job), container, job.id, job.id));
      return 130;  // as a shell has it for Ctrl-C
    }
    auto now = JobOf(control, container, job.id);
    if (!now) return console.Refuse(now.error());
    job = std::move(*now);
  }
  line.Clear();
  return Report(console, job);
}

struct PrefetchFlags {
  std::string container, pattern;
  std::uint64_t cancel = 0, watch = 0;
  bool wait = false, list = false, json = false;
};

int ListJobs(Control& control, const Console& console, const PrefetchFlags& flags) {
  auto text = control.Call("GET", "/v1/prefetch?container=" + PercentEncode(flags.container), "");
  if (!text) return console.Refuse(text.error());
  if (flags.json) {
    console.Print(*text);
    return 0;
  }
  auto jobs = admin::DecodePrefetchInfos(*text);
  if (!jobs) return console.Refuse(jobs.error());
  if (jobs->empty()) console.Say("no prefetch job so far");
  for (const PrefetchInfo& job : *jobs) {
    console.Say(fmt::format("{:>6}  {:<9}  {}  {}", job.id, job.state, job.pattern, JobText(job)));
  }
  return 0;
}

int Prefetch(Control& control, const Console& console, const PrefetchFlags& flags) {
  if (flags.list) return ListJobs(control, console, flags);
  if (flags.watch > 0) {
    auto job = JobOf(control, flags.container, flags.watch);
    return job ? Watch(control, console, std::move(*job)) : console.Refuse(job.error());
  }
  if (flags.cancel > 0) {
    auto text =
        control.Call("POST", "/v1/prefetch/cancel",
                     Encode(admin::JobRequest{.container = flags.container, .id = flags.cancel}));
    auto job = text ? admin::DecodePrefetchInfo(*text) : std::unexpected(text.error());
    if (!job) return console.Refuse(job.error());
    console.Say(fmt::format("{}: {}", job->state, JobText(*job)));
    return 0;
  }
  if (flags.pattern.empty()) {
    return console.Refuse(
        {Code::kInvalidInput,
         "What shall be fetched? Give a pattern, such as 'train/**', or --list."});
  }
  auto text =
      control.Call("POST", "/v1/prefetch",
                   Encode(PatternRequest{.container = flags.container, .pattern = flags.pattern}));
  auto job = text ? admin::DecodePrefetchInfo(*text) : std::unexpected(text.error());
  if (!job) return console.Refuse(job.error());
  if (flags.wait) return Watch(control, console, std::move(*job));
  if (flags.json) {
    console.Print(*text);
  } else {
    console.Say(
        fmt::format("job {} fetches {}; `forebay prefetch {} --watch {}` shows how far it "
                    "is",
                    job->id, job->pattern, flags.container, job->id));
  }
  return 0;
}

struct TierFlags {
  std::string container, pattern;
  bool hydrate = false, wait = false, json = false;
};

Result<std::string> Ask(Control& control, const char* action, const TierFlags& flags) {
  return control.Call(
      "POST", std::string("/v1/tier/") + action,
      Encode(PatternRequest{
          .container = flags.container, .pattern = flags.pattern, .hydrate = flags.hydrate}));
}

int Pin(Control& control, const Console& console, const TierFlags& flags) {
  auto text = Ask(control, "pin", flags);
  auto answer = text ? admin::DecodePinAnswer(*text) : std::unexpected(text.error());
  if (!answer) return console.Refuse(answer.error());
  console.Say("pinned " + flags.pattern + ": what matches stays here once it is");
  if (answer->job == 0) return 0;
  auto job = JobOf(control, flags.container, answer->job);
  if (!job) return console.Refuse(job.error());
  if (flags.wait) return Watch(control, console, std::move(*job));
  console.Say(fmt::format("job {} fetches it", answer->job));
  return 0;
}

int Unpin(Control& control, const Console& console, const TierFlags& flags) {
  auto text = Ask(control, "unpin", flags);
  if (!text) return console.Refuse(text.error());
  console.Say("unpinned " + flags.pattern + ": what matches may be given up when room is needed");
  return 0;
}

int Evict(Control& control, const Console& console, const TierFlags& flags) {
  auto text = Ask(control, "evict", flags);
  auto done = text ? admin::DecodeEvictInfo(*text) : std::unexpected(text.error());
  if (!done) return console.Refuse(done.error());
  if (flags.json) {
    console.Print(*text);
    return 0;
  }
  std::string out = fmt::format("evicted {} of {} names, {}", Grouped(done->evicted),
                                Grouped(done->names), HumanBytes(done->evicted_bytes));
  if (done->absent > 0) out += fmt::format("; {} were not here", Grouped(done->absent));
  if (done->pinned > 0) out += fmt::format("; {} are pinned", Grouped(done->pinned));
  if (done->unsent > 0) {
    out += fmt::format("; {} stay until the lake has them", Grouped(done->unsent));
  }
  console.Say(out);
  return 0;
}

// One name: now, to its end. A pattern: a job, which is watched.
int Hydrate(Control& control, const Console& console, const TierFlags& flags) {
  if (flags.pattern.find_first_of("*?[{") != std::string::npos || flags.pattern.ends_with('/')) {
    PrefetchFlags job{.container = flags.container, .pattern = flags.pattern, .wait = true};
    return Prefetch(control, console, job);
  }
  auto text = Ask(control, "hydrate", flags);
  auto done = text ? admin::DecodeHydrateInfo(*text) : std::unexpected(text.error());
  if (!done) return console.Refuse(done.error());
  console.Say(fmt::format("{} is here: {} ({} fetched)", flags.pattern, HumanBytes(done->bytes),
                          HumanBytes(done->fetched)));
  return 0;
}

int PrintPins(Control& control, const Console& console, const std::string& container) {
  auto text = control.Call("GET", "/v1/tier/pins?container=" + PercentEncode(container), "");
  auto pins = text ? admin::DecodePins(*text) : std::unexpected(text.error());
  if (!pins) return console.Refuse(pins.error());
  for (const admin::PinInfo& pin : *pins) {
    console.Say(fmt::format("  pinned {} since {}", pin.pattern, pin.since));
  }
  return 0;
}

int CacheStatus(Control& control, const Console& console, bool json) {
  auto text = control.Call("GET", "/v1/cache", "");
  auto cache = text ? admin::DecodeCache(*text) : std::unexpected(text.error());
  if (!cache) return console.Refuse(cache.error());
  if (json) {
    console.Print(*text);
    return 0;
  }
  console.Say(fmt::format("{} of lakes here, disks {} of {} in use, watermark {}",
                          HumanBytes(cache->resident_bytes), HumanBytes(cache->disk_used),
                          HumanBytes(cache->disk_capacity), cache->watermark));
  if (cache->pinned_bytes > 0) {
    console.Say(
        fmt::format("  eviction has found {} of it pinned", HumanBytes(cache->pinned_bytes)));
  }
  const std::uint64_t reads = cache->hits + cache->misses;
  if (reads > 0) {
    console.Say(fmt::format("{} reads since the start, {:.0f} % of them all here; {} given up",
                            Grouped(reads),
                            100.0 * static_cast<double>(cache->hits) / static_cast<double>(reads),
                            HumanBytes(cache->evicted_bytes)));
  }
  return 0;
}

int TierStatus(Control& control, const Console& console, const TierFlags& flags) {
  if (flags.container.empty()) return CacheStatus(control, console, flags.json);
  std::string path = "/v1/tier?container=" + PercentEncode(flags.container);
  if (!flags.pattern.empty()) path += "&name=" + PercentEncode(flags.pattern);
  auto text = control.Call("GET", path, "");
  if (!text) return console.Refuse(text.error());
  if (flags.json) {
    console.Print(*text);
    return 0;
  }
  if (!flags.pattern.empty()) {
    auto blob = admin::DecodeBlobTier(*text);
    if (!blob) return console.Refuse(blob.error());
    console.Say(fmt::format("{}: {}, {} here of {}{}", flags.pattern, blob->residency,
                            HumanBytes(blob->resident_bytes), HumanBytes(blob->bytes),
                            blob->pinned_by.empty() ? "" : ", pinned by " + blob->pinned_by));
    return 0;
  }
  auto all = admin::DecodeContainerTier(*text);
  if (!all) return console.Refuse(all.error());
  console.Say(fmt::format("{} names, {} here of {}", Grouped(all->names),
                          HumanBytes(all->resident_bytes), HumanBytes(all->bytes)));
  console.Say(
      fmt::format("  {} only here, {} here and in the lake, {} partly here, {} only in the "
                  "lake; {} pinned",
                  Grouped(all->local), Grouped(all->both), Grouped(all->partial),
                  Grouped(all->lake), Grouped(all->pinned)));
  return PrintPins(control, console, flags.container);
}

void AddContainer(CLI::App* command, std::string& container, bool required = true) {
  command->add_option("container", container, "CONTAINER or ACCOUNT/CONTAINER")
      ->required(required)
      ->type_name("CONTAINER");
}

void AddPrefetch(CommandLine& line, PrefetchFlags& flags) {
  const Console& console = line.console();
  CLI::App* prefetch =
      AddServed(line, line.root(), "prefetch",
                "Fetch from the lake whatever matches a pattern, before anybody reads it.",
                [&flags, &console](Control& control) { return Prefetch(control, console, flags); });
  AddContainer(prefetch, flags.container);
  prefetch->add_option("pattern", flags.pattern, "Names, such as 'imagenet/train/**'")
      ->type_name("GLOB");
  prefetch->add_flag("--wait", flags.wait, "Stay until all of it is here, with progress");
  prefetch->add_flag("--list", flags.list, "Show the container's jobs instead");
  prefetch->add_option("--watch", flags.watch, "Stay with a job that runs")->type_name("JOB");
  prefetch->add_option("--cancel", flags.cancel, "End a job; what it fetched stays")
      ->type_name("JOB");
  prefetch->add_flag("--json", flags.json, "As the server says it, for programs");
  prefetch->footer(std::string(kPrefetchFooter) + kPatternHelp);
}

void AddTier(CommandLine& line, TierFlags& flags) {
  const Console& console = line.console();
  CLI::App* tier = line.root().add_subcommand(
      "tier", "Which bytes of a lake are here: keep, give up, bring, look.");
  tier->require_subcommand(1);
  tier->footer(std::string("Access tiers (Hot, Cool, Archive) are the lake's and do not change by "
                           "any of these.\n\n") +
               kPatternHelp);
  const auto add = [&](const char* name, const char* help,
                       int (*body)(Control&, const Console&, const TierFlags&)) {
    return AddServed(line, *tier, name, help, [&flags, &console, body](Control& control) {
      return body(control, console, flags);
    });
  };
  const auto pattern = [&flags](CLI::App* command, const char* help) {
    AddContainer(command, flags.container);
    command->add_option("pattern", flags.pattern, help)->required()->type_name("GLOB");
  };
  CLI::App* pin = add("pin", "Keep what matches: it is never given up for room.", &Pin);
  pattern(pin, "Names, such as 'models/**'");
  pin->add_flag("--hydrate", flags.hydrate, "Fetch what matches, too");
  pin->add_flag("--wait", flags.wait, "With --hydrate: stay until it is here");
  pattern(add("unpin", "Take a pin back.", &Unpin), "The pattern that was pinned");
  CLI::App* evict =
      add("evict",
          "Give up what is here of what matches. Only what the lake has too (of mode\n"
          "capacity: it is sent there first), and no pinned one; reads fetch it again.",
          &Evict);
  pattern(evict, "Names, such as 'old-runs/**'");
  evict->add_flag("--json", flags.json, "As the server says it, for programs");
  pattern(add("hydrate", "Bring what matches here, and stay until it is.", &Hydrate),
          "A name, or names such as 'models/**'");
  CLI::App* status =
      add("status",
          "Where bytes are: of this server, of a container's names (counts them), or "
          "of one\nname.",
          &TierStatus);
  AddContainer(status, flags.container, false);
  status->add_option("name", flags.pattern, "One blob")->type_name("NAME");
  status->add_flag("--json", flags.json, "As the server says it, for programs");
}

}  // namespace

struct PlacementCommands::Values {
  PrefetchFlags prefetch;
  TierFlags tier;
};

PlacementCommands::~PlacementCommands() = default;

PlacementCommands::PlacementCommands(CommandLine& line) : values_(std::make_unique<Values>()) {
  AddPrefetch(line, values_->prefetch);
  AddTier(line, values_->tier);
}

}  // namespace forebay::cli
