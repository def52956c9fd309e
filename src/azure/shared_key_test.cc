#include "azure/shared_key.h"

#include <gtest/gtest.h>

#include "azure/vectors_for_test.h"

namespace forebay::azure {
namespace {

SigningKey TestKey() { return SigningKey::FromBase64(kTestKey).value(); }

// A captured request, as the server would see it.
struct Captured {
  std::string method, host, target, authorization;
  std::vector<std::pair<std::string, std::string>> owned;
  std::vector<HeaderField> headers;

  explicit Captured(const VectorRecord& record) {
    method = record.Get("method");
    std::string url = record.Get("url");
    auto host_begin = url.find("://") + 3;
    auto path = url.find('/', host_begin);
    host = url.substr(host_begin, path - host_begin);
    target = path == std::string::npos ? "/" : url.substr(path);
    for (const auto& [key, value] : record.fields) {
      if (key != "header") continue;
      auto colon = value.find(':');
      std::string name = value.substr(0, colon);
      std::string text = value.substr(std::min(value.size(), colon + 2));
      if (name == "Authorization") {
        authorization = text;
      } else {
        owned.emplace_back(name, text);
      }
    }
    for (const auto& [name, value] : owned) headers.emplace_back(name, value);
  }
};

bool Known(std::string_view name) { return name == kTestAccount; }

class SharedKeyVectors : public testing::TestWithParam<std::pair<const char*, std::size_t>> {};

TEST_P(SharedKeyVectors, RealClientsAreUnderstoodAndTamperingIsNot) {
  auto records = ReadVectors(GetParam().first);
  ASSERT_GE(records.size(), GetParam().second);
  const SigningKey key = TestKey();
  const SigningKey other = SigningKey::FromBase64("b3RoZXI=").value();
  const std::vector<SigningKey> keys = {other, key};
  for (const auto& record : records) {
    SCOPED_TRACE(record.Get("name") + " " + record.Get("method") + " " + record.Get("url"));
    Captured request(record);
    auto target = ParseTarget(request.target, request.host, Known);
    ASSERT_TRUE(target) << target.error().ToString();
    EXPECT_EQ(target->account.view(), kTestAccount);
    auto authorization = ParseAuthorization(request.authorization);
    ASSERT_TRUE(authorization);
    SigningInput input{request.method, target->raw_path, &target->query, request.headers,
                       target->account};
    auto verified = VerifySharedKey(*authorization, input, keys);
    EXPECT_TRUE(verified) << verified.error().detail();
    EXPECT_FALSE(VerifySharedKey(*authorization, input, std::span(keys).first(1)));
    input.method = "POST";
    auto tampered = VerifySharedKey(*authorization, input, keys);
    ASSERT_FALSE(tampered);
    EXPECT_EQ(tampered.error().code(), Code::kAuthenticationFailed);
    EXPECT_NE(tampered.error().detail().find("string to sign: 'POST\n"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Clients, SharedKeyVectors,
                         testing::Values(std::pair{"shared_key_js.txt", 300u},
                                         std::pair{"shared_key_python.txt", 100u}));

// The worked examples of "Authorize with Shared Key" in the REST reference.
TEST(SharedKey, DocumentedStringOfContainerMetadata) {
  auto query = Query::Parse("restype=container&comp=metadata&timeout=20").value();
  std::vector<HeaderField> headers = {{"x-ms-version", "2015-02-21"},
                                      {"x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT"}};
  SigningInput input{"GET", "/mycontainer", &query, headers, AccountName("myaccount")};
  EXPECT_EQ(
      StringsToSign(SharedKeyScheme::kSharedKey, input),
      std::vector<std::string>{
          "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n"
          "x-ms-version:2015-02-21\n/myaccount/mycontainer\ncomp:metadata\nrestype:container\n"
          "timeout:20"});
}

TEST(SharedKey, DocumentedStringOfLite) {
  auto query = Query::Parse("comp=metadata&x=1").value();
  std::vector<HeaderField> headers = {{"Content-Type", "text/plain; charset=UTF-8"},
                                      {"x-ms-date", "Sun, 20 Sep 2009 20:36:40 GMT"},
                                      {"x-ms-meta-m2", "v2"},
                                      {"x-ms-meta-m1", "v1"},
                                      {"x-ms-version", "2009-09-19"}};
  SigningInput input{"PUT", "/mycontainer/hello.txt", &query, headers, AccountName("testaccount1")};
  EXPECT_EQ(StringsToSign(SharedKeyScheme::kSharedKeyLite, input).front(),
            "PUT\n\ntext/plain; charset=UTF-8\n\nx-ms-date:Sun, 20 Sep 2009 20:36:40 GMT\n"
            "x-ms-meta-m1:v1\nx-ms-meta-m2:v2\nx-ms-version:2009-09-19\n"
            "/testaccount1/mycontainer/hello.txt?comp=metadata");
}

TEST(SharedKey, ContentLengthZeroIsSignedOnlyBefore20150221) {
  auto query = Query::Parse("").value();
  auto sign = [&](const char* version) {
    std::vector<HeaderField> headers = {{"Content-Length", "0"}, {"x-ms-version", version}};
    SigningInput input{"PUT", "/c", &query, headers, AccountName("acc")};
    return StringsToSign(SharedKeyScheme::kSharedKey, input).front();
  };
  EXPECT_TRUE(sign("2014-02-14").starts_with("PUT\n\n\n0\n"));
  EXPECT_TRUE(sign("2015-02-21").starts_with("PUT\n\n\n\n"));
}

TEST(SharedKey, DateIsSignedOnlyWithoutXMsDate) {
  auto query = Query::Parse("").value();
  std::vector<HeaderField> headers = {{"Date", "Fri, 26 Jun 2015 23:39:12 GMT"},
                                      {"x-ms-version", "2020-10-02"}};
  SigningInput input{"GET", "/c/b", &query, headers, AccountName("acc")};
  EXPECT_EQ(
      StringsToSign(SharedKeyScheme::kSharedKey, input).front(),
      "GET\n\n\n\n\n\nFri, 26 Jun 2015 23:39:12 GMT\n\n\n\n\n\nx-ms-version:2020-10-02\n/acc/c/b");
  headers.emplace_back("x-ms-date", "Fri, 26 Jun 2015 23:39:12 GMT");
  input.headers = headers;
  EXPECT_TRUE(StringsToSign(SharedKeyScheme::kSharedKey, input)
                  .front()
                  .starts_with("GET\n\n\n\n\n\n\n\n\n\n\n\n"));
}

TEST(SharedKey, VersionsBefore20090919SignTheOldForm) {
  auto query = Query::Parse("comp=list&prefix=a").value();
  std::vector<HeaderField> headers = {{"x-ms-date", "Sun, 20 Sep 2009 20:36:40 GMT"},
                                      {"x-ms-version", "2009-07-17"}};
  SigningInput input{"GET", "/c", &query, headers, AccountName("acc")};
  EXPECT_EQ(StringsToSign(SharedKeyScheme::kSharedKey, input),
            std::vector<std::string>{"GET\n\n\n\nx-ms-date:Sun, 20 Sep 2009 20:36:40 GMT\n"
                                     "x-ms-version:2009-07-17\n/acc/c?comp=list"});
}

TEST(SharedKey, RepeatedParametersAndHeadersAreJoinedInOrder) {
  auto query = Query::Parse("B=2&a=z&b=1&A=y").value();
  std::vector<HeaderField> headers = {
      {"X-Ms-Meta-A", "1"}, {"x-ms-version", "2020-10-02"}, {"x-ms-meta-a", " 2 "}};
  SigningInput input{"GET", "/c", &query, headers, AccountName("acc")};
  std::string text = StringsToSign(SharedKeyScheme::kSharedKey, input).front();
  EXPECT_TRUE(text.ends_with("x-ms-meta-a:1,2\nx-ms-version:2020-10-02\n/acc/c\na:y,z\nb:1,2"));
}

// A sort whose order contradicts itself is undefined: all the characters that a header's name may
// have.
TEST(SharedKey, ManyOddHeaderNamesAreSortedInLinearithmicTime) {
  const std::string characters = "!#$%&'*+-.^_`|~09azAZ";
  std::vector<std::string> names;
  for (char a : characters) {
    for (char b : characters) {
      for (char c : characters) names.push_back(std::string("x-ms-") + a + b + c);
    }
  }
  std::vector<HeaderField> headers;
  for (const std::string& name : names) headers.emplace_back(name, "v");
  auto query = Query::Parse("").value();
  SigningInput input{"GET", "/c", &query, headers, AccountName("acc")};
  auto forward = StringsToSign(SharedKeyScheme::kSharedKey, input);
  std::ranges::reverse(headers);
  EXPECT_EQ(StringsToSign(SharedKeyScheme::kSharedKey, input), forward);
  EXPECT_GT(forward.size(), 1u) << "the two orders differ";
}

TEST(SharedKey, SignRequestVerifies) {
  auto query = Query::Parse("comp=list&restype=container").value();
  std::vector<HeaderField> headers = {{"x-ms-date", "Sun, 20 Sep 2026 20:36:40 GMT"},
                                      {"x-ms-version", "2025-07-05"}};
  SigningInput input{"GET", "/c", &query, headers, AccountName(kTestAccount)};
  const std::vector<SigningKey> keys = {TestKey()};
  auto authorization = ParseAuthorization(SignRequest(input, keys[0]));
  ASSERT_TRUE(authorization);
  EXPECT_TRUE(VerifySharedKey(*authorization, input, keys));
  input.account = AccountName("someoneelse");
  EXPECT_FALSE(VerifySharedKey(*authorization, input, keys));
}

TEST(SharedKey, MalformedAuthorizationIsTold) {
  for (const char* text :
       {"", "SharedKey", "SharedKey x", "SharedKey :sig", "SharedKey a:", "Basic a:b"}) {
    auto parsed = ParseAuthorization(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidAuthenticationInfo) << text;
  }
  EXPECT_EQ(ParseAuthorization("Bearer ey.a.b").error().code(), Code::kAuthenticationFailed);
}

TEST(SharedKey, ClockSkewOfFifteenMinutesIsTaken) {
  WallTime now = ParseHttpDate("Sun, 20 Sep 2026 20:00:00 GMT").value();
  auto check = [&](const char* name, const char* date) {
    std::vector<HeaderField> headers = {{name, date}};
    return CheckRequestDate(headers, now);
  };
  EXPECT_TRUE(check("x-ms-date", "Sun, 20 Sep 2026 19:45:00 GMT"));
  EXPECT_TRUE(check("Date", "Sun, 20 Sep 2026 20:15:00 GMT"));
  auto old = check("x-ms-date", "Sun, 20 Sep 2026 19:44:59 GMT");
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().detail(), "Request date header too old: 'Sun, 20 Sep 2026 19:44:59 GMT'");
  EXPECT_FALSE(check("x-ms-date", "Sun, 20 Sep 2026 20:15:01 GMT"));
  EXPECT_FALSE(check("x-ms-date", "yesterday"));
  EXPECT_FALSE(check("Other", "Sun, 20 Sep 2026 20:00:00 GMT"));
}

TEST(SharedKey, KeysMustBeBase64) {
  EXPECT_FALSE(SigningKey::FromBase64("!!!"));
  // RFC 4231, test case 2.
  auto key = SigningKey::FromBase64("SmVmZQ==").value();
  EXPECT_EQ(key.Sign("what do ya want for nothing?"),
            "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
  EXPECT_FALSE(ConstantTimeEquals("a", "ab"));
}

}  // namespace
}  // namespace forebay::azure
