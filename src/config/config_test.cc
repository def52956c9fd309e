#include "config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/encoding.h"
#include "base/temp_dir_for_test.h"
#include "config/address.h"
#include "config/docs.h"
#include "config/reload.h"
#include "config/schema.h"
#include "config/settings.h"

namespace forebay::config {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kKey = Base64Encode(AsBytes(std::string(64, 'k')));
const std::string kOtherKey = Base64Encode(AsBytes(std::string(64, 'o')));

class ConfigTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::string path = dir_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  Result<Config> LoadText(const std::string& toml) {
    return Load({.file = Write("forebay.toml", toml), .environment = {}, .flags = {}});
  }
  // The message without the directory.
  std::string ErrorOf(const std::string& toml) {
    auto config = LoadText(toml);
    if (config) return "no error";
    EXPECT_EQ(config.error().code(), Code::kInvalidConfig);
    std::string message = config.error().message();
    return message.starts_with(dir_ + "/") ? message.substr(dir_.size() + 1) : message;
  }
  std::string AccountToml(const std::string& more = "") {
    return "[[account]]\nname = \"mine\"\nkey1 = \"" + kKey + "\"\n" + more;
  }
  TempDir own_;
  const std::string dir_ = own_.path();
};

TEST_F(ConfigTest, DefaultsAreTheDevelopmentServer) {
  auto config = Load({});
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->data, ElementsAre("./forebay-data"));
  ASSERT_EQ(config->listeners.size(), 1u);
  EXPECT_EQ(config->listeners[0].address, "127.0.0.1:10000");
  EXPECT_EQ(config->admin_listen, "127.0.0.1:9464");
  ASSERT_EQ(config->accounts.size(), 2u);
  EXPECT_EQ(config->accounts[0].name, "devstoreaccount1");
  EXPECT_FALSE(config->accounts[0].hierarchical);
  EXPECT_EQ(config->accounts[1].name, "devlakeaccount1");
  EXPECT_TRUE(config->accounts[1].hierarchical);
  EXPECT_EQ(config->accounts[1].key1, config->accounts[0].key1);
  EXPECT_EQ(Base64Encode(AsBytes(config->accounts[0].key1)), kDevelopmentKey);
  EXPECT_EQ(config->uncommitted_block_ttl, 168h);
  EXPECT_EQ(config->max_header_size, 64u << 10);
  EXPECT_THAT(config->warnings, IsEmpty());
}

TEST_F(ConfigTest, AServiceVersionIsADateOfTheCalendar) {
  EXPECT_EQ(LoadText("default_service_version = \"2020-10-02\"\n")->default_service_version,
            "2020-10-02");
  for (const char* bad : {"latest", "", "2021-13-02", "2021-02-30", "2007-01-01", "2021-1-021",
                          "2021/12/02", "2021-12-0x"}) {
    EXPECT_THAT(ErrorOf("\ndefault_service_version = \"" + std::string(bad) + "\"\n"),
                AllOf(HasSubstr("forebay.toml:2: "), HasSubstr("is not a service version")));
  }
  Input input;
  input.flags = {{"default_service_version", "now"}};
  auto flag = Load(input);
  ASSERT_FALSE(flag);
  EXPECT_THAT(flag.error().message(), HasSubstr("--default-service-version"));
}

TEST_F(ConfigTest, FlagBeatsEnvironmentBeatsFileBeatsDefault) {
  Input input;
  input.file = Write(
      "f.toml",
      "[limits]\nidle_timeout = \"11s\"\nheader_timeout = \"11s\"\nstall_timeout = \"11s\"\n");
  input.environment = {{"FOREBAY_LIMITS_HEADER_TIMEOUT", "22s"},
                       {"FOREBAY_LIMITS_STALL_TIMEOUT", "22s"},
                       {"PATH", "/bin"}};
  input.flags = {{"limits.stall_timeout", "33s"}};
  auto config = Load(input);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_EQ(config->idle_timeout, 11s);
  EXPECT_EQ(config->header_timeout, 22s);
  EXPECT_EQ(config->stall_timeout, 33s);
  EXPECT_EQ(config->drain_timeout, 30s);
}

TEST_F(ConfigTest, ReadsAWholeFile) {
  std::string cert = Write("cert.pem", "x"), key = Write("key.pem", "x"),
              secret = Write("secret", kOtherKey + "\n");
  auto config = LoadText(
      "data = [\"/a\", \"/b\"]\nadmin_listen = \"off\"\nlog.level = "
      "\"debug\"\n[copy]\nallow_sources = [\"10.0.0.0/8\", "
      "\"127.0.0.1:10000\", \"lake.internal\"]\n[limits]\nmax_connections = 12\nrequest_memory = "
      "\"32MiB\"\n" +
      AccountToml("key2 = \"@" + secret + "\"\nhierarchical = true\n") +
      "[[listener]]\naddress = \"0.0.0.0:443\"\ntls_cert = \"" + cert + "\"\ntls_key = \"" + key +
      "\"\n");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->data, ElementsAre("/a", "/b"));
  EXPECT_EQ(config->admin_listen, "");
  EXPECT_EQ(config->log_level, LogLevel::kDebug);
  EXPECT_EQ(config->max_connections, 12u);
  EXPECT_EQ(config->request_memory, 32u << 20);
  EXPECT_EQ(config->copy_allow_sources.size(), 3u);
  ASSERT_EQ(config->accounts.size(), 1u);
  EXPECT_EQ(config->accounts[0],
            (Account{"mine", std::string(64, 'k'), std::string(64, 'o'), true, false, "Hot"}));
  ASSERT_EQ(config->listeners.size(), 1u) << "the default of listen must not be added";
  EXPECT_EQ(config->listeners[0], (Listener{"0.0.0.0:443", cert, key}));
}

TEST_F(ConfigTest, ListenersOfTheFileAddUpAndAFlagReplacesThem) {
  std::string toml = "listen = [\"127.0.0.1:1\"]\n[[listener]]\naddress = \"[::1]:2\"\n";
  EXPECT_EQ(LoadText(toml)->listeners.size(), 2u);
  auto config = Load({.file = Write("l.toml", toml),
                      .environment = {},
                      .flags = {{"listen", "127.0.0.1:3"}, {"listen", "127.0.0.1:4,127.0.0.1:5"}}});
  ASSERT_TRUE(config) << config.error().message();
  ASSERT_EQ(config->listeners.size(), 3u);
  EXPECT_EQ(config->listeners[2].address, "127.0.0.1:5");
}

TEST_F(ConfigTest, WrongKeysNameTheLineAndTheNearestRightOne) {
  EXPECT_EQ(ErrorOf("\n[log]\nlevle = \"info\"\n"),
            "forebay.toml:3: unknown key \"log.levle\" (did you mean \"log.level\"?)");
  EXPECT_EQ(ErrorOf("idle_timeout = \"1s\"\n"),
            "forebay.toml:1: unknown key \"idle_timeout\" (did you mean \"limits.idle_timeout\"?)");
  EXPECT_EQ(ErrorOf("[[acount]]\nname = \"x\"\n"),
            "forebay.toml:1: unknown table [[acount]] (did you mean \"account\"?)");
  EXPECT_EQ(ErrorOf(AccountToml("hierarchial = true\n")),
            "forebay.toml:4: unknown key \"hierarchial\" in [[account]] (did you mean "
            "\"hierarchical\"?)");
  EXPECT_EQ(ErrorOf("[limits]\nmax_conections = 5.0"),
            "forebay.toml:2: unknown key \"limits.max_conections\" (did you mean "
            "\"limits.max_connections\"?)");
  EXPECT_EQ(ErrorOf("data.x = 5"),
            "forebay.toml:1: unknown key \"data.x\" (did you mean \"data\"?)");
  EXPECT_EQ(ErrorOf("[[data]]\nx = 5"),
            "forebay.toml:1: unknown table [[data]] (did you mean \"data\"?)");
  EXPECT_EQ(ErrorOf("completely_different = 1\n"),
            "forebay.toml:1: unknown key \"completely_different\"");
  EXPECT_THAT(ErrorOf("a = \n"), AllOf(HasSubstr("forebay.toml:1: not valid TOML")));
  EXPECT_THAT(Load({.file = "/no/such.toml", .environment = {}, .flags = {}}).error().message(),
              HasSubstr("cannot read /no/such.toml"));
}

// They may come from two places: both are named instead.
TEST_F(ConfigTest, TheWebhooksCertificateAndItsKeyGoTogether) {
  for (const char* one : {"events_tls_cert", "events_tls_key"}) {
    EXPECT_EQ(ErrorOf("[lake]\n" + std::string(one) + " = \"/dev/null\""),
              "lake.events_tls_cert and lake.events_tls_key go together; one of them is missing");
  }
}

TEST_F(ConfigTest, WrongValuesNameTheLineAndWhatIsExpected) {
  const std::pair<std::string, std::string> cases[] = {
      {"log.level = \"loud\"", "log.level: \"loud\" is not one of trace"},
      {"log.format = \"xml\"", "neither text nor json"},
      {"log.requests = 3", "log.requests: expected true or false"},
      {"limits.max_connections = 0", "0 is out of range: at least 1, at most 1000000"},
      {"limits.max_connections = -1", "not a whole number"},
      {"limits.max_connections = 1\nlimits.max_connectionz = 1", "unknown key"},
      {"limits.idle_timeout = \"soon\"", "\"soon\" is not a duration"},
      {"limits.idle_timeout = \"1ms\"", "out of range: at least 1s, at most 1d"},
      {"limits.max_header_size = \"1GiB\"", "at least 4KiB, at most 1MiB"},
      {"listen = [\"example.com:80\"]", "does not start with an IP address"},
      {"listen = [\"127.0.0.1\"]", "is not HOST:PORT"},
      {"listen = []", "must not be empty"},
      {"data = [\"/a\", \"/a\"]", "listed twice"},
      {"log.level = [\"info\", \"warn\"]", "one value is expected"},
      {"log.level = 1.5", "expected text in quotes"},
      {"copy.allow_sources = [\"10.0.0.0/33\"]", "is not a network"},
      {"[[listener]]\naddress = \"127.0.0.1:1\"\ntls_cert = \"/no/such.pem\"",
       "cannot read /no/such.pem"},
      {"[[listener]]\ntls_cert = \"/dev/null\"\ntls_key = \"/dev/null\"", "has no address"},
      {"[[listener]]\naddress = \"127.0.0.1:1\"\ntls_cert = \"/dev/null\"", "go together"},
      {"[[listener]]\naddress = \"127.0.0.1:1\"\n[[listener]]\naddress = \"127.0.0.1:1\"",
       "two listeners"},
      {"[lake]\nevents_listen = \"8443\"", "is not HOST:PORT"},
      {"[[account]]\nname = \"Mine\"", "is not 3 to 24 lower-case"},
      {"[[account]]\nname = \"mine\"", "has no key1"},
      {"[[account]]\nkey1 = \"" + kKey + "\"", "has no name"},
      {"[[account]]\nname = \"mine\"\nkey1 = \"@/no/such\"", "cannot read /no/such"},
      {AccountToml() + AccountToml(), "configured twice"},
  };
  for (const auto& [toml, expected] : cases) {
    EXPECT_THAT(ErrorOf(toml), AllOf(HasSubstr("forebay.toml:"), HasSubstr(expected))) << toml;
  }
  for (const char* bad : {"not base64!", "c2hvcnQ="}) {
    EXPECT_THAT(ErrorOf(std::string("[[account]]\nname = \"mine\"\nkey1 = \"") + bad + "\""),
                AllOf(HasSubstr(":3: key1: the key is"), testing::Not(HasSubstr(bad))));
  }
}

TEST_F(ConfigTest, WhatIsFoundWrongLaterNamesThePlaceToo) {
  const Input input{.file = Write("forebay.toml", "[lake]\nlow_watermark = 85\nthreads = 3\n"),
                    .environment = {{"FOREBAY_LAKE_UPLOAD_RATE", "fast"}},
                    .flags = {{"lake.threads", "4"}, {"data", "/d"}}};
  const auto config = Load(input);
  ASSERT_TRUE(config);
  const auto said = [&config](const char* message, Code code = Code::kInvalidConfig) {
    return Located(*config, Error(code, message)).message();
  };
  EXPECT_EQ(said("lake.low_watermark is above lake.threads"),
            *input.file + ":2: lake.low_watermark is above lake.threads");
  EXPECT_EQ(said("lake.threads: 4"), "--lake-threads: lake.threads: 4");
  EXPECT_EQ(said("lake.upload_rate: fast"), "FOREBAY_LAKE_UPLOAD_RATE: lake.upload_rate: fast");
  EXPECT_EQ(said("data: not there"), "--data: data: not there");
  EXPECT_EQ(said("The data are gone"), "The data are gone");
  EXPECT_EQ(said("lake.cache_size: as it is by itself"), "lake.cache_size: as it is by itself");
  EXPECT_EQ(said("lake.threads: 4", Code::kIo), "lake.threads: 4");
}

TEST_F(ConfigTest, TheDevelopmentAccountNeverLeavesLoopback) {
  for (const char* address : {"0.0.0.0:1", "192.168.1.5:1", "[::]:1", "[2001:db8::1]:1"}) {
    auto config = Load({.file = {},
                        .environment = {},
                        .flags = {{"listen", std::string("127.0.0.1:2,") + address}}});
    ASSERT_FALSE(config) << address;
    EXPECT_THAT(config.error().message(),
                AllOf(HasSubstr(address), HasSubstr("published"), HasSubstr("[[account]]")));
  }
  for (const char* address : {"127.0.0.2:1", "[::1]:1", "localhost:1", "[::ffff:127.0.0.1]:0"}) {
    EXPECT_TRUE(Load({.file = {}, .environment = {}, .flags = {{"listen", address}}})) << address;
  }
  // The published key is as open under another name, or as the second key.
  std::string toml = "listen = [\"0.0.0.0:1\"]\n" + AccountToml();
  EXPECT_TRUE(LoadText(toml));
  EXPECT_THAT(ErrorOf(toml + "key2 = \"" + std::string(kDevelopmentKey) + "\"\n"),
              HasSubstr("refusing to listen"));
}

TEST_F(ConfigTest, UnknownVariablesWarnAndKnownOnesAreChecked) {
  auto config = Load({.file = {},
                      .environment = {{"FOREBAY_SERVICE_HOST", "10.0.0.1"},
                                      {"FOREBAY_LISTNE", "127.0.0.1:1"},
                                      {"FOREBAY_DATA", "/x, /y"},
                                      {"FOREBAY_CONFIG", "f"}},
                      .flags = {}});
  ASSERT_TRUE(config);
  EXPECT_THAT(config->warnings,
              ElementsAre(HasSubstr("FOREBAY_LISTNE is not a setting; ignored (did you mean "
                                    "\"FOREBAY_LISTEN\"?)"),
                          testing::EndsWith("FOREBAY_SERVICE_HOST is not a setting; ignored")));
  EXPECT_THAT(config->data, ElementsAre("/x", "/y"));
  auto bad = Load({.file = {}, .environment = {{"FOREBAY_LOG_LEVEL", "loud"}}, .flags = {}});
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message(), testing::StartsWith("FOREBAY_LOG_LEVEL: log.level:"));
}

// The error of loading with these flags and variables.
std::string ErrorWith(std::vector<std::pair<std::string, std::string>> flags,
                      std::map<std::string, std::string> environment = {}) {
  auto config =
      Load({.file = {}, .environment = std::move(environment), .flags = std::move(flags)});
  return config ? "no error" : config.error().message();
}

TEST_F(ConfigTest, AValueOutsideTheFileIsText) {
  EXPECT_EQ(ErrorWith({{"log.requests", "3"}}),
            "--log-requests: log.requests: \"3\" is neither true nor false");
  EXPECT_EQ(ErrorWith({}, {{"FOREBAY_ACCOUNTS", "name=mine,key1=" + kKey + ",hierarchical=1"}}),
            "FOREBAY_ACCOUNTS, entry 1: hierarchical: \"1\" is neither true nor false");
  auto config = Load({.file = {}, .environment = {}, .flags = {{"data", "5"}}});
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->data, ElementsAre("5"));
}

TEST_F(ConfigTest, AccountsComeFromFlagsAndVariables) {
  std::string secret = Write("secret", kOtherKey + "\n");
  auto config =
      Load({.file = {},
            .environment = {{"FOREBAY_ACCOUNTS",
                             "name=one,key1=" + kKey + " ; name=two, key1=@" + secret +
                                 ", hierarchical=true,default_access_tier=Cool;"}},
            .flags = {{"account", "name=three,allow_public_access=true,key1=@" + secret}}});
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->accounts,
              ElementsAre(Account{"one", std::string(64, 'k'), "", false, false, "Hot"},
                          Account{"two", std::string(64, 'o'), "", true, false, "Cool"},
                          Account{"three", std::string(64, 'o'), "", false, true, "Hot"}));
}

TEST_F(ConfigTest, AnAccountIsPutTogetherKeyByKeyFlagsFirst) {
  Input input;
  input.file = Write("a.toml", AccountToml("hierarchical = true\nallow_public_access = true\n") +
                                   "[[account]]\nname = \"other\"\nkey1 = \"" + kKey + "\"\n");
  input.environment = {{"FOREBAY_ACCOUNTS",
                        "name=mine,key1=" + kOtherKey + ",allow_public_access=false,key2=" + kKey}};
  input.flags = {{"account", "name=mine,key2=" + kOtherKey}};
  auto config = Load(input);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->accounts,
              ElementsAre(Account{"mine", std::string(64, 'o'), std::string(64, 'o'), true, false},
                          Account{"other", std::string(64, 'k'), "", false, false}));
}

TEST_F(ConfigTest, WrongRowsNameTheirPlaceAndNeverASecret) {
  const std::string good = "name=mine,key1=" + kKey;
  EXPECT_EQ(ErrorWith({{"account", good}, {"account", "name=yours,kye1=" + kKey}}),
            "--account, entry 2: unknown key \"kye1\" in [[account]] (did you mean \"key1\"?)");
  EXPECT_EQ(ErrorWith({}, {{"FOREBAY_ACCOUNTS", good + ";" + good}}),
            "FOREBAY_ACCOUNTS, entry 2: account mine is configured twice");
  EXPECT_EQ(ErrorWith({{"account", "key1=" + kKey}}),
            "--account, entry 1: this [[account]] has no name");
  EXPECT_EQ(ErrorWith({{"account", "name=mine,hierarchical=true"}}),
            "--account, entry 1: account mine has no key1");
  EXPECT_EQ(ErrorWith({{"account", good + ",hierarchical"}}),
            "--account, entry 1: \"hierarchical\" has no value; write hierarchical=…");
  EXPECT_EQ(ErrorWith({{"account", good + ",default_access_tier=Archive"}}),
            "--account, entry 1: default_access_tier: \"Archive\" is not one of Hot, Cool, Cold");
  EXPECT_THAT(ErrorWith({{"account", "name=mine,key1=@/no/such"}}),
              HasSubstr("entry 1: key1: cannot read /no/such"));
  EXPECT_THAT(ErrorWith({{"account", "name=mine,key1=hunter2hunter2"}}),
              AllOf(HasSubstr("key1"), testing::Not(HasSubstr("hunter2"))));
  EXPECT_THAT(ErrorWith({{"listener", "address=127.0.0.1"}}),
              HasSubstr("--listener, entry 1: address: \"127.0.0.1\" is not HOST:PORT"));
  EXPECT_THAT(ErrorWith({}, {{"FOREBAY_LISTENERS", "adress=127.0.0.1:1"}}),
              HasSubstr("did you mean \"address\"?"));
}

TEST_F(ConfigTest, TheFirstPlaceThatNamesAListenerNamesThemAll) {
  std::string cert = Write("cert.pem", "x"), key = Write("key.pem", "x");
  const std::string tls = ",tls_cert=" + cert + ",tls_key=" + key;
  Input input;
  input.file = Write("l.toml", "listen = [\"127.0.0.1:1\"]\n");
  input.environment = {{"FOREBAY_LISTENERS", "address=127.0.0.1:2" + tls + ";address=[::1]:3"}};
  auto config = Load(input);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->listeners,
              ElementsAre(Listener{"127.0.0.1:2", cert, key}, Listener{"[::1]:3", "", ""}));
  input.flags = {{"listener", "address=127.0.0.1:4" + tls}, {"listen", "127.0.0.1:5"}};
  config = Load(input);
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->listeners,
              ElementsAre(Listener{"127.0.0.1:4", cert, key}, Listener{"127.0.0.1:5", "", ""}));
  input.flags = {{"listen", "127.0.0.1:6"}};
  EXPECT_THAT(Load(input)->listeners, ElementsAre(Listener{"127.0.0.1:6", "", ""}));
}

TEST(Schema, EveryKeyHasItsOwnNamesAndRoundTrips) {
  std::map<std::string, int> names;
  Config config = *Load({});
  for (const Key& key : Schema()) {
    EXPECT_EQ(++names[FlagOf(key)], 1) << key.name;
    EXPECT_EQ(++names[EnvironmentOf(key)], 1) << key.name;
    EXPECT_TRUE(key.doc.ends_with(".")) << key.name;
    std::string shown = Show(key, config);
    Config copy;
    auto values = IsList(key.type) ? SplitList(shown) : std::vector{shown};
    ASSERT_TRUE(Store(key, values, copy)) << key.name << " = " << shown;
    EXPECT_EQ(Show(key, copy), shown) << key.name;
  }
}

TEST_F(ConfigTest, ReloadAppliesWhatItMayAndNamesTheRest) {
  std::string cert = Write("cert.pem", "x"), key = Write("key.pem", "x"),
              cert2 = Write("cert2.pem", "x");
  auto tls = [&](const std::string& c) {
    return "[[listener]]\naddress = \"127.0.0.1:1\"\ntls_cert = \"" + c + "\"\ntls_key = \"" + key +
           "\"\n";
  };
  Config running = *LoadText(AccountToml() + tls(cert));
  EXPECT_THAT(PlanReload(running, running)->applied, IsEmpty());
  EXPECT_THAT(PlanReload(running, running)->restart, IsEmpty());

  Config next =
      *LoadText("log.level = \"debug\"\ndata = [\"/elsewhere\"]\n" +
                AccountToml("key2 = \"" + kOtherKey + "\"\nhierarchical = true\n") + tls(cert2));
  ReloadPlan plan = *PlanReload(running, next);
  EXPECT_THAT(plan.applied, ElementsAre("log.level", "account", "listener.tls"));
  EXPECT_THAT(plan.restart, ElementsAre("data", "account.mine.hierarchical"));
  EXPECT_EQ(plan.effective.log_level, LogLevel::kDebug);
  EXPECT_EQ(plan.effective.data, running.data);
  EXPECT_EQ(plan.effective.accounts[0].key2, std::string(64, 'o'));
  EXPECT_FALSE(plan.effective.accounts[0].hierarchical);
  EXPECT_EQ(plan.effective.listeners[0].tls_cert, cert2);

  Config moved = running;
  moved.listeners[0].address = "127.0.0.1:2";
  plan = *PlanReload(running, moved);
  EXPECT_THAT(plan.restart, ElementsAre("listener"));
  EXPECT_EQ(plan.effective.listeners, running.listeners);
}

TEST_F(ConfigTest, ReloadNeverOpensThePublishedKeyToOthers) {
  Config running = *LoadText(AccountToml() + "[[listener]]\naddress = \"0.0.0.0:1\"\n");
  // A file cut to nothing means the development accounts on loopback; the listener however stays.
  auto plan = PlanReload(running, *LoadText(""));
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().code(), Code::kInvalidConfig);
  // Nor beside an account of one's own.
  Config next = running;
  next.accounts.push_back(LoadText("")->accounts[0]);
  EXPECT_FALSE(PlanReload(running, next));
  next.listeners[0].address = "127.0.0.1:1";  // the running one stays where it is
  EXPECT_FALSE(PlanReload(running, next));
  EXPECT_TRUE(PlanReload(running, running));
}

TEST_F(ConfigTest, ReloadOfAnEmptyFileTakesNoAccountsAway) {
  Config running = *LoadText(AccountToml());
  EXPECT_FALSE(PlanReload(running, *LoadText("")));
  Config bare = *LoadText("");
  EXPECT_TRUE(PlanReload(bare, bare));
  EXPECT_TRUE(PlanReload(bare, running));
}

void HoldToFile(const std::string& relative, const std::string& text) {
  std::string path = std::string(FOREBAY_SOURCE_DIR) + "/" + relative;
  if (std::getenv("FOREBAY_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream in(path);
  std::string committed = (std::ostringstream() << in.rdbuf()).str();
  EXPECT_EQ(committed, text) << relative << " is stale; run FOREBAY_UPDATE_GOLDEN=1 config_test";
}

TEST(Docs, CommittedPagesMatchTheSchema) {
  HoldToFile("docs/configuration.md", ConfigMarkdown());
  HoldToFile("docs/forebay.example.toml", ConfigExample());
}

TEST(Docs, EveryKeyAndTableIsNamedWithFlagAndVariable) {
  const std::string page = ConfigMarkdown();
  for (const Key& key : Schema()) {
    EXPECT_THAT(page, HasSubstr("`" + FlagOf(key) + "`<br>`" + EnvironmentOf(key) + "`"));
  }
  for (const Table& table : Tables()) {
    EXPECT_THAT(page, HasSubstr("`" + std::string(table.flag) + "`<br>`" +
                                std::string(table.variable) + "`"));
  }
  for (const TableKey& key : TableSchema()) {
    EXPECT_THAT(page, HasSubstr("| `" + std::string(key.name) + "` |"));
    EXPECT_THAT(ConfigExample(), HasSubstr("#" + std::string(key.name) + " = "));
  }
}

TEST(Docs, ThePackagedFileLoads) {
  auto config = Load({.file = std::string(FOREBAY_SOURCE_DIR) + "/deploy/forebay.toml",
                      .environment = {},
                      .flags = {}});
  ASSERT_TRUE(config) << config.error().message();
}

TEST_F(ConfigTest, TheExampleUncommentedIsTheDefaults) {
  std::string text;
  std::istringstream lines(ConfigExample());
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("# Accounts")) break;  // they name files that are not there
    text += line.starts_with('#') && !line.starts_with("# ") ? line.substr(1) + "\n" : line + "\n";
  }
  auto config = LoadText(text);
  ASSERT_TRUE(config) << config.error().message();
  Config defaults = *Load({});
  for (const Key& key : Schema()) EXPECT_EQ(Show(key, *config), Show(key, defaults)) << key.name;
  EXPECT_EQ(config->listeners, defaults.listeners);
}

}  // namespace
}  // namespace forebay::config
