#include "cli/control.h"

#include <filesystem>
#include <utility>

#include "admin/control_api.h"
#include "admin/control_files.h"
#include "admin/messages.h"
#include "async/run_sync.h"
#include "cli/node.h"
#include "cli/operations.h"
#include "http/client.h"

namespace forebay::cli {
namespace {

constexpr std::size_t kMaxAnswer = 4 << 20;

http::Method MethodOf(const std::string& method) {
  return method == "GET" ? http::Method::kGet : http::Method::kPost;
}

// The answer is read before this returns: a response must not outlive its executor.
Task<std::string> Send(http::Client& client, http::ClientRequest request) {
  FB_CO_ASSIGN_OR_RETURN(http::ClientResponse response,
                         co_await client.Send({}, std::move(request)));
  FB_CO_ASSIGN_OR_RETURN(std::string text, co_await http::ReadAll(*response.body, kMaxAnswer));
  if (response.status != 200) co_return Fail(admin::DecodeError(text));
  co_return text;
}

class RemoteControl final : public Control {
 public:
  RemoteControl(std::string endpoint, std::string token)
      : endpoint_(std::move(endpoint)), token_(std::move(token)) {}

  Result<std::string> Call(const std::string& method, const std::string& path,
                           const std::string& body) override {
    http::ClientOptions options;
    options.stall_timeout = std::chrono::hours(24);  // a backup answers when it is done
    http::Client client(options);
    http::ClientRequest request;
    request.method = MethodOf(method);
    request.url = "http://" + endpoint_ + path;
    request.headers.Add("Authorization", "Bearer " + token_);
    request.headers.Add("Content-Type", "application/json");
    request.body = AsBytes(body);
    auto answer = RunSync(Send(client, std::move(request)));
    if (!answer && answer.error().code() == Code::kNetwork) {
      return Fail(Code::kNetwork, "The server that has the data does not answer at " + endpoint_ +
                                      ": " + answer.error().message());
    }
    return answer;
  }
  bool local() const override { return false; }
  void StartWork() override {}

 private:
  const std::string endpoint_;
  const std::string token_;
};

class LocalControl final : public Control {
 public:
  explicit LocalControl(std::unique_ptr<Node> node) : node_(std::move(node)) {
    AddOperations(api_, *node_, pool_);
  }
  ~LocalControl() override {
    if (started_) node_->Stop();
  }

  Result<std::string> Call(const std::string& method, const std::string& path,
                           const std::string& body) override {
    return RunSync(api_.Call({}, method, path, body));
  }
  bool local() const override { return true; }
  void StartWork() override {
    if (!std::exchange(started_, true)) node_->Start();
  }

 private:
  std::unique_ptr<Node> node_;
  admin::ControlApi api_;
  ThreadPool pool_{{.name = "admin", .threads = 2}};
  bool started_ = false;
};

}  // namespace

std::unique_ptr<Control> Control::ConnectTo(std::string endpoint, std::string token) {
  return std::make_unique<RemoteControl>(std::move(endpoint), std::move(token));
}

Result<std::unique_ptr<Control>> Control::Connect(const config::Config& config) {
  config::Config here = config;
  here.allow_missing_volumes = true;
  here.scrub_interval = {};  // a command starts no scrub that nobody asked for
  auto node = Node::OpenExisting(here);
  if (node) return std::make_unique<LocalControl>(std::move(*node));
  if (node.error().code() != Code::kLocked) return Fail(std::move(node.error()));
  const std::string directory = std::filesystem::absolute(config.data.front()).string();
  FB_ASSIGN_OR_RETURN(admin::ControlFiles files,
                      admin::ReadControlFiles(directory, config.admin_token_file));
  return ConnectTo(std::move(files.endpoint), std::move(files.token));
}

}  // namespace forebay::cli
