// Where a mount's credential comes from.
#include "vfs/connect.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "async/run_sync.h"
#include "vfs/closed_port_for_test.h"

namespace forebay::vfs {
namespace {

class CredentialTest : public testing::Test {
 protected:
  CredentialTest() { Clear(); }
  ~CredentialTest() override { Clear(); }
  static void Clear() {
    for (const char* name :
         {"FOREBAY_CREDENTIAL", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN"}) {
      ::unsetenv(name);
    }
  }
  static std::string Kind(const char* url, const std::string& text = {}) {
    const auto endpoint = lake::ParseLakeEndpoint(url);
    const auto credential = CredentialFor(*endpoint, text);
    return credential ? (*credential)->description() : credential.error().ToString();
  }
};

constexpr const char* kAzure = "https://acct.dfs.core.windows.net/box";
constexpr const char* kHere = "http://127.0.0.1:10000/devlakeaccount1/box";

TEST_F(CredentialTest, TheOptionIsFirstAndTheEnvironmentNext) {
  ::setenv("AZURE_STORAGE_SAS_TOKEN", "?sv=2023-11-03&sig=abc%3D", 1);
  EXPECT_EQ(Kind(kAzure), "SAS");
  ::setenv("AZURE_STORAGE_KEY", "a2V5", 1);
  EXPECT_EQ(Kind(kAzure), "shared key");
  ::setenv("FOREBAY_CREDENTIAL", "anonymous", 1);
  EXPECT_EQ(Kind(kAzure), Kind(kAzure, "anonymous"));
  EXPECT_EQ(Kind(kAzure, "key:a2V5"), "shared key");
}

TEST_F(CredentialTest, TheWellKnownKeyOpensDevelopmentAccountsOnLoopbackOnly) {
  EXPECT_EQ(Kind(kHere), "shared key");
  EXPECT_TRUE(Kind("http://127.0.0.1:10000/other/box").starts_with("InvalidConfig"));
  EXPECT_TRUE(Kind("http://10.0.0.1:10000/devlakeaccount1/box").starts_with("InvalidConfig"));
  EXPECT_TRUE(Kind(kAzure).contains("FOREBAY_CREDENTIAL")) << "it says what to give";
}

TEST_F(CredentialTest, SecretsAreNotRepeated) {
  ::setenv("AZURE_STORAGE_KEY", "not base64 but secret!", 1);
  EXPECT_FALSE(Kind(kAzure).contains("secret"));
}

TEST(ConnectTest, AServerThatIsNotThereIsNotWaitedForLong) {
  const ClosedPort closed;
  const std::string origin = "http://127.0.0.1:" + std::to_string(closed.port());
  ConnectOptions options;
  options.url = origin + "/devlakeaccount1/box";
  options.reach_timeout = std::chrono::milliseconds(300);
  // No deadline: were it waited for as one that has answered before, this would not end.
  const auto connected = RunSync(Connect({}, std::move(options)));
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code(), Code::kNetwork);
  EXPECT_TRUE(connected.error().message().contains("Cannot reach " + origin))
      << connected.error().message();
}

}  // namespace
}  // namespace forebay::vfs
