// Holds a Blob server, and the lake's client, to the contract of ObjectLake. See README.md.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <set>
#include <thread>

#include "base/uuid.h"
#include "lake/azure_blob_lake.h"
#include "lake/contract_suite.h"

namespace forebay::lake {
namespace {

struct Arguments {
  std::string endpoint;
  std::string credential;
  std::set<std::string> lacks;
  bool hierarchical = false;
};

// Read before the tests are registered, which happens in main.
Arguments& TheArguments() {
  static Arguments arguments;
  return arguments;
}

std::unique_ptr<AzureBlobLake> MakeLake(const std::string& endpoint, const std::string& credential,
                                        Accounting* accounting) {
  auto parsed = ParseLakeEndpoint(endpoint);
  if (!parsed) Panic(parsed.error().ToString());
  auto proof = MakeCredential(*parsed, credential);
  if (!proof) Panic(proof.error().ToString());
  AzureBlobLakeOptions options;
  options.endpoint = std::move(*parsed);
  options.credential = std::move(*proof);
  options.accounting = accounting;
  return std::make_unique<AzureBlobLake>(std::move(options));
}

std::unique_ptr<AzureBlobLake> MakeOwnLake(Accounting* accounting = nullptr) {
  return MakeLake(TheArguments().endpoint + "/" + NewUuid(), TheArguments().credential, accounting);
}

LakeMaker MakerFromArguments() {
  const Arguments& arguments = TheArguments();
  LakeMaker out;
  out.name = "Server";
  out.hierarchical = arguments.hierarchical;
  out.synchronous_copies = !arguments.lacks.contains("synchronous-copies");
  out.md5_errors = !arguments.lacks.contains("md5-errors");
  out.tags = !arguments.lacks.contains("tags");
  out.rehydrates = !arguments.lacks.contains("rehydration");
  out.make = [] { return MakeOwnLake(); };
  return out;
}

INSTANTIATE_TEST_SUITE_P(Azure, LakeContract, testing::Values(MakerFromArguments()), MakerName);
// A server is of one kind; the other kind's suite has nothing to run over.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FlatLakeContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(HierarchicalLakeContract);
INSTANTIATE_TEST_SUITE_P(Azure, FlatLakeContract,
                         testing::ValuesIn(MakersOfKind(false, {MakerFromArguments()})), MakerName);
INSTANTIATE_TEST_SUITE_P(Azure, HierarchicalLakeContract,
                         testing::ValuesIn(MakersOfKind(true, {MakerFromArguments()})), MakerName);

TEST(AzureClient, CountsWhatItCosts) {
  Accounting accounting;
  const auto lake = MakeOwnLake(&accounting);
  PutRequest put{.name = BlobName("a"), .content = TextContent(std::string(5000, 'x'))};
  // The first request may find out that the lake knows no checksums.
  ASSERT_TRUE(RunSync(lake->Put({.context = {}, .cause = Cause::kAdmin}, put)).has_value());
  const std::uint64_t failures = accounting.usage().failures;
  ASSERT_TRUE(RunSync(lake->Put({.context = {}, .cause = Cause::kOffload}, put)).has_value());
  HeadRequest head{.name = BlobName("a"), .conditions = {}, .tags = true};
  ASSERT_TRUE(RunSync(lake->Head({.context = {}, .cause = Cause::kReconcile}, head)).has_value());
  const LakeUsage usage = accounting.usage();
  EXPECT_EQ(usage.of(Cause::kOffload).bytes_up, 5000u);
  EXPECT_EQ(usage.of(Cause::kOffload).requests, 1u);
  EXPECT_EQ(usage.of(Cause::kReconcile).requests, 1u) << "no tags, no second request";
  EXPECT_EQ(usage.failures, failures);
}

TEST(AzureClient, SaysWhatIsWrongWithItsCredential) {
  const auto lake = MakeLake(TheArguments().endpoint, "key:d3JvbmcgYW5kIHNlY3JldCBrZXk=", nullptr);
  const auto traits = RunSync(lake->Probe({}, {}));
  ASSERT_FALSE(traits.has_value());
  EXPECT_EQ(Classify(traits.error()), Failure::kForbidden) << traits.error().ToString();
  EXPECT_FALSE(traits.error().ToString().contains("d3Jvbmc"));
}

TEST(AzureClient, SaysThatTheContainerIsMissing) {
  std::string other = TheArguments().endpoint;
  other += "-is-not-there";
  const auto lake = MakeLake(other, TheArguments().credential, nullptr);
  const auto traits = RunSync(lake->Probe({}, {}));
  ASSERT_FALSE(traits.has_value());
  EXPECT_EQ(Classify(traits.error()), Failure::kContainerMissing) << traits.error().ToString();
  PutRequest put{.name = BlobName("a"), .content = TextContent("x")};
  EXPECT_EQ(Classify(RunSync(lake->Put({}, put)).error()), Failure::kContainerMissing);
}

TEST(AzureClient, HoldsToItsBandwidth) {
  const auto lake = MakeOwnLake();
  lake->SetLimits({.up_bytes_per_second = 1'000'000, .down_bytes_per_second = 1'000'000});
  const auto begin = std::chrono::steady_clock::now();
  PutRequest put{.name = BlobName("a"), .content = TextContent(Pattern(600'000))};
  ASSERT_TRUE(RunSync(lake->Put({}, put)).has_value());
  const auto up = std::chrono::steady_clock::now() - begin;
  EXPECT_GT(up, std::chrono::milliseconds(400));
  EXPECT_LT(up, std::chrono::seconds(5));
}

}  // namespace
}  // namespace forebay::lake

int main(int argc, char** argv) {
  auto& arguments = forebay::lake::TheArguments();
  // Our own arguments first: the tests are made from them when GoogleTest begins.
  CLI::App app("Runs the contract of ObjectLake against a container of a Blob server.");
  app.allow_extras();
  app.add_option("--endpoint", arguments.endpoint, "URL of the container")->required();
  app.add_option("--credential", arguments.credential, "key:BASE64, sas:TOKEN, …")->required();
  app.add_option("--lacks", arguments.lacks, "synchronous-copies, md5-errors, tags, rehydration")
      ->delimiter(',');
  app.add_flag("--hierarchical", arguments.hierarchical, "The account has directories");
  CLI11_PARSE(app, argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
