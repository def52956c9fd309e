// The local cache of a mount (`--cache DIR`): its place, and what it says of itself.
//
// One thread opens; StatusOf is pure.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "cli/mount_options.h"
#include "io/file_system.h"
#include "vfs/disk_cache.h"

namespace forebay::cli {

// Null where none is asked for. Makes the directory, and makes its name absolute; what is cached is
// for its owner's eyes only, also in a directory that was there. The errors of DiskCache::Open,
// naming the directory.
Result<std::unique_ptr<vfs::DiskCache>> OpenMountCache(io::FileSystem& fs,
                                                       const MountOptions& options,
                                                       const std::string& url);

// Lines `name value`, as in the file `status` of the cache.
std::string StatusOf(const vfs::DiskCache::Counts& counts);
// Writes that file, in place of the one before.
Result<> WriteCacheStatus(io::FileSystem& fs, const vfs::DiskCache& cache);

// Writes it now, every few seconds, and at its own end, on a thread of its own: a disk may make it
// wait, and the mount's loops must not. It is for people: that it cannot be written is no error of
// the mount's. Both outlive it.
class CacheStatusKeeper {
 public:
  CacheStatusKeeper(io::FileSystem& fs, const vfs::DiskCache& cache);

 private:
  std::jthread thread_;
};

}  // namespace forebay::cli
