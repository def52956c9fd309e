// forebay: one binary with subcommands. `forebay --help` explains them.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "cli/config_flags.h"
#include "cli/serve.h"
#include "cli/version.h"

namespace {

int RunServe(const forebay::cli::ConfigFlags& flags) {
  auto config = flags.Load();
  if (!config) {
    std::fprintf(stderr, "forebay: %s\n", config.error().message().c_str());
    return 1;
  }
  return forebay::cli::Serve(*config, [&flags] { return flags.Load(); });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Forebay: GPU-adjacent storage in front of an Azure Blob data lake.\n"
      "Speaks the Azure Blob REST API; AzCopy, the SDKs and other tools work unchanged.\n\n"
      "Try:  forebay serve\n"
      "then  export AZURE_STORAGE_CONNECTION_STRING=UseDevelopmentStorage=true\n"};
  app.set_version_flag("--version", std::string("forebay ") + forebay::cli::Version());
  app.require_subcommand(1);

  forebay::cli::ConfigFlags serve_flags;
  CLI::App* serve = app.add_subcommand(
      "serve",
      "Run the server.\nWithout configuration: 127.0.0.1:10000, account devstoreaccount1, "
      "data in ./forebay-data.");
  serve_flags.AddTo(*serve);

  CLI11_PARSE(app, argc, argv);
  if (serve->parsed()) return RunServe(serve_flags);
  return 0;
}
