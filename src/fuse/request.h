// One request of the kernel: who asks, and the one answer it gets.
//
// Movable, one owner. It must be answered exactly once, from any thread; one that dies without an
// answer says EIO, so that no caller can be left hanging by a path that was forgotten. An answer
// that the kernel no longer wants (its caller was killed, the mount is gone) is dropped in silence;
// where the file system has counted a lookup for it, the answering function says so by `false`.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "async/context.h"
#include "fuse/interrupts.h"
#include "fuse/lowlevel.h"
#include "vfs/file_system.h"

namespace forebay::fuse {

class Request {
 public:
  Request(Interrupts& interrupts, fuse_req_t raw,
          Interrupts::When when = Interrupts::When::kWhenStuck);
  Request(Request&& other) noexcept;
  Request& operator=(Request&&) = delete;
  ~Request();

  vfs::Caller caller() const;
  // Cancelled when the caller is interrupted (interrupts.h says when that counts) or the mount
  // ends.
  OpContext context() const;

  void Error(int number);  // a positive errno, or 0 for success without a value
  void Error(const forebay::Error& error);
  bool Entry(const vfs::Entry& entry);
  bool Created(const vfs::Entry& entry, const fuse_file_info& file);
  void Attributes(const vfs::AttributesAnswer& answer);
  void Opened(const fuse_file_info& file);
  void Link(const std::string& target);
  bool Bytes(ByteView bytes);
  void Written(std::size_t bytes);
  void XattrSize(std::size_t bytes);
  void StatFs(const vfs::StatFs& statfs);
  void Lock(const struct flock& lock);
  void Offset(std::uint64_t offset);

 private:
  fuse_req_t Take();  // for the answer; nobody may answer again

  Interrupts* interrupts_;
  fuse_req_t raw_;
  std::uint64_t number_ = 0;
  std::stop_token token_;
};

}  // namespace forebay::fuse
