#include "cli/serve.h"

#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <cstdio>

#include "base/log.h"
#include "cli/server.h"

namespace forebay::cli {
namespace {

// Blocked in every thread from here on; the main thread waits for them.
sigset_t BlockSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  // A client that goes away is an error of a write, not of the process.
  std::signal(SIGPIPE, SIG_IGN);
  return set;
}

// A descriptor a connection, and those of the stores: what a shell allows by default is too few.
void RaiseFileLimit(const config::Config& config) {
  constexpr std::uint64_t kForStores = 2048;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);  // up to the hard limit anybody may
  if (limit.rlim_max >= config.max_connections + kForStores) return;
  Log(LogLevel::kWarn, "fewer files may be open than limits.max_connections asks for",
      {{"max_connections", config.max_connections}, {"open_files", limit.rlim_max}});
}

void Announce(const Server& server, const config::Config& config) {
  for (const std::string& warning : config.warnings) Log(LogLevel::kWarn, warning);
  for (const std::string& endpoint : server.endpoints()) {
    for (const config::Account& account : config.accounts) {
      Log(LogLevel::kInfo, "serving", {{"endpoint", endpoint + "/" + account.name}});
    }
  }
  if (!server.admin_endpoint().empty()) {
    Log(LogLevel::kInfo, "admin", {{"endpoint", server.admin_endpoint()}});
  }
  if (!server.events_endpoint().empty()) {
    Log(LogLevel::kInfo, "events", {{"endpoint", server.events_endpoint()}});
  }
  sd_notify(0, "READY=1\nSTATUS=Serving");
}

}  // namespace

int Serve(const config::Config& config, const std::function<Result<config::Config>()>& load) {
  const sigset_t signals = BlockSignals();
  if (auto done = ConfigureLog(config.log_options()); !done) {
    std::fprintf(stderr, "forebay: %s\n", done.error().message().c_str());
    return 1;
  }
  RaiseFileLimit(config);
  auto server = Server::Start(config);
  if (!server) {
    FlushLog();
    const Error error = config::Located(config, std::move(server.error()));
    std::fprintf(stderr, "forebay: %s\n", error.message().c_str());
    return 1;
  }
  Announce(**server, config);
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) break;
    sd_notify(0, "RELOADING=1");
    if (auto next = load()) {
      (*server)->Reload(*next);
    } else {
      Log(LogLevel::kError, "configuration not reloaded", {{"error", next.error().message()}});
    }
    sd_notify(0, "READY=1");
  }
  Log(LogLevel::kInfo, "draining", {});
  sd_notify(0, "STOPPING=1");
  (*server)->Drain();
  server->reset();
  Log(LogLevel::kInfo, "stopped", {});
  FlushLog();
  return 0;
}

}  // namespace forebay::cli
