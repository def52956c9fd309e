// The local cache of a mount (`--cache DIR`): its place, and what it says of itself.
//
// One thread opens; StatusOf is pure.
#pragma once

#include <memory>
#include <string>

#include "cli/mount_options.h"
#include "io/file_system.h"
#include "vfs/disk_cache.h"

namespace forebay::cli {

// Null where none is asked for. Makes the directory, for its owner's eyes only, and makes its name
// absolute. The errors of DiskCache::Open, naming the directory.
Result<std::unique_ptr<vfs::DiskCache>> OpenMountCache(io::FileSystem& fs,
                                                       const MountOptions& options,
                                                       const std::string& url);

// Lines `name value`, as in the file `status` of the cache.
std::string StatusOf(const vfs::DiskCache::Counts& counts);
// Writes that file now; every few seconds until `context` is cancelled. It is for people: that it
// cannot be written is no error of the mount's.
Result<> WriteCacheStatus(io::FileSystem& fs, const vfs::DiskCache& cache);
Task<> KeepCacheStatus(io::FileSystem& fs, const vfs::DiskCache& cache, OpContext context);

}  // namespace forebay::cli
