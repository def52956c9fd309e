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

}  // namespace
}  // namespace forebay::rest::dfs
