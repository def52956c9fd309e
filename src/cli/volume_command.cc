#include "cli/volume_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

#include "admin/messages.h"

namespace forebay::cli {
namespace {

using admin::VolumeInfo;

constexpr std::chrono::milliseconds kPoll{300};
// So long without a byte moved, and people should know.
constexpr std::chrono::seconds kPatience{60};

Result<std::vector<VolumeInfo>> Volumes(Control& control) {
  FB_ASSIGN_OR_RETURN(std::string text, control.Call("GET", "/v1/volumes", ""));
  return admin::DecodeVolumes(text);
}

Result<VolumeInfo> Change(Control& control, const std::string& action, const std::string& volume,
                          bool force = false) {
  FB_ASSIGN_OR_RETURN(std::string text,
                      control.Call("POST", "/v1/volumes/" + action,
                                   admin::EncodeVolumeRequest({.volume = volume, .force = force})));
  return admin::DecodeVolume(text);
}

std::string Table(const std::vector<VolumeInfo>& volumes) {
  std::string out = fmt::format("{:<36}  {:<8}  {:>9}  {:>9}  {:>9}  {:>8}  {}\n", "VOLUME",
                                "STATE", "LIVE", "FREE", "SIZE", "SEGMENTS", "PATH");
  for (const VolumeInfo& v : volumes) {
    out += fmt::format("{:<36}  {:<8}  {:>9}  {:>9}  {:>9}  {:>8}  {}{}\n", v.uuid, v.state,
                       HumanBytes(v.live_bytes), HumanBytes(v.available_bytes),
                       HumanBytes(v.total_bytes), v.segments, v.path,
                       v.holds_metadata ? " (metadata)" : "");
    if (!v.failure.empty()) out += fmt::format("{:<36}  {}\n", "", v.failure);
  }
  return out;
}

int WaitUntilEmpty(Control& control, const Console& console, const VolumeInfo& begin) {
  Progress progress(console);
  std::uint64_t before = begin.live_bytes;
  auto moved_at = std::chrono::steady_clock::now();
  while (true) {
    auto volumes = Volumes(control);
    if (!volumes) return console.Refuse(volumes.error());
    auto now = std::ranges::find(*volumes, begin.uuid, &VolumeInfo::uuid);
    if (now == volumes->end() || now->state != "draining") {
      progress.Clear();
      return console.Refuse({Code::kIo, "The volume is no longer drained: it is " +
                                            (now == volumes->end() ? "removed" : now->state) +
                                            "."});
    }
    if (now->segments == 0) break;
    const std::uint64_t done =
        begin.live_bytes > now->live_bytes ? begin.live_bytes - now->live_bytes : 0;
    progress.Show("draining", done, begin.live_bytes);
    if (std::exchange(before, now->live_bytes) != now->live_bytes) {
      moved_at = std::chrono::steady_clock::now();
    } else if (std::chrono::steady_clock::now() - moved_at > kPatience) {
      progress.Clear();
      console.Note("nothing was moved for a minute; the server's log says why");
      moved_at = std::chrono::steady_clock::now();
    }
    std::this_thread::sleep_for(kPoll);
  }
  progress.Clear();
  console.Say(begin.path + " is empty; `forebay volume remove " + begin.uuid + "` forgets it");
  return 0;
}

}  // namespace

int VolumeList(Control& control, const Console& console, bool json) {
  auto text = control.Call("GET", "/v1/volumes", "");
  if (!text) return console.Refuse(text.error());
  if (json) {
    console.Print(*text);
    return 0;
  }
  auto volumes = admin::DecodeVolumes(*text);
  if (!volumes) return console.Refuse(volumes.error());
  console.Print(Table(*volumes));
  return 0;
}

int VolumeDrain(Control& control, const Console& console, const std::string& volume, bool wait) {
  auto begun = Change(control, "drain", volume);
  if (!begun) return console.Refuse(begun.error());
  if (wait) {
    control.StartWork();
    return WaitUntilEmpty(control, console, *begun);
  }
  console.Say(fmt::format("draining {}: {} in {} segments to move{}", begun->path,
                          HumanBytes(begun->live_bytes), begun->segments,
                          control.local() ? " once a server runs" : ""));
  return 0;
}

int VolumeActivate(Control& control, const Console& console, const std::string& volume) {
  auto now = Change(control, "activate", volume);
  if (!now) return console.Refuse(now.error());
  console.Say(now->path + " is " + now->state);
  return 0;
}

int VolumeRemove(Control& control, const Console& console, const std::string& volume, bool force) {
  auto now = Change(control, "remove", volume, force);
  if (!now) return console.Refuse(now.error());
  if (force) {
    console.Say(fmt::format("{} is given up: what it held ({}) is answered with an error",
                            now->path, HumanBytes(now->live_bytes)));
  } else {
    console.Say(now->path +
                " is removed; take it out of `data` before the next start, or it "
                "becomes a new, empty volume");
  }
  return 0;
}

}  // namespace forebay::cli
