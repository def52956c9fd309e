// forebay: one binary with subcommands. `forebay --help` explains them.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/config_flags.h"
#include "cli/maintain.h"
#include "cli/serve.h"
#include "cli/version.h"

namespace {

// Runs `command` with the configuration, or says what is wrong with it.
template <class Command>
int WithConfig(const forebay::cli::ConfigFlags& flags, Command command) {
  auto config = flags.Load();
  if (config) return command(*config);
  std::fprintf(stderr, "forebay: %s\n", config.error().message().c_str());
  return 1;
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

  forebay::cli::ConfigFlags fsck_flags;
  bool verify_bytes = false;
  CLI::App* fsck = app.add_subcommand(
      "fsck", "Check a store that no server has open.\nExit status: 0 sound, 2 problems found.");
  fsck->add_flag("--verify", verify_bytes, "Read every byte and check its checksum (slow)");
  fsck_flags.AddTo(*fsck);

  forebay::cli::ConfigFlags backup_flags;
  std::string backup_folder;
  CLI::App* backup =
      app.add_subcommand("backup",
                         "Copy a store into a folder, while its server runs or not.\n"
                         "Into a folder with an earlier backup, only what is new is copied.");
  backup->add_option("--to", backup_folder, "Folder of the backup")->required()->type_name("DIR");
  backup_flags.AddTo(*backup);

  std::string restore_from;
  std::vector<std::string> restore_to;
  CLI::App* restore = app.add_subcommand("restore", "Make new data directories from a backup.");
  restore->add_option("--from", restore_from, "Folder of the backup")->required()->type_name("DIR");
  restore
      ->add_option("--data", restore_to, "Data directory, empty or new; one for each in the backup")
      ->required()
      ->type_name("DIR");

  CLI11_PARSE(app, argc, argv);
  using forebay::config::Config;
  if (serve->parsed()) {
    return WithConfig(serve_flags, [&](const Config& config) {
      return forebay::cli::Serve(config, [&] { return serve_flags.Load(); });
    });
  }
  if (fsck->parsed()) {
    return WithConfig(
        fsck_flags, [&](const Config& config) { return forebay::cli::Fsck(config, verify_bytes); });
  }
  if (backup->parsed()) {
    return WithConfig(backup_flags, [&](const Config& config) {
      return forebay::cli::BackupCommand(config, backup_folder);
    });
  }
  return forebay::cli::RestoreCommand(restore_from, restore_to);
}
