// A whole server in this process: what commands reach through its admin listener, and what it
// measures.
#include "cli/server.h"

#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <set>

#include "admin/control_files.h"
#include "admin/messages.h"
#include "async/run_sync.h"
#include "cli/control.h"
#include "cli/test_support.h"
#include "engine/create_container.h"
#include "http/client.h"

namespace forebay::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Outcome;
using testing::RunCommand;

Task<std::string> Fetch(http::Client& client, std::string url) {
  http::ClientRequest request;
  request.url = std::move(url);
  FB_CO_ASSIGN_OR_RETURN(http::ClientResponse response,
                         co_await client.Send({}, std::move(request)));
  co_return co_await http::ReadAll(*response.body, 4 << 20);
}

std::string Get(const std::string& url) {
  http::Client client({});
  auto text = RunSync(Fetch(client, url));
  EXPECT_TRUE(text) << text.error().message();
  return text.value_or("");
}

class ServerTest : public testing::DirectoryTest {
 protected:
  void Start() {
    config_ = ConfigFor({"a", "b"});
    auto server = Server::Start(config_);
    ASSERT_TRUE(server) << server.error().message();
    server_ = std::move(*server);
  }
  void Stop() {
    if (server_) server_->Drain();
    server_.reset();
  }
  void TearDown() override { Stop(); }
  Outcome Command(std::vector<std::string> command) {
    command.insert(command.end(), {"--data", root_ + "/a"});
    return RunCommand(command);
  }

  config::Config config_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, CommandsReachTheServerThatHasTheData) {
  Start();
  auto control = Control::Connect(config_);
  ASSERT_TRUE(control) << control.error().message();
  EXPECT_FALSE((*control)->local());
  Outcome list = Command({"volume", "list"});
  EXPECT_EQ(list.status, 0) << list.err;
  EXPECT_THAT(list.out, AllOf(HasSubstr(root_ + "/a (metadata)"), HasSubstr(root_ + "/b")));
  Outcome drain = Command({"volume", "drain", root_ + "/b", "--wait"});
  EXPECT_EQ(drain.status, 0) << drain.err;
  Outcome scrub = Command({"scrub", "start", "--wait"});
  EXPECT_EQ(scrub.status, 0) << scrub.err;
  Outcome backup = Command({"backup", "--to", root_ + "/backup"});
  EXPECT_EQ(backup.status, 0) << backup.err;
  Outcome fsck = Command({"fsck"});
  EXPECT_EQ(fsck.status, 1);
  EXPECT_THAT(fsck.err, HasSubstr("in use"));
  Outcome unknown = Command({"volume", "drain", "/no/such"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.err, HasSubstr("There is no volume"));
  Stop();
  EXPECT_FALSE(std::filesystem::exists(root_ + "/a/admin.endpoint"));
  EXPECT_EQ(Command({"volume", "list"}).status, 0) << "at rest it works as well";
}

TEST_F(ServerTest, TheTokenIsNeeded) {
  Start();
  auto files = admin::ReadControlFiles(root_ + "/a");
  ASSERT_TRUE(files);
  auto right = Control::ConnectTo(files->endpoint, files->token);
  EXPECT_TRUE(right->Call("GET", "/v1/volumes", ""));
  auto wrong = Control::ConnectTo(files->endpoint, std::string(64, '0'));
  auto refused = wrong->Call("GET", "/v1/volumes", "");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kAuthenticationFailed);
  EXPECT_THAT(refused.error().message(), HasSubstr("admin.token"));
}

TEST_F(ServerTest, AServerThatDoesNotAnswerIsNamed) {
  Start();
  const std::string endpoint = admin::ReadControlFiles(root_ + "/a")->endpoint;
  Stop();
  auto gone = Control::ConnectTo(endpoint, "token")->Call("GET", "/v1/volumes", "");
  ASSERT_FALSE(gone);
  EXPECT_THAT(gone.error().message(), HasSubstr("does not answer at " + endpoint));
}

TEST_F(ServerTest, AServerStartsWithoutADirectoryWhereAllowed) {
  Start();
  Stop();
  std::filesystem::rename(root_ + "/b", root_ + "/away");
  config::Config alone = ConfigFor({"a"});
  EXPECT_EQ(Server::Start(alone).error().code(), Code::kVolumeFailed);
  alone.allow_missing_volumes = true;
  auto server = Server::Start(alone);
  ASSERT_TRUE(server) << server.error().message();
  EXPECT_THAT(Get((*server)->admin_endpoint() + "/readyz"), "ok\n");
  EXPECT_THAT(Get((*server)->admin_endpoint() + "/metrics"),
              HasSubstr("forebay_volume_state{path=\"" + root_ + "/b\",state=\"missing\""));
  (*server)->Drain();
}

TEST_F(ServerTest, ReadinessLooksAtTheRoomAndLivenessDoesNot) {
  config_ = ConfigFor({"a", "b"});
  // More than there is; a quarter of it, which the store itself insists on, there is.
  config_.disk_reserve = std::filesystem::space(root_).available * 2;
  auto server = Server::Start(config_);
  ASSERT_TRUE(server) << server.error().message();
  server_ = std::move(*server);
  EXPECT_THAT(Get(server_->admin_endpoint() + "/readyz"), HasSubstr("full"));
  EXPECT_EQ(Get(server_->admin_endpoint() + "/healthz"), "ok\n");
}

// The layout of names is in every key: an account that was taken out of the configuration comes
// back as it was, or not at all.
TEST_F(ServerTest, AnAccountKeepsItsLayout) {
  config_ = ConfigFor({"a"});
  config::Account lake;
  lake.name = "lake";
  lake.key1 = "key";
  lake.allow_public_access = true;
  lake.hierarchical = true;
  config::Account other = lake;
  other.name = "other";
  config_.accounts = {lake, other};
  {
    auto node = Node::Open(config_);
    ASSERT_TRUE(node) << node.error().message();
    engine::CreateContainerRequest request;
    request.target = {{azure::AccountName("lake"), true}, azure::ContainerName("box")};
    request.public_access = azure::PublicAccess::kContainer;
    ASSERT_TRUE(
        RunSync(engine::CreateContainer((*node)->services(), OpContext(), std::move(request))));
  }
  config::Config flat = config_;
  flat.accounts[0].hierarchical = false;
  auto refused = Server::Start(flat);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalidConfig);
  EXPECT_THAT(refused.error().message(), HasSubstr("hierarchical = true"));

  config::Config without = config_;
  without.accounts = {other};
  auto server = Server::Start(without);
  ASSERT_TRUE(server) << server.error().message();
  server_ = std::move(*server);
  const std::string list = server_->endpoints().front() + "/lake/box?restype=container&comp=list";
  EXPECT_THAT(Get(list), Not(HasSubstr("EnumerationResults")));
  server_->Reload(flat);
  EXPECT_THAT(Get(list), Not(HasSubstr("EnumerationResults"))) << "refused as a whole";
  server_->Reload(config_);
  EXPECT_THAT(Get(list), HasSubstr("EnumerationResults"));
}

// Found when a server starts or reads its configuration again, not by the first request to a lake.
TEST_F(ServerTest, CertificatesThatLakesAreTrustedByAreLookedAtAtOnce) {
  config_ = ConfigFor({"a"});
  const std::string account = config_.accounts.front().name;
  config::Config wrong = config_;
  wrong.lake_ca_file = root_ + "/ca.pem";
  config_.accounts.front().allow_public_access = false;
  {
    auto node = Node::Open(config_);
    ASSERT_TRUE(node) << node.error().message();
    engine::CreateContainerRequest request;
    request.target = {{azure::AccountName(account), false}, azure::ContainerName("box")};
    request.public_access = azure::PublicAccess::kContainer;
    ASSERT_TRUE(
        RunSync(engine::CreateContainer((*node)->services(), OpContext(), std::move(request))));
  }
  for (const char* text : {"", "-----BEGIN CERTIFICATE-----\n"}) {
    if (*text != '\0') std::ofstream(wrong.lake_ca_file) << text;
    auto refused = Server::Start(wrong);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kInvalidConfig);
    EXPECT_THAT(refused.error().message(),
                AllOf(HasSubstr("lake.ca_file: "), HasSubstr(wrong.lake_ca_file)));
  }
  auto server = Server::Start(config_);
  ASSERT_TRUE(server) << server.error().message();
  server_ = std::move(*server);
  const std::string list =
      server_->endpoints().front() + "/" + account + "/box?restype=container&comp=list";
  server_->Reload(wrong);
  EXPECT_THAT(Get(list), Not(HasSubstr("EnumerationResults"))) << "refused as a whole";
  wrong.lake_ca_file.clear();
  server_->Reload(wrong);
  EXPECT_THAT(Get(list), HasSubstr("EnumerationResults"));
}

struct Family {
  std::string type;
  std::string help;
  std::set<std::string> labels;
};

// Families of a Prometheus text, by name.
std::map<std::string, Family> Families(const std::string& text) {
  std::map<std::string, Family> families;
  std::istringstream lines(text);
  std::string name;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, kind;
    if (line.starts_with("# ")) {
      words >> hash >> kind >> name;
      std::string rest;
      std::getline(words >> std::ws, rest);
      (kind == "HELP" ? families[name].help : families[name].type) = rest;
      continue;
    }
    const std::size_t open = line.find('{'), close = line.find('}');
    if (open == std::string::npos) continue;
    std::istringstream labels(line.substr(open + 1, close - open - 1));
    for (std::string label; std::getline(labels, label, ',');) {
      label.resize(std::min(label.find('='), label.size()));
      if (label != "le") families[name].labels.insert(label);
    }
  }
  return families;
}

TEST_F(ServerTest, EveryMetricHasItsLineOnThePage) {
  Start();
  // A lake, whose traffic is counted from the first request on.
  const std::string account(config::kDevelopmentAccount);
  {
    auto node = Node::Open(ConfigFor({"lake"}));
    ASSERT_TRUE(node) << node.error().message();
    ASSERT_TRUE(RunSync(engine::CreateContainer(
        (*node)->services(), {},
        {.target = {{azure::AccountName(account), false}, azure::ContainerName("datasets")}})));
  }
  auto lake = Server::Start(ConfigFor({"lake"}));
  ASSERT_TRUE(lake) << lake.error().message();
  std::ofstream(root_ + "/key") << config::kDevelopmentKey;
  Outcome attached = Command({"lake", "attach", "training", "--wait", "--endpoint",
                              (*lake)->endpoints().front() + "/" + account + "/datasets",
                              "--credential", "key:@" + root_ + "/key"});
  ASSERT_EQ(attached.status, 0) << attached.err;
  attached = Command({"lake", "attach", "scratch", "--endpoint",
                      (*lake)->endpoints().front() + "/" + account + "/datasets", "--credential",
                      "key:@" + root_ + "/key", "--mode", "capacity"});
  ASSERT_EQ(attached.status, 0) << attached.err;
  Get(server_->endpoints().front() + "/devstoreaccount1/container?restype=container");
  const std::string text = Get(server_->admin_endpoint() + "/metrics");
  std::string page =
      "# Metrics\n\n<!-- Generated from what a server answers; `FOREBAY_UPDATE_GOLDEN=1 cli_test` "
      "writes this page. -->\n\nWhat `GET /metrics` on the admin listener answers, in Prometheus' "
      "text format. Counters count since the\nstart of the process. Times are seconds, sizes are "
      "bytes. [administration.md](administration.md) says what to watch.\n\n"
      "| Metric | Type | Labels | |\n|---|---|---|---|\n";
  for (const auto& [name, family] : Families(text)) {
    EXPECT_TRUE(family.help.ends_with(".")) << name;
    std::string labels;
    for (const std::string& label : family.labels) {
      labels += (labels.empty() ? "`" : ", `") + label + "`";
    }
    page += "| `" + name + "` | " + family.type + " | " + labels + " | " + family.help + " |\n";
  }
  (*lake)->Drain();
  testing::HoldToFile("docs/metrics.md", page);
}

}  // namespace
}  // namespace forebay::cli
