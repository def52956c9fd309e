#include "cli/scrub_command.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "admin/messages.h"

namespace forebay::cli {
namespace {

using admin::ScrubInfo;

constexpr std::chrono::milliseconds kPoll{300};

Result<ScrubInfo> Call(Control& control, const char* method, const char* path,
                       const std::string& body = "") {
  FB_ASSIGN_OR_RETURN(std::string text, control.Call(method, path, body));
  return admin::DecodeScrub(text);
}

int Report(const Console& console, const ScrubInfo& scrub) {
  if (scrub.running) {
    console.Say(fmt::format("running since {}: {} of about {} read", scrub.started,
                            HumanBytes(scrub.bytes), HumanBytes(scrub.live_bytes)));
  } else if (scrub.finished.empty()) {
    console.Say("no scrub was completed yet");
  } else {
    console.Say(fmt::format("last completed {}: {} chunks, {}", scrub.finished, scrub.chunks,
                            HumanBytes(scrub.bytes)));
  }
  console.Say(fmt::format("{} damaged", scrub.damaged));
  for (const std::string& finding : scrub.findings) console.Say("  " + finding);
  return scrub.damaged > 0 ? kExitProblems : 0;
}

}  // namespace

int ScrubStatus(Control& control, const Console& console, bool json) {
  auto text = control.Call("GET", "/v1/scrub", "");
  if (!text) return console.Refuse(text.error());
  auto scrub = admin::DecodeScrub(*text);
  if (!scrub) return console.Refuse(scrub.error());
  if (!json) return Report(console, *scrub);
  console.Print(*text);
  return scrub->damaged > 0 ? kExitProblems : 0;
}

int ScrubStart(Control& control, const Console& console, std::optional<std::uint64_t> rate,
               bool wait) {
  auto scrub =
      Call(control, "POST", "/v1/scrub", admin::EncodeScrubRequest({.bytes_per_second = rate}));
  if (!scrub) return console.Refuse(scrub.error());
  if (!wait && !control.local()) {
    console.Say("started; `forebay scrub status` shows how far it is");
    return 0;
  }
  control.StartWork();
  Progress progress(console);
  while (scrub->running) {
    progress.Show("scrubbing", scrub->bytes, scrub->live_bytes);
    std::this_thread::sleep_for(kPoll);
    scrub = Call(control, "GET", "/v1/scrub");
    if (!scrub) return console.Refuse(scrub.error());
  }
  progress.Clear();
  if (scrub->finished < scrub->started) {
    return console.Refuse({Code::kIo, "The scrub did not come to its end; the log says why."});
  }
  return Report(console, *scrub);
}

int ScrubCancel(Control& control, const Console& console) {
  auto scrub = Call(control, "POST", "/v1/scrub/cancel");
  if (!scrub) return console.Refuse(scrub.error());
  console.Say("cancelled");
  return 0;
}

}  // namespace forebay::cli
