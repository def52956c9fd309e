// The proxy as a program; README.md.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "fault_proxy/fault_proxy.h"

int main(int argc, char** argv) {
  using namespace forebay::fault_proxy;
  CLI::App app("Makes the link to an HTTP/1.1 server bad: latency, bandwidth, faults.");
  FaultProxyOptions options;
  std::string upstream = "127.0.0.1:10000";
  app.add_option("--listen", options.listen, "Port on 127.0.0.1 (0: any)");
  app.add_option("--control", options.control, "Port of POST /set?… and GET /stats (0: any)");
  app.add_option("--upstream", upstream, "IP:PORT of the server")->capture_default_str();
  std::string settings;
  app.add_option("--set", settings, "Settings at the start: rtt_ms=15&error_share=0.01&…");
  std::string rtt, error_share;
  app.add_option("--rtt-ms", rtt, "The same as --set rtt_ms=…");
  app.add_option("--error-share", error_share, "The same as --set error_share=…");
  CLI11_PARSE(app, argc, argv);
  const std::size_t colon = upstream.rfind(':');
  if (colon == std::string::npos) return std::fprintf(stderr, "--upstream IP:PORT\n"), 2;
  options.upstream_ip = upstream.substr(0, colon);
  options.upstream_port = static_cast<std::uint16_t>(std::atoi(upstream.c_str() + colon + 1));
  if (!rtt.empty()) settings += (settings.empty() ? "rtt_ms=" : "&rtt_ms=") + rtt;
  if (!error_share.empty()) {
    settings += (settings.empty() ? "error_share=" : "&error_share=") + error_share;
  }
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  FaultProxy proxy(options);
  const auto applied = proxy.settings().Apply(settings);
  if (!applied) return std::fprintf(stderr, "%s\n", applied.error().message().c_str()), 2;
  const auto started = proxy.Start();
  if (!started) return std::fprintf(stderr, "%s\n", started.error().message().c_str()), 1;
  std::printf("proxy %u control %u\n", proxy.port(), proxy.control_port());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}
