// Holds a server, and a mount's client for it, to the contract of a mount. See README.md.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <random>

#include "base/log.h"
#include "base/uuid.h"
#include "vfs/connect.h"
#include "vfs/contract_copies.h"
#include "vfs/contract_kinds.h"
#include "vfs/contract_suite.h"

namespace forebay::vfs {
namespace {

struct Arguments {
  std::string endpoint;
  std::string credential;
  bool plain = false;
  bool flat = false;
  std::string place;  // the directory of the running test
};
Arguments& TheArguments() {
  static Arguments arguments;
  return arguments;
}

std::unique_ptr<Remote> ConnectTo(const std::string& directory) {
  ConnectOptions options;
  options.url = TheArguments().endpoint;
  if (!directory.empty()) options.url += "/" + directory;
  options.credential = TheArguments().credential;
  options.extensions = !TheArguments().plain;
  OpContext context;
  context.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  auto remote = RunSync(Connect(context, options));
  if (!remote) Panic(remote.error().ToString());
  return std::move(*remote);
}

VfsMaker ServerMaker() {
  VfsMaker out;
  out.name = "Server";
  out.hierarchical = !TheArguments().flat;
  out.reset = [] {
    const auto whole = ConnectTo("");
    CreateRequest request;
    request.at.name = "vfs-" + NewUuid();
    request.kind = FileKind::kDirectory;
    request.mode = 0755;
    const auto made = RunSync(whole->Create({}, request));
    if (!made) Panic(made.error().ToString());
    TheArguments().place = request.at.name;
    (void)RunSync(whole->End({}));
  };
  out.make = [] { return ConnectTo(TheArguments().place); };
  return out;
}

INSTANTIATE_TEST_SUITE_P(Wire, VfsContract, testing::Values(ServerMaker()), VfsMakerName);
// A server is of one kind; the other kind's suite has nothing to run over.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FlatVfsContract);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(HierarchicalVfsContract);
INSTANTIATE_TEST_SUITE_P(Wire, FlatVfsContract,
                         testing::ValuesIn(MakersOfKind(false, {ServerMaker()})), VfsMakerName);
INSTANTIATE_TEST_SUITE_P(Wire, HierarchicalVfsContract,
                         testing::ValuesIn(MakersOfKind(true, {ServerMaker()})), VfsMakerName);

// Small reads of one file again and again, which a mount on the server's machine serves from the
// server's own files, while versions come and go and the server gives their bytes back.
TEST(SmallReads, AreOfTheVersionThatIsAskedFor) {
  constexpr std::size_t kSize = 6 << 20, kPiece = 4096;
  const auto remote = ConnectTo("");
  CreateRequest create;
  create.at.name = "small-reads-" + NewUuid();
  const auto made = RunSync(remote->Create({}, create));
  ASSERT_TRUE(made) << made.error().ToString();
  const FileRef file{create.at.name, made->attributes.id};
  std::mt19937_64 random(7);
  std::vector<std::byte> content(kSize), piece(kPiece);
  for (int version = 0; version < 4; ++version) {
    for (std::byte& byte : content) byte = static_cast<std::byte>(random());
    const auto staged = RunSync(remote->StageBlock({}, file, content));
    ASSERT_TRUE(staged) << staged.error().ToString();
    CommitRequest commit;
    commit.file = file;
    commit.pieces.emplace_back(*staged);
    const auto done = RunSync(remote->Commit({}, commit));
    ASSERT_TRUE(done) << done.error().ToString();
    for (int i = 0; i < 400; ++i) {
      const std::size_t offset = random() % (kSize - kPiece);
      ReadRequest read{.file = file, .etag = done->etag, .offset = offset, .into = piece};
      const auto got = RunSync(remote->Read({}, read));
      ASSERT_TRUE(got) << got.error().ToString();
      ASSERT_EQ(got->bytes, kPiece);
      EXPECT_EQ(got->file_size, kSize);
      EXPECT_EQ(got->etag, done->etag);
      ASSERT_TRUE(std::equal(piece.begin(), piece.end(), content.data() + offset)) << offset;
    }
  }
  EXPECT_TRUE(RunSync(remote->Remove({}, create.at, false)));
  (void)RunSync(remote->End({}));
}

TEST(Connecting, SaysWhatIsWrong) {
  ConnectOptions options;
  options.url = TheArguments().endpoint + "-is-not-there";
  options.credential = TheArguments().credential;
  OpContext context;
  context.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  const auto missing = RunSync(Connect(context, options));
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().code(), Code::kContainerNotFound) << missing.error().ToString();
  options.url = TheArguments().endpoint;
  options.credential = "key:d3JvbmcgYW5kIHNlY3JldCBrZXk=";
  const auto denied = RunSync(Connect(context, options));
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(ErrnoOf(denied.error()), EACCES) << denied.error().ToString();
  EXPECT_FALSE(denied.error().ToString().contains("d3Jvbmc"));
}

TEST(Connecting, EndsWhenNobodyAnswers) {
  ConnectOptions options;
  options.url = "http://127.0.0.1:1/devlakeaccount1/nothing";
  OpContext context;
  const auto begin = std::chrono::steady_clock::now();
  context.deadline = begin + std::chrono::milliseconds(700);
  const auto nobody = RunSync(Connect(context, options));
  ASSERT_FALSE(nobody.has_value());
  EXPECT_EQ(ErrnoOf(nobody.error()), ETIMEDOUT) << nobody.error().ToString();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(400));
}

}  // namespace
}  // namespace forebay::vfs

int main(int argc, char** argv) {
  auto& arguments = forebay::vfs::TheArguments();
  CLI::App app("Runs the contract of a mount against a container of a server.");
  app.allow_extras();
  app.add_option("--endpoint", arguments.endpoint, "URL of the container")->required();
  app.add_option("--credential", arguments.credential, "key:BASE64, sas:TOKEN, …")->required();
  app.add_flag("--flat", arguments.flat, "The account has no directories");
  app.add_flag("--plain", arguments.plain, "Without the extensions, whatever the server has");
  CLI11_PARSE(app, argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
