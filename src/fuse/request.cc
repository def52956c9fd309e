#include "fuse/request.h"

#include <cerrno>

#include "base/log.h"
#include "fuse/face.h"
#include "fuse/translate.h"
#include "vfs/errno_of.h"

namespace forebay::fuse {
namespace {

// libfuse holds no lock of its own here but the request's.
void OnInterrupt(fuse_req_t raw, void* number) {
  Face::Of(raw).interrupts.Interrupt(reinterpret_cast<std::uintptr_t>(number));
}

}  // namespace

Request::Request(Interrupts& interrupts, fuse_req_t raw, Interrupts::When when)
    : interrupts_(&interrupts), raw_(raw) {
  Interrupts::Ticket ticket = interrupts.Begin(when);
  number_ = ticket.number;
  token_ = std::move(ticket.token);
  fuse_req_interrupt_func(raw, OnInterrupt, reinterpret_cast<void*>(std::uintptr_t{number_}));
}

Request::Request(Request&& other) noexcept
    : interrupts_(other.interrupts_),
      raw_(std::exchange(other.raw_, nullptr)),
      number_(std::exchange(other.number_, 0)),
      token_(std::move(other.token_)) {}

Request::~Request() {
  if (raw_) Error(EIO);
}

fuse_req_t Request::Take() {
  if (!raw_) Panic("a request of the kernel was answered twice");
  interrupts_->End(number_);
  return std::exchange(raw_, nullptr);
}

vfs::Caller Request::caller() const {
  const fuse_ctx* context = fuse_req_ctx(raw_);
  return {.uid = context->uid,
          .gid = context->gid,
          .pid = static_cast<std::uint32_t>(context->pid),
          .umask = context->umask};
}

OpContext Request::context() const { return {.request_id = {}, .cancel = token_}; }

void Request::Error(int number) { fuse_reply_err(Take(), number); }

void Request::Error(const forebay::Error& error) {
  const int number = vfs::ErrnoOf(error);
  if (number == EIO) {
    // What a program shows as "Input/output error" has a reason, and this is the only place to say.
    Log(LogLevel::kWarn, "a file operation failed", {{"error", error.ToString()}});
  }
  Error(number);
}

bool Request::Entry(const vfs::Entry& entry) {
  const fuse_entry_param out = EntryOf(entry);
  return fuse_reply_entry(Take(), &out) == 0;
}

bool Request::Created(const vfs::Entry& entry, const fuse_file_info& file) {
  const fuse_entry_param out = EntryOf(entry);
  return fuse_reply_create(Take(), &out, &file) == 0;
}

void Request::Attributes(const vfs::AttributesAnswer& answer) {
  const struct stat out = StatOf(answer.attributes);
  fuse_reply_attr(Take(), &out, SecondsOf(answer.age));
}

void Request::Opened(const fuse_file_info& file) { fuse_reply_open(Take(), &file); }
void Request::Link(const std::string& target) { fuse_reply_readlink(Take(), target.c_str()); }

bool Request::Bytes(ByteView bytes) {
  // The kernel copies from where the bytes are.
  const iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
  return fuse_reply_iov(Take(), &piece, bytes.empty() ? 0 : 1) == 0;
}

void Request::Written(std::size_t bytes) { fuse_reply_write(Take(), bytes); }
void Request::XattrSize(std::size_t bytes) { fuse_reply_xattr(Take(), bytes); }

void Request::StatFs(const vfs::StatFs& statfs) {
  const struct statvfs out = StatFsOf(statfs);
  fuse_reply_statfs(Take(), &out);
}

void Request::Lock(const struct flock& lock) { fuse_reply_lock(Take(), &lock); }
void Request::Offset(std::uint64_t offset) { fuse_reply_lseek(Take(), static_cast<off_t>(offset)); }

}  // namespace forebay::fuse
