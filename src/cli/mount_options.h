// The options of a mount, as `forebay mount -o …` and /etc/fstab write them.
//
// Pure; one thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fuse/session.h"
#include "vfs/buffered_files.h"
#include "vfs/file_system.h"

namespace forebay::cli {

struct MountOptions {
  fuse::SessionOptions session;
  vfs::FileSystemOptions files;
  vfs::BufferedFilesOptions buffers;
  std::size_t threads = 0;  // 0: one a core
  // How to show who we are; at most one.
  std::string key_file;
  std::string sas_file;
  std::string token_file;
  std::string credential;  // "managed-identity" and the like (lake/credential.h)
  std::string account;     // where the URL's host does not say it
  std::string ca_file;
  // How long to wait for a server that does not answer at all, when mounting.
  std::chrono::milliseconds connect_timeout{5000};
  std::string cache;  // directory of the local cache; empty: none
  std::uint64_t cache_bytes = 10ULL << 30;
  std::string log_file;
  std::string log_level = "info";
};

// Adds the options of a list "ro,uid=1000,timeout=30s". kInvalidInput, naming the option and, for a
// misspelt one, the nearest right one. What only mount(8) and systemd read is passed over.
Result<> AddMountOptions(std::string_view list, MountOptions& options);

// The options with a line of explanation each, for --help.
std::string MountOptionsHelp();

}  // namespace forebay::cli
