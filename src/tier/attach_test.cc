#include "tier/attach.h"

#include "engine/delete_blob.h"
#include "engine/get_container.h"
#include "engine/sweeper.h"
#include "engine/update_blob.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {
namespace {

meta::LakeState StateOf(TierFixture& fixture) {
  const auto snapshot = fixture.engine().store().GetSnapshot();
  const auto container = engine::RequireContainer(*snapshot, fixture.engine().account().name,
                                                  azure::ContainerName("box"));
  EXPECT_TRUE(container);
  return container ? container->lake : meta::LakeState{};
}

TEST(AttachTest, AReadOnlyContainerRefusesEveryChange) {
  TierFixture fixture;
  fixture.lake().Plant("a", "text");
  fixture.Attach();
  ASSERT_TRUE(fixture.Import());
  auto& engine = fixture.engine();
  const auto expect = [](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), Code::kInsufficientAccountPermissions);
  };
  expect(engine.Put("b", "new"));
  expect(engine.Put("a", "other"));
  expect(engine.Stage("b", "AAAA", "block"));
  expect(engine.Commit("b", {}));
  expect(engine.Run(
      engine::DeleteBlob(fixture.services(), {}, {.target = engine.Blob("a"), .conditions = {}})));
  expect(engine.Run(engine::UpdateBlob(fixture.services(), {},
                                       {.target = engine.Blob("a"), .metadata = {{{"k", "v"}}}})));
  EXPECT_EQ(engine.Read("a").value(), "text");
  EXPECT_EQ(fixture.lake().Bytes("a"), "text");
}

TEST(AttachTest, OnlyAnEmptyContainerIsAttached) {
  TierFixture fixture;
  ASSERT_TRUE(fixture.engine().MakeContainer());
  ASSERT_TRUE(fixture.engine().Put("mine", "text"));
  auto done = fixture.engine().Run(fixture.tier().Attach({}, fixture.Request()));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kResourceAlreadyExists);
  EXPECT_FALSE(StateOf(fixture).attached());
}

TEST(AttachTest, ASecondAttachmentIsRefused) {
  TierFixture fixture;
  fixture.Attach();
  auto again = fixture.engine().Run(fixture.tier().Attach({}, fixture.Request()));
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), Code::kResourceAlreadyExists);
}

TEST(AttachTest, ASecretIsNotTakenForAReference) {
  TierFixture fixture;
  ASSERT_TRUE(fixture.engine().MakeContainer());
  AttachRequest request = fixture.Request();
  request.credential = "sas:sv=2024&sig=VerySecret";
  auto done = fixture.engine().Run(fixture.tier().Attach({}, request));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kInvalidInput);
  EXPECT_EQ(done.error().ToString().find("VerySecret"), std::string::npos);
}

TEST(AttachTest, NothingChangesWhenTheLakeDoesNotAnswer) {
  TierFixture fixture;
  ASSERT_TRUE(fixture.engine().MakeContainer());
  fixture.lake().SetContainerMissing(true);
  auto done = fixture.engine().Run(fixture.tier().Attach({}, fixture.Request()));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kContainerNotFound);
  EXPECT_FALSE(StateOf(fixture).attached());
  EXPECT_TRUE(fixture.engine().Put("b", "still ours"));
}

Result<meta::ContainerRecord> TheContainer(TierFixture& fixture) {
  return engine::RequireContainer(*fixture.engine().store().GetSnapshot(),
                                  fixture.engine().account().name, azure::ContainerName("box"));
}

TEST(AttachTest, OneThatIsRefusedLeavesNoContainer) {
  TierFixture fixture;
  AttachRequest request = fixture.Request();
  request.create = true;
  fixture.lake().SetContainerMissing(true);
  EXPECT_FALSE(fixture.engine().Run(fixture.tier().Attach({}, request)));
  fixture.lake().SetContainerMissing(false);
  request.credential = "a secret";
  EXPECT_FALSE(fixture.engine().Run(fixture.tier().Attach({}, request)));
  EXPECT_EQ(TheContainer(fixture).error().code(), Code::kContainerNotFound);
  request.credential = fixture.Request().credential;
  ASSERT_TRUE(fixture.engine().Run(fixture.tier().Attach({}, request)));
  EXPECT_TRUE(StateOf(fixture).attached());
}

TEST(AttachTest, AContainerThatSomebodyElseMakesMeanwhileIsTheirs) {
  TierFixture fixture;
  AttachRequest request = fixture.Request();
  request.create = true;
  fixture.lake().OnRequest([&](lake::LakeOperation, const std::string&) {
    ASSERT_TRUE(fixture.engine().MakeContainer());
    ASSERT_TRUE(fixture.engine().Put("mine", "text"));
  });
  const auto refused = fixture.engine().Run(fixture.tier().Attach({}, request));
  fixture.lake().OnRequest({});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kContainerAlreadyExists);
  EXPECT_FALSE(StateOf(fixture).attached());
  EXPECT_EQ(*fixture.engine().Read("mine"), "text");
}

TEST(AttachTest, DetachLeavesNothingOfTheLakeBehind) {
  TierFixture fixture;
  for (int i = 0; i < 100; ++i) {
    fixture.lake().Plant("dir/" + std::to_string(i), Pattern(3000, 7));
  }
  fixture.Attach();
  ASSERT_TRUE(fixture.Import());
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(fixture.engine().Read("dir/" + std::to_string(i)));
  fixture.Settle();
  ASSERT_GT(fixture.engine().LinkedChunks(), 0u);
  ASSERT_TRUE(fixture.engine().Run(fixture.tier().Detach({}, fixture.engine().Container())));
  engine::Sweeper sweeper(fixture.services());
  ASSERT_TRUE(sweeper.RunOnce());
  EXPECT_FALSE(StateOf(fixture).attached());
  EXPECT_EQ(fixture.engine().LinkedChunks(), 0u);
  for (const char table : {'c', 'b', 'j', 'v', 'n', 'k', 'g', 'i'}) {
    EXPECT_EQ(fixture.engine().KeysOfTable(table), 0u) << table;
  }
  EXPECT_TRUE(fixture.engine().Put("dir/1", "ours again"));
  EXPECT_EQ(fixture.lake().Names().size(), 100u);
}

TEST(AttachTest, AnAttachmentSurvivesARestart) {
  TierFixture fixture;
  fixture.lake().Plant("a", "text");
  fixture.Attach();
  fixture.Restart();
  EXPECT_EQ(fixture.engine().Read("a").value(), "text");
  ASSERT_EQ(fixture.tier().Status().size(), 1u);
  EXPECT_EQ(fixture.tier().Status().front().container, "box");
  EXPECT_EQ(fixture.tier().Status().front().mode, meta::LakeMode::kReadOnly);
}

TEST(AttachTest, TheImportRunsByItselfAndGoesOnAfterFailures) {
  TierFixture fixture({.run_jobs = true});
  for (int i = 0; i < 50; ++i) fixture.lake().Plant(std::to_string(i), "x");
  fixture.faulty_lake().FailNext({}, lake::LakeOperation::kList, 3);
  fixture.Attach();
  for (int i = 0; i < 5000 && StateOf(fixture).importing; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(StateOf(fixture).importing);
  const auto status = fixture.tier().Status();
  ASSERT_EQ(status.size(), 1u);
  EXPECT_EQ(status.front().import.names, 50u);
}

}  // namespace
}  // namespace forebay::tier
