// The POSIX extensions on the wire, as docs/posix-extensions.md promises them.
#include "azure/posix.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "rest/dfs/dfs_fixture.h"

namespace forebay::rest::dfs {
namespace {

class PosixTest : public testing::Test {
 protected:
  static azure::PosixAttributes Shown(const Reply& reply) {
    auto attributes = azure::ParsePosixAttributes(reply.Header("x-ms-posix"));
    EXPECT_TRUE(attributes);
    return attributes.value_or(azure::PosixAttributes());
  }
  Reply Create(const std::string& path, const std::string& set, std::string body = {},
               const std::string& query = "") {
    HeaderList headers = {{"x-ms-posix-set", set}};
    headers.emplace_back("Content-Length", std::to_string(body.size()));
    return d_.f.Send("PUT", "/box/" + path + "?posix=create" + query, std::move(headers),
                     std::move(body));
  }
  Reply Stat(const std::string& path, const std::string& query = "") {
    return d_.f.Send("HEAD", "/box/" + path + "?posix=stat" + query);
  }
  Reply Read(const std::string& path, HeaderList headers = {}) {
    return d_.f.Get("/box/" + path + "?posix=read", std::move(headers));
  }
  Reply Commit(const std::string& path, const std::string& plan, const std::string& data,
               HeaderList headers = {}) {
    headers.emplace_back("x-ms-posix-plan", std::to_string(plan.size()));
    headers.emplace_back("Content-Length", std::to_string(plan.size() + data.size()));
    return d_.f.Send("POST", "/box/" + path + "?posix=commit", std::move(headers), plan + data);
  }
  Reply Post(const std::string& target, HeaderList headers = {}) {
    headers.emplace_back("Content-Length", "0");
    return d_.f.Send("POST", target, std::move(headers));
  }
  std::string Number(const Reply& reply) { return std::to_string(Shown(reply).inode); }

  DfsFixture d_;
};

TEST_F(PosixTest, CreatesStatsAndReads) {
  const Reply made = Create("a", "mode=4755;uid=1000;gid=100", "hello");
  ASSERT_EQ(made.status, 201u) << made.body;
  const azure::PosixAttributes shown = Shown(made);
  EXPECT_EQ(shown.mode, 04755u);
  EXPECT_EQ(made.Header("ETag"), "\"" + shown.etag + "\"");
  EXPECT_EQ(Shown(Stat("a")), shown);
  EXPECT_EQ(Shown(Stat("", "&inode=" + Number(made))), shown);
  const Reply read = Read("a");
  EXPECT_EQ(read.status, 200u);
  EXPECT_EQ(read.body, "hello");
  EXPECT_EQ(Shown(read), shown);
  const Reply range = Read("a", {{"Range", "bytes=1-2"}, {"If-Match", shown.etag}});
  EXPECT_EQ(range.status, 206u);
  EXPECT_EQ(range.body, "el");
  EXPECT_EQ(range.Header("Content-Range"), "bytes 1-2/5");
  EXPECT_EQ(Read("a", {{"Range", "bytes=5-"}}).status, 416u);
  EXPECT_EQ(Read("a", {{"If-Match", "\"0x1\""}}).status, 412u);
  // The public APIs see a blob with AzCopy's metadata.
  const Reply blob = d_.f.Get("/box/a");
  EXPECT_EQ(blob.body, "hello");
  EXPECT_EQ(blob.Header("x-ms-meta-posix_owner"), "1000");
  EXPECT_EQ(blob.Header("x-ms-meta-permissions"), std::to_string(0100000 | 04755));
}

TEST_F(PosixTest, AChangeOfNamesSaysTheNewTimeOfItsDirectory) {
  Create("d", "kind=dir");
  const auto told = [&](const Reply& reply) { return reply.Header("x-ms-posix-changed"); };
  const auto is = [&](const std::string& path) { return std::to_string(Shown(Stat(path)).mtime); };
  const Reply made = Create("d/a", "");
  EXPECT_FALSE(told(made).empty());
  EXPECT_EQ(told(made), is("d"));
  const HeaderList empty = {{"Content-Length", "0"}};
  const Reply linked =
      d_.f.Send("PUT", "/box/d/b?posix=link&from=" + Number(made), HeaderList(empty));
  EXPECT_EQ(told(linked), is("d"));
  const Reply moved = d_.f.Send("PUT", "/box/d/c?posix=rename",
                                {{"Content-Length", "0"}, {"x-ms-posix-from", "path=d/b"}});
  EXPECT_EQ(told(moved), is("d"));
  EXPECT_EQ(told(d_.f.Send("DELETE", "/box/d/c?posix=remove&kind=file")), is("d"));
  EXPECT_EQ(told(Create("d/a", "", {}, "&exclusive=false")), "") << "nothing was changed";
}

TEST_F(PosixTest, LazyChangesHaveAMarkThatSyncTakes) {
  const auto lazy = [&](const std::string& path, const std::string& value) {
    return d_.f.Send("PUT", "/box/" + path + "?posix=create",
                     {{"Content-Length", "0"}, {"x-ms-posix-lazy", value}});
  };
  const auto sync = [&](const std::string& marks) {
    return Post("/box?posix=sync", {{"x-ms-posix-mark", marks}});
  };
  EXPECT_TRUE(Create("durable", "").Header("x-ms-posix-mark").empty());
  EXPECT_TRUE(lazy("no", "false").Header("x-ms-posix-mark").empty());
  EXPECT_EQ(lazy("bad", "perhaps").status, 400u);
  const Reply made = lazy("a", "true");
  ASSERT_EQ(made.status, 201u) << made.body;
  const std::string mark = made.Header("x-ms-posix-mark");
  ASSERT_FALSE(mark.empty());
  EXPECT_EQ(sync(mark).status, 200u);
  EXPECT_EQ(sync("").status, 200u);
  EXPECT_EQ(sync("12/").status, 400u);
  // Of a start of the server that nobody remembers.
  const Reply gone = sync(mark + ",12/1");
  EXPECT_EQ(gone.status, 409u);
  EXPECT_EQ(gone.ErrorCode(), "ChangesLost");
  // All the verbs that change names and attributes know it.
  const std::string number = Number(made);
  const HeaderList asks = {{"Content-Length", "0"}, {"x-ms-posix-lazy", "true"}};
  const auto marked = [&](const char* method, const std::string& target, HeaderList more = {}) {
    more.insert(more.end(), asks.begin(), asks.end());
    const Reply reply = d_.f.Send(method, target, std::move(more));
    EXPECT_LT(reply.status, 300u) << target << ": " << reply.body;
    return !reply.Header("x-ms-posix-mark").empty();
  };
  EXPECT_TRUE(marked("POST", "/box/a?posix=setattr", {{"x-ms-posix-set", "mode=600"}}));
  EXPECT_TRUE(marked("PUT", "/box/a?posix=xattr&name=user.x"));
  EXPECT_TRUE(marked("DELETE", "/box/a?posix=xattr&name=user.x"));
  EXPECT_TRUE(marked("PUT", "/box/b?posix=link&from=" + number));
  EXPECT_TRUE(marked("PUT", "/box/c?posix=rename", {{"x-ms-posix-from", "path=b"}}));
  EXPECT_TRUE(marked("DELETE", "/box/c?posix=remove&kind=file"));
  // What is committed says which start of the server it makes durable.
  EXPECT_EQ(Commit("a", "", "").Header("x-ms-posix-boot"), mark.substr(0, mark.find('/')));
}

TEST_F(PosixTest, ErrorsAreTyped) {
  Create("a", "");
  Create("d", "kind=dir");
  Create("d/x", "");
  auto error = [](const Reply& reply) {
    return std::to_string(reply.status) + " " + reply.ErrorCode();
  };
  EXPECT_EQ(error(Create("a", "")), "409 PathAlreadyExists");
  EXPECT_EQ(error(Create("no/x", "")), "404 PathNotFound");
  EXPECT_EQ(error(Create("a/x", "")), "409 NotADirectory");
  EXPECT_EQ(error(Create("x", "mode=99999")), "400 InvalidInput");
  EXPECT_EQ(error(Stat("none")), "404 PathNotFound");
  EXPECT_EQ(error(Stat("", "&inode=999")), "404 FileGone");
  EXPECT_EQ(error(Stat("a", "&ifino=999")), "412 ConditionNotMet");
  EXPECT_EQ(error(Read("d")), "409 IsADirectory");
  EXPECT_EQ(error(d_.f.Send("DELETE", "/box/d?posix=remove&kind=dir")), "409 DirectoryNotEmpty");
  EXPECT_EQ(error(d_.f.Send("DELETE", "/box/d?posix=remove&kind=file")), "409 IsADirectory");
  EXPECT_EQ(error(d_.f.Send("DELETE", "/box/a?posix=remove&kind=dir")), "409 NotADirectory");
  EXPECT_EQ(error(d_.f.Send("DELETE", "/box/a?posix=remove")), "400 MissingRequiredQueryParameter");
  EXPECT_EQ(error(d_.f.Get("/box/a?posix=fly")), "400 InvalidQueryParameterValue");
  EXPECT_EQ(error(d_.f.Get("/box/a?posix=commit")), "405 UnsupportedHttpVerb");
  EXPECT_EQ(error(d_.f.Send("PUT", "/box?posix=session&session=5", {{"Content-Length", "0"}})),
            "410 SessionExpired");
  // JSON, as the Data Lake API has it.
  EXPECT_TRUE(Create("a", "").body.starts_with("{\"error\":{\"code\":\"PathAlreadyExists\""));
}

TEST_F(PosixTest, ListsWithAllAttributes) {
  const std::string dir = Number(Create("d", "kind=dir;mode=755"));
  Create("d/b", "mode=600", "12");
  Create("d/a c", "kind=symlink;target=..%2Fx");
  Create("d/e", "kind=dir");
  const Reply all = d_.f.Get("/box?posix=list&inode=" + dir);
  ASSERT_EQ(all.status, 200u);
  std::vector<azure::PosixAttributes> entries;
  std::string_view text = all.body;
  while (!text.empty()) {
    const auto end = text.find('\n');
    entries.push_back(*azure::ParsePosixAttributes(text.substr(0, end)));
    text.remove_prefix(end + 1);
  }
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].name, "a c");
  EXPECT_EQ(entries[0].target, "../x");
  EXPECT_EQ(entries[1].name, "b");
  EXPECT_EQ(entries[1].size, 2u);
  EXPECT_EQ(entries[2].kind, azure::FileKind::kDirectory);
  EXPECT_TRUE(all.Header("x-ms-posix-more").empty());
  const Reply some = d_.f.Get("/box/d?posix=list&maxResults=1&after=a%20c");
  EXPECT_TRUE(some.body.starts_with("name=b;"));
  EXPECT_EQ(some.Header("x-ms-posix-more"), "true");
  EXPECT_TRUE(d_.f.Get("/box?posix=list").body.starts_with("name=d;"));
}

TEST_F(PosixTest, CommitsPieces) {
  const Reply made = Create("a", "", "0123456789");
  const std::string number = Number(made);
  const HeaderList base = {{"If-Match", made.Header("ETag")}};
  EXPECT_EQ(Commit("a", "keep 0 3\n", "").ErrorCode(), "MissingRequiredHeader");
  EXPECT_EQ(Commit("a", "data 3\n", "ab").ErrorCode(), "InvalidInput");
  HeaderList staged = {{"Content-Length", "5"}};
  EXPECT_EQ(
      d_.f.Send("PUT", "/box/a?posix=stage&block=aWQ%3D&inode=" + number, staged, "BLOCK").status,
      201u);
  const Reply written = Commit("a", "keep 0 3\ndata 2\nzero 2\nblock aWQ=\nkeep 8 2\n", "xy", base);
  ASSERT_EQ(written.status, 200u) << written.body;
  EXPECT_EQ(Read("a").body, std::string("012xy\0\0BLOCK89", 14));
  EXPECT_EQ(Shown(written).used, 12u);
  EXPECT_EQ(Commit("a", "keep 0 3\n", "", base).status, 412u);
  EXPECT_EQ(Commit("a", "block aWQ=\n", "").ErrorCode(), "InvalidBlockList");
  const Reply seek = d_.f.Send("HEAD", "/box/a?posix=seek&offset=0&what=hole");
  EXPECT_EQ(seek.Header("x-ms-posix"), "offset=5");
  EXPECT_EQ(d_.f.Send("HEAD", "/box/a?posix=seek&offset=14&what=data").status, 416u);
}

TEST_F(PosixTest, LinksAndRenames) {
  const std::string number = Number(Create("a", "", "x"));
  Create("d", "kind=dir");
  const Reply link =
      d_.f.Send("PUT", "/box/d/b?posix=link&from=" + number, {{"Content-Length", "0"}});
  ASSERT_EQ(link.status, 201u) << link.body;
  EXPECT_EQ(Shown(link).nlink, 2u);
  auto rename = [&](const std::string& to, const std::string& from, const std::string& flags = "") {
    return d_.f.Send("PUT", "/box/" + to + "?posix=rename" + flags,
                     {{"x-ms-posix-from", from}, {"Content-Length", "0"}});
  };
  EXPECT_EQ(rename("d", "path=a").ErrorCode(), "IsADirectory");
  EXPECT_EQ(rename("d/b", "path=none").ErrorCode(), "PathNotFound");
  Create("c", "", "c");
  EXPECT_EQ(rename("c", "path=a", "&flags=noreplace").ErrorCode(), "PathAlreadyExists");
  EXPECT_EQ(rename("c", "path=a", "&flags=exchange").status, 200u);
  EXPECT_EQ(Read("a").body, "c");
  EXPECT_EQ(Read("c").body, "x");
  const std::string dir = Number(Stat("d"));
  EXPECT_EQ(rename("b2?dir=1", "dir=" + dir + ";name=b").status, 400u);
  EXPECT_EQ(d_.f.Send("PUT", "/box/b2?posix=rename&dir=1",
                      {{"x-ms-posix-from", "dir=" + dir + ";name=b"}, {"Content-Length", "0"}})
                .status,
            200u);
  EXPECT_EQ(Read("b2").body, "x");
  const Reply gone = d_.f.Send("DELETE", "/box/b2?posix=remove&kind=file");
  EXPECT_EQ(Shown(gone).nlink, 1u);
}

TEST_F(PosixTest, AttributesAndXattrs) {
  Create("a", "", "x");
  const Reply set = Post("/box/a?posix=setattr", {{"x-ms-posix-set", "mode=2640;mtime=5;uid=9"}});
  ASSERT_EQ(set.status, 200u) << set.body;
  EXPECT_EQ(Shown(set).mode, 02640u);
  EXPECT_EQ(Shown(Stat("a")).mtime, 5);
  EXPECT_EQ(d_.Head("a").Header("x-ms-owner"), "9");
  EXPECT_EQ(Post("/box/a?posix=setattr",
                 {{"x-ms-acl", "user::rw-,user:7:rw-,group::r--,mask::rw-,other::---"}})
                .status,
            200u);
  EXPECT_EQ(d_.Head("a", "getAccessControl").Header("x-ms-acl"),
            "user::rw-,user:7:rw-,group::r--,mask::rw-,other::---");
  const std::string xattr = "/box/a?posix=xattr&name=user.k";
  EXPECT_EQ(d_.f.Get(xattr).ErrorCode(), "AttributeNotFound");
  EXPECT_EQ(d_.f.Send("PUT", xattr, {{"Content-Length", "3"}}, std::string("v\0w", 3)).status,
            200u);
  EXPECT_EQ(d_.f.Get(xattr).body, std::string("v\0w", 3));
  EXPECT_EQ(d_.f.Send("PUT", xattr + "&mode=create", {{"Content-Length", "1"}}, "v").ErrorCode(),
            "ResourceAlreadyExists");
  const std::string large(65'537, 'x');
  EXPECT_EQ(
      d_.f.Send("PUT", xattr, {{"Content-Length", std::to_string(large.size())}}, large).status,
      413u);
  const std::string all = d_.f.Get("/box/a?posix=xattrs").body;
  EXPECT_NE(all.find("name=user.k;size=3\n"), std::string::npos);
  EXPECT_NE(all.find("name=system.posix_acl_access;size=44\n"), std::string::npos);
  EXPECT_EQ(d_.f.Send("DELETE", xattr).status, 200u);
  EXPECT_EQ(d_.f.Get(xattr).status, 404u);
}

TEST_F(PosixTest, SessionsHoldAndLock) {
  const std::string number = Number(Create("a", "", "x"));
  auto open = [&] {
    const Reply reply = Post("/box?posix=session&ttl=30", {{"x-ms-posix-owner", "host-1"}});
    EXPECT_EQ(reply.status, 201u);
    return std::string(azure::FieldLine::Parse(reply.Header("x-ms-posix"))->Get("session"));
  };
  const std::string one = open();
  const std::string two = open();
  EXPECT_EQ(Post("/box?posix=session&ttl=5").status, 400u);
  EXPECT_EQ(d_.f.Send("PUT", "/box/a?posix=hold&session=" + one, {{"Content-Length", "0"}}).status,
            200u);
  EXPECT_EQ(Shown(d_.f.Send("DELETE", "/box/a?posix=remove&kind=file")).nlink, 0u);
  const std::string lock = "&inode=" + number + "&family=posix&owner=7&start=0&length=10&pid=3";
  EXPECT_EQ(Post("/box?posix=lock&kind=exclusive&session=" + one + lock).status, 200u);
  EXPECT_EQ(Post("/box?posix=lock&kind=shared&session=" + two + lock).ErrorCode(), "LockConflict");
  const Reply test = d_.f.Get("/box?posix=lock&kind=shared&session=" + two + lock);
  EXPECT_EQ(test.Header("x-ms-posix"),
            "kind=exclusive;start=0;length=10;pid=3;owner=7;session=" + one);
  EXPECT_EQ(d_.f.Get("/box?posix=read&inode=" + number).body, "x");
  EXPECT_EQ(d_.f.Send("DELETE", "/box?posix=session&session=" + one).status, 200u);
  EXPECT_EQ(d_.f.Get("/box?posix=read&inode=" + number).ErrorCode(), "FileGone");
  EXPECT_EQ(d_.f.Send("PUT", "/box?posix=session&session=" + one, {{"Content-Length", "0"}}).status,
            410u);
}

TEST_F(PosixTest, RepeatsAreKnownByTheirToken) {
  const HeaderList token = {{"x-ms-posix-token", "t-1"}, {"Content-Length", "0"}};
  EXPECT_EQ(d_.f.Send("PUT", "/box/a?posix=create", token).status, 201u);
  EXPECT_EQ(d_.f.Send("PUT", "/box/a?posix=create", token).status, 200u);
  EXPECT_EQ(d_.f.Send("PUT", "/box/a?posix=create", {{"Content-Length", "0"}}).status, 409u);
}

TEST_F(PosixTest, OnlyTokensOfTheWholeContainerWillDo) {
  Create("a", "", "x");
  auto with = [&](const std::string& sas, const char* method, const std::string& target) {
    return d_.f.Send(method, target + "&" + sas, {}, {}, As::kNobody).status;
  };
  EXPECT_EQ(with(d_.f.ContainerSas("r"), "HEAD", "/box/a?posix=stat"), 200u);
  EXPECT_EQ(with(d_.f.ContainerSas("w"), "HEAD", "/box/a?posix=stat"), 403u);
  EXPECT_EQ(with(d_.f.ContainerSas("l"), "GET", "/box?posix=list"), 200u);
  EXPECT_EQ(with(d_.f.AccountSas("rwdl"), "HEAD", "/box/a?posix=stat"), 200u);
  EXPECT_EQ(with(d_.f.ContainerSas("rw"), "DELETE", "/box/a?posix=remove&kind=file"), 403u);
  for (const char* resource : {"b", "d"}) {
    azure::SasToken token;
    token.permissions = "rwdl";
    token.resource = resource;
    if (*resource == 'd') token.directory_depth = "1";
    const std::string sas = d_.f.Sas(
        std::move(token),
        {ServiceFixture::Account(), azure::ContainerName("box"), azure::BlobName("a"), {}, {}});
    EXPECT_EQ(with(sas, "HEAD", "/box/a?posix=stat"), 403u) << resource;
  }
  EXPECT_EQ(d_.f.Send("HEAD", "/box/a?posix=stat", {}, {}, As::kNobody).status, 401u);
}

TEST_F(PosixTest, InfoSaysWhatThereIs) {
  const Reply info = d_.f.Get("/box?posix=info");
  ASSERT_EQ(info.status, 200u);
  const auto line = azure::FieldLine::Parse(info.Header("x-ms-posix"));
  ASSERT_TRUE(line);
  EXPECT_EQ(line->Get("version"), "1");
  EXPECT_EQ(line->Get("maxpieces"), "50000");
  DfsFixture flat(/*hierarchical=*/false);
  EXPECT_EQ(flat.f.Get("/box?posix=info").ErrorCode(), "HierarchicalNamespaceNotEnabled");
}

TEST_F(PosixTest, AVersionThatIsBeingReadIsKept) {
  const Reply made = Create("a", "mode=644", "the first version");
  const std::string node = "&inode=" + Number(made), first = made.Header("ETag");
  const auto read = [&](const std::string& etag, const std::string& range) {
    return d_.f.Get("/box/a?posix=read" + node, {{"If-Match", etag}, {"x-ms-range", range}});
  };
  const auto grown = [&] { return Stat("a", node).Header("x-ms-posix-grown-from"); };
  // Nobody has asked for it.
  const std::string second = Commit("a", "data 10\n", "the second").Header("ETag");
  EXPECT_EQ(read(first, "bytes=0-3").status, 412u);
  EXPECT_EQ(grown(), "");
  // Somebody is about to read.
  EXPECT_EQ(Stat("a", node + "&read=true").Header("ETag"), second);
  const Reply third = Commit("a", "keep 0 10\ndata 6\n", " grown", {{"If-Match", second}});
  ASSERT_EQ(third.status, 200u) << third.body;
  EXPECT_EQ(grown(), second);
  const Reply old = read(second, "bytes=4-100");
  EXPECT_EQ(old.status, 206u) << old.body;
  EXPECT_EQ(old.body, "second");
  EXPECT_EQ(old.Header("ETag"), second);
  EXPECT_EQ(old.Header("Content-Range"), "bytes 4-9/10");
  EXPECT_EQ(read(third.Header("ETag"), "bytes=11-").body, "grown");
  // Another content; what was read of both stays.
  ASSERT_EQ(Commit("a", "data 1\n", "x").status, 200u);
  EXPECT_EQ(grown(), "");
  EXPECT_EQ(read(second, "bytes=0-").body, "the second");
  EXPECT_EQ(read(third.Header("ETag"), "bytes=0-").body, "the second grown");
  EXPECT_EQ(Read("a").body, "x");
  // An append of the Data Lake API grows it, too.
  const std::string last = Stat("a", node + "&read=true").Header("ETag");
  ASSERT_EQ(
      d_.f.Send("PATCH", "/box/a?action=append&position=1", {{"Content-Length", "2"}}, "yz").status,
      202u);
  ASSERT_EQ(d_.f.Send("PATCH", "/box/a?action=flush&position=3", {{"Content-Length", "0"}}).status,
            200u);
  EXPECT_EQ(grown(), last);
  EXPECT_EQ(read(last, "bytes=0-").body, "x");
}

TEST_F(PosixTest, PublicClientsDoNotNotice) {
  Create("a", "", "x");
  EXPECT_EQ(d_.Head("a").status, 200u);
  EXPECT_TRUE(d_.Head("a").Header("x-ms-posix").empty());
  EXPECT_TRUE(d_.f.Get("/box/a").Header("x-ms-posix").empty());
}

}  // namespace
}  // namespace forebay::rest::dfs
