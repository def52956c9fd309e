// A server that stands in front of another one's container: what `forebay lake` does, end to end in
// one process.
#include <gmock/gmock.h>

#include <fstream>

#include "async/run_sync.h"
#include "azure/json.h"
#include "cli/server.h"
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

class LakeCommandTest : public testing::DirectoryTest {
 protected:
  void SetUp() override {
    lake_ = Start("lake");
    front_ = Start("front");
    ASSERT_TRUE(front_);
    key_file_ = root_ + "/lake.key";
    std::ofstream(key_file_) << config::kDevelopmentKey << "\n";
  }
  void TearDown() override {
    for (auto* server : {&front_, &lake_}) {
      if (*server) (*server)->Drain();
      server->reset();
    }
  }
  std::unique_ptr<Server> Start(const std::string& name, bool events = false) {
    config::Config config = ConfigFor({name});
    if (events) config.lake_events_listen = "127.0.0.1:0";
    auto server = Server::Start(config);
    EXPECT_TRUE(server) << server.error().message();
    return server ? std::move(*server) : nullptr;
  }
  // At the front.
  Outcome Lake(std::vector<std::string> command) {
    command.insert(command.begin(), "lake");
    command.insert(command.end(), {"--data", root_ + "/front"});
    return RunCommand(command);
  }
  std::string Endpoint(const std::string& container) const {
    return lake_->endpoints().front() + "/" + std::string(config::kDevelopmentAccount) + "/" +
           container;
  }
  void MakeLakeContainer(const std::string& name) {
    // Through a server of its own, so that nothing here depends on a client.
    lake_->Drain();
    lake_.reset();
    auto node = Node::Open(ConfigFor({"lake"}));
    ASSERT_TRUE(node) << node.error().message();
    ASSERT_TRUE(RunSync(engine::CreateContainer(
        (*node)->services(), {},
        {.target = {{azure::AccountName(std::string(config::kDevelopmentAccount)), false},
                    azure::ContainerName(name)}})));
    node->reset();
    lake_ = Start("lake");
  }

  std::unique_ptr<Server> lake_, front_;
  std::string key_file_;
};

TEST_F(LakeCommandTest, AttachStatusDetach) {
  MakeLakeContainer("datasets");
  EXPECT_THAT(Lake({"status"}).out, HasSubstr("no container is attached"));
  Outcome attached = Lake({"attach", "training", "--endpoint", Endpoint("datasets"), "--credential",
                           "key:@" + key_file_, "--wait"});
  EXPECT_EQ(attached.status, 0) << attached.err;
  EXPECT_THAT(attached.out, AllOf(HasSubstr("made the container devstoreaccount1/training"),
                                  HasSubstr("(read-only)"), HasSubstr("imported 0 names")));
  Outcome status = Lake({"status", "training", "--traffic"});
  EXPECT_EQ(status.status, 0) << status.err;
  EXPECT_THAT(status.out,
              AllOf(HasSubstr("devstoreaccount1/training -> " + Endpoint("datasets")),
                    HasSubstr("key:@" + key_file_), HasSubstr("import"), HasSubstr("requests")));
  EXPECT_THAT(Lake({"status", "--json"}).out, HasSubstr("\"finished\": true"));
  Outcome twice = Lake({"attach", "training", "--endpoint", Endpoint("datasets"), "--credential",
                        "key:@" + key_file_});
  EXPECT_EQ(twice.status, 1);
  EXPECT_THAT(twice.err, HasSubstr("attached to a lake already"));
  EXPECT_EQ(Lake({"check", "training"}).status, 0);
  EXPECT_EQ(Lake({"events", "training"}).status, 0);
  EXPECT_EQ(Lake({"events", "training", "--json"}).status, 0);
  EXPECT_EQ(Lake({"conflicts", "training"}).out, "no conflicts\n");
  EXPECT_EQ(Lake({"conflicts", "training", "--dismiss", "7"}).status, 1) << "there is none";
  EXPECT_EQ(Lake({"conflicts", "training", "--keep", "ours"}).status, kExitUsage);
  EXPECT_EQ(Lake({"sync", "training", "--wait"}).status, 0);
  EXPECT_EQ(Lake({"approve", "training", "--deletes", "1"}).status, 1) << "none are held back";
  Outcome detached = Lake({"detach", "training"});
  EXPECT_EQ(detached.status, 0) << detached.err;
  EXPECT_EQ(Lake({"detach", "training"}).status, 1);
  EXPECT_EQ(Lake({"status", "nowhere"}).status, 1);
}

TEST_F(LakeCommandTest, WhatIsWrongIsSaidWithWhatToDo) {
  const auto refused = [this](const std::string& endpoint, const std::string& credential) {
    Outcome outcome =
        Lake({"attach", "training", "--endpoint", endpoint, "--credential", credential});
    EXPECT_EQ(outcome.status, 1) << outcome.out;
    return outcome.err;
  };
  EXPECT_THAT(refused(Endpoint("datasets"), "key:@" + key_file_), HasSubstr("is not there"));
  EXPECT_THAT(refused(Endpoint("datasets"), "key:@/no/such/file"), HasSubstr("/no/such/file"));
  EXPECT_THAT(refused(Endpoint("datasets"), "key:SECRET"),
              AllOf(HasSubstr("where it is kept"), Not(HasSubstr("SECRET"))));
  // The second is a name that only looks like this machine.
  for (const char* host : {"acct.blob.example.com", "127.blob.example.com"}) {
    EXPECT_THAT(refused("http://" + std::string(host) + "/data", "key:@" + key_file_),
                HasSubstr("lake.allow_http"));
  }
  EXPECT_THAT(refused("nonsense", "key:@" + key_file_), HasSubstr("https://"));
  EXPECT_THAT(refused("http://127.0.0.1:1/devstoreaccount1/data", "key:@" + key_file_),
              HasSubstr("out of reach"));
  std::ofstream(root_ + "/wrong.key") << "c2VjcmV0\n";
  EXPECT_THAT(refused(Endpoint("datasets"), "key:@" + root_ + "/wrong.key"),
              AllOf(HasSubstr("refuses our credential"), Not(HasSubstr("c2VjcmV0"))));
}

TEST_F(LakeCommandTest, AContainerIsNotAttachedToItself) {
  const std::string own =
      front_->endpoints().front() + "/" + std::string(config::kDevelopmentAccount) + "/";
  Outcome itself = Lake(
      {"attach", "training", "--endpoint", own + "training", "--credential", "key:@" + key_file_});
  EXPECT_EQ(itself.status, 1) << itself.out;
  EXPECT_THAT(itself.err, HasSubstr("is this container itself"));
  EXPECT_THAT(Lake({"status"}).out, HasSubstr("no container is attached"));
}

TEST_F(LakeCommandTest, NothingOverflowsIntoThisServer) {
  const std::string own = front_->endpoints().front();
  const std::size_t host = own.find("127.0.0.1");
  ASSERT_NE(host, std::string::npos) << own;
  for (const char* other : {"127.0.0.1", "0.0.0.0", "localhost"}) {
    std::string endpoint = own + "/" + std::string(config::kDevelopmentAccount) + "/other";
    endpoint.replace(host, std::string("127.0.0.1").size(), other);
    Outcome refused = Lake({"attach", "scratch", "--endpoint", endpoint, "--credential",
                            "key:@" + key_file_, "--mode", "capacity"});
    EXPECT_EQ(refused.status, 1) << endpoint << refused.out;
    EXPECT_THAT(refused.err, HasSubstr("a container of this server itself")) << endpoint;
  }
  EXPECT_THAT(Lake({"status"}).out, HasSubstr("no container is attached"));
}

TEST_F(LakeCommandTest, ALakeThatIsRoomIsVerifiedAndTakenOver) {
  MakeLakeContainer("datasets");
  Outcome attached = Lake({"attach", "scratch", "--endpoint", Endpoint("datasets"), "--credential",
                           "key:@" + key_file_, "--mode", "capacity"});
  EXPECT_EQ(attached.status, 0) << attached.err;
  EXPECT_THAT(attached.out, HasSubstr("what does not fit here goes there"));
  EXPECT_THAT(Lake({"status", "scratch", "--traffic"}).out,
              AllOf(HasSubstr("0 bodies / 0 B in the lake"), HasSubstr("0 did not go")));
  Outcome verified = Lake({"verify", "scratch"});
  EXPECT_EQ(verified.status, 0) << verified.err;
  EXPECT_EQ(verified.out, "0 blobs / 0 B in the lake, 0 damaged; 0 objects there\n");
  Outcome taken = Lake({"takeover", "scratch"});
  EXPECT_EQ(taken.status, 0) << taken.err;
  EXPECT_THAT(taken.out, HasSubstr("is this server's"));
  Outcome detached = Lake({"detach", "scratch"});
  EXPECT_EQ(detached.status, 0) << detached.err;
  EXPECT_THAT(detached.out, HasSubstr("all of it is here"));
}

TEST_F(LakeCommandTest, NoCircleIsClosedThroughAnotherServer) {
  MakeLakeContainer("datasets");
  const auto attach = [this](const std::string& server, const std::string& container,
                             const std::string& endpoint) {
    return RunCommand({"lake", "attach", container, "--endpoint", endpoint, "--credential",
                       "key:@" + key_file_, "--mode", "read-write", "--data", root_ + server});
  };
  Outcome there = attach("/front", "training", Endpoint("datasets"));
  EXPECT_EQ(there.status, 0) << there.err;
  const std::string account(config::kDevelopmentAccount);
  Outcome back =
      attach("/lake", "datasets", front_->endpoints().front() + "/" + account + "/training");
  EXPECT_EQ(back.status, 1) << back.out;
  EXPECT_THAT(back.err,
              HasSubstr("leads back to this container, by way of others: " + account +
                        "/datasets -> " + account + "/training -> " + account + "/datasets"));
  // Only once the first one has ended.
  EXPECT_EQ(Lake({"detach", "training"}).status, 0);
  back = attach("/lake", "datasets", front_->endpoints().front() + "/" + account + "/training");
  EXPECT_EQ(back.status, 0) << back.err;
  EXPECT_EQ(RunCommand({"lake", "detach", "datasets", "--data", root_ + "/lake"}).status, 0);
}

TEST_F(LakeCommandTest, LifecyclePoliciesArePutReadBackAndTried) {
  const std::string account(config::kDevelopmentAccount);
  const std::string file = root_ + "/policy.json";
  std::ofstream(file) << R"({"rules": [{"name": "old", "enabled": true, "type": "Lifecycle",
    "definition": {"filters": {"blobTypes": ["blockBlob"]},
    "actions": {"baseBlob": {"delete": {"daysAfterModificationGreaterThan": 9}}}}}]})";
  EXPECT_EQ(Lake({"lifecycle", "get", account}).status, 1) << "there is none";
  Outcome tried = Lake({"lifecycle", "preview", account, file});
  EXPECT_EQ(tried.status, 0) << tried.err;
  EXPECT_THAT(tried.out, HasSubstr("0 would be moved to another tier, 0 would be deleted"));
  EXPECT_EQ(Lake({"lifecycle", "preview", account}).status, 1) << "still none";
  EXPECT_EQ(Lake({"lifecycle", "put", account, file}).status, 0);
  Outcome got = Lake({"lifecycle", "get", account});
  EXPECT_EQ(got.status, 0) << got.err;
  EXPECT_THAT(got.out, HasSubstr("\"daysAfterModificationGreaterThan\": 9"));
  // What was got can be put.
  std::ofstream(file) << got.out;
  EXPECT_EQ(Lake({"lifecycle", "put", account, file}).status, 0);
  EXPECT_EQ(Lake({"lifecycle", "get", account}).out, got.out);
  EXPECT_THAT(Lake({"lifecycle", "preview", account, "--json"}).out,
              HasSubstr("\"dry_run\": true"));
  EXPECT_THAT(Lake({"lifecycle", "run", account}).out, HasSubstr("0 moved to another tier"));
  std::ofstream(file) << R"({"rules": [{"name": "old"}]})";
  Outcome wrong = Lake({"lifecycle", "put", account, file});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("$.rules[0]"));
  EXPECT_THAT(Lake({"lifecycle", "put", account, "/no/such/file"}).err, HasSubstr("/no/such/file"));
  EXPECT_THAT(Lake({"lifecycle", "put", "nobody", file}).err, HasSubstr("no account"));
  EXPECT_EQ(Lake({"lifecycle", "put", account}).status, kExitUsage);
  EXPECT_EQ(Lake({"lifecycle", "delete", account}).status, 0);
  EXPECT_EQ(Lake({"lifecycle", "get", account}).status, 1);
}

Task<unsigned> Options(http::Client& client, std::string url, http::Headers* headers) {
  http::ClientRequest request;
  request.method = http::Method::kOptions;
  request.url = std::move(url);
  request.headers.Add("WebHook-Request-Origin", "eventgrid.azure.net");
  FB_CO_ASSIGN_OR_RETURN(http::ClientResponse response,
                         co_await client.Send({}, std::move(request)));
  *headers = response.headers;
  (void)co_await http::ReadAll(*response.body, 1 << 20);
  co_return response.status;
}

TEST_F(LakeCommandTest, TheWebhookHasAListenerAndASecretOfItsOwn) {
  EXPECT_EQ(front_->events_endpoint(), "") << "not unless it is asked for";
  front_->Drain();
  front_.reset();
  front_ = Start("front", /*events=*/true);
  ASSERT_TRUE(front_);
  const std::string endpoint = front_->events_endpoint();
  ASSERT_THAT(endpoint, HasSubstr("/v1/lakes/azure-events"));
  const auto read = [this](const char* name) {
    std::ifstream in(root_ + "/front/" + name);
    return (std::ostringstream() << in.rdbuf()).str();
  };
  const std::string token = read("events.token");
  EXPECT_EQ(token.size(), 64u);
  EXPECT_NE(token, read("admin.token"));
  http::Client client({});
  http::Headers headers;
  EXPECT_EQ(RunSync(Options(client, endpoint + "?token=" + token, &headers)), 200u);
  EXPECT_EQ(headers.Get("WebHook-Allowed-Origin"), "eventgrid.azure.net");
  EXPECT_EQ(RunSync(Options(client, endpoint + "?token=" + read("admin.token"), &headers)), 401u);
  const std::string other = endpoint.substr(0, endpoint.find("/azure-events"));
  EXPECT_EQ(RunSync(Options(client, other + "?token=" + token, &headers)), 404u)
      << "nothing else is served there";
}

TEST_F(LakeCommandTest, AServerIsNeeded) {
  front_->Drain();
  front_.reset();
  Outcome outcome = Lake({"status"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("forebay serve"));
}

TEST_F(LakeCommandTest, ALakeStaysAttachedOverARestartWithoutALink) {
  MakeLakeContainer("datasets");
  ASSERT_EQ(Lake({"attach", "training", "--endpoint", Endpoint("datasets"), "--credential",
                  "key:@" + key_file_, "--wait"})
                .status,
            0);
  lake_->Drain();
  lake_.reset();
  front_->Drain();
  front_.reset();
  std::filesystem::remove(key_file_);
  front_ = Start("front");
  ASSERT_TRUE(front_);
  EXPECT_THAT(Lake({"status"}).out, HasSubstr("imported 0 names"));
}

// Method and path of every operation that the document describes, and names of schemas that it
// refers to and does not have.
void ReadOpenApi(const azure::Json& json, std::vector<std::string>& refs) {
  for (const azure::JsonMember& member : json.members) {
    if (member.name == "$ref") refs.push_back(member.value.string);
    ReadOpenApi(member.value, refs);
  }
  for (const azure::Json& item : json.items) ReadOpenApi(item, refs);
}

TEST_F(LakeCommandTest, TheOpenApiDocumentIsThatOfTheServer) {
  std::ifstream in(std::string(FOREBAY_SOURCE_DIR) + "/docs/openapi.json");
  const std::string text = (std::ostringstream() << in.rdbuf()).str();
  auto document = azure::ParseJson(text, 1 << 20);
  ASSERT_TRUE(document) << document.error().message();
  const azure::JsonReader at(*document);
  std::vector<std::pair<std::string, std::string>> described;
  for (const azure::JsonMember& top : document->members) {
    if (top.name != "paths") continue;
    for (const azure::JsonMember& path : top.value.members) {
      for (const azure::JsonMember& method : path.value.members) {
        std::string word = method.name;
        for (char& c : word) c = static_cast<char>(c - 'a' + 'A');
        described.emplace_back(word, path.name);
      }
    }
  }
  EXPECT_THAT(described, ::testing::UnorderedElementsAreArray(front_->control().Routes()));
  const auto schemas = *at.Get("components")->Get("schemas");
  std::vector<std::string> refs;
  ReadOpenApi(*document, refs);
  EXPECT_GT(refs.size(), described.size());
  for (const std::string& ref : refs) {
    constexpr std::string_view kSchemas = "#/components/schemas/";
    if (!ref.starts_with(kSchemas)) continue;
    EXPECT_TRUE(schemas.Find(ref.substr(kSchemas.size()))) << ref;
  }
}

TEST(LinkScheduleTest, WrongRatesNameTheKey) {
  config::Config config;
  config.lake_upload_rate = "fast";
  auto wrong = LinkSchedule::Of(config);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), Code::kInvalidConfig);
  EXPECT_THAT(wrong.error().message(), HasSubstr("lake.upload_rate"));
  config.lake_upload_rate = "08:00-18:00=1MiB/s,*=paused";
  auto schedule = LinkSchedule::Of(config);
  ASSERT_TRUE(schedule);
  const WallTime noon = WallTime::FromSeconds(12 * 3600);
  EXPECT_EQ(schedule->At(noon, {}).up_bytes_per_second, 1u << 20);
  EXPECT_EQ(schedule->At(noon, {}).down_bytes_per_second, 0u) << "no limit";
  EXPECT_EQ(schedule->At(noon, std::chrono::hours(8)).up_bytes_per_second,
            lake::TokenBucket::kPaused);
}

}  // namespace
}  // namespace forebay::cli
