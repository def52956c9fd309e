#include "http/request_head.h"

#include <gtest/gtest.h>

namespace forebay::http {
namespace {

unsigned ScanStatus(std::string_view bytes, std::size_t limit = 1000) {
  HeadScanner scanner(limit);
  const auto found = scanner.Scan(bytes);
  if (!found) return found.error().status;
  return found->has_value() ? 0 : 1;
}

unsigned ParseStatus(std::string_view fields, Request* out = nullptr,
                     std::string_view line = "PUT /a HTTP/1.1") {
  Request local;
  const auto head = ParseRequestHead(std::string(line) + "\r\n" + std::string(fields) + "\r\n",
                                     out != nullptr ? *out : local);
  return head ? 0 : head.error().status;
}

TEST(HeadScannerTest, FindsTheEndHoweverTheBytesArrive) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r\n";
  for (std::size_t cut = 0; cut < head.size(); ++cut) {
    HeadScanner scanner(1000);
    const auto first = scanner.Scan(std::string_view(head).substr(0, cut));
    ASSERT_TRUE(first);
    EXPECT_FALSE(first->has_value()) << cut;
    const auto second = scanner.Scan(head + "body");
    ASSERT_TRUE(second && second->has_value()) << cut;
    EXPECT_EQ(**second, head.size());
  }
}

TEST(HeadScannerTest, RefusesWhatIsAmbiguousOrTooLarge) {
  EXPECT_EQ(ScanStatus("GET / HTTP/1.1\nHost: x\n\n"), 400U);
  EXPECT_EQ(ScanStatus("GET / HTTP/1.1\r\nHost: x\n\r\n"), 400U);
  EXPECT_EQ(ScanStatus("GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n"), 400U);
  EXPECT_EQ(ScanStatus("GET / HTTP/1.1\r\n\tHost: x\r\n\r\n"), 400U);
  EXPECT_EQ(ScanStatus("\r\n"), 400U);
  EXPECT_EQ(ScanStatus("GET /" + std::string(1000, 'a')), 414U);
  EXPECT_EQ(ScanStatus("GET / HTTP/1.1\r\nA: " + std::string(1000, 'a')), 431U);
  EXPECT_EQ(ScanStatus("GET / HTTP/1.1\r\nA: " + std::string(1000, 'a') + "\r\n\r\n"), 431U);
  EXPECT_EQ(ScanStatus("GET / HTTP/1.1\r\nA: b\r\n\r\n"), 0U);
}

TEST(ParseRequestHeadTest, RefusesSmuggling) {
  EXPECT_EQ(ParseStatus("Host: x\r\nContent-Length: 5\r\n"), 0U);
  EXPECT_EQ(ParseStatus("Host: x\r\nTransfer-Encoding: chunked\r\n"), 0U);
  for (const char* fields : {
           "Host: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n",
           "Host: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n",
           "Host: x\r\nContent-Length: 5, 5\r\n",
           "Host: x\r\nContent-Length: +5\r\n",
           "Host: x\r\nContent-Length: -5\r\n",
           "Host: x\r\nContent-Length: 0x5\r\n",
           "Host: x\r\nContent-Length: \r\n",
           "Host: x\r\nContent-Length: 99999999999999999999\r\n",
           "Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n",
           "Host: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
           "Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Host: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
           "Host: x\r\nContent-Length : 5\r\n",
           "Host: x\r\nBad Name: 5\r\n",
           "Host: x\r\n: 5\r\n",
           "Host: x\r\nno colon\r\n",
           "Host: x\r\nA: b\x01\r\n",
           "A: b\r\n",
           "Host: x\r\nHost: y\r\n",
       }) {
    EXPECT_EQ(ParseStatus(fields), 400U) << fields;
  }
  for (const char* coding : {"gzip", "gzip, chunked", "identity", "xchunked", "chunked;q=1"}) {
    const unsigned status =
        ParseStatus("Host: x\r\nTransfer-Encoding: " + std::string(coding) + "\r\n");
    EXPECT_TRUE(status == 501 || status == 400) << coding << " " << status;
  }
  EXPECT_EQ(ParseStatus("Transfer-Encoding: chunked\r\n", nullptr, "PUT / HTTP/1.0"), 400U);
}

TEST(ParseRequestHeadTest, RefusesBadLines) {
  for (const char* line : {"GET  / HTTP/1.1", "GET /", "GET / HTTP/1.1 ", "GET / http/1.1",
                           "G@T / HTTP/1.1", " GET / HTTP/1.1", "GET /a b HTTP/1.1",
                           "GET a HTTP/1.1", "GET ftp://x/ HTTP/1.1", "GET http:/// HTTP/1.1"}) {
    EXPECT_EQ(ParseStatus("Host: x\r\n", nullptr, line), 400U) << line;
  }
  EXPECT_EQ(ParseStatus("Host: x\r\n", nullptr, "GET / HTTP/2.0"), 400U);
  EXPECT_EQ(ParseStatus("Host: x\r\nExpect: tea\r\n"), 417U);
}

TEST(ParseRequestHeadTest, BoundsTheNumberOfHeaders) {
  std::string many = "Host: x\r\n";
  for (int i = 0; i < 1001; ++i) many += "a:b\r\n";
  EXPECT_EQ(ParseStatus(many), 431U);
}

TEST(ParseRequestHeadTest, SplitsTargets) {
  const auto split = [](std::string target) {
    Request request;
    EXPECT_EQ(ParseStatus("Host: x\r\n", &request, "GET " + target + " HTTP/1.1"), 0U) << target;
    EXPECT_EQ(request.target, target);
    return request.path + " " + request.query;
  };
  EXPECT_EQ(split("/a%2Fb//c/../d?x=%3F?y"), "/a%2Fb//c/../d x=%3F?y");
  EXPECT_EQ(split("/"), "/ ");
  EXPECT_EQ(split("/?"), "/ ");
  EXPECT_EQ(split("http://h/a?b"), "/a b");
  EXPECT_EQ(split("HTTPS://h:1?b"), "/ b");
  EXPECT_EQ(split("http://h"), "/ ");
  EXPECT_EQ(split("*"), "* ");
  EXPECT_EQ(split("/\xc3\xa4"), "/\xc3\xa4 ");
}

TEST(ParseRequestHeadTest, DecidesOnTheConnection) {
  const auto keeps = [](std::string fields, std::string line = "GET / HTTP/1.1") {
    Request request;
    return ParseRequestHead(line + "\r\nHost: x\r\n" + fields + "\r\n", request)->keep_alive;
  };
  EXPECT_TRUE(keeps(""));
  EXPECT_FALSE(keeps("Connection: close\r\n"));
  EXPECT_FALSE(keeps("Connection: te, Close\r\n"));
  EXPECT_FALSE(keeps("", "GET / HTTP/1.0"));
  EXPECT_TRUE(keeps("Connection: keep-alive\r\n", "GET / HTTP/1.0"));
}

TEST(ParseResponseHeadTest, ReadsFraming) {
  const auto length = ParseResponseHead("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n");
  ASSERT_TRUE(length);
  EXPECT_EQ(length->status, 200U);
  EXPECT_EQ(length->content_length, 7U);
  EXPECT_TRUE(ParseResponseHead("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")->chunked);
  EXPECT_FALSE(ParseResponseHead("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")->keep_alive);
  EXPECT_EQ(ParseResponseHead("HTTP/1.1 304\r\n\r\n").has_value(), false);
  EXPECT_TRUE(ParseResponseHead("HTTP/1.1 304 \r\n\r\n").has_value());
  EXPECT_FALSE(
      ParseResponseHead("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 7\r\n\r\n"));
}

TEST(HeadersTest, ComparesWithoutCaseAndReplaces) {
  Headers headers;
  headers.Add("A", " one ");
  headers.Add("b", "two");
  headers.Add("a", "three");
  EXPECT_EQ(headers.Get("a"), "one");
  headers.Set("A", headers.Get("b"));
  EXPECT_EQ(headers.size(), 2U);
  EXPECT_EQ(headers.Get("a"), "two");
  for (int i = 0; i < 500; ++i) headers.Add("x" + std::to_string(i), headers.Get("b"));
  EXPECT_EQ(headers.Get("X499"), "two");
  headers.Remove("B");
  EXPECT_FALSE(headers.Has("b"));
  std::size_t count = 0;
  for (const auto [name, value] : headers) count += name.empty() ? 0 : value == "two";
  EXPECT_EQ(count, headers.size());
}

}  // namespace
}  // namespace forebay::http
