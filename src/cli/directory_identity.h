// Which directory a directory is, in words that a copy of it does not share: its number in the file
// system, and when it was made. Moving it within its file system, other content, another host or
// another mount point change nothing; a copy, a restored backup and a move between file systems
// are another directory. A clone of the whole file system is not told apart.
//
// Thread safe, blocks.
#pragma once

#include <string>

#include "base/result.h"

namespace forebay::cli {

// "1048577-1763735120.123456789". kIo, kNotFound.
Result<std::string> DirectoryIdentity(const std::string& path);

}  // namespace forebay::cli
