// What answers of a lake are understood to mean, with a local server that plays it.
#include "lake/azure_sender.h"

#include <gtest/gtest.h>

#include "async/run_sync.h"
#include "http/server.h"
#include "lake/azure_blob_lake.h"
#include "lake/failure.h"

namespace forebay::lake {
namespace {

// Refuses whatever it is asked.
class Refusing final : public http::Handler {
 public:
  Refusing(unsigned status, std::string code)
      : status_(status), code_(std::move(code)), server_({.threads = 1}, Listeners()) {
    EXPECT_TRUE(server_.Start().has_value());
  }
  Task<http::Response> Handle(OpContext, http::Request& request) override {
    FB_CO_RETURN_IF_ERROR(co_await http::ReadAll(*request.body, 65'536));
    http::Response out;
    out.status = status_;
    out.headers.Add("x-ms-error-code", code_);
    out.text = "<Error><Code>" + code_ + "</Code><Message>No.</Message></Error>";
    co_return out;
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_.ports()[0]); }

 private:
  std::vector<http::ListenerOptions> Listeners() {
    std::vector<http::ListenerOptions> out(1);
    out[0].handler = this;
    return out;
  }
  const unsigned status_;
  const std::string code_;
  http::Server server_;
};

Error WhyNoBlock(unsigned status, const std::string& code) {
  Refusing lake(status, code);
  AzureBlobLakeOptions options;
  options.endpoint = *ParseLakeEndpoint(lake.url() + "/account1/lake");
  options.credential = std::move(*MakeCredential(options.endpoint, "anonymous"));
  AzureBlobLake client(std::move(options));
  const auto refused = RunSync(client.PutBlock(
      {}, {.name = BlobName("a"), .id = BlockId("1"), .content = TextContent("x")}));
  EXPECT_FALSE(refused.has_value());
  return refused ? Error(Code::kInternal, "") : refused.error();
}

// "Blob service error codes": of Put Block and Put Block List for a file of Path Create.
TEST(AzureSender, TellsAFileThatTakesNoBlocks) {
  for (const std::string code :
       {"BlobOperationNotSupported", "BlobOperationNotSupportedForBlobCreatedBySftp"}) {
    const Error error = WhyNoBlock(409, code);
    EXPECT_EQ(error.code(), Code::kInvalidBlobType) << error.ToString();
    EXPECT_EQ(Classify(error), Failure::kConflict);
    EXPECT_TRUE(error.message().contains(code)) << error.ToString();
  }
  EXPECT_NE(WhyNoBlock(409, "LeaseIdMissing").code(), Code::kInvalidBlobType);
}

}  // namespace
}  // namespace forebay::lake
