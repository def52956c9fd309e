// Directories that move and go: the lake follows, and what is below them stays readable meanwhile.
#include <map>

#include "engine/create_path.h"
#include "engine/delete_path.h"
#include "engine/path_status.h"
#include "engine/rename_path.h"
#include "tier/offload_fixture.h"
#include "tier/pending_trees.h"

namespace forebay::tier {
namespace {

using lake::LakeOperation;
using Names = std::vector<std::string>;

// Our layout is hierarchical; the parameter says whether the lake's is.
class OffloadTreeTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    OffloadFixtureOptions options;
    options.tier.engine.hierarchical = true;
    options.tier.lake_hierarchical = GetParam();
    fixture_ = std::make_unique<OffloadFixture>(options);
    f().lake().Plant("data/there", theirs_);
    f().AttachReadWrite();
  }
  OffloadFixture& f() { return *fixture_; }
  engine::EngineFixture& engine() { return f().engine(); }

  void Rename(const std::string& from, const std::string& to) {
    engine::RenamePathRequest request;
    request.source = engine().Blob(from);
    request.target = engine().Blob(to);
    auto done = engine().Run(engine::RenamePath(engine().services(), {}, std::move(request)));
    ASSERT_TRUE(done) << done.error().ToString();
  }
  void DeleteTree(const std::string& name, bool recursive = true) {
    engine::DeletePathRequest request;
    request.target = engine().Blob(name);
    request.recursive = recursive;
    auto done = engine().Run(engine::DeletePath(engine().services(), {}, std::move(request)));
    ASSERT_TRUE(done) << done.error().ToString();
  }
  void MakeDirectory(const std::string& name) {
    engine::CreatePathRequest request;
    request.target = engine().Blob(name);
    request.directory = true;
    auto done = engine().Run(engine::CreatePath(engine().services(), {}, std::move(request)));
    ASSERT_TRUE(done) << done.error().ToString();
  }
  void Describe(const std::string& name, const std::string& mode) {
    engine::SetPathPropertiesRequest request;
    request.target = engine().Blob(name);
    request.metadata = {{"permissions", mode}};
    auto done = engine().Run(engine::SetPathProperties(engine().services(), {}, request));
    ASSERT_TRUE(done) << done.error().ToString();
  }
  // What the lake's directory says of its mode; "none" where there is no directory.
  std::string Described(const std::string& name) {
    const auto state = f().lake().State(name);
    if (!state || !state->directory) return "none";
    for (const auto& [field, value] : state->metadata) {
      if (field == "permissions") return value;
    }
    return "";
  }
  // Files of the lake; directories are its own affair.
  std::map<std::string, std::string> Files() {
    std::map<std::string, std::string> files;
    for (const std::string& name : f().lake().Names()) {
      if (!f().lake().State(name)->directory) files[name] = *f().lake().Bytes(name);
    }
    return files;
  }
  void Sync() {
    const auto synced = f().Sync();
    ASSERT_TRUE(synced) << synced.error().ToString() << " " << f().Status().last_error << " / "
                        << f().Status().blocked_name << ": " << f().Status().blocked_error;
    EXPECT_EQ(engine().KeysOfTable('j'), 0u);
  }

  const std::string theirs_ = Pattern(200'000, 5);
  std::unique_ptr<OffloadFixture> fixture_;
};

TEST_P(OffloadTreeTest, ADirectoryThatMovesTakesItsFilesAlong) {
  ASSERT_TRUE(engine().Put("data/ours", "one"));
  ASSERT_TRUE(engine().Put("data/sub/deep", "two"));
  Sync();
  Rename("data", "moved");
  ASSERT_TRUE(engine().Put("moved/after", "three"));
  Sync();
  EXPECT_EQ(Files(), (std::map<std::string, std::string>{{"moved/after", "three"},
                                                         {"moved/ours", "one"},
                                                         {"moved/sub/deep", "two"},
                                                         {"moved/there", theirs_}}));
  EXPECT_EQ(f().Requests(LakeOperation::kRename), GetParam() ? 1u : 0u);
  // Bytes that only the lake has are found under their new name, and the next write knows its ETag.
  EXPECT_EQ(*engine().Read("moved/there"), theirs_);
  ASSERT_TRUE(engine().Put("moved/there", "ours now"));
  ASSERT_TRUE(engine().Put("moved/ours", "again"));
  Sync();
  EXPECT_EQ(Files()["moved/there"], "ours now");
  EXPECT_EQ(Files()["moved/ours"], "again");
  EXPECT_EQ(f().Status().blocked, 0u);
}

TEST_P(OffloadTreeTest, WhatWaitedBelowItGoesUpUnderTheRightNames) {
  ASSERT_TRUE(engine().Put("data/ours", "one"));
  Sync();
  f().faulty_lake().SetLink(lake::LinkState::kBlackHole);
  ASSERT_TRUE(engine().Put("data/ours", "two"));
  ASSERT_TRUE(engine().Put("data/new", "three"));
  Rename("data", "a");
  Rename("a", "b");
  ASSERT_TRUE(engine().Put("b/new", "four"));
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  Sync();
  EXPECT_EQ(Files(), (std::map<std::string, std::string>{
                         {"b/new", "four"}, {"b/ours", "two"}, {"b/there", theirs_}}));
  for (const std::string& name : Names{"b/new", "b/ours"}) {
    const auto record = engine().Properties(name)->record;
    ASSERT_TRUE(record.lake) << name;
    EXPECT_EQ(record.lake->unsent, 0u) << name;
    EXPECT_EQ(record.lake->etag, f().lake().State(name)->etag().str()) << name;
  }
}

TEST_P(OffloadTreeTest, BytesThatOnlyTheLakeHasAreReadWhileTheirDirectoryWaits) {
  // Something in front holds the move back.
  f().faulty_lake().FailNext({.kind = lake::Fault::Kind::kError, .code = Code::kServerBusy},
                             LakeOperation::kPut, 40);
  ASSERT_TRUE(engine().Put("first", "x"));
  Rename("data", "moved");
  EXPECT_EQ(*engine().Read("moved/there"), theirs_);
  Sync();
  EXPECT_EQ(Files()["moved/there"], theirs_);
}

TEST_P(OffloadTreeTest, ADirectoryThatGoesTakesItsFilesAlong) {
  ASSERT_TRUE(engine().Put("data/ours", "one"));
  ASSERT_TRUE(engine().Put("data/sub/deep", "two"));
  ASSERT_TRUE(engine().Put("other", "stays"));
  Sync();
  DeleteTree("data");
  ASSERT_TRUE(engine().Put("data/anew", "three"));
  Sync();
  EXPECT_EQ(Files(),
            (std::map<std::string, std::string>{{"data/anew", "three"}, {"other", "stays"}}));
}

// What was deleted below a directory before it moved stays deleted, under its new name as well.
TEST_P(OffloadTreeTest, WhatWentBelowItBeforeItMovedDoesNotComeBack) {
  ASSERT_TRUE(engine().Put("data/gone", "one"));
  ASSERT_TRUE(engine().Put("data/ours", "two"));
  Sync();
  f().faulty_lake().SetLink(lake::LinkState::kBlackHole);
  ASSERT_TRUE(engine().Delete("data/gone"));
  Rename("data/ours", "kept");
  Rename("data", "moved");
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  Sync();
  EXPECT_EQ(Files(),
            (std::map<std::string, std::string>{{"kept", "two"}, {"moved/there", theirs_}}));
  EXPECT_EQ(engine().KeysOfTable('v'), 0u);
}

TEST_P(OffloadTreeTest, ALostAnswerOfAMoveIsRecognised) {
  ASSERT_TRUE(engine().Put("data/ours", "one"));
  Sync();
  const LakeOperation move = GetParam() ? LakeOperation::kRename : LakeOperation::kCopy;
  f().faulty_lake().FailNext({.kind = lake::Fault::Kind::kLostAnswer}, move);
  Rename("data", "moved");
  Sync();
  EXPECT_EQ(Files(),
            (std::map<std::string, std::string>{{"moved/ours", "one"}, {"moved/there", theirs_}}));
}

// The name that it was moved from is to be empty, though the one that it was moved to is no more.
TEST_P(OffloadTreeTest, WhatWasMovedIntoADirectoryThatWentIsGoneUnderItsOldName) {
  f().lake().Plant("theirs", theirs_);
  ASSERT_TRUE(engine().Put("ours", "bytes"));
  ASSERT_TRUE(engine().Put("doomed/file", "bytes"));
  Sync();
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  Rename("ours", "doomed/ours");
  ASSERT_TRUE(engine().Put("ours", "anew"));
  DeleteTree("doomed");
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  Sync();
  EXPECT_EQ(Files(), (std::map<std::string, std::string>{
                         {"data/there", theirs_}, {"ours", "anew"}, {"theirs", theirs_}}));
  ASSERT_TRUE(engine().Put("doomed/file", "bytes"));
  Sync();
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  Rename("ours", "doomed/ours");
  DeleteTree("doomed");
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  Sync();
  EXPECT_EQ(Files(),
            (std::map<std::string, std::string>{{"data/there", theirs_}, {"theirs", theirs_}}));
}

// Over a flat lake what moves gets another ETag there; what was done to it since is done to that.
TEST_P(OffloadTreeTest, WhatWasDoneToAFileSinceItsDirectoryMovedIsNoConflict) {
  for (const std::string name : {"gone", "moved", "written"}) {
    ASSERT_TRUE(engine().Put("from/" + name, name));
  }
  Sync();
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  Rename("from", "to");
  ASSERT_TRUE(engine().Delete("to/gone"));
  Rename("to/moved", "moved");
  ASSERT_TRUE(engine().Put("to/written", "over"));
  Rename("to/written", "written");
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  Sync();
  EXPECT_EQ(Files(), (std::map<std::string, std::string>{
                         {"data/there", theirs_}, {"moved", "moved"}, {"written", "over"}}));
}

// Nobody here has its bytes; they are moved before the directory goes.
TEST_P(OffloadTreeTest, WhatOnlyTheLakeHadIsKeptWhereItWasMovedOutOfADirectoryThatWent) {
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  Rename("data/there", "kept");
  DeleteTree("data");
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  Sync();
  EXPECT_EQ(Files(), (std::map<std::string, std::string>{{"kept", theirs_}}));
  EXPECT_EQ(*engine().Read("kept"), theirs_);
}

TEST_P(OffloadTreeTest, WhatADirectorySaysAboutItselfTravels) {
  MakeDirectory("made");
  Describe("made", "1");
  MakeDirectory("told");
  Describe("data", "2");  // the lake had it, or knows it by its files only
  Sync();
  EXPECT_EQ(Described("made"), "1");
  EXPECT_EQ(Described("data"), "2");
  EXPECT_EQ(Described("told"), "");
  Describe("told", "3");
  Sync();
  EXPECT_EQ(Described("told"), "3");
  // While it moves, and again.
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  Describe("told", "4");
  Rename("told", "moved");
  Describe("moved", "5");
  Rename("data", "moved/data");
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  Sync();
  EXPECT_EQ(Described("told"), "none");
  EXPECT_EQ(Described("moved"), "5");
  EXPECT_EQ(Described("moved/data"), "2");
  EXPECT_EQ(Files(), (std::map<std::string, std::string>{{"moved/data/there", theirs_}}));
  // Whoever changed it there: the last word is ours, and nothing waits for a decision.
  ASSERT_TRUE(f().engine().Run(f().lake().Update(
      {}, {.name = lake::BlobName("made"),
           .change = lake::SetMetadata{{{"permissions", "9"}, {"hdi_isfolder", "true"}}},
           .conditions = {}})));
  Describe("made", "6");
  Sync();
  EXPECT_EQ(Described("made"), "6");
  EXPECT_EQ(f().Status().blocked, 0u);
  DeleteTree("made");
  Sync();
  EXPECT_EQ(Described("made"), "none");
}

TEST_P(OffloadTreeTest, AFileStandsWhereADirectoryWasAndTheOtherWayRound) {
  MakeDirectory("was-directory");
  ASSERT_TRUE(engine().Put("was-file", "bytes"));
  Sync();
  ASSERT_TRUE(engine().Delete("was-file"));
  MakeDirectory("was-file");
  DeleteTree("was-directory");
  ASSERT_TRUE(engine().Put("was-directory", "now bytes"));
  Sync();
  EXPECT_EQ(Described("was-file"), "");
  EXPECT_EQ(Files(), (std::map<std::string, std::string>{{"data/there", theirs_},
                                                         {"was-directory", "now bytes"}}));
  // As rmdir(2) takes one away.
  DeleteTree("was-file", /*recursive=*/false);
  ASSERT_TRUE(engine().Put("was-file", "bytes again"));
  Sync();
  EXPECT_EQ(Files()["was-file"], "bytes again");
  EXPECT_EQ(f().Status().blocked, 0u);
}

// Whatever of it the lake had been told when it moved, and when it went.
TEST_P(OffloadTreeTest, AFileStandsWhereADirectoryWasThatHadMoved) {
  for (const bool made_before : {false, true}) {
    for (const bool moved_before : {false, true}) {
      SCOPED_TRACE(std::string(made_before ? "made, " : "") + (moved_before ? "moved" : ""));
      const auto link = [this](bool up) {
        f().faulty_lake().SetLink(up ? lake::LinkState::kUp : lake::LinkState::kDown);
        if (up) Sync();
      };
      link(false);
      MakeDirectory("tmp");
      ASSERT_TRUE(engine().Put("tmp/weights", "bytes"));
      if (made_before) link(true);
      link(false);
      Describe("tmp", "1");
      Rename("tmp", "best");
      if (moved_before) link(true);
      link(false);
      ASSERT_TRUE(engine().Delete("best/weights"));
      DeleteTree("best", /*recursive=*/false);
      ASSERT_TRUE(engine().Put("best", "a file"));
      link(true);
      EXPECT_EQ(Described("tmp"), "none");
      EXPECT_EQ(Files(),
                (std::map<std::string, std::string>{{"best", "a file"}, {"data/there", theirs_}}));
      ASSERT_TRUE(engine().Delete("best"));
      Sync();
    }
  }
}

TEST_P(OffloadTreeTest, ADirectoryThatHadMovedGoes) {
  for (const bool moved_before : {false, true}) {
    SCOPED_TRACE(moved_before);
    f().faulty_lake().SetLink(lake::LinkState::kDown);
    MakeDirectory("tmp");
    Describe("tmp", "1");
    Rename("tmp", "best");
    Rename("best", "last");
    f().faulty_lake().SetLink(lake::LinkState::kUp);
    if (moved_before) {
      Sync();
      EXPECT_EQ(Described("last"), "1");
    }
    DeleteTree("last", /*recursive=*/false);
    Sync();
    for (const char* name : {"tmp", "best", "last"}) EXPECT_EQ(Described(name), "none") << name;
  }
}

// What has the name in between comes and goes here only.
TEST_P(OffloadTreeTest, WhatHadTheNameOfADirectoryBeforeItGoesFromTheLake) {
  ASSERT_TRUE(engine().Put("name", "a file"));
  MakeDirectory("other");
  Describe("other", "1");
  Sync();
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  ASSERT_TRUE(engine().Delete("name"));
  MakeDirectory("name");
  DeleteTree("name", /*recursive=*/false);
  DeleteTree("other", /*recursive=*/false);
  ASSERT_TRUE(engine().Put("other", "passes by"));
  Rename("other", "moved");
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  Sync();
  EXPECT_EQ(Described("other"), "none");
  EXPECT_EQ(Files(),
            (std::map<std::string, std::string>{{"data/there", theirs_}, {"moved", "passes by"}}));
  // One that is made anew says nothing of the one before.
  MakeDirectory("moved-on");
  Describe("moved-on", "1");
  Sync();
  f().faulty_lake().SetLink(lake::LinkState::kDown);
  DeleteTree("moved-on", /*recursive=*/false);
  MakeDirectory("moved-on");
  f().faulty_lake().SetLink(lake::LinkState::kUp);
  Sync();
  EXPECT_EQ(Described("moved-on"), "");
}

// A file that was moved to where a directory was deleted is read where the lake has it meanwhile.
TEST_P(OffloadTreeTest, AFileThatTookADirectorysNameIsReadBeforeItHasMoved) {
  MakeDirectory("gone");
  Sync();
  // Something in front of the move holds it back, once the delete of the directory has travelled.
  f().faulty_lake().FailNext({.code = Code::kInvalidMetadata}, LakeOperation::kPut, 1'000'000);
  DeleteTree("gone");
  ASSERT_TRUE(engine().Put("between", "bytes"));
  Rename("data/there", "gone");
  ASSERT_TRUE(f().Until([&] { return !f().lake().State("gone") && f().Backlog() == 2; }));
  EXPECT_EQ(*engine().Read("gone"), theirs_);
  f().faulty_lake().Heal();
  Sync();
  EXPECT_EQ(Files(), (std::map<std::string, std::string>{{"between", "bytes"}, {"gone", theirs_}}));
  EXPECT_EQ(*engine().Read("gone"), theirs_);
}

// Others put a file in its place between the look at a directory and what is said of it.
TEST_P(OffloadTreeTest, WhatADirectorySaysIsNotSaidOfAFile) {
  MakeDirectory("made");
  Sync();
  const auto replace = [this] {
    f().lake().OnRequest({});
    f().lake().Remove("made");
    f().lake().Plant("made", "theirs");
  };
  if (GetParam()) {
    f().lake().OnRequest([replace](LakeOperation operation, const std::string& name) {
      if (operation == LakeOperation::kHead && name == "made") replace();
    });
  } else {
    replace();  // a marker is written without a look
  }
  Describe("made", "1");
  ASSERT_TRUE(f().Until([&] { return f().Status().blocked > 0; }));
  EXPECT_EQ(f().Status().blocked_name, "made");
  EXPECT_EQ(f().lake().Bytes("made"), "theirs");
  EXPECT_TRUE(f().lake().State("made")->metadata.empty());
}

INSTANTIATE_TEST_SUITE_P(Lakes, OffloadTreeTest, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "hierarchical" : "flat"; });

}  // namespace
}  // namespace forebay::tier
