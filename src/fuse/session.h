// One mount: from mount(2) to the last request.
//
//   FB_ASSIGN_OR_RETURN(auto session, Session::Mount(file_system, loops, options));
//   session->Start();
//   session->Wait();                 // until somebody unmounts, or End from another thread
//   session->End(seconds(30));
//
// Every loop of `loops` takes requests from the kernel itself and works on them, so that a request
// changes threads only where it waits for another one's work. Thread safe but for Mount, Start and
// destruction. Nothing here waits for a server without a bound: the end of a mount never hangs.
// FileSystem and Loops outlive the session. After End the caller ends FileSystem::Run and calls
// Shutdown; only then the session may be destroyed, since the file system tells it what the kernel
// must forget.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "vfs/file_system.h"
#include "vfs/loops.h"

namespace forebay::fuse {

struct SessionOptions {
  std::string mount_point;  // absolute (ResolveMountPoint)
  std::string source;       // shown by mount(8); no secret
  bool read_only = false;
  bool allow_other = true;  // users other than the one who mounts; needs root or user_allow_other
  // The kernel's, passed on as they are: "nodev", "nosuid", "noexec", "noatime", …
  std::vector<std::string> kernel_options;
  bool posix_acls = true;
  bool locks = true;  // between clients; false: the kernel keeps them, for this machine
  bool direct_writes = true;
  unsigned read_ahead_kib = 4096;  // 0: the kernel's own (128)
  unsigned max_background = 128;
  bool debug = false;  // libfuse tells every request on the standard error
};

class Session {
 public:
  // Mounts. The kernel holds requests back until Start. kIo, kLocked (something of ours is mounted
  // there already), kUnsupported (no /dev/fuse).
  static Result<std::unique_ptr<Session>> Mount(vfs::FileSystem& file_system, vfs::Loops& loops,
                                                SessionOptions options);
  ~Session();  // after End

  void Start();
  // True when the kernel and we have agreed on a protocol: the mount answers.
  bool WaitReady(std::chrono::milliseconds timeout);
  // Returns when the mount is gone or somebody called Interrupt.
  void Wait();
  // Makes Wait return. Async-signal-safe it is not: call it from a thread that waits for signals.
  void Interrupt();

  // Takes the mount away: plainly where nobody uses it, else from the tree at once, while those who
  // use it may go on until `grace` is over. Requests that are still waiting then are cancelled, and
  // whoever holds a file sees ENOTCONN.
  void End(std::chrono::milliseconds grace);

 private:
  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay::fuse
