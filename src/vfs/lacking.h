// What a server cannot give a mount, in words for its log.
//
// Pure, thread safe.
#pragma once

#include <string>

#include "vfs/remote.h"

namespace forebay::vfs {

// "hard links, locks between clients"; empty where nothing is missing.
std::string Lacking(const RemoteTraits& traits);

}  // namespace forebay::vfs
