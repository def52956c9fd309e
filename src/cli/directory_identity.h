// Which directory a directory is, in words that a copy of it does not share: its number in the file
// system, and when it was made; where the file system does not know that, the file system's own id
// (the root of every file system of a kind has the same number). Moving it within its file system,
// other content, another host or another mount point change nothing; a copy, a restored backup and
// a move between file systems are another directory. A clone of the whole file system is not told
// apart.
//
// Thread safe, blocks.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "base/result.h"

namespace forebay::cli {

// "1048577-1763735120.123456789", or "1048577-fs3ab53a2ffd0cbfe9". kIo, kNotFound; kUnsupported
// where the file system has neither: some of those over a network or in user space.
Result<std::string> DirectoryIdentity(const std::string& path);
// The same of what the kernel says of the directory and, 0 for none, as its file system's id.
Result<std::string> DirectoryIdentity(const struct statx& directory, std::uint64_t file_system);

}  // namespace forebay::cli
