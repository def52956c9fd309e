#include "cli/control.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>

#include "async/run_sync.h"
#include "azure/shared_key.h"
#include "base/encoding.h"
#include "cli/backup.h"
#include "http/client.h"

namespace forebay::cli {
namespace {

constexpr std::size_t kMaxBody = 8 << 10;

std::string TokenPath(const config::Config& config) { return config.data.front() + "/admin.token"; }

Result<std::string> MakeToken(const std::string& path) {
  io::PosixFileSystem files;
  if (auto stored = io::ReadFile(files, path); stored && !stored->empty()) return stored;
  std::array<unsigned char, 32> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return Fail(Code::kInternal, "The system has no random numbers.");
  }
  const std::string token = HexEncode(std::as_bytes(std::span(random)));
  // Made with its mode, so that nobody else can open it even for a moment.
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Fail(Code::kIo, "Cannot write " + path + ".");
  const ssize_t written = ::write(fd, token.data(), token.size());
  ::close(fd);
  if (written != static_cast<ssize_t>(token.size())) {
    return Fail(Code::kIo, "Cannot write " + path + ".");
  }
  return token;
}

bool Authorized(const http::Request& request, const std::string& token) {
  const std::string_view header = request.headers.Get("Authorization");
  return azure::ConstantTimeEquals(header, "Bearer " + token);
}

http::Response Text(unsigned status, std::string text) {
  http::Response response;
  response.status = status;
  response.headers.Add("Content-Type", "text/plain; charset=utf-8");
  response.text = std::move(text) + "\n";
  return response;
}

Result<std::string> BackupSentence(Node& node, const std::string& directory) {
  FB_ASSIGN_OR_RETURN(BackupReport report, Backup(node, directory));
  return "backup complete: " + std::to_string(report.segments_copied) + " segments copied (" +
         std::to_string(report.bytes_copied >> 20) + " MiB), " +
         std::to_string(report.segments_kept) + " kept";
}

Task<http::Response> HandleBackup(Node& node, ThreadPool& pool, std::string token,
                                  http::Request& request) {
  if (!Authorized(request, token)) co_return Text(401, "The token of this server is needed.");
  auto directory = co_await http::ReadAll(*request.body, kMaxBody);
  if (!directory) co_return Text(400, directory.error().message());
  if (!directory->starts_with('/')) co_return Text(400, "An absolute folder is needed.");
  auto done =
      co_await pool.Run([&node, folder = *directory] { return BackupSentence(node, folder); });
  co_return done ? Text(200, *done) : Text(500, done.error().message());
}

Task<std::string> Send(http::Client& client, http::ClientRequest request) {
  FB_CO_ASSIGN_OR_RETURN(http::ClientResponse response,
                         co_await client.Send({}, std::move(request)));
  FB_CO_ASSIGN_OR_RETURN(std::string text, co_await http::ReadAll(*response.body, 1 << 20));
  if (response.status != 200) co_return Fail(Code::kIo, "The server says: " + text);
  co_return text;
}

}  // namespace

Result<> AddControlRoutes(admin::AdminService& admin, Node& node, ThreadPool& pool,
                          const config::Config& config) {
  FB_ASSIGN_OR_RETURN(std::string token, MakeToken(TokenPath(config)));
  // A plain function call, not a coroutine lambda: captures must not outlive it.
  admin.AddRoute("POST /v1/backup", [&node, &pool, token](OpContext, http::Request& request) {
    return HandleBackup(node, pool, token, request);
  });
  return {};
}

Result<std::string> CallServer(const config::Config& config, const std::string& path,
                               std::string body) {
  io::PosixFileSystem files;
  auto token = io::ReadFile(files, TokenPath(config));
  if (!token) {
    return Fail(Code::kNotFound, "Cannot read " + TokenPath(config) +
                                     ": run this as the user of the server that has the data.");
  }
  if (config.admin_listen.empty()) {
    return Fail(Code::kInvalidConfig,
                "The running server has no admin listener; set admin_listen.");
  }
  http::ClientOptions options;
  options.stall_timeout = std::chrono::hours(24);  // a backup answers when it is done
  http::Client client(options);
  http::ClientRequest request;
  request.method = http::Method::kPost;
  request.url = "http://" + config.admin_listen + path;
  request.headers.Add("Authorization", "Bearer " + *token);
  request.body = AsBytes(body);
  return RunSync(Send(client, std::move(request)));
}

}  // namespace forebay::cli
