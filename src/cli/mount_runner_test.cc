// Who a mount is, by options and environment.
#include "cli/mount_runner.h"

#include <fstream>
#include <map>

#include "cli/test_support.h"

namespace forebay::cli {
namespace {

class MountCredentialTest : public testing::DirectoryTest {
 protected:
  std::string File(const std::string& name) const {
    std::ofstream(root_ + "/" + name) << "secret\n";
    return root_ + "/" + name;
  }
  std::string Of(const MountOptions& options, std::map<std::string, std::string> environment = {}) {
    const auto found =
        MountCredential(options, [&](const char* name) { return environment[name]; });
    return found ? *found : found.error().ToString();
  }
};

TEST_F(MountCredentialTest, IsInTheFileThatAnOptionNames) {
  MountOptions key, sas, token;
  key.key_file = File("key");
  sas.sas_file = File("sas");
  token.token_file = File("token");
  EXPECT_EQ(Of(key), "key:@" + key.key_file);
  EXPECT_EQ(Of(sas), "sas:@" + sas.sas_file);
  EXPECT_EQ(Of(token, {{"AZURE_STORAGE_KEY", "a2V5"}}), "token:@" + token.token_file);
  token.token_file = root_ + "/absent";
  EXPECT_TRUE(Of(token).contains("/absent"));
  key.token_file = File("token");
  EXPECT_TRUE(Of(key).contains("Give one of"));
}

TEST_F(MountCredentialTest, IsAConnectionStringWhereNothingElseIsGiven) {
  const std::string key = "AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1/a";
  EXPECT_EQ(Of({}, {{"AZURE_STORAGE_CONNECTION_STRING", key}}), "key:a2V5");
  EXPECT_EQ(Of({}, {{"AZURE_STORAGE_CONNECTION_STRING", "SharedAccessSignature=sv=1&sig=x"}}),
            "sas:sv=1&sig=x");
  EXPECT_EQ(Of({}, {{"AZURE_STORAGE_CONNECTION_STRING", key}, {"FOREBAY_CREDENTIAL", "token:x"}}),
            "")
      << "vfs/connect.h looks";
}

}  // namespace
}  // namespace forebay::cli
