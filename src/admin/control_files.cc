#include "admin/control_files.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/encoding.h"
#include "io/posix.h"

namespace forebay::admin {
namespace {

constexpr std::size_t kTokenBytes = 32;

std::string TokenPath(const std::string& directory) { return directory + "/admin.token"; }
std::string EndpointPath(const std::string& directory) { return directory + "/admin.endpoint"; }

Result<> WritePrivately(const std::string& path, const std::string& text) {
  // Under another name first, and made with its mode: nobody else can open it even for a moment,
  // and nobody reads half of it.
  const std::string partial = path + ".new";
  const int fd = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Fail(Code::kIo, "Cannot write " + partial + ": " + std::strerror(errno));
  const ssize_t written = ::write(fd, text.data(), text.size());
  const bool whole = written == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!whole) return Fail(Code::kIo, "Cannot write " + partial + ".");
  io::PosixFileSystem files;
  return files.Rename(partial, path);
}

std::string FirstLine(std::string text) {
  if (auto end = text.find('\n'); end != std::string::npos) text.resize(end);
  return text;
}

// The secret in `token_file`, which the configuration names under `key`; where it names none, the
// one at `path`, made when it is not there.
Result<std::string> Ensure(const char* key, const std::string& token_file,
                           const std::string& path) {
  io::PosixFileSystem files;
  if (!token_file.empty()) {
    auto stored = io::ReadFile(files, token_file);
    if (!stored) {
      return Fail(Code::kInvalidConfig, std::string(key) + ": " + stored.error().message());
    }
    std::string token = FirstLine(std::move(*stored));
    if (token.size() >= kTokenBytes) return token;
    return Fail(Code::kInvalidConfig, std::string(key) + ": the token in " + token_file +
                                          " is shorter than 32 characters; `openssl rand -hex 32` "
                                          "makes one.");
  }
  if (auto stored = io::ReadFile(files, path); stored) {
    std::string token = FirstLine(std::move(*stored));
    if (token.size() >= kTokenBytes) return token;
  } else if (stored.error().code() != Code::kNotFound) {
    return Fail(std::move(stored.error()));
  }
  std::array<std::byte, kTokenBytes> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return Fail(Code::kInternal, "The system has no random numbers.");
  }
  std::string token = HexEncode(random);
  FB_RETURN_IF_ERROR(WritePrivately(path, token));
  return token;
}

}  // namespace

Result<std::string> EnsureToken(const std::string& data_directory, const std::string& token_file) {
  return Ensure("admin_token_file", token_file, TokenPath(data_directory));
}

Result<std::string> EnsureEventsToken(const std::string& data_directory,
                                      const std::string& token_file) {
  return Ensure("lake.events_token_file", token_file, data_directory + "/events.token");
}

Result<> WriteEndpoint(const std::string& data_directory, const std::string& endpoint) {
  return WritePrivately(EndpointPath(data_directory), endpoint + "\n");
}

void RemoveEndpoint(const std::string& data_directory) {
  ::unlink(EndpointPath(data_directory).c_str());
}

Result<ControlFiles> ReadControlFiles(const std::string& data_directory,
                                      const std::string& token_file) {
  io::PosixFileSystem files;
  const std::string path = token_file.empty() ? TokenPath(data_directory) : token_file;
  auto token = io::ReadFile(files, path);
  if (!token) {
    return Fail(Code::kNotFound,
                "Cannot read " + path + ": run this as the user of the server that has the data.");
  }
  auto endpoint = io::ReadFile(files, EndpointPath(data_directory));
  if (!endpoint) {
    return Fail(Code::kNotFound, "The running server has no admin listener (no " +
                                     EndpointPath(data_directory) + "); set admin_listen.");
  }
  return ControlFiles{FirstLine(std::move(*token)), FirstLine(std::move(*endpoint))};
}

}  // namespace forebay::admin
