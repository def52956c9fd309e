#include "fuse/session.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>

#include "async/sleep.h"
#include "base/log.h"
#include "fuse/face.h"
#include "fuse/mount_table.h"
#include "fuse/notifier.h"

namespace forebay::fuse {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

// How long cancelled requests may take to end before the process ends without them.
constexpr milliseconds kUnwindTime{10'000};
// Requests that a loop takes in a row before it looks at its other work.
constexpr int kBatch = 8;

// What the kernel offered and we want; the rest of `connection` keeps libfuse's defaults.
void ChooseProtocol(const SessionOptions& options, fuse_conn_info& connection) {
  const auto want = [&](unsigned flag, bool wanted) {
    connection.want &= ~flag;
    if (wanted) connection.want |= connection.capable & flag;
  };
  connection.max_write = static_cast<unsigned>(kMaxTransfer);
  connection.max_background = options.max_background;
  connection.congestion_threshold = options.max_background * 3 / 4;
  connection.time_gran = 1;
  want(FUSE_CAP_ASYNC_READ, true);
  want(FUSE_CAP_ASYNC_DIO, true);
  want(FUSE_CAP_PARALLEL_DIROPS, true);
  want(FUSE_CAP_ATOMIC_O_TRUNC, true);
  want(FUSE_CAP_READDIRPLUS, true);
  want(FUSE_CAP_READDIRPLUS_AUTO, true);
  want(FUSE_CAP_CACHE_SYMLINKS, true);
  // A file that others made longer must not show zeros from a page that ended at its old end.
  want(FUSE_CAP_AUTO_INVAL_DATA, true);
  want(FUSE_CAP_EXPLICIT_INVAL_DATA, false);
  // The kernel takes set-user-id bits away itself, by setting the mode.
  want(FUSE_CAP_HANDLE_KILLPRIV, false);
  // Every write is ours to order with those of other mounts; our buffers are behind it.
  want(FUSE_CAP_WRITEBACK_CACHE, false);
  want(FUSE_CAP_SPLICE_READ, false);
  want(FUSE_CAP_SPLICE_WRITE, false);
  want(FUSE_CAP_SPLICE_MOVE, false);
  want(FUSE_CAP_POSIX_LOCKS, options.locks);
  want(FUSE_CAP_FLOCK_LOCKS, options.locks);
  want(FUSE_CAP_POSIX_ACL, options.posix_acls);
  // With ACLs a directory's default ACL takes the umask's place, which only the server knows.
  want(FUSE_CAP_DONT_MASK, true);
}

std::string MountOptions(const SessionOptions& options) {
  // A comma would end the name: it has to be escaped for libfuse.
  std::string name;
  for (char c : options.source) {
    if (c == ',' || c == '\\') name.push_back('\\');
    name.push_back(c);
  }
  std::string out = "fsname=" + name + ",subtype=forebay,default_permissions";
  if (options.allow_other) out += ",allow_other";
  if (options.read_only) out += ",ro";
  if (options.debug) out += ",debug";
  for (const std::string& option : options.kernel_options) out += "," + option;
  return out;
}

}  // namespace

struct Session::Impl {
  Impl(vfs::FileSystem& fs, vfs::Loops& its_loops, SessionOptions what)
      : options(std::move(what)),
        loops(its_loops),
        face(fs, loops.At(0),
             {.posix_acls = options.posix_acls,
              .max_background = options.max_background,
              .direct_writes = options.direct_writes}),
        servers(loops.At(0)) {}

  static void OnInit(void* userdata, fuse_conn_info* connection);
  Result<> Mount();
  asio::awaitable<void> Serve(Executor executor);
  // Requests that are there, at most kBatch; false when the mount is gone.
  bool TakeSome(Buffers::Lease& buffer);
  asio::awaitable<void> SweepInterrupts();
  void Tell(bool& what);
  bool Gone();
  void TakeAway(milliseconds grace);
  void Unwind();

  const SessionOptions options;
  vfs::Loops& loops;
  Face face;
  TaskGroup servers;  // Serve, one a loop, and SweepInterrupts
  fuse_session* session = nullptr;
  std::unique_ptr<Notifier> notifier;
  MountEntry entry;
  std::atomic<bool> stopping{false};

  std::mutex mutex;
  std::condition_variable changed;
  bool ready = false;        // guarded by mutex: the kernel has said hello
  bool gone = false;         // guarded by mutex: the kernel has let go
  bool interrupted = false;  // guarded by mutex
  // Guarded by mutex: so that End can wake the loops. Each is used by its own loop only.
  std::vector<std::shared_ptr<asio::posix::stream_descriptor>> devices;
};

void Session::Impl::Tell(bool& what) {
  {
    std::lock_guard lock(mutex);
    what = true;
  }
  changed.notify_all();
}

bool Session::Impl::Gone() {
  std::lock_guard lock(mutex);
  return gone;
}

void Session::Impl::OnInit(void* userdata, fuse_conn_info* connection) {
  // libfuse hands every callback the same userdata: the Face, a member of Impl that knows it.
  Face& face = *static_cast<Face*>(userdata);
  auto* impl = static_cast<Impl*>(face.owner);
  ChooseProtocol(impl->options, *connection);
  impl->Tell(impl->ready);
}

Result<> Session::Impl::Mount() {
  if (::access("/dev/fuse", F_OK) != 0) {
    return Fail(Code::kUnsupported,
                "There is no /dev/fuse: load the module (modprobe fuse), or give the container the "
                "device.");
  }
  fuse_lowlevel_ops table{};
  table.init = OnInit;
  AddNameOperations(table);
  AddAttributeOperations(table);
  AddFileOperations(table);
  AddDirectoryOperations(table);
  AddLockOperations(table);
  face.owner = this;
  std::string program = "forebay", flag = "-o", words = MountOptions(options);
  char* argv[] = {program.data(), flag.data(), words.data(), nullptr};
  fuse_args arguments{3, argv, 0};
  session = fuse_session_new(&arguments, &table, sizeof table, &face);
  fuse_opt_free_args(&arguments);
  if (!session) {
    return Fail(Code::kInvalidInput, "The kernel's part of the mount options is wrong: " + words);
  }
  if (fuse_session_mount(session, options.mount_point.c_str()) != 0) {
    const std::string why = std::system_category().message(errno);
    fuse_session_destroy(session);
    session = nullptr;
    return Fail(Code::kIo, "Cannot mount at " + options.mount_point + ": " + why + ".");
  }
  face.session = session;
  const int device = fuse_session_fd(session);
  if (::fcntl(device, F_SETFL, ::fcntl(device, F_GETFL) | O_NONBLOCK) != 0) {
    return Fail(Code::kIo, "The FUSE device cannot be read without waiting.");
  }
  FB_ASSIGN_OR_RETURN(std::optional<MountEntry> found, FindMount(options.mount_point));
  if (!found) return Fail(Code::kIo, "The mount is not in /proc/self/mountinfo.");
  entry = std::move(*found);
  if (options.read_ahead_kib != 0) {
    if (auto set = SetReadAhead(entry, options.read_ahead_kib); !set) {
      Log(LogLevel::kInfo, "sequential reads will be slower", {{"reason", set.error().message()}});
    }
  }
  return {};
}

bool Session::Impl::TakeSome(Buffers::Lease& buffer) {
  Face::request_buffer = &buffer;
  for (int i = 0; i < kBatch; ++i) {
    if (!buffer) buffer = face.buffers.Get();  // a write took the last one along
    fuse_buf request{};
    request.mem = buffer.data();
    const int size = fuse_session_receive_buf(session, &request);
    if (size == -EINTR) continue;
    if (size == -EAGAIN) return true;
    if (size <= 0) return false;
    fuse_session_process_buf(session, &request);
    if (fuse_session_exited(session)) return false;
  }
  return true;
}

asio::awaitable<void> Session::Impl::Serve(Executor executor) {
  auto device = std::make_shared<asio::posix::stream_descriptor>(executor);
  {
    std::lock_guard lock(mutex);
    // A descriptor of its own, since each loop has its own epoll and closes what it was given.
    boost::system::error_code error;
    device->assign(::fcntl(fuse_session_fd(session), F_DUPFD_CLOEXEC, 0), error);
    if (error) Panic("the FUSE device cannot be watched: " + error.message());
    devices.push_back(device);
  }
  Face::current = executor;
  Buffers::Lease buffer;
  while (!stopping && TakeSome(buffer)) {
    boost::system::error_code error;
    co_await device->async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, error));
    // An error is told by the next read, and a cancellation by `stopping`.
  }
  device->close();
  Tell(gone);
}

asio::awaitable<void> Session::Impl::SweepInterrupts() {
  while (!stopping && !Gone()) {
    (void)co_await SleepFor(milliseconds(500), {.request_id = {}, .cancel = servers.token()});
    face.interrupts.Sweep(Clock::System().SteadyNow());
  }
}

void Session::Impl::TakeAway(milliseconds grace) {
  const auto until = std::chrono::steady_clock::now() + grace;
  // unmount(2) waits for dirty mapped pages, that is for the server: not on this thread.
  auto over = std::make_shared<std::atomic<bool>>(false);
  std::thread([over, place = options.mount_point] {
    auto done = Unmount(place, UnmountMode::kPlain);
    if (!done) (void)Unmount(place, UnmountMode::kLazy);
    *over = true;
  }).detach();
  std::unique_lock lock(mutex);
  changed.wait_until(lock, until, [&] { return gone; });
  if (!gone) {
    Log(LogLevel::kWarn, "the mount is still in use and ends now",
        {{"mount_point", options.mount_point}, {"out_of_the_tree", over->load()}});
  }
}

void Session::Impl::Unwind() {
  stopping = true;
  if (notifier) notifier->Stop();
  face.interrupts.StopAll();
  servers.Cancel();
  {
    std::lock_guard lock(mutex);
    for (const auto& device : devices) {
      asio::post(device->get_executor(), [device] {
        boost::system::error_code ignored;
        device->cancel(ignored);
      });
    }
  }
  const auto until = std::chrono::steady_clock::now() + kUnwindTime;
  while (servers.running() + face.group.running() != 0) {
    if (std::chrono::steady_clock::now() > until) {
      Log(LogLevel::kError, "operations did not end when they were cancelled; leaving them",
          {{"operations", face.group.running()}});
      FlushLog();
      ::_exit(1);  // the kernel ends the connection with the process
    }
    std::this_thread::sleep_for(milliseconds(2));
  }
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Session::~Session() {
  if (impl_->notifier) impl_->notifier->Stop();
  if (!impl_->session) return;
  // Gives back what the library keeps for its own unmounting. While programs still hold the mount
  // the library would unmount by name, which must not hit a mount that took our place meanwhile.
  const auto other = FindMount(impl_->options.mount_point);
  if (other && !*other) fuse_session_unmount(impl_->session);
  fuse_session_destroy(impl_->session);
}

Result<std::unique_ptr<Session>> Session::Mount(vfs::FileSystem& file_system, vfs::Loops& loops,
                                                SessionOptions options) {
  FB_ASSIGN_OR_RETURN(std::optional<MountEntry> other, FindMount(options.mount_point));
  if (other && other->type == kFileSystemType) {
    return Fail(Code::kLocked, "A Forebay mount is at " + options.mount_point +
                                   " already. Unmount it first, or, if it does not answer any "
                                   "more, mount with --recover.");
  }
  auto impl = std::make_unique<Impl>(file_system, loops, std::move(options));
  auto session = std::unique_ptr<Session>(new Session(std::move(impl)));
  FB_RETURN_IF_ERROR(session->impl_->Mount());
  session->impl_->notifier = std::make_unique<Notifier>(session->impl_->session);
  return session;
}

void Session::Start() {
  impl_->face.file_system.SetKernelCaches(impl_->notifier.get());
  for (std::size_t i = 0; i < impl_->loops.size(); ++i) {
    impl_->servers.Spawn(impl_->loops.At(i), impl_->Serve(impl_->loops.At(i)));
  }
  impl_->servers.Spawn(impl_->SweepInterrupts());
}

bool Session::WaitReady(milliseconds timeout) {
  std::unique_lock lock(impl_->mutex);
  return impl_->changed.wait_for(lock, timeout, [&] { return impl_->ready || impl_->gone; }) &&
         !impl_->gone;
}

void Session::Wait() {
  std::unique_lock lock(impl_->mutex);
  impl_->changed.wait(lock, [&] { return impl_->gone || impl_->interrupted; });
}

void Session::Interrupt() { impl_->Tell(impl_->interrupted); }

void Session::End(milliseconds grace) {
  if (!impl_->Gone()) impl_->TakeAway(grace);
  impl_->Unwind();
}

}  // namespace forebay::fuse
