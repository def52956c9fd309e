#include <gmock/gmock.h>

#include "base/encoding.h"
#include "engine/path_status.h"
#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<std::string> Between(const std::string& text, const std::string& open,
                                 const std::string& close) {
  std::vector<std::string> out;
  for (std::size_t at = 0; (at = text.find(open, at)) != std::string::npos;) {
    at += open.size();
    const std::size_t end = text.find(close, at);
    out.push_back(text.substr(at, end - at));
    at = end;
  }
  return out;
}
std::vector<std::string> Names(const Reply& reply) {
  return Between(reply.body, "<Name>", "</Name>");
}
std::string NextMarker(const Reply& reply) {
  const auto found = Between(reply.body, "<NextMarker>", "</NextMarker>");
  return found.empty() ? "" : PercentEncode(found.front());
}

class ListBlobsTest : public ::testing::Test {
 protected:
  void SetUp() override { f_.MakeContainer(); }
  Reply List(const std::string& query = "") {
    return f_.Get("/box?restype=container&comp=list" + (query.empty() ? "" : "&" + query));
  }
  ServiceFixture f_;
};

TEST_F(ListBlobsTest, PagesByMarker) {
  for (const char* name : {"a", "b", "c", "d", "e"}) f_.PutBlob(std::string("/box/") + name, "x");
  std::vector<std::string> all;
  std::string marker;
  int pages = 0;
  do {
    const Reply page = List("maxresults=2" + (marker.empty() ? "" : "&marker=" + marker));
    ASSERT_EQ(page.status, 200u) << page.body;
    for (auto& name : Names(page)) all.push_back(std::move(name));
    marker = NextMarker(page);
    ++pages;
  } while (!marker.empty());
  EXPECT_EQ(all, (std::vector<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(pages, 3);
}

TEST_F(ListBlobsTest, AMarkerFitsItsListingOnly) {
  for (const char* name : {"a", "b"}) f_.PutBlob(std::string("/box/") + name, "x");
  const std::string marker = NextMarker(List("maxresults=1"));
  EXPECT_EQ(List("prefix=b&marker=" + marker).status, 400u);
  EXPECT_EQ(List("marker=nonsense").ErrorCode(), "OutOfRangeInput");
}

TEST_F(ListBlobsTest, ByHierarchyAndPrefix) {
  for (const char* name : {"a", "dir/a", "dir/b", "dir/sub/c", "e"}) {
    f_.PutBlob("/box/" + PercentEncode(name), "x");
  }
  const Reply top = List("delimiter=%2F");
  EXPECT_EQ(Names(top), (std::vector<std::string>{"a", "dir/", "e"}));
  EXPECT_THAT(top.body, HasSubstr("<BlobPrefix><Name>dir/</Name></BlobPrefix>"));
  const Reply dir = List("delimiter=%2F&prefix=dir%2F");
  EXPECT_EQ(Names(dir), (std::vector<std::string>{"dir/a", "dir/b", "dir/sub/"}));
  EXPECT_THAT(dir.body, HasSubstr("<Prefix>dir/</Prefix>"));
  EXPECT_EQ(Names(List("startFrom=dir%2Fb")),
            (std::vector<std::string>{"dir/b", "dir/sub/c", "e"}));
}

TEST_F(ListBlobsTest, ShowsWhatIsAskedFor) {
  f_.PutBlob("/box/a", "hello", {{"x-ms-meta-k", "v"}, {"x-ms-tags", "t=1"}});
  f_.Put("/box/staged?comp=block&blockid=MDAx", {}, "x");
  const Reply plain = List();
  EXPECT_THAT(plain.body,
              HasSubstr("ServiceEndpoint=\"http://127.0.0.1:10000/devstoreaccount1/\""));
  EXPECT_THAT(plain.body, HasSubstr("ContainerName=\"box\""));
  EXPECT_THAT(plain.body, HasSubstr("<Content-Length>5</Content-Length>"));
  EXPECT_THAT(plain.body, HasSubstr("<BlobType>BlockBlob</BlobType>"));
  EXPECT_THAT(plain.body, HasSubstr("<AccessTier>Hot</AccessTier>"));
  EXPECT_THAT(plain.body, Not(HasSubstr("<Metadata>")));
  EXPECT_THAT(plain.body, Not(HasSubstr("staged")));
  const Reply full = List("include=metadata,tags,uncommittedblobs,copy,snapshots,versions,deleted");
  EXPECT_THAT(full.body, HasSubstr("<Metadata><k>v</k></Metadata>"));
  EXPECT_THAT(full.body, HasSubstr("<Key>t</Key><Value>1</Value>"));
  EXPECT_THAT(full.body,
              HasSubstr("<Name>staged</Name><Properties><Content-Length>0</Content-Length>"));
  EXPECT_THAT(full.body, Not(HasSubstr("1970")));
  EXPECT_EQ(List("include=nonsense").ErrorCode(), "InvalidQueryParameterValue");
}

TEST_F(ListBlobsTest, ShowOnlyIsOfHierarchicalAccounts) {
  EXPECT_EQ(List("showonly=deleted").ErrorCode(), "InvalidQueryParameterValue");
  ServiceFixture h({.hierarchical = true});
  h.MakeContainer();
  h.PutBlob("/box/dir/a", "x");
  h.PutBlob("/box/b", "x");
  const auto shown = [&h](const std::string& more) {
    return Names(h.Get("/box?restype=container&comp=list&" + more));
  };
  using Strings = std::vector<std::string>;
  EXPECT_EQ(shown("showonly=deleted"), Strings());
  EXPECT_EQ(shown("showonly=deleted&maxresults=1&delimiter=%2F"), Strings());
  EXPECT_EQ(shown("showonly=files"), (Strings{"b", "dir/a"}));
  EXPECT_EQ(shown("showonly=directories"), Strings{"dir"});
  EXPECT_EQ(shown("showonly=directories&delimiter=%2F"), Strings{"dir/"});
  const std::string list = "?restype=container&comp=list&showonly=";
  EXPECT_EQ(h.Get("/box" + list + "pears").ErrorCode(), "InvalidQueryParameterValue");
  EXPECT_EQ(h.Get("/nobox" + list + "deleted").ErrorCode(), "ContainerNotFound");
}

TEST_F(ListBlobsTest, ShowsAccessOfHierarchicalAccounts) {
  ServiceFixture h({.hierarchical = true});
  h.MakeContainer();
  h.PutBlob("/box/dir/a", "x");
  engine::SetPathAccessRequest change;
  change.target = {h.engine().Container(), azure::BlobName("dir/a")};
  change.owner = "alice";
  change.acl = azure::ParseAcl("user::rw-,user:bob:r--,group::r--,other::---").value();
  ASSERT_TRUE(h.engine().Run(engine::SetPathAccess(h.engine().services(), {}, change)).has_value());
  const auto list = [&h](const std::string& more) {
    return h.Get("/box?restype=container&comp=list" + more).body;
  };
  const std::string file =
      "</Etag><Owner>alice</Owner><Group>$superuser</Group><Permissions>rw-r-----+</Permissions>"
      "<Acl>user::rw-,user:bob:r--,group::r--,mask::r--,other::---</Acl>"
      "<ResourceType>file</ResourceType>";
  const std::string directory =
      "</Etag><Owner>$superuser</Owner><Group>$superuser</Group>"
      "<Permissions>rwxr-x---</Permissions><Acl>user::rwx,group::r-x,other::---</Acl>"
      "<ResourceType>directory</ResourceType>";
  EXPECT_THAT(list("&include=permissions"), AllOf(HasSubstr(file), HasSubstr(directory)));
  EXPECT_THAT(list("&include=permissions&delimiter=%2F"),
              AllOf(HasSubstr("<BlobPrefix><Name>dir/</Name>"), HasSubstr(directory)));
  for (const char* more : {"", "&include=metadata", "&delimiter=%2F"}) {
    EXPECT_THAT(list(more), Not(HasSubstr("<Owner>"))) << more;
  }
  // A flat account has no access control to show.
  f_.PutBlob("/box/a", "x");
  const Reply flat = List("include=permissions");
  EXPECT_EQ(flat.status, 200u);
  EXPECT_THAT(flat.body, AllOf(HasSubstr("<Name>a</Name>"), Not(HasSubstr("<Owner>")),
                               Not(HasSubstr("<Acl>")), Not(HasSubstr("<ResourceType>"))));
}

TEST_F(ListBlobsTest, RefusesWhatDoesNotGoTogether) {
  EXPECT_EQ(List("include=snapshots&delimiter=%2F").ErrorCode(), "InvalidQueryParameterValue");
  EXPECT_EQ(List("include=snapshots").status, 200u);
  ServiceFixture h({.hierarchical = true});
  h.MakeContainer();
  const std::string list = "/box?restype=container&comp=list&include=deleted&showonly=";
  EXPECT_EQ(h.Get(list + "deleted").ErrorCode(), "InvalidQueryParameterValue");
  EXPECT_EQ(h.Get(list + "files").status, 200u);
}

TEST_F(ListBlobsTest, MaxResults) {
  EXPECT_EQ(List("maxresults=0").ErrorCode(), "OutOfRangeQueryParameterValue");
  EXPECT_EQ(List("maxresults=x").ErrorCode(), "InvalidQueryParameterValue");
  EXPECT_EQ(List("maxresults=5001").status, 200u);
}

TEST_F(ListBlobsTest, NamesThatHurt) {
  const std::vector<std::string> names = {
      "a b",        "a+b",    "a%2Fb", "dir//x", "./x",     "../x",
      "trailing.",  "slash/", "ünïcø", "日本語", "emoji😀", "quote\"<&>'",
      "semi;colon", "a?b",    "a#b",   "C:\\x",  "tab\tx",  std::string(1024, 'n')};
  for (const std::string& name : names) {
    const Reply put = f_.PutBlob("/box/" + PercentEncode(name), name);
    ASSERT_EQ(put.status, 201u) << name << put.body;
  }
  for (const std::string& name : names) {
    EXPECT_EQ(f_.Get("/box/" + PercentEncode(name)).body, name);
    // Slashes as they are, as most clients send them.
    EXPECT_EQ(f_.Get("/box/" + PercentEncode(name, "/")).body, name);
  }
  const Reply list = List();
  EXPECT_THAT(list.body, HasSubstr("<Name>quote&quot;&lt;&amp;&gt;'</Name>"));
  EXPECT_THAT(list.body, HasSubstr("<Name>日本語</Name>"));
  EXPECT_THAT(list.body, HasSubstr("<Name>a%2Fb</Name>"));
  EXPECT_EQ(Between(list.body, "<Blob>", "</Blob>").size(), names.size());
  EXPECT_EQ(f_.PutBlob("/box/" + std::string(1025, 'n'), "x").status, 400u);
  EXPECT_EQ(f_.PutBlob("/box/%FF", "x").status, 400u);
}

TEST_F(ListBlobsTest, ListsContainers) {
  f_.MakeContainer("alpha", {{"x-ms-meta-k", "v"}, {"x-ms-blob-public-access", "blob"}});
  f_.MakeContainer("beta");
  const Reply all = f_.Get("/?comp=list&include=metadata");
  EXPECT_EQ(Names(all), (std::vector<std::string>{"alpha", "beta", "box"}));
  EXPECT_THAT(all.body, HasSubstr("<PublicAccess>blob</PublicAccess>"));
  EXPECT_THAT(all.body, HasSubstr("<Metadata><k>v</k></Metadata>"));
  EXPECT_EQ(Names(f_.Get("/?comp=list&prefix=b")), (std::vector<std::string>{"beta", "box"}));
  const Reply first = f_.Get("/?comp=list&maxresults=2");
  EXPECT_EQ(Names(first).size(), 2u);
  EXPECT_EQ(Names(f_.Get("/?comp=list&marker=" + NextMarker(first))),
            (std::vector<std::string>{"box"}));
}

TEST_F(ListBlobsTest, HierarchicalAccounts) {
  ServiceFixture h({.hierarchical = true});
  h.MakeContainer();
  h.PutBlob("/box/dir/a", "x");
  EXPECT_EQ(h.PutBlob("/box/made", "", {{"x-ms-meta-hdi_isfolder", "true"}}).status, 201u);
  const Reply file = h.Send("HEAD", "/box/dir/a");
  EXPECT_EQ(file.Header("x-ms-resource-type"), "file");
  for (const char* path : {"/box/dir", "/box/made"}) {
    const Reply directory = h.Send("HEAD", path);
    EXPECT_EQ(directory.status, 200u) << path;
    EXPECT_EQ(directory.Header("x-ms-resource-type"), "directory") << path;
    EXPECT_EQ(directory.Header("x-ms-meta-hdi_isfolder"), "true") << path;
  }
  EXPECT_EQ(h.PutBlob("/box/dir", "x").status, 409u);
  EXPECT_EQ(h.Get("/?restype=account&comp=properties").Header("x-ms-is-hns-enabled"), "true");
  const Reply list = h.Get("/box?restype=container&comp=list&delimiter=%2F");
  EXPECT_THAT(list.body, HasSubstr("<BlobPrefix><Name>dir/</Name>"));
}

}  // namespace
}  // namespace forebay::rest
