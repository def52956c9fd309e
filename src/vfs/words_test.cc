// What servers say, read: field lines, List Paths, permissions; and plans for commits.
#include <gtest/gtest.h>

#include "vfs/adls_words.h"
#include "vfs/posix_words.h"

namespace forebay::vfs {
namespace {

TEST(PosixWords, ReadsAttributes) {
  const auto seen = AttributesFromLine(
      "ino=42;kind=char;mode=4755;uid=4294967295;gid=7;nlink=2;size=0;used=0;rdev=259;"
      "atime=-5;mtime=1234567890987654321;ctime=2;btime=3;etag=0x8DABC;future=thing");
  ASSERT_TRUE(seen.has_value()) << seen.error().ToString();
  EXPECT_EQ(seen->id, RemoteId(42));
  EXPECT_EQ(seen->kind, FileKind::kCharacterDevice);
  EXPECT_EQ(seen->mode, 04755u);
  EXPECT_EQ(seen->uid, 4294967295u);
  EXPECT_EQ(seen->rdev, 259u);
  EXPECT_EQ(seen->atime.ns, -5);
  EXPECT_EQ(seen->mtime.ns, 1234567890987654321);
  EXPECT_EQ(seen->etag, ETag("0x8DABC"));
}

TEST(PosixWords, RefusesWhatIsNoAnswer) {
  for (const char* line : {"", "ino=1", "kind=file", "ino=0;kind=file", "ino=x;kind=file",
                           "ino=1;kind=door", "ino=1;kind=file;size=-1", "ino=1;kind=file;mode=9",
                           "ino=1;kind=file;size=99999999999999999999"}) {
    EXPECT_FALSE(AttributesFromLine(line).has_value()) << line;
  }
  for (const char* name : {"", ".", "..", "a%2Fb", "a%00b"}) {
    EXPECT_FALSE(EntryFromLine(std::string("ino=2;kind=file;name=") + name).has_value()) << name;
  }
  EXPECT_FALSE(EntriesFromLines("ino=2;kind=file;name=a").has_value()) << "no line feed";
  EXPECT_FALSE(InfoFromLine("total=5").has_value()) << "no version";
}

TEST(PosixWords, ReadsListings) {
  const auto list =
      EntriesFromLines("ino=2;kind=file;name=a%20b;size=5\nino=3;kind=dir;name=%C3%BC\n");
  ASSERT_TRUE(list.has_value());
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[0].name, "a b");
  EXPECT_EQ((*list)[0].attributes.size, 5u);
  EXPECT_EQ((*list)[1].name, "ü");
  EXPECT_TRUE((*list)[1].attributes.IsDirectory());
  const auto changes = ChangesFromLines("ino=5\nino=6\n");
  ASSERT_TRUE(changes.has_value());
  EXPECT_EQ((*changes)[1].id, RemoteId(6));
}

TEST(PosixWords, WritesPlans) {
  CommitRequest request;
  request.base = ETag("x");
  request.pieces.emplace_back(KeptRange{0, 10});
  request.pieces.emplace_back(InlineData{AsBytes("abc")});
  request.pieces.emplace_back(ZeroRange{0});
  request.pieces.emplace_back(ZeroRange{5});
  request.pieces.emplace_back(StagedBlock{"0123", 7});
  request.pieces.emplace_back(CopiedRange{{"a b", RemoteId(9)}, ETag("0x1"), 4, 2});
  const CommitBody body = BodyOf(request, "below/");
  EXPECT_EQ(body.plan,
            "keep 0 10\ndata 3\nzero 5\nblock MDEyMw==\ncopy 9 4 2 etag=0x1;path=below/a%20b\n");
  EXPECT_EQ(body.size, 27u);
  ASSERT_EQ(body.data.size(), 1u);
  EXPECT_EQ(AsText(body.data[0]), "abc");
}

TEST(PosixWords, WritesWhatIsToBeSet) {
  AttributeChanges changes;
  changes.mode = 0106755;
  changes.atime = FileTime{-1};
  changes.mtime_now = true;
  EXPECT_EQ(SetLine(changes), "mode=6755;atime=-1;mtime=now");
  CreateRequest request;
  request.kind = FileKind::kSymlink;
  request.mode = 0777;
  request.target = "a;b=c";
  EXPECT_EQ(SetLine(request), "kind=symlink;mode=777;uid=0;gid=0;target=a%3Bb%3Dc");
}

TEST(AdlsWords, PermissionsThereAndBack) {
  EXPECT_EQ(*ModeFromPermissions("rwxr-x--T+"), 01750u);
  EXPECT_EQ(*ModeFromPermissions("---------"), 0u);
  EXPECT_EQ(*ModeFromPermissions("rwxrwxrwt"), 01777u);
  EXPECT_FALSE(ModeFromPermissions("rwx").has_value());
  EXPECT_FALSE(ModeFromPermissions("xwrr-x---").has_value());
  EXPECT_EQ(PermissionsFromMode(0755), "0755");
  EXPECT_EQ(PermissionsFromMode(01777), "1777");
  EXPECT_EQ(PermissionsFromMode(06755), "0755") << "ADLS has no setuid";
}

TEST(AdlsWords, ReadsListPaths) {
  const std::string json = R"({"paths":[
    {"name":"dir/sub","isDirectory":"true","permissions":"rwxr-x---","owner":"1000","group":"$superuser"},
    {"name":"dir/file","contentLength":"12","etag":"0x8D1","creationTime":"133000000000000000",
     "lastModified":"Wed, 01 Jan 2025 10:00:00 GMT"},
    {"name":"dir/..","contentLength":"1"},
    {"name":"elsewhere/x","contentLength":"1"},
    {"name":"directory","contentLength":"1"}]})";
  const auto list = EntriesFromJson(json, "dir");
  ASSERT_TRUE(list.has_value()) << list.error().ToString();
  ASSERT_EQ(list->size(), 2u);
  EXPECT_EQ((*list)[0].name, "sub");
  EXPECT_TRUE((*list)[0].attributes.IsDirectory());
  EXPECT_EQ((*list)[0].attributes.mode, 0750u);
  EXPECT_EQ((*list)[0].attributes.uid, 1000u);
  EXPECT_EQ((*list)[0].attributes.gid, 0u);
  EXPECT_EQ((*list)[1].attributes.size, 12u);
  EXPECT_EQ((*list)[1].attributes.mtime.ns, 1735725600'000000000);
  EXPECT_EQ((*list)[1].attributes.btime.ns % 1'000'000'000, 0);
  EXPECT_FALSE(EntriesFromJson("[1", "").has_value());
  EXPECT_FALSE(EntriesFromJson(R"({"paths":[{"name":"a","permissions":"odd"}]})", "").has_value());
}

TEST(AdlsWords, KeepsBlocksAndCopiesTheRest) {
  using azure::BlockId;
  const std::vector<azure::ListedBlock> blocks = {
      {BlockId("a"), 100}, {BlockId("b"), 100}, {BlockId("c"), 50}};
  const auto told = [&](KeptRange range, std::uint64_t most = 1000) {
    std::string out;
    for (const KeptPart& part : CoverRange(blocks, range, most)) {
      out += part.block.empty() ? "copy" : part.block;
      out += ":" + std::to_string(part.offset) + "+" + std::to_string(part.length) + " ";
    }
    return out;
  };
  EXPECT_EQ(told({0, 250}), "a:0+100 b:100+100 c:200+50 ");
  EXPECT_EQ(told({0, 150}), "a:0+100 copy:100+50 ");
  EXPECT_EQ(told({30, 220}), "copy:30+70 b:100+100 c:200+50 ");
  EXPECT_EQ(told({110, 20}), "copy:110+20 ");
  EXPECT_EQ(told({110, 50}, 20), "copy:110+20 copy:130+20 copy:150+10 ");
  EXPECT_EQ(told({0, 300}), "a:0+100 b:100+100 c:200+50 copy:250+50 ");
}

}  // namespace
}  // namespace forebay::vfs
