#include "azure/error_table.h"

#include <gtest/gtest.h>

#include <set>

namespace forebay::azure {
namespace {

// Every number that CodeName knows is a Code.
std::vector<Code> AllCodes() {
  std::vector<Code> out;
  for (unsigned n = 1; n < 400; ++n) {
    auto code = static_cast<Code>(n);
    if (CodeName(code) != CodeName(static_cast<Code>(399)) || n == 399) out.push_back(code);
  }
  out.pop_back();
  return out;
}

TEST(ErrorTable, EveryCodeHasItsOwnEntry) {
  auto codes = AllCodes();
  ASSERT_GT(codes.size(), 100u);
  for (Code code : codes) {
    const WireError& wire = WireErrorOf(code);
    EXPECT_EQ(wire.code, code) << CodeName(code) << " is not in the table";
    EXPECT_FALSE(wire.name.empty());
    EXPECT_FALSE(wire.message.empty());
    EXPECT_TRUE(wire.status == 304 || (wire.status >= 400 && wire.status < 600)) << CodeName(code);
  }
}

TEST(ErrorTable, TheInverseGivesTheCodeBack) {
  for (Code code : AllCodes()) {
    if (static_cast<unsigned>(code) < 100) continue;
    const WireError& wire = WireErrorOf(code);
    // Two limits of Azure's have one name between them; the inverse knows the first.
    const bool shared = code == Code::kUncommittedBlockCountExceedsLimit;
    EXPECT_EQ(CodeFromWire(wire.status, wire.name), shared ? Code::kBlockCountExceedsLimit : code)
        << CodeName(code);
  }
  EXPECT_EQ(CodeFromWire(404, "FilesystemNotFound"), Code::kContainerNotFound);
  EXPECT_EQ(CodeFromWire(404, ""), Code::kResourceNotFound);
  EXPECT_EQ(CodeFromWire(404, "NeverHeardOf"), Code::kResourceNotFound);
  EXPECT_EQ(CodeFromWire(304, ""), Code::kNotModified);
  EXPECT_EQ(CodeFromWire(503, "Whatever"), Code::kServerBusy);
  EXPECT_EQ(CodeFromWire(429, ""), Code::kServerBusy);
}

TEST(ErrorTable, BodyIsAzures) {
  EXPECT_EQ(ErrorXml(Error(Code::kBlobNotFound, "The specified blob does not exist."), "id-1",
                     WallTime{}),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>BlobNotFound</Code>"
            "<Message>The specified blob does not exist.\nRequestId:id-1\n"
            "Time:1970-01-01T00:00:00.0000000Z</Message></Error>");
}

TEST(ErrorTable, DetailsBecomeElements) {
  std::string header = ErrorXml(InvalidHeaderError("x-ms-range", "a<b\r\nc"), "i", WallTime{});
  EXPECT_NE(header.find("<HeaderName>x-ms-range</HeaderName><HeaderValue>a&lt;b??c</HeaderValue>"),
            std::string::npos)
      << header;
  std::string query =
      ErrorXml(OutOfRangeQueryError("maxresults", "0", "1", "5000"), "i", WallTime{});
  EXPECT_NE(query.find("<QueryParameterName>maxresults</QueryParameterName>"
                       "<QueryParameterValue>0</QueryParameterValue>"
                       "<MinimumAllowed>1</MinimumAllowed><MaximumAllowed>5000</MaximumAllowed>"),
            std::string::npos);
  std::string auth = ErrorXml(AuthenticationError("line 1\nA: b"), "i", WallTime{});
  EXPECT_NE(auth.find("<AuthenticationErrorDetail>line 1\nA: b</AuthenticationErrorDetail>"),
            std::string::npos);
}

TEST(ErrorTable, WhatWentWrongInsideStaysInside) {
  std::string body = ErrorXml(Error(Code::kIo, "pwrite /data/segment-7: EIO").WithDetail("secret"),
                              "i", WallTime{});
  EXPECT_EQ(body.find("segment"), std::string::npos);
  EXPECT_EQ(body.find("secret"), std::string::npos);
  EXPECT_NE(body.find("<Code>InternalError</Code>"), std::string::npos);
}

TEST(ErrorTable, BodiesOfTheLakeAreRead) {
  auto parsed = ParseErrorXml(
      "\xEF\xBB\xBF<?xml version=\"1.0\"?><Error><Code>BlobNotFound</Code>"
      "<Message>m</Message></Error>");
  EXPECT_EQ(parsed.code, "BlobNotFound");
  EXPECT_EQ(parsed.message, "m");
  EXPECT_EQ(ParseErrorXml("<html>").code, "");
  EXPECT_EQ(ParseErrorXml("").code, "");
}

}  // namespace
}  // namespace forebay::azure
