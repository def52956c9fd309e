#include "cli/mount_daemon.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

namespace forebay::cli {
namespace {

constexpr int kChildEnd = 3;
constexpr char kReady[] = "ready\n";

Error SystemError(const std::string& what, int number) {
  return Error(Code::kIo, what + ": " + std::system_category().message(number) + ".");
}

std::vector<std::string> OwnArguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Result<pid_t> Spawn(std::vector<std::string> arguments, int pipe_end) {
  std::vector<char*> argv;
  for (std::string& word : arguments) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0);
  }
  // The pipe was opened above the standard streams and not at kChildEnd: dup2 clears close-on-exec.
  posix_spawn_file_actions_adddup2(&actions, pipe_end, kChildEnd);
  pid_t child = 0;
  const int failed =
      posix_spawn(&child, "/proc/self/exe", &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) return Fail(SystemError("Cannot start the process in the background", failed));
  return child;
}

}  // namespace

int StartInBackground(const Console& console) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return console.Refuse(SystemError("pipe", errno));
  // Above kChildEnd, so that dup2 always makes another one.
  const int write_end = ::fcntl(ends[1], F_DUPFD_CLOEXEC, kChildEnd + 1);
  ::close(ends[1]);
  std::vector<std::string> arguments = OwnArguments();
  arguments.push_back(std::string(kReadyFlag) + "=" + std::to_string(kChildEnd));
  auto child = Spawn(std::move(arguments), write_end);
  ::close(write_end);
  std::string said;
  std::array<char, 4096> buffer{};
  for (ssize_t n = 0; (n = ::read(ends[0], buffer.data(), buffer.size())) > 0 || errno == EINTR;) {
    if (n > 0) said.append(buffer.data(), static_cast<std::size_t>(n));
    if (n == 0) break;
  }
  ::close(ends[0]);
  if (!child) return console.Refuse(child.error());
  if (said == kReady) return 0;
  int status = 0;
  ::waitpid(*child, &status, 0);
  if (said.empty()) said = "forebay: the process in the background ended without a word";
  console.Note(said);
  return 1;
}

ReadyPipe::ReadyPipe(int descriptor, const Console& console)
    : descriptor_(descriptor), background_(descriptor >= 0), console_(console) {
  if (background_) ::fcntl(descriptor_, F_SETFD, FD_CLOEXEC);
}

ReadyPipe::~ReadyPipe() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void ReadyPipe::Send(const std::string& text) {
  if (descriptor_ < 0) return;
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(descriptor_, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  ::close(descriptor_);
  descriptor_ = -1;
}

void ReadyPipe::Ready() { Send(kReady); }

int ReadyPipe::Refuse(const Error& error) {
  if (descriptor_ < 0) return console_.Refuse(error);
  Send("forebay: " + error.message());
  return 1;
}

}  // namespace forebay::cli
