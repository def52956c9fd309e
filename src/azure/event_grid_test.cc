#include "azure/event_grid.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

// From "Azure Blob Storage as an Event Grid source" of Azure's documentation.
constexpr std::string_view kCreated = R"([{
  "topic": "/subscriptions/{id}/resourceGroups/Storage/providers/Microsoft.Storage/storageAccounts/my-storage-account",
  "subject": "/blobServices/default/containers/test-container/blobs/new-file.txt",
  "eventType": "Microsoft.Storage.BlobCreated",
  "eventTime": "2017-06-26T18:41:00.9584103Z",
  "id": "831e1650-001e-001b-66ab-eeb76e069631",
  "data": {
    "api": "PutBlockList",
    "clientRequestId": "6d79dbfb-0e37-4fc4-981f-442c9ca65760",
    "requestId": "831e1650-001e-001b-66ab-eeb76e000000",
    "eTag": "\"0x8D4BCC2E4835CD0\"",
    "contentType": "text/plain",
    "contentLength": 524288,
    "blobType": "BlockBlob",
    "url": "https://my-storage-account.blob.core.windows.net/testcontainer/new-file.txt",
    "sequencer": "00000000000004420000000000028963",
    "storageDiagnostics": {"batchId": "b68529f3-68cd-4744-baa4-3c0498ec19f0"}
  },
  "dataVersion": "",
  "metadataVersion": "1"
}])";

constexpr std::string_view kRenamedCloud = R"({
  "source": "/subscriptions/x/providers/Microsoft.Storage/storageAccounts/acct",
  "subject": "/blobServices/default/containers/my-file-system/blobs/dir/new file.txt",
  "type": "Microsoft.Storage.BlobRenamed",
  "time": "2019-04-03T16:43:00.123Z",
  "id": "1",
  "specversion": "1.0",
  "data": {
    "api": "RenameFile",
    "destinationUrl": "https://acct.dfs.core.windows.net/my-file-system/dir/new%20file.txt",
    "sourceUrl": "https://acct.dfs.core.windows.net/my-file-system/dir/old%20file.txt",
    "sequencer": "00000000000004420000000000028964"
  }
})";

std::string ErrorOf(std::string_view body) {
  auto batch = ParseEventBatch(body);
  if (batch) return "accepted";
  EXPECT_EQ(batch.error().code(), Code::kInvalidInput);
  return batch.error().message();
}

std::string With(std::string_view text, std::string_view what, std::string_view by) {
  std::string out(text);
  const auto at = out.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return out.replace(at, what.size(), by);
}

TEST(EventGrid, ReadsAnEventOfTheDocumentation) {
  auto batch = ParseEventBatch(kCreated);
  ASSERT_TRUE(batch) << batch.error().message();
  ASSERT_EQ(batch->events.size(), 1U);
  const BlobEvent& event = batch->events[0];
  EXPECT_EQ(event.kind, BlobEventKind::kCreated);
  EXPECT_EQ(event.account, "my-storage-account");
  EXPECT_EQ(event.container.str(), "test-container");
  EXPECT_EQ(event.name.str(), "new-file.txt");
  EXPECT_EQ(event.etag.str(), "0x8D4BCC2E4835CD0");
  EXPECT_EQ(event.api, "PutBlockList");
  EXPECT_EQ(event.length, 524'288U);
  EXPECT_EQ(event.sequencer, "00000000000004420000000000028963");
  ASSERT_TRUE(event.time);
  EXPECT_EQ(event.time->ticks % WallTime::kTicksPerSecond, 9'584'103);
  EXPECT_FALSE(batch->validation_code);
}

TEST(EventGrid, ReadsARenameInCloudEventsAloneAndInAnArray) {
  for (const std::string& body :
       {std::string(kRenamedCloud), "[" + std::string(kRenamedCloud) + "]"}) {
    auto batch = ParseEventBatch(body);
    ASSERT_TRUE(batch) << batch.error().message();
    ASSERT_EQ(batch->events.size(), 1U);
    EXPECT_EQ(batch->events[0].kind, BlobEventKind::kRenamed);
    EXPECT_EQ(batch->events[0].name.str(), "dir/new file.txt");
    EXPECT_EQ(batch->events[0].from.str(), "dir/old file.txt");
    EXPECT_EQ(batch->events[0].account, "acct");
  }
}

TEST(EventGrid, KnowsTheKindsAndSkipsOthers) {
  const std::pair<std::string_view, BlobEventKind> kinds[] = {
      {"BlobDeleted", BlobEventKind::kDeleted},
      {"BlobTierChanged", BlobEventKind::kTierChanged},
      {"DirectoryCreated", BlobEventKind::kDirectoryCreated},
      {"DirectoryDeleted", BlobEventKind::kDirectoryDeleted},
      {"BlobExpired", BlobEventKind::kExpired},
  };
  for (const auto& [name, kind] : kinds) {
    auto batch = ParseEventBatch(With(kCreated, "BlobCreated", name));
    ASSERT_TRUE(batch);
    ASSERT_EQ(batch->events.size(), 1U) << name;
    EXPECT_EQ(batch->events[0].kind, kind);
  }
  auto directory = ParseEventBatch(With(kRenamedCloud, "BlobRenamed", "DirectoryRenamed"));
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->events.at(0).kind, BlobEventKind::kDirectoryRenamed);
  auto other = ParseEventBatch(With(kCreated, "BlobCreated", "LifecyclePolicyCompleted"));
  ASSERT_TRUE(other);
  EXPECT_TRUE(other->events.empty());
  EXPECT_EQ(other->skipped, 1U);
}

TEST(EventGrid, TheHandshakeIsAnswered) {
  auto batch = ParseEventBatch(R"([{"id": "2d1781af", "topic": "/subscriptions/x", "subject": "",
    "data": {"validationCode": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6", "validationUrl": "https://x"},
    "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
    "eventTime": "2022-10-28T04:23:35.1981776Z", "metadataVersion": "1", "dataVersion": "1"}])");
  ASSERT_TRUE(batch) << batch.error().message();
  EXPECT_EQ(batch->validation_code, "512d38b6-c7b8-40c8-89fe-f46f9e9622b6");
  EXPECT_TRUE(batch->events.empty());
  EXPECT_EQ(ValidationAnswer("a\"b"), "{\n  \"validationResponse\": \"a\\\"b\"\n}");
}

TEST(EventGrid, TheHandshakeOfCloudEventsIsAnsweredForOneOriginOnly) {
  const HeaderField good[] = {{"webhook-request-origin", "eventgrid.azure.net"}};
  auto answer = AnswerWebhookOptions(good, "eventgrid.azure.net");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->at(0).first, "WebHook-Allowed-Origin");
  EXPECT_EQ(answer->at(0).second, "eventgrid.azure.net");
  const HeaderField bad[] = {{"WebHook-Request-Origin", "example.org"}};
  EXPECT_EQ(AnswerWebhookOptions(bad, "eventgrid.azure.net").error().code(),
            Code::kAuthorizationFailure);
  EXPECT_EQ(AnswerWebhookOptions({}, "eventgrid.azure.net").error().code(),
            Code::kMissingRequiredHeader);
}

TEST(EventGrid, ErrorsSayWhere) {
  EXPECT_EQ(ErrorOf("[1]"), "$[0]: an object is expected.");
  EXPECT_EQ(ErrorOf("[{}]"), "$[0]: the member \"eventType\" is missing.");
  EXPECT_EQ(ErrorOf(With(kCreated, "/blobs/new-file.txt", "")),
            "$[0].subject: it is not the subject of a blob.");
  EXPECT_EQ(ErrorOf(With(kCreated, "524288", "-1")).substr(0, 26), "$[0].data.contentLength: a");
  EXPECT_EQ(ErrorOf(With(kRenamedCloud, "net/my-file-system/dir/old", "net/other/dir/old")),
            "$.data.sourceUrl: it is in another container.");
  EXPECT_EQ(ErrorOf("[").substr(0, 47), "The document is not JSON: a syntax error at byt");
  EXPECT_NE(ErrorOf(R"({"a": 1, "a": 2})").find("there twice"), std::string::npos);
  EXPECT_NE(ErrorOf(std::string(100, '[')).find("nested too deeply"), std::string::npos);
  EXPECT_NE(ErrorOf(std::string(kMaxEventBodyBytes + 1, ' ')).find("longer"), std::string::npos);
  std::string many = "[{\"eventType\":\"x\"}";
  for (std::size_t i = 0; i < kMaxEventsPerBody; ++i) many += ",{\"eventType\":\"x\"}";
  EXPECT_EQ(ErrorOf(many + "]"), "$: more than 5000 events.");
}

TEST(EventGrid, SequencersCompare) {
  EXPECT_TRUE(CompareSequencers("0004", "0005") < 0);
  EXPECT_TRUE(CompareSequencers("00000000000004420000000000028964",
                                "00000000000004420000000000028963") > 0);
  EXPECT_TRUE(CompareSequencers("5", "0005") == 0);
  EXPECT_TRUE(CompareSequencers("5", "0010") < 0);
  EXPECT_TRUE(CompareSequencers("", "1") == std::partial_ordering::unordered);
}

}  // namespace
}  // namespace forebay::azure
