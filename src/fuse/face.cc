#include "fuse/face.h"

namespace forebay::fuse {

thread_local Executor Face::current;
thread_local Buffers::Lease* Face::request_buffer = nullptr;

Face::Face(vfs::FileSystem& fs, Executor any, FaceOptions what)
    : file_system(fs),
      options(what),
      group(std::move(any)),
      // As many as the kernel may have in flight, so that none is ever made anew; memory that was
      // not used yet is not there yet.
      buffers(kMaxTransfer + kRequestHeader, what.max_background) {}

}  // namespace forebay::fuse
