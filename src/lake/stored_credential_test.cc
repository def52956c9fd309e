#include "lake/stored_credential.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "async/run_sync.h"

namespace forebay::lake {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class StoredCredentialTest : public testing::Test {
 protected:
  StoredCredentialTest()
      : file_(testing::TempDir() + "stored_credential." + std::to_string(::getpid())) {}
  ~StoredCredentialTest() override { std::filesystem::remove(file_); }

  void Write(const std::string& text) { std::ofstream(file_) << text; }
  // The Authorization header or the query that a request gets; or why it gets none.
  static std::string Proof(Credential& credential) {
    LakeRequest request;
    request.method = "GET";
    request.path = "/data/blob";
    request.headers = {{"x-ms-date", "Sun, 06 Nov 2026 08:49:37 GMT"}};
    auto done = RunSync(credential.Authorize({}, request));
    if (!done) return std::string(CodeName(done.error().code())) + ": " + done.error().message();
    for (const auto& [name, value] : request.headers) {
      if (name == "Authorization") return value;
    }
    return request.query.ToString();
  }

  const LakeEndpoint endpoint_ = *ParseLakeEndpoint("https://acct1.blob.core.windows.net/data");
  const std::string file_;
};

TEST_F(StoredCredentialTest, AFileThatIsMissingIsTheAnswerUntilItIsThere) {
  const auto credential = MakeStoredCredential(endpoint_, "sas:@" + file_);
  EXPECT_EQ(credential->description(), "not readable");
  EXPECT_THAT(Proof(*credential), HasSubstr("cannot be read from " + file_));
  EXPECT_FALSE(credential->Refresh());
  Write("no sas, but SECRET");
  EXPECT_THAT(Proof(*credential), Not(HasSubstr("SECRET")));
  Write("sv=2025&sig=x1\n");
  EXPECT_EQ(Proof(*credential), "sv=2025&sig=x1");
  EXPECT_EQ(credential->description(), "SAS");
}

TEST_F(StoredCredentialTest, AKeyIsReadAgainAfterARefusal) {
  Write("c2VjcmV0\n");
  const auto credential = MakeStoredCredential(endpoint_, "key:@" + file_);
  const std::string first = Proof(*credential);
  EXPECT_THAT(first, HasSubstr("SharedKey acct1:"));
  EXPECT_FALSE(credential->Refresh()) << "nothing newer to try";
  Write("YW5vdGhlcg==\n");
  EXPECT_TRUE(credential->Refresh());
  EXPECT_NE(Proof(*credential), first);
  std::filesystem::remove(file_);
  EXPECT_FALSE(credential->Refresh());
  EXPECT_NE(Proof(*credential), first) << "the one in use stays";
}

TEST_F(StoredCredentialTest, WhatIsWrongWithAReferenceIsSaidWithoutIt) {
  const auto credential = MakeStoredCredential(endpoint_, "mystery:SECRET");
  EXPECT_THAT(Proof(*credential), HasSubstr("managed-identity"));
  EXPECT_THAT(Proof(*credential), Not(HasSubstr("SECRET")));
  EXPECT_EQ(Proof(*MakeStoredCredential(endpoint_, "anonymous")), "");
}

}  // namespace
}  // namespace forebay::lake
