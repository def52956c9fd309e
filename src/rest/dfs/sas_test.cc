// What SAS tokens allow in the Data Lake API: letters, directory scope, both ends of a rename.
#include <gtest/gtest.h>

#include "rest/dfs/dfs_fixture.h"

namespace forebay::rest::dfs {
namespace {

class DfsSasTest : public testing::Test {
 protected:
  DfsSasTest() {
    d_.Create("in/dir/f");
    d_.Create("out/g");
  }
  // A token for the directory in/dir.
  std::string DirectorySas(std::string permissions) {
    azure::SasToken token;
    token.permissions = std::move(permissions);
    token.resource = "d";
    token.directory_depth = "2";
    return d_.f.Sas(std::move(token), {ServiceFixture::Account(),
                                       azure::ContainerName("box"),
                                       azure::BlobName("in/dir"),
                                       {},
                                       {}});
  }
  // A token for one path, which may be a directory's name all the same.
  std::string BlobSas(std::string permissions, std::string_view path) {
    azure::SasToken token;
    token.permissions = std::move(permissions);
    token.resource = "b";
    return d_.f.Sas(
        std::move(token),
        {ServiceFixture::Account(), azure::ContainerName("box"), azure::BlobName(path), {}, {}});
  }
  unsigned Do(std::string_view method, const std::string& target, const std::string& sas,
              HeaderList headers = {}) {
    if (method == "PATCH") headers.emplace_back("Content-Length", "0");
    const char* join = target.find('?') == std::string::npos ? "?" : "&";
    return d_.f.Send(method, target + join + sas, std::move(headers), {}, As::kNobody).status;
  }
  DfsFixture d_;
};

TEST_F(DfsSasTest, ADirectorysTokenEndsAtTheDirectory) {
  const std::string sas = DirectorySas("rlwdemop");
  EXPECT_EQ(Do("HEAD", "/box/in/dir/f?action=getStatus", sas), 200u);
  EXPECT_EQ(Do("HEAD", "/box/in/dir?action=getStatus", sas), 200u);
  EXPECT_EQ(Do("HEAD", "/box/in?action=getStatus", sas), 403u);
  EXPECT_EQ(Do("HEAD", "/box/out/g?action=getStatus", sas), 403u);
  EXPECT_EQ(Do("HEAD", "/box/?action=getAccessControl", sas), 403u);
  EXPECT_EQ(Do("GET", "/box?resource=filesystem&recursive=true&directory=in/dir", sas), 200u);
  EXPECT_EQ(Do("GET", "/box?resource=filesystem&recursive=true&directory=in", sas), 403u);
  EXPECT_EQ(Do("GET", "/box?resource=filesystem&recursive=true", sas), 403u);
  EXPECT_EQ(Do("PUT", "/box/in/dir/new?resource=file", sas), 201u);
  EXPECT_EQ(Do("PUT", "/box/in/dirty?resource=file", sas), 403u);
}

TEST_F(DfsSasTest, EachOperationTakesItsLetter) {
  const auto acl = HeaderList{{"x-ms-acl", "user::rwx,group::r-x,other::---"}};
  const auto owner = HeaderList{{"x-ms-owner", "alice"}};
  const std::string set = "/box/in/dir/f?action=setAccessControl";
  EXPECT_EQ(Do("PATCH", set, d_.f.ContainerSas("p"), acl), 200u);
  EXPECT_EQ(Do("PATCH", set, d_.f.ContainerSas("w"), acl), 403u);
  EXPECT_EQ(Do("PATCH", set, d_.f.ContainerSas("o"), owner), 200u);
  EXPECT_EQ(Do("PATCH", set, d_.f.ContainerSas("p"), owner), 403u);
  auto both = acl;
  both.insert(both.end(), owner.begin(), owner.end());
  EXPECT_EQ(Do("PATCH", set, d_.f.ContainerSas("o"), both), 403u);
  EXPECT_EQ(Do("PATCH", set, d_.f.ContainerSas("op"), both), 200u);
  EXPECT_EQ(Do("HEAD", "/box/in/dir/f?action=getAccessControl", d_.f.ContainerSas("e")), 200u);
  EXPECT_EQ(Do("HEAD", "/box/in/dir/f?action=getAccessControl", d_.f.ContainerSas("l")), 403u);
  EXPECT_EQ(Do("DELETE", "/box/in/dir/f?recursive=false", d_.f.ContainerSas("rwl")), 403u);
  EXPECT_EQ(Do("DELETE", "/box/in/dir/f?recursive=false", d_.f.ContainerSas("d")), 200u);
  EXPECT_EQ(Do("PUT", "/new?resource=filesystem", d_.f.AccountSas("c")), 201u);
  EXPECT_EQ(Do("PUT", "/new2?resource=filesystem", d_.f.ContainerSas("cw")), 403u);
}

TEST_F(DfsSasTest, AWriterWhoMayOnlyCreateOverwritesNothing) {
  EXPECT_EQ(Do("PUT", "/box/in/dir/f?resource=file", d_.f.ContainerSas("c")), 403u);
  EXPECT_EQ(Do("PUT", "/box/in/dir/h?resource=file", d_.f.ContainerSas("c")), 201u);
}

TEST_F(DfsSasTest, ARenameNeedsBothEnds) {
  const auto from = [](const std::string& path) {
    return HeaderList{{"x-ms-rename-source", "/box/" + path}};
  };
  EXPECT_EQ(Do("PUT", "/box/in/dir/h?mode=legacy", d_.f.ContainerSas("w"), from("in/dir/f")), 403u);
  EXPECT_EQ(Do("PUT", "/box/in/dir/h?mode=legacy", DirectorySas("wm"), from("out/g")), 403u);
  EXPECT_EQ(Do("PUT", "/box/in/dir/h?mode=legacy", DirectorySas("wm"), from("in/dir/f")), 201u);
  EXPECT_EQ(Do("PUT", "/box/in/dir/i?mode=legacy", DirectorySas("w"),
               from("out/g?" + d_.f.ContainerSas("d"))),
            201u);
}

TEST_F(DfsSasTest, OneBlobsTokenMovesNoDirectory) {
  const std::string all = "racwdlmeop";
  const auto from = [](const std::string& path, const std::string& sas) {
    return HeaderList{{"x-ms-rename-source", "/box/" + path + "?" + sas}};
  };
  const std::string target = "/box/moved?mode=legacy";
  const std::string one = BlobSas(all, "moved");
  const std::string whole = d_.f.ContainerSas(all);
  EXPECT_EQ(Do("PUT", target, one, from("in/dir", BlobSas(all, "in/dir"))), 403u);
  EXPECT_EQ(Do("PUT", target, one, from("in/dir", whole)), 403u);
  EXPECT_EQ(Do("PUT", target, whole, from("in/dir", BlobSas(all, "in/dir"))), 403u);
  EXPECT_EQ(d_.Head("in/dir/f").status, 200u);
  EXPECT_EQ(Do("PUT", target, one, from("in/dir/f", BlobSas(all, "in/dir/f"))), 201u);
  EXPECT_EQ(Do("PUT", "/box/out2?mode=legacy", d_.f.AccountSas(all), from("in/dir", whole)), 201u);
}

TEST_F(DfsSasTest, WhoMayOnlyCreateFillsAFileAndChangesNone) {
  const std::string create = d_.f.ContainerSas("c");
  const auto send = [&](const std::string& query, const std::string& sas, std::string body) {
    const HeaderList length = {{"Content-Length", std::to_string(body.size())}};
    return d_.f.Send("PATCH", "/box/new?" + query + "&" + sas, length, std::move(body), As::kNobody)
        .ErrorCode();
  };
  EXPECT_EQ(Do("PUT", "/box/new?resource=file", create), 201u);
  EXPECT_EQ(send("action=append&position=0", create, "abc"), "");
  EXPECT_EQ(send("action=flush&position=3", create, ""), "");
  EXPECT_EQ(send("action=append&position=3", create, "def"), "UnauthorizedBlobOverwrite");
  EXPECT_EQ(d_.Append("new", 3, "def").status, 202u);
  EXPECT_EQ(send("action=flush&position=6", create, ""), "UnauthorizedBlobOverwrite");
  EXPECT_EQ(d_.f.Get("/box/new").body, "abc");
  // Adding is what the letter a is for, and w writes.
  EXPECT_EQ(send("action=flush&position=6", d_.f.ContainerSas("a"), ""), "");
  EXPECT_EQ(send("action=append&position=6&flush=true", d_.f.ContainerSas("w"), "g"), "");
  EXPECT_EQ(d_.f.Get("/box/new").body, "abcdefg");
}

// Every operation that reaches what lies below its path, against every kind of token.
struct Walked {
  const char* method;
  const char* query;
  HeaderList headers;
  bool tree;  // not for a token of one blob
};

class DfsTokenWalk : public testing::TestWithParam<bool> {};

TEST_P(DfsTokenWalk, ATokenForOneBlobReachesNothingBelowIt) {
  const std::string all = "racwdlmeop";
  const HeaderList acl = {{"x-ms-acl", "user::rwx,group::r-x,other::---"}};
  const Walked operations[] = {
      {"DELETE", "recursive=true", {}, true},
      {"DELETE", "recursive=TRUE&paginated=true", {}, true},
      {"DELETE", "recursive=false", {}, false},
      {"PATCH", "action=setAccessControlRecursive&mode=set", acl, true},
      {"PATCH", "action=setAccessControlRecursive&mode=modify", acl, true},
      {"PATCH", "action=setAccessControl", acl, false},
      {"HEAD", "action=getStatus", {}, false},
      {"HEAD", "action=getAccessControl", {}, false},
      {"PUT", "resource=directory", {}, false},
  };
  for (const Walked& operation : operations) {
    DfsFixture d(GetParam());
    d.MakeDir("dir");
    d.Create("dir/f");
    const auto with = [&](const std::string& sas) {
      HeaderList headers = operation.headers;
      headers.emplace_back("Content-Length", "0");
      return d.f
          .Send(operation.method, std::string("/box/dir?") + operation.query + "&" + sas, headers,
                {}, As::kNobody)
          .status;
    };
    const auto service = [&](std::string resource, std::string depth) {
      azure::SasToken token;
      token.permissions = all;
      token.resource = std::move(resource);
      token.directory_depth = std::move(depth);
      return d.f.Sas(
          std::move(token),
          {ServiceFixture::Account(), azure::ContainerName("box"), azure::BlobName("dir"), {}, {}});
    };
    const std::string what = std::string(operation.method) + " " + operation.query;
    EXPECT_EQ(with(service("b", "")) == 403u, operation.tree) << what;
    EXPECT_EQ(d.f.Get("/box/dir/f").status, 200u) << what;
    EXPECT_NE(with(service("d", "1")), 403u) << what;
    EXPECT_NE(with(d.f.ContainerSas(all)), 403u) << what;
    EXPECT_NE(with(d.f.AccountSas(all, "o")), 403u) << what;
  }
}
INSTANTIATE_TEST_SUITE_P(Accounts, DfsTokenWalk, testing::Bool());

}  // namespace
}  // namespace forebay::rest::dfs
