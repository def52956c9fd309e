#include "azure/target.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

bool Known(std::string_view name) { return name == "devstoreaccount1" || name == "acc2"; }

Result<RequestTarget> Parse(std::string_view target, std::string_view host = "127.0.0.1:10000") {
  return ParseTarget(target, host, Known);
}

TEST(Target, PathStyle) {
  for (const char* host :
       {"127.0.0.1:10000", "[::1]:10000", "localhost", "storage.example.com:80", "10.1.2.3", ""}) {
    auto t = Parse("/devstoreaccount1/con/a/b?comp=list&x=1", host);
    ASSERT_TRUE(t) << host;
    EXPECT_TRUE(t->path_style);
    EXPECT_EQ(t->account.view(), "devstoreaccount1");
    EXPECT_EQ(t->container->view(), "con");
    EXPECT_EQ(t->blob->view(), "a/b");
    EXPECT_EQ(t->raw_path, "/devstoreaccount1/con/a/b");
    EXPECT_EQ(t->raw_query, "comp=list&x=1");
  }
}

TEST(Target, HostStyle) {
  auto t = Parse("/con/a/b", "devstoreaccount1.blob.localhost:10000");
  ASSERT_TRUE(t);
  EXPECT_FALSE(t->path_style);
  EXPECT_EQ(t->account.view(), "devstoreaccount1");
  EXPECT_EQ(t->container->view(), "con");
  EXPECT_EQ(t->blob->view(), "a/b");
  EXPECT_EQ(t->endpoint, Endpoint::kBlob);
  EXPECT_EQ(Parse("/c", "ACC2.dfs.core.windows.net")->endpoint, Endpoint::kDfs);
  auto secondary = Parse("/?comp=stats", "acc2-secondary.blob.core.windows.net");
  ASSERT_TRUE(secondary);
  EXPECT_TRUE(secondary->secondary);
  EXPECT_EQ(secondary->account.view(), "acc2");
}

TEST(Target, AServerCalledSomethingBlobStillTakesPathStyle) {
  auto t = Parse("/acc2/con/x", "storage.blob.internal");
  ASSERT_TRUE(t);
  EXPECT_TRUE(t->path_style);
  EXPECT_EQ(t->account.view(), "acc2");
  auto unknown = Parse("/con/x", "stranger.blob.internal");
  ASSERT_TRUE(unknown);
  EXPECT_EQ(unknown->account.view(), "stranger");
}

TEST(Target, NamesAreDecodedOnceAndNeverNormalised) {
  auto name = [](std::string_view raw) {
    auto t = Parse("/acc2/con/" + std::string(raw));
    return t ? t->blob->str() : t.error().ToString();
  };
  EXPECT_EQ(name("a%2Fb"), "a/b");
  EXPECT_EQ(name("a%252Fb"), "a%2Fb");
  EXPECT_EQ(name("a//b"), "a//b");
  EXPECT_EQ(name("/a"), "/a");
  EXPECT_EQ(name("./../x/."), "./../x/.");
  EXPECT_EQ(name(".."), "..");
  EXPECT_EQ(name("a+b%20c"), "a+b c");
  EXPECT_EQ(name("trailing./"), "trailing./");
  EXPECT_EQ(name("%E5%90%8D%F0%9F%98%80"), "名😀");
  EXPECT_EQ(name("名"), "名");
}

TEST(Target, LevelsOfThePath) {
  EXPECT_FALSE(Parse("/acc2")->container);
  EXPECT_FALSE(Parse("/acc2/")->container);
  EXPECT_FALSE(Parse("/acc2/?comp=list")->container);
  auto container = Parse("/acc2/con?restype=container");
  EXPECT_EQ(container->container->view(), "con");
  EXPECT_FALSE(container->blob);
  auto slash = Parse("/acc2/con/?restype=container&comp=list");
  EXPECT_EQ(slash->container->view(), "con");
  EXPECT_FALSE(slash->blob);
}

TEST(Target, OneSegmentIsABlobOfTheRootContainer) {
  auto t = Parse("/acc2/File%20Name.TXT");
  ASSERT_TRUE(t) << t.error().ToString();
  EXPECT_TRUE(t->implicit_root);
  EXPECT_EQ(t->container->view(), "$root");
  EXPECT_EQ(t->blob->view(), "File Name.TXT");
  auto spelled = Parse("/acc2/$root/x");
  EXPECT_FALSE(spelled->implicit_root);
  EXPECT_EQ(spelled->container->view(), "$root");
}

TEST(Target, BadTargetsAreRefusedWithTheirCodes) {
  auto code = [](std::string_view target) {
    auto t = Parse(target);
    return t ? Code::kInternal : t.error().code();
  };
  EXPECT_EQ(code("/acc2/con/a%"), Code::kInvalidUri);
  EXPECT_EQ(code("/acc2/con/a%zz"), Code::kInvalidUri);
  EXPECT_EQ(code("/acc2/con/%ff"), Code::kInvalidUri);
  EXPECT_EQ(code("/acc2/con/a%00b"), Code::kInvalidUri);
  EXPECT_EQ(code("/acc2/con/x?a=%ff"), Code::kInvalidQueryParameterValue);
  EXPECT_EQ(code("/acc2/con/x?a=%f"), Code::kInvalidUri);
  EXPECT_EQ(code("/"), Code::kInvalidUri);
  EXPECT_EQ(code("*"), Code::kRequestUrlFailedToParse);
  EXPECT_EQ(code("ftp://x/y"), Code::kRequestUrlFailedToParse);
  EXPECT_EQ(code("/acc2/Upper/x"), Code::kInvalidResourceName);
  EXPECT_EQ(code("/acc2/ab?restype=container"), Code::kOutOfRangeInput);
  EXPECT_EQ(code("/acc2/con/" + std::string(1025, 'x')), Code::kOutOfRangeInput);
  EXPECT_EQ(code("/acc2/con/" + std::string(1024, 'x')), Code::kInternal);
}

TEST(Target, AbsoluteFormCarriesItsHost) {
  auto t = ParseTarget("http://acc2.blob.x:1/con/b?c", "ignored", Known);
  ASSERT_TRUE(t);
  EXPECT_EQ(t->account.view(), "acc2");
  EXPECT_EQ(t->raw_path, "/con/b");
}

TEST(Target, QueryKeepsOrderAndDecodes) {
  auto q = Query::Parse("A=1&b=x+y%2Bz&&flag&a=2&=v").value();
  EXPECT_EQ(q.size(), 5u);
  EXPECT_EQ(q.Get("a"), "1");
  EXPECT_EQ(q.Get("B"), "x y+z");
  EXPECT_TRUE(q.Has("flag"));
  EXPECT_EQ(q.Get("flag"), "");
  EXPECT_FALSE(q.Has("c"));
  EXPECT_EQ(q.ToString(), "A=1&b=x%20y%2Bz&flag=&a=2&=v");
}

TEST(Target, DfsIsToldApart) {
  EXPECT_FALSE(LooksLikeDfs(*Parse("/acc2/con/x"), false));
  EXPECT_TRUE(LooksLikeDfs(*Parse("/acc2/con/x"), true));
  EXPECT_TRUE(LooksLikeDfs(*Parse("/acc2/con/x?resource=file"), false));
  EXPECT_TRUE(LooksLikeDfs(*Parse("/acc2/con?resource=filesystem&recursive=true"), false));
  EXPECT_TRUE(LooksLikeDfs(*Parse("/acc2/con?posix=info"), false));
  EXPECT_FALSE(Parse("/acc2/con?posix=info")->implicit_root);
  EXPECT_EQ(Parse("/acc2/con?resource=filesystem")->container->view(), "con");
}

TEST(Target, SourceUrls) {
  auto url = ParseSourceUrl("https://Acc.Blob.example:8443/c/b%20?sv=1&sig=x");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->https);
  EXPECT_EQ(url->host, "acc.blob.example");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->authority, "Acc.Blob.example:8443");
  EXPECT_EQ(url->target, "/c/b%20?sv=1&sig=x");
  auto six = ParseSourceUrl("http://[fe80::1]/x");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->host, "fe80::1");
  EXPECT_EQ(six->port, 80);
  for (const char* bad :
       {"", "/a/b", "ftp://x/y", "http://", "http://u:p@h/x", "http://h:0/x", "http://h:99999/x",
        "http://h/x\r\nEvil: 1", "http://h/a b", "http://h/x#f", "http://[::1/x", "http://h:/x"}) {
    auto parsed = ParseSourceUrl(bad);
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidSourceBlobUrl);
  }
}

TEST(Target, ABadNameLeavesTheEndpointAndTheQuery) {
  RequestTarget path;
  const auto bad = ParseTargetInto(path, "/acc2/D_S?resource=filesystem", "127.0.0.1", Known);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code(), Code::kInvalidResourceName);
  EXPECT_TRUE(LooksLikeDfs(path, false));
  RequestTarget host;
  ASSERT_FALSE(ParseTargetInto(host, "/D_S/x", "acc2.dfs.core.windows.net", Known));
  EXPECT_EQ(host.endpoint, Endpoint::kDfs);
}

TEST(Target, ARenameMayHaveItsAccountInTheSourceAlone) {
  const auto known = [](std::string_view name) { return name == "acc"; };
  const auto parsed = ParseTarget("/box/dir/new", "127.0.0.1:10000", known, "/acc/box/old");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->account.view(), "acc");
  EXPECT_EQ(parsed->container->view(), "box");
  EXPECT_EQ(parsed->blob->view(), "dir/new");
  EXPECT_TRUE(parsed->path_style);
  // Where the path has an account, that one counts.
  EXPECT_EQ(ParseTarget("/acc/box/new", "127.0.0.1", known, "/acc/box/old")->container->view(),
            "box");
  EXPECT_EQ(ParseTarget("/none/box/new", "127.0.0.1", known, "/box/old")->account.view(), "none");
}

}  // namespace
}  // namespace forebay::azure
