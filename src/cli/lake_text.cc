#include "cli/lake_text.h"

#include <fmt/format.h>

#include "cli/console.h"

namespace forebay::cli {
namespace {

std::string Imported(const admin::LakeInfo& lake) {
  const admin::ImportInfo& import = lake.import;
  if (import.finished) return fmt::format("imported {} names", Grouped(import.names));
  std::string out = import.expected_names > 0
                        ? fmt::format("imported {} of ~{} names", Grouped(import.names),
                                      About(import.expected_names))
                        : fmt::format("importing: {} names so far", Grouped(import.names));
  if (import.names_per_second > 0) out += fmt::format(" ({}/s)", Grouped(import.names_per_second));
  return out;
}

std::string Overflow(const admin::OverflowInfo& overflow) {
  std::string out =
      fmt::format("{} {} / {} in the lake", Grouped(overflow.bodies),
                  overflow.bodies == 1 ? "body" : "bodies", HumanBytes(overflow.bytes));
  if (overflow.to_delete > 0) out += fmt::format(", {} to delete", Grouped(overflow.to_delete));
  if (overflow.stuck > 0) out += fmt::format(" ({} not let go)", Grouped(overflow.stuck));
  return out;
}

std::string Backlog(const admin::BacklogInfo& backlog) {
  if (backlog.files == 0) return "backlog empty";
  std::string out = fmt::format("backlog {} {} / {} / oldest {}", Grouped(backlog.files),
                                backlog.files == 1 ? "file" : "files", HumanBytes(backlog.bytes),
                                Age(backlog.oldest_seconds));
  if (!backlog.paused.empty()) out += " (paused)";
  return out;
}

std::string Link(const admin::LinkInfo& link) {
  if (link.state == "up" || link.down_seconds == 0) return "link " + link.state;
  return fmt::format("link {} for {}", link.state, Age(link.down_seconds));
}

}  // namespace

std::string Grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t at = out.size(); at > 3;) {
    at -= 3;
    out.insert(at, ",");
  }
  return out;
}

std::string About(std::uint64_t number) {
  struct Unit {
    double size;
    const char* name;
  };
  constexpr Unit kUnits[] = {{1e9, " G"}, {1e6, " M"}, {1e3, " K"}};
  const auto value = static_cast<double>(number);
  for (const Unit& unit : kUnits) {
    const double scaled = value / unit.size;
    if (scaled < 0.995) continue;
    std::string text =
        scaled < 9.95 ? fmt::format("{:.1f}", scaled) : fmt::format("{:.0f}", scaled);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text + unit.name;
  }
  return std::to_string(number);
}

std::string Age(std::uint64_t seconds) {
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86'400);
}

std::string LakeSummary(const admin::LakeInfo& lake) {
  std::string out = lake.overflow ? Overflow(*lake.overflow) : Imported(lake);
  if (lake.residency) {
    out += fmt::format(", {} here of {}", HumanBytes(lake.residency->resident_bytes),
                       HumanBytes(lake.residency->total_bytes));
  }
  if (lake.backlog && lake.mode != "read-only") out += ", " + Backlog(*lake.backlog);
  if (lake.link) out += ", " + Link(*lake.link);
  return out;
}

std::string LakeText(const admin::LakeInfo& lake, bool traffic) {
  std::string out = fmt::format("{}/{} -> {} ({}, {})\n  {}\n", lake.account, lake.container,
                                lake.lake, lake.mode, lake.credential, LakeSummary(lake));
  if (lake.backlog && !lake.backlog->paused.empty()) {
    out += fmt::format("  paused: {}\n", lake.backlog->paused);
  }
  if (lake.backlog && !lake.backlog->writes_held.empty() &&
      lake.backlog->writes_held != lake.problem) {
    out += fmt::format("  writes refused: {}\n", lake.backlog->writes_held);
  }
  if (lake.overflow && !lake.overflow->writes_held.empty() &&
      lake.overflow->writes_held != lake.problem) {
    out += fmt::format("  writes refused: {}\n", lake.overflow->writes_held);
  }
  if (!lake.problem.empty()) out += fmt::format("  problem: {}\n", lake.problem);
  if (!traffic) return out;
  if (lake.overflow) {
    out += fmt::format("  {} bodies / {} sent since the server began, {} did not go\n",
                       Grouped(lake.overflow->sent_bodies), HumanBytes(lake.overflow->sent_bytes),
                       Grouped(lake.overflow->failures));
  }
  for (const admin::TrafficInfo& cause : lake.traffic) {
    if (cause.requests == 0) continue;
    out += fmt::format("  {:<12} {:>12} requests  {:>9} down  {:>9} up\n", cause.cause,
                       Grouped(cause.requests), HumanBytes(cause.bytes_down),
                       HumanBytes(cause.bytes_up));
  }
  out += fmt::format("  {} failed tries, {} repeated\n", Grouped(lake.failures),
                     Grouped(lake.retries));
  return out;
}

std::string VerifyText(const admin::VerifyInfo& verified) {
  std::string out;
  for (const admin::DamageInfo& one : verified.damage) {
    out += fmt::format("{}: its object {} {}\n", one.name, one.object, one.what);
  }
  if (verified.damaged > verified.damage.size()) {
    out += fmt::format("and {} more\n", Grouped(verified.damaged - verified.damage.size()));
  }
  out +=
      fmt::format("{} {} / {} in the lake, {} damaged; {} objects there", Grouped(verified.blobs),
                  verified.blobs == 1 ? "blob" : "blobs", HumanBytes(verified.bytes),
                  Grouped(verified.damaged), Grouped(verified.objects));
  if (verified.to_delete > 0) out += fmt::format(", {} to delete", Grouped(verified.to_delete));
  if (verified.unowned > 0) out += fmt::format(", {} that nobody names", Grouped(verified.unowned));
  if (verified.foreign > 0) out += fmt::format(", {} that are not ours", Grouped(verified.foreign));
  return out + "\n";
}

}  // namespace forebay::cli
