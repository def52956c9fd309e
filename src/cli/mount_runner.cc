#include "cli/mount_runner.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "async/run_sync.h"
#include "async/task_group.h"
#include "base/log.h"
#include "cli/mount_cache.h"
#include "fuse/mount_table.h"
#include "fuse/session.h"
#include "io/posix.h"
#include "vfs/connect.h"
#include "vfs/lacking.h"

namespace forebay::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// How long the server may take to say hello before the command gives up.
constexpr seconds kProbeTime{30};
// How long programs may go on with a mount that was told to end.
constexpr seconds kGrace{20};
// How long the last uploads and the end of the session may take.
constexpr seconds kShutdownTime{20};
constexpr const char* kDefaultLog = "/var/log/forebay-mount.log";

OpContext Within(milliseconds time) {
  return {.request_id = {}, .deadline = Clock::System().SteadyNow() + time, .cancel = {}};
}

// The value of `name` in "Name=value;Name=value", as connection strings write it.
std::string FieldOf(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find(';'));
    if (field.starts_with(name) && field.substr(name.size()).starts_with('=')) {
      return std::string(field.substr(name.size() + 1));
    }
    text.remove_prefix(std::min(field.size() + 1, text.size()));
  }
  return {};
}

Result<std::string> Absolute(const std::string& file) {
  char resolved[PATH_MAX];
  if (::realpath(file.c_str(), resolved) == nullptr) {
    return Fail(Code::kInvalidConfig, file + ": " + std::system_category().message(errno) + ".");
  }
  return std::string(resolved);
}

// Makes the place fit for a mount.
Result<std::string> PrepareMountPoint(const std::string& directory, bool recover) {
  FB_ASSIGN_OR_RETURN(std::string place, fuse::ResolveMountPoint(directory));
  for (;;) {
    FB_ASSIGN_OR_RETURN(const auto found, fuse::FindMount(place));
    if (!found || found->type != fuse::kFileSystemType) break;
    if (!fuse::IsDeadMount(place)) {
      return Fail(Code::kLocked, "A Forebay mount that works is at " + place +
                                     " already (forebay umount takes it away).");
    }
    if (!recover) {
      return Fail(Code::kLocked, "The mount at " + place +
                                     " has lost its process. Mount with --recover to replace it.");
    }
    FB_RETURN_IF_ERROR(fuse::Unmount(place, fuse::UnmountMode::kLazy));
  }
  struct stat status{};
  if (::stat(place.c_str(), &status) != 0) {
    return Fail(Code::kNotFound,
                "Cannot mount at " + place + ": " + std::system_category().message(errno) + ".");
  }
  if (!S_ISDIR(status.st_mode)) {
    return Fail(Code::kNotADirectory, "Cannot mount at " + place + ": it is no directory.");
  }
  return place;
}

void OpenLog(const MountOptions& options, bool background) {
  LogOptions log{.level = LogLevel::kInfo, .format = LogFormat::kText, .file = options.log_file};
  constexpr std::pair<std::string_view, LogLevel> kLevels[] = {{"trace", LogLevel::kTrace},
                                                               {"debug", LogLevel::kDebug},
                                                               {"warn", LogLevel::kWarn},
                                                               {"error", LogLevel::kError}};
  for (const auto& [name, level] : kLevels) {
    if (options.log_level == name) log.level = level;
  }
  if (background && log.file.empty() && ::access("/var/log", W_OK) == 0) log.file = kDefaultLog;
  // Without a log the mount works as well.
  (void)ConfigureLog(log);
}

// Where the handler of signals writes to. Handlers, and not a blocked mask: the log has a thread
// already, which a mask set now would not reach.
std::atomic<int> signal_pipe{-1};

void OnSignal(int signal) {
  const auto number = static_cast<char>(signal);
  const int saved = errno;
  (void)!::write(signal_pipe, &number, 1);
  errno = saved;
}

// Tells the session to end when the process is asked to, on a thread of its own.
class Signals {
 public:
  Signals() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) Panic("no pipe for signals");
    signal_pipe = ends_[1];
    struct sigaction action{};
    action.sa_handler = OnSignal;
    action.sa_flags = SA_RESTART;
    for (int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaction(signal, &action, nullptr);
    // A connection that breaks is an error of a call, not of the process.
    ::signal(SIGPIPE, SIG_IGN);
  }
  ~Signals() {
    Stop();
    for (int signal : {SIGTERM, SIGINT, SIGHUP}) ::signal(signal, SIG_DFL);
    signal_pipe = -1;
    for (int end : ends_) ::close(end);
  }
  void Start(fuse::Session& session) {
    thread_ = std::thread([this, &session] { Wait(session); });
  }
  void Stop() {
    if (!thread_.joinable()) return;
    OnSignal(0);
    thread_.join();
  }

 private:
  void Wait(fuse::Session& session) {
    for (char signal = 1; signal != 0;) {
      if (::read(ends_[0], &signal, 1) != 1) continue;
      if (signal == SIGHUP) {
        (void)ReopenLog();
      } else {
        session.Interrupt();
      }
    }
  }
  int ends_[2] = {-1, -1};
  std::thread thread_;
};

// What the server lacks is left to the kernel, or out.
void FitSession(const vfs::RemoteTraits& traits, fuse::SessionOptions& session) {
  session.locks = session.locks && traits.locks;
  session.posix_acls = session.posix_acls && traits.xattrs;
  session.read_only = session.read_only || traits.read_only;
}

}  // namespace

Result<std::string> MountCredential(const MountOptions& options,
                                    const std::function<std::string(const char*)>& variable) {
  const std::pair<const char*, const std::string&> files[] = {
      {"key:@", options.key_file}, {"sas:@", options.sas_file}, {"token:@", options.token_file}};
  const auto is_given = [](const auto& file) { return !file.second.empty(); };
  if (std::ranges::count_if(files, is_given) + !options.credential.empty() > 1) {
    return Fail(Code::kInvalidConfig, "Give one of key_file, sas_file, token_file and credential.");
  }
  if (const auto given = std::ranges::find_if(files, is_given); given != std::end(files)) {
    // Absolute, since the process in the background leaves its folder.
    FB_ASSIGN_OR_RETURN(const std::string file, Absolute(given->second));
    return given->first + file;
  }
  if (!options.credential.empty()) return options.credential;
  for (const char* name : {"FOREBAY_CREDENTIAL", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN"}) {
    if (!variable(name).empty()) return std::string();
  }
  const std::string connection = variable("AZURE_STORAGE_CONNECTION_STRING");
  if (const std::string key = FieldOf(connection, "AccountKey"); !key.empty()) return "key:" + key;
  const std::string sas = FieldOf(connection, "SharedAccessSignature");
  return sas.empty() ? sas : "sas:" + sas;
}

namespace {

// The parts of one mount, in the order in which they need each other.
class Mounted {
 public:
  Result<> Start(MountSpec spec);
  void Serve(ReadyPipe& ready);

 private:
  Result<> Connect(const MountSpec& spec);

  Signals signals_;
  std::unique_ptr<vfs::Loops> loops_;
  std::unique_ptr<vfs::Remote> remote_;
  vfs::RemoteTraits traits_;
  io::PosixFileSystem disk_;
  std::unique_ptr<vfs::DiskCache> cache_;
  std::unique_ptr<vfs::BufferedFiles> files_;
  std::unique_ptr<vfs::FileSystem> file_system_;
  std::unique_ptr<fuse::Session> session_;
  std::string place_;
};

Result<> Mounted::Connect(const MountSpec& spec) {
  vfs::ConnectOptions options;
  options.url = spec.url;
  options.account = spec.options.account;
  options.ca_file = spec.options.ca_file;
  options.read_only = spec.options.files.read_only;
  options.reach_timeout = spec.options.connect_timeout;
  FB_ASSIGN_OR_RETURN(options.credential, MountCredential(spec.options, [](const char* name) {
                        const char* value = std::getenv(name);
                        return std::string(value ? value : "");
                      }));
  char host[256] = {};
  (void)::gethostname(host, sizeof host - 1);
  options.owner = std::string(host) + ":" + place_;
  const milliseconds patience = kProbeTime + spec.options.connect_timeout;
  FB_ASSIGN_OR_RETURN(remote_, RunSync(vfs::Connect(Within(patience), std::move(options))));
  FB_ASSIGN_OR_RETURN(traits_, RunSync(remote_->Probe(Within(kProbeTime))));
  return {};
}

Result<> Mounted::Start(MountSpec spec) {
  FB_ASSIGN_OR_RETURN(place_, PrepareMountPoint(spec.directory, spec.recover));
  FB_RETURN_IF_ERROR(Connect(spec));
  MountOptions& options = spec.options;
  FitSession(traits_, options.session);
  options.session.mount_point = place_;
  options.session.source = spec.url.substr(0, spec.url.find('?'));
  options.files.read_only = options.session.read_only;
  const std::size_t cores = std::max(2u, std::thread::hardware_concurrency());
  loops_ = std::make_unique<vfs::Loops>(options.threads != 0 ? options.threads : cores);
  FB_ASSIGN_OR_RETURN(cache_, OpenMountCache(disk_, options, spec.url));
  options.buffers.disk = cache_.get();
  files_ = std::make_unique<vfs::BufferedFiles>(*remote_, traits_, *loops_, options.buffers);
  file_system_ = std::make_unique<vfs::FileSystem>(*remote_, traits_, *files_, options.files);
  FB_ASSIGN_OR_RETURN(session_, fuse::Session::Mount(*file_system_, *loops_, options.session));
  session_->Start();
  if (!session_->WaitReady(kProbeTime)) {
    session_->End(milliseconds(0));
    return Fail(Code::kIo, "The kernel did not accept the mount.");
  }
  return {};
}

void Mounted::Serve(ReadyPipe& ready) {
  TaskGroup background(loops_->At(0));
  background.Spawn(file_system_->Run({.request_id = {}, .cancel = background.token()}));
  std::optional<CacheStatusKeeper> status;
  if (cache_) status.emplace(disk_, *cache_);
  signals_.Start(*session_);
  Log(LogLevel::kInfo, "mounted",
      {{"mount_point", place_},
       {"server", traits_.description},
       {"read_only", traits_.read_only},
       {"lacks", vfs::Lacking(traits_)}});
  ready.Ready();
  sd_notify(0, "READY=1\nSTATUS=Mounted");
  session_->Wait();
  sd_notify(0, "STOPPING=1");
  session_->End(kGrace);
  background.Cancel();
  // Cancelled: what it says is that it was.
  (void)RunSync(background.Join());
  if (auto done = RunSync(file_system_->Shutdown(Within(kShutdownTime))); !done) {
    Log(LogLevel::kError, "not everything came to the server",
        {{"error", done.error().ToString()}});
  }
  (void)RunSync(files_->Stop());
  if (cache_) {
    cache_->Drain();
    status.reset();
    const vfs::DiskCache::Counts counts = cache_->counts();
    Log(LogLevel::kInfo, "the local cache",
        {{"hits", counts.hits}, {"misses", counts.misses}, {"bytes", counts.bytes}});
  }
  signals_.Stop();
  Log(LogLevel::kInfo, "unmounted", {{"mount_point", place_}});
}

}  // namespace

int RunMount(MountSpec spec, ReadyPipe& ready) {
  OpenLog(spec.options, ready.background());
  Mounted mounted;
  if (auto done = mounted.Start(std::move(spec)); !done) return ready.Refuse(done.error());
  // Nothing of ours may keep another file system busy.
  if (ready.background() && ::chdir("/") != 0) Log(LogLevel::kWarn, "cannot leave the folder");
  mounted.Serve(ready);
  FlushLog();
  return 0;
}

}  // namespace forebay::cli
