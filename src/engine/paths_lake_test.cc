// Path operations, and those of mounts, on a container whose changes travel to a lake: each is
// noted as what it was, and what no lake can be told is refused.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/codec.h"
#include "engine/get_container.h"
#include "engine/lake_for_test.h"
#include "engine/lease.h"
#include "engine/nodes_fixture.h"
#include "meta/keys.h"
#include "meta/lake_records.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

class PathsLakeTest : public ::testing::Test {
 protected:
  PathsLakeTest() { Attach({.mode = meta::LakeMode::kReadWrite}); }
  ~PathsLakeTest() override { f.services().lake = nullptr; }
  void Attach(meta::LakeState lake) {
    EXPECT_TRUE(f.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(meta::ContainerRecord record,
                          RequireContainer(txn, f.account().name, azure::ContainerName("box")));
      record.lake = lake;
      container = record.id;
      txn.Put(keys::Container(f.account().name.view(), "box"), meta::Encode(record));
      return {};
    }));
  }
  // "content a, rename a>b, …", and forgets them.
  std::string Noted() {
    std::string noted;
    const auto snapshot = f.store().GetSnapshot();
    const std::string prefix = keys::Changes(container);
    for (auto it = snapshot->Scan(prefix, PrefixEnd(prefix)); it->Valid(); it->Next()) {
      const auto change = meta::DecodeChange(it->value());
      EXPECT_TRUE(change);
      if (std::string(it->key()) <= seen_) continue;
      seen_ = std::string(it->key());
      static constexpr const char* kKinds[] = {"?",     "content",     "headers",    "metadata",
                                               "tags",  "tier",        "delete",     "rename",
                                               "mkdir", "rename-tree", "delete-tree"};
      if (!noted.empty()) noted += ", ";
      noted += std::string(kKinds[static_cast<std::size_t>(change->kind)]) + " ";
      if (!change->from.empty()) noted += change->from + ">";
      noted += change->name;
    }
    return noted;
  }

  // Until the test ends, the lake has this text under every name.
  OneTextLake& Serve(const std::string& text) {
    lake_ = std::make_unique<OneTextLake>(text);
    f.services().lake = lake_.get();
    return *lake_;
  }
  // As eviction leaves a file: the lake holds the bytes.
  void Evict(std::uint64_t inode, std::uint64_t length) {
    EXPECT_TRUE(f.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(Node node, FindNode(txn, f.Numbered(inode)));
      node.record.body = {};
      node.record.body.id = meta::BodyId(900'000);
      node.record.body.in_lake = true;
      node.record.length = length;
      return PutNode(f.services(), txn, f.Numbered(inode), node);
    }));
  }

  NodesFixture f;
  meta::ContainerId container;

 private:
  std::string seen_;
  std::unique_ptr<OneTextLake> lake_;
};

TEST_F(PathsLakeTest, TheDataLakeApiNotesWhatItDoes) {
  ASSERT_TRUE(f.Create("d", /*directory=*/true));
  ASSERT_TRUE(f.Create("d/a"));
  EXPECT_EQ(Noted(), "mkdir d, content d/a");
  ASSERT_TRUE(f.Append("d/a", 0, "hello"));
  EXPECT_EQ(Noted(), "");  // not part of the file yet
  ASSERT_TRUE(f.Flush("d/a", 5));
  EXPECT_EQ(Noted(), "content d/a");
  ASSERT_TRUE(f.Append("d/a", 5, " world"));
  ASSERT_TRUE(f.Flush("d/a", 11));
  EXPECT_EQ(Noted(), "content d/a");
  EXPECT_EQ(*f.Read("d/a"), "hello world");
  ASSERT_TRUE(f.Rename("d/a", "d/b"));
  EXPECT_EQ(Noted(), "rename d/a>d/b");
  ASSERT_TRUE(f.Rename("d", "e"));
  EXPECT_EQ(Noted(), "rename-tree d>e");
  SetPathPropertiesRequest properties;
  properties.target = f.Blob("e/b");
  properties.metadata = {{"k", "v"}};
  ASSERT_TRUE(f.Run(SetPathProperties(f.services(), f.context(), properties)));
  EXPECT_EQ(Noted(), "headers e/b, metadata e/b");
  properties.target = f.Blob("e");
  ASSERT_TRUE(f.Run(SetPathProperties(f.services(), f.context(), properties)));
  EXPECT_EQ(Noted(), "headers e, metadata e");
  ASSERT_TRUE(f.Delete("e/b"));
  EXPECT_EQ(Noted(), "delete e/b");
  ASSERT_TRUE(f.Create("e/c"));
  ASSERT_TRUE(f.Delete("e", /*recursive=*/true));
  EXPECT_EQ(Noted(), "content e/c, delete-tree e");
}

TEST_F(PathsLakeTest, MountsNoteWhatTheyDo) {
  f.Dir("d");
  const std::uint64_t a = f.File("d/a", "x");
  EXPECT_EQ(Noted(), "mkdir d, content d/a");
  ASSERT_TRUE(f.Write(f.Numbered(a), "data 3\n", "new"));
  EXPECT_EQ(Noted(), "content d/a");
  SetNodeRequest set;
  set.target = f.Numbered(a);
  set.set.mode = 0600;
  ASSERT_TRUE(f.Run(SetNode(f.services(), f.context(), set)));
  EXPECT_EQ(Noted(), "metadata d/a");
  set.target = f.At("d");
  ASSERT_TRUE(f.Run(SetNode(f.services(), f.context(), set)));
  EXPECT_EQ(Noted(), "metadata d");
  ASSERT_TRUE(f.Make("d/l", azure::FileKind::kSymlink, 0777, "a"));
  EXPECT_EQ(Noted(), "content d/l");
  f.File("b", "b");
  ASSERT_TRUE(f.Move("b", "d/a"));
  EXPECT_EQ(Noted(), "content b, rename b>d/a");
  ASSERT_TRUE(f.Unlink("d/l"));
  ASSERT_TRUE(f.Unlink("d/a"));
  ASSERT_TRUE(f.Unlink("d", true));
  EXPECT_EQ(Noted(), "delete d/l, delete d/a, delete d");
}

TEST_F(PathsLakeTest, KeptBytesOfTheLakeAreFetched) {
  const std::string text = Text(100, 4);
  OneTextLake& lake = Serve(text);
  const std::uint64_t inode = f.File("a", "soon evicted");
  Evict(inode, text.size());
  EXPECT_EQ(*f.Content("a"), text);
  const std::uint64_t before = lake.read();
  ASSERT_TRUE(f.Write(f.Numbered(inode), "keep 0 10\ndata 3\nzero 2\nkeep 50 20\n", "new",
                      f.Stat("a")->etag));
  EXPECT_EQ(lake.read() - before, 30u);
  EXPECT_EQ(*f.Content("a"),
            text.substr(0, 10) + "new" + std::string(2, '\0') + text.substr(50, 20));
  EXPECT_EQ(lake.read() - before, 30u);  // it is here now
}

TEST_F(PathsLakeTest, AFlushBringsWhatItAddsTo) {
  const std::string text = Text(100, 4);
  OneTextLake& lake = Serve(text);
  const std::uint64_t inode = f.File("a", "soon evicted");
  Evict(inode, text.size());
  ASSERT_TRUE(f.Append("a", 100, " and more"));
  ASSERT_TRUE(f.Flush("a", 109));
  EXPECT_EQ(lake.read(), 100u);
  EXPECT_EQ(*f.Read("a"), text + " and more");
  EXPECT_EQ(lake.read(), 100u);
  EXPECT_EQ(Noted(), "content a, content a");
}

TEST_F(PathsLakeTest, CopiedBytesOfTheLakeAreFetched) {
  const std::string text = Text(100, 4);
  OneTextLake& lake = Serve(text);
  const std::uint64_t from = f.File("from", "soon evicted");
  Evict(from, text.size());
  const std::uint64_t to = f.File("to", "0123456789");
  const std::string source = std::to_string(from);
  ASSERT_TRUE(f.Write(f.Numbered(to),
                      "keep 0 4\ncopy " + source + " 20 30\ndata 1\ncopy " + source + " 0 2\n", "!",
                      f.Stat("to")->etag));
  EXPECT_EQ(lake.read(), 32u);
  EXPECT_EQ(*f.Content("to"), "0123" + text.substr(20, 30) + "!" + text.substr(0, 2));
  EXPECT_EQ(lake.read(), 32u);
  EXPECT_EQ(CodeOf(f.Write(f.Numbered(to), "copy " + source + " 0 2 etag=0x1\n")),
            Code::kConditionNotMet);
  EXPECT_EQ(lake.read(), 32u);
  // Of itself, onto itself.
  Evict(to, text.size());
  ASSERT_TRUE(f.Write(f.Numbered(to), "copy " + std::to_string(to) + " 90 10\nkeep 0 5\n", {},
                      f.Stat("to")->etag));
  EXPECT_EQ(*f.Content("to"), text.substr(90) + text.substr(0, 5));
  EXPECT_EQ(CodeOf(f.Write(f.Numbered(to), "copy " + source + " 95 10\n")), Code::kInvalidRange);
}

// Eviction comes between the first look and the commit, while the bytes arrive.
class EvictingReader final : public BodyReader {
 public:
  explicit EvictingReader(std::function<void()> evict) : evict_(std::move(evict)) {}
  std::optional<std::uint64_t> content_length() const override { return 1; }
  Task<std::size_t> Read(MutableByteView data) override {
    if (!evict_) co_return std::size_t{0};
    std::exchange(evict_, nullptr)();
    data[0] = std::byte{'!'};
    co_return std::size_t{1};
  }

 private:
  std::function<void()> evict_;
};

TEST_F(PathsLakeTest, AFileThatIsEvictedDuringACommitIsBroughtBack) {
  const std::string text = Text(12, 4);
  for (const bool copy : {false, true}) {
    OneTextLake& lake = Serve(text);
    const std::string name = copy ? "copy" : "keep";
    const std::uint64_t from = f.File("from " + name, text);
    const std::uint64_t to = copy ? f.File("to") : from;
    CommitNodeRequest request;
    request.target = f.Numbered(to);
    const std::string etag = f.Stat(f.Numbered(to))->etag;
    const std::vector<azure::HeaderField> headers = {{"If-Match", etag}};
    request.target.conditions = *azure::ConditionsFrom(headers);
    request.pieces = *ParsePlan(copy ? "data 1\ncopy " + std::to_string(from) + " 2 10\n"
                                     : "keep 0 12\ndata 1\n");
    EvictingReader reader([this, from, &text] { Evict(from, text.size()); });
    request.body = &reader;
    const auto done = f.Run(CommitNode(f.services(), f.context(), std::move(request)));
    ASSERT_TRUE(done) << done.error().ToString();
    EXPECT_EQ(lake.read(), text.size());
    EXPECT_EQ(*f.Content(f.Numbered(to)), copy ? "!" + text.substr(2) : text + "!");
  }
}

TEST_F(PathsLakeTest, WhatNoLakeCanBeToldIsRefused) {
  const std::uint64_t a = f.File("a");
  f.File("b");
  EXPECT_EQ(CodeOf(f.Link(a, "c")), Code::kUnsupported);
  EXPECT_EQ(CodeOf(f.Move("a", "b", RenameMode::kExchange)), Code::kUnsupported);
  SetPathExpiryRequest expiry;
  expiry.target = f.Blob("a");
  expiry.expiry.from = ExpiryRequest::From::kNow;
  expiry.expiry.after = std::chrono::hours(1);
  EXPECT_EQ(CodeOf(f.Run(SetPathExpiry(f.services(), f.context(), expiry))), Code::kUnsupported);
}

TEST_F(PathsLakeTest, AReadOnlyLakeIsLeftAlone) {
  f.File("a", "x");
  f.Dir("d");
  Attach({.mode = meta::LakeMode::kReadOnly});
  constexpr Code kRefused = Code::kInsufficientAccountPermissions;
  EXPECT_EQ(CodeOf(f.Create("x")), kRefused);
  EXPECT_EQ(CodeOf(f.Append("a", 1, "y")), kRefused);
  EXPECT_EQ(CodeOf(f.Rename("a", "b")), kRefused);
  EXPECT_EQ(CodeOf(f.Delete("a")), kRefused);
  EXPECT_EQ(CodeOf(f.Delete("d", true)), kRefused);
  EXPECT_EQ(CodeOf(f.Make("x")), kRefused);
  EXPECT_EQ(CodeOf(f.Move("a", "b")), kRefused);
  EXPECT_EQ(CodeOf(f.Unlink("a")), kRefused);
  EXPECT_EQ(CodeOf(f.Write(f.At("a"), "data 1\n", "y")), kRefused);
  EXPECT_EQ(*f.Content("a"), "x");
}

TEST_F(PathsLakeTest, DirectoriesWaitForTheirNames) {
  f.Dir("d");
  Attach({.mode = meta::LakeMode::kReadWrite, .importing = true});
  // Names that are here need no lake; what is below a directory may not be all.
  EXPECT_EQ(CodeOf(f.Delete("d", true)), Code::kServerBusy);
  EXPECT_EQ(CodeOf(f.Delete("d")), Code::kServerBusy);
  ListNodesRequest list;
  list.directory = f.At("d");
  EXPECT_EQ(CodeOf(f.Run(ListNodes(f.services(), f.context(), list))), Code::kServerBusy);
}

// Until an import is past, the lake is asked for a name that is not here.
TEST_F(PathsLakeTest, WhatChangesABlobAsksForItFirst) {
  Attach({.mode = meta::LakeMode::kReadWrite, .importing = true});
  std::vector<std::string> asked;
  Serve("").on_look_up = [&](const std::string& name) {
    asked.push_back(name);
    EXPECT_TRUE(f.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      txn.Put(keys::NameNote(container, name), meta::Encode(meta::NameNote()));
      return {};
    }));
  };
  LeaseRequest lease;
  lease.proposed_id = "00000000-0000-0000-0000-000000000001";
  lease.duration_seconds = 15;
  EXPECT_EQ(CodeOf(f.Run(LeaseBlob(f.services(), f.context(), f.Blob("leased"), lease))),
            Code::kBlobNotFound);
  SetPathAccessRequest access;
  access.target = {f.Container(), azure::BlobName("path")};
  access.owner = "someone";
  EXPECT_EQ(CodeOf(f.Run(SetPathAccess(f.services(), f.context(), access))), Code::kBlobNotFound);
  EXPECT_EQ(asked, (std::vector<std::string>{"leased", "path"}));
}

}  // namespace
}  // namespace forebay::engine
