// The documents of errors; the table has a test of its own.
#include <gtest/gtest.h>

#include "azure/error_table.h"

namespace forebay::azure {
namespace {

TEST(ErrorBody, BodyIsAzures) {
  EXPECT_EQ(ErrorXml(Error(Code::kBlobNotFound, "The specified blob does not exist."), "id-1",
                     WallTime{}),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>BlobNotFound</Code>"
            "<Message>The specified blob does not exist.\nRequestId:id-1\n"
            "Time:1970-01-01T00:00:00.0000000Z</Message></Error>");
}

TEST(ErrorBody, DetailsBecomeElements) {
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

TEST(ErrorBody, WhatWentWrongInsideStaysInside) {
  std::string body = ErrorXml(Error(Code::kIo, "pwrite /data/segment-7: EIO").WithDetail("secret"),
                              "i", WallTime{});
  EXPECT_EQ(body.find("segment"), std::string::npos);
  EXPECT_EQ(body.find("secret"), std::string::npos);
  EXPECT_NE(body.find("<Code>InternalError</Code>"), std::string::npos);
}

TEST(ErrorBody, BodiesOfTheLakeAreRead) {
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
