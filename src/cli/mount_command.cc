#include "cli/mount_command.h"

#include <CLI/CLI.hpp>

#include "cli/mount_daemon.h"
#include "cli/mount_options.h"
#include "cli/mount_runner.h"
#include "fuse/mount_table.h"

namespace forebay::cli {
namespace {

constexpr const char* kMountHelp =
    "Show a container as a directory of files.\n"
    "Returns when the mount is ready; a process in the background serves it. What is written is "
    "on\n"
    "the server when close or fsync return. docs/semantics.md says what else to expect.";

std::string MountFooter() {
  return "Options, separated by commas behind -o:\n" + MountOptionsHelp() +
         "\nExamples:\n"
         "  forebay mount http://127.0.0.1:10000/devlakeaccount1/training /mnt/training\n"
         "  forebay mount https://acct.dfs.core.windows.net/data /mnt/data \\\n"
         "      -o ro,sas_file=/etc/forebay/data.sas,timeout=60s\n"
         "  forebay umount /mnt/training\n\n"
         "Who you are: --key-file, --sas-file or --token-file, the options of these names, or the\n"
         "environment: FOREBAY_CREDENTIAL (key:…, sas:…, token:…, managed-identity), "
         "AZURE_STORAGE_KEY,\n"
         "AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_CONNECTION_STRING. The development accounts of\n"
         "a server on this machine need nothing.\n\n"
         "In /etc/fstab:\n"
         "  http://127.0.0.1:10000/devlakeaccount1/training /mnt/training forebay "
         "_netdev,key_file=/etc/forebay/key 0 0\n\n"
         "A mount that says \"Transport endpoint is not connected\" has lost its process: mount "
         "it\n"
         "again with --recover.";
}

}  // namespace

int Mount(const MountCommand& command, const Console& console) {
  MountOptions options;
  for (const std::string& list : command.options) {
    if (auto added = AddMountOptions(list, options); !added) return console.Refuse(added.error());
  }
  if (!command.key_file.empty()) options.key_file = command.key_file;
  if (!command.sas_file.empty()) options.sas_file = command.sas_file;
  if (!command.token_file.empty()) options.token_file = command.token_file;
  if (!command.cache.empty()) options.cache = command.cache;
  if (!command.cache_size.empty()) {
    if (auto set = AddMountOptions("cache_size=" + command.cache_size, options); !set) {
      return console.Refuse(set.error());
    }
  }
  if (!command.foreground && command.ready_fd < 0) return StartInBackground(console);
  ReadyPipe ready(command.ready_fd, console);
  return RunMount({.url = command.url,
                   .directory = command.directory,
                   .recover = command.recover,
                   .options = std::move(options)},
                  ready);
}

int Unmount(const UnmountCommand& command, const Console& console) {
  auto place = fuse::ResolveMountPoint(command.directory);
  if (!place) return console.Refuse(place.error());
  auto found = fuse::FindMount(*place);
  if (!found) return console.Refuse(found.error());
  if (!*found || (*found)->type != fuse::kFileSystemType) {
    return console.Refuse({Code::kNotFound, "There is no Forebay mount at " + *place + "."});
  }
  auto done =
      fuse::Unmount(*place, command.lazy ? fuse::UnmountMode::kLazy : fuse::UnmountMode::kPlain);
  if (done) return 0;
  if (done.error().code() != Code::kBusy) return console.Refuse(done.error());
  return console.Refuse({Code::kBusy, *place +
                                          " is in use (fuser -vm shows by whom). With --lazy it "
                                          "leaves the tree now, and ends with its last user."});
}

const char* MountHelp() { return kMountHelp; }

void AddMountFlags(CLI::App& mount, MountCommand& command) {
  mount
      .add_option("url", command.url,
                  "The container, or a directory in it: its https:// or http:// address")
      ->required()
      ->type_name("URL");
  mount.add_option("directory", command.directory, "Where to mount it: a directory that exists")
      ->required()
      ->type_name("DIR");
  mount.add_option("-o,--options", command.options, "Options, separated by commas; see below")
      ->type_name("OPTIONS")
      ->allow_extra_args(false);
  mount.add_option("--key-file", command.key_file, "The account's key, in a file")
      ->type_name("FILE");
  mount.add_option("--sas-file", command.sas_file, "A shared access signature, in a file")
      ->type_name("FILE");
  mount.add_option("--token-file", command.token_file, "A bearer token, in a file")
      ->type_name("FILE");
  mount
      .add_option("--cache", command.cache,
                  "Keep what was read in this directory, for later mounts too")
      ->type_name("DIR");
  mount.add_option("--cache-size", command.cache_size, "How much of it (10GiB)")->type_name("SIZE");
  mount.add_flag("--foreground", command.foreground,
                 "Stay, with the log on the standard error: for systemd and containers");
  mount.add_flag("--recover", command.recover,
                 "Take away a mount whose process has died, and mount anew");
  mount.add_option(kReadyFlag, command.ready_fd)->group("");
  mount.footer(MountFooter());
}

void AddUnmountFlags(CLI::App& unmount, UnmountCommand& command) {
  unmount.add_option("directory", command.directory, "Where it is mounted")
      ->required()
      ->type_name("DIR");
  unmount.add_flag("--lazy", command.lazy, "Out of the tree at once; those who use it may finish");
}

}  // namespace forebay::cli
