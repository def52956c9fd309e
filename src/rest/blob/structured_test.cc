// Structured messages, both ways.
#include "azure/structured_message.h"
#include "rest/blob/request_body.h"
#include "rest/blob/service_fixture.h"
#include "rest/blob/structured_source.h"

namespace forebay::rest {
namespace {

std::string Wrap(std::string_view content, std::uint64_t segment) {
  azure::StructuredMessageEncoder encoder(content.size(), segment);
  std::string out = encoder.Header();
  std::size_t at = 0;
  while (encoder.HasSegment()) {
    const std::uint64_t length = encoder.NextSegmentLength();
    out += encoder.SegmentHeader();
    const std::string_view part = content.substr(at, length);
    encoder.Content(AsBytes(part));
    out += part;
    out += encoder.SegmentFooter();
    at += part.size();
  }
  return out + encoder.Footer();
}

std::string Unwrap(std::string_view message) {
  azure::StructuredMessageDecoder decoder;
  std::string out(message.size(), '\0');
  auto step =
      decoder.Decode(AsBytes(message), {reinterpret_cast<std::byte*>(out.data()), out.size()});
  EXPECT_TRUE(step.has_value() && decoder.finished());
  out.resize(step ? step->produced : 0);
  return out;
}

HeaderList Structured(std::size_t length) {
  return {{"x-ms-structured-body", std::string(azure::kStructuredBodyCrc64)},
          {"x-ms-structured-content-length", std::to_string(length)}};
}

class StructuredTest : public ::testing::Test {
 protected:
  void SetUp() override { f_.MakeContainer(); }
  ServiceFixture f_;
};

TEST_F(StructuredTest, UploadsAreTakenApart) {
  const std::string content(100'000, 'c');
  const Reply put = f_.PutBlob("/box/a", Wrap(content, 30'000), Structured(content.size()));
  ASSERT_EQ(put.status, 201u) << put.body;
  EXPECT_EQ(put.Header("x-ms-structured-body"), azure::kStructuredBodyCrc64);
  EXPECT_EQ(f_.Get("/box/a").body, content);
  HeaderList headers = Structured(3);
  EXPECT_EQ(f_.Put("/box/b?comp=block&blockid=MDAx", headers, Wrap("abc", 2)).status, 201u);
  EXPECT_EQ(f_.PutBlob("/box/empty", Wrap("", 10), Structured(0)).status, 201u);
}

TEST_F(StructuredTest, DamageIsFound) {
  const std::string message = Wrap("content that matters", 7);
  int refused = 0;
  for (std::size_t i = 0; i < message.size(); ++i) {
    std::string damaged = message;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    const Reply reply = f_.PutBlob("/box/a", damaged, Structured(20));
    EXPECT_EQ(reply.status, 400u) << "byte " << i << reply.body;
    refused += reply.status == 400;
  }
  EXPECT_EQ(refused, static_cast<int>(message.size()));
  EXPECT_EQ(f_.PutBlob("/box/a", message.substr(0, message.size() - 1), Structured(20)).status,
            400u);
  EXPECT_EQ(f_.PutBlob("/box/a", message + "x", Structured(20)).status, 400u);
  EXPECT_EQ(f_.PutBlob("/box/a", message, Structured(19)).status, 400u);
  EXPECT_EQ(f_.Get("/box/a").status, 404u);
}

TEST_F(StructuredTest, HeadersAreChecked) {
  EXPECT_EQ(f_.PutBlob("/box/a", Wrap("x", 5),
                       {{"x-ms-structured-body", std::string(azure::kStructuredBodyCrc64)}})
                .ErrorCode(),
            "MissingRequiredHeader");
  EXPECT_EQ(
      f_.PutBlob("/box/a", "x",
                 {{"x-ms-structured-body", "XSM/9.9"}, {"x-ms-structured-content-length", "1"}})
          .ErrorCode(),
      "InvalidHeaderValue");
}

TEST_F(StructuredTest, DownloadsAreWrappedWhenAsked) {
  const std::string content(5 << 20, 'd');
  f_.PutBlob("/box/a", content);
  const HeaderList ask = {{"x-ms-structured-body", std::string(azure::kStructuredBodyCrc64)}};
  const Reply whole = f_.Get("/box/a", ask);
  EXPECT_EQ(whole.status, 200u);
  EXPECT_EQ(whole.Header("x-ms-structured-body"), azure::kStructuredBodyCrc64);
  EXPECT_EQ(whole.Header("x-ms-structured-content-length"), std::to_string(content.size()));
  EXPECT_EQ(whole.content_length, whole.body.size());
  EXPECT_EQ(Unwrap(whole.body), content);
  const Reply part = f_.Get(
      "/box/a",
      {{"Range", "bytes=1-9"}, {"x-ms-structured-body", std::string(azure::kStructuredBodyCrc64)}});
  EXPECT_EQ(part.status, 206u);
  EXPECT_EQ(Unwrap(part.body), std::string(9, 'd'));
  EXPECT_EQ(part.content_length, part.body.size());
  f_.PutBlob("/box/empty", "");
  const Reply empty = f_.Get("/box/empty", ask);
  EXPECT_EQ(empty.content_length, empty.body.size());
  EXPECT_EQ(Unwrap(empty.body), "");
}

}  // namespace
}  // namespace forebay::rest
