#include "tier/guarded_lake.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "async/run_sync.h"
#include "lake/faulty_lake.h"
#include "lake/memory_lake.h"

namespace forebay::tier {
namespace {

using std::chrono::milliseconds;

class GuardedLakeTest : public ::testing::Test {
 protected:
  GuardedLakeTest() { memory_.Plant("a", "text"); }
  Result<lake::BlobState> Head(std::string_view name = "a",
                               lake::Cause cause = lake::Cause::kAdmin) {
    return RunSync(guarded_.Head({.context = {}, .cause = cause},
                                 {.name = lake::BlobName(name), .conditions = {}}));
  }

  lake::Accounting accounting_;
  lake::MemoryLake memory_{{.accounting = &accounting_}};
  lake::FaultyLake faulty_{memory_};
  GuardedLake guarded_{std::shared_ptr<lake::ObjectLake>(&faulty_, [](lake::ObjectLake*) {}),
                       {.first_pause = milliseconds(50),
                        .longest_pause = milliseconds(100),
                        .first_byte_patience = milliseconds(60)},
                       1};
};

TEST_F(GuardedLakeTest, ReadsSayThatItIsOfflineAndWhenToComeBack) {
  faulty_.SetLink(lake::LinkState::kDown);
  const auto got = Head();
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code(), Code::kOffline);
  EXPECT_GT(got.error().retry_after().count(), 0);
}

TEST_F(GuardedLakeTest, NothingIsSentWhileItIsOpenAndItClosesByItself) {
  faulty_.SetLink(lake::LinkState::kDown);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(Head());
  EXPECT_NE(guarded_.breaker().state(std::chrono::steady_clock::now()), CircuitState::kClosed);
  faulty_.Heal();
  // It is there again, but nobody asks before the pause is over.
  const std::uint64_t requests = accounting_.usage().total().requests;
  const auto refused = Head();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kOffline);
  EXPECT_EQ(accounting_.usage().total().requests, requests);
  for (int i = 0; i < 500 && !Head(); ++i) std::this_thread::sleep_for(milliseconds(2));
  EXPECT_TRUE(Head());
  EXPECT_EQ(guarded_.health().circuit, CircuitState::kClosed);
}

TEST_F(GuardedLakeTest, WhoWaitsForAnswersOfABlackHoleWaitsABoundedTime) {
  faulty_.SetLink(lake::LinkState::kBlackHole);
  // Beside somebody who waits for the same with more patience than this test has.
  GuardedLake patient(std::shared_ptr<lake::ObjectLake>(&faulty_, [](lake::ObjectLake*) {}),
                      {.first_byte_patience = std::chrono::hours(1)}, 1);
  std::atomic<bool> gave_up{false};
  std::jthread waits([&] {
    EXPECT_FALSE(RunSync(patient.Head({.context = {}, .cause = lake::Cause::kReconcile},
                                      {.name = lake::BlobName("a"), .conditions = {}})));
    gave_up = true;
  });
  while (faulty_.swallowed(lake::Cause::kReconcile) == 0) std::this_thread::yield();
  const auto got = Head("a", lake::Cause::kReconcile);
  EXPECT_EQ(got ? Code{} : got.error().code(), Code::kOffline);
  EXPECT_FALSE(gave_up) << "what ends a wait is the patience of who waits";
  // And after some of those, nobody waits at all.
  for (int i = 0; i < 3; ++i) (void)Head("a", lake::Cause::kReconcile);
  EXPECT_NE(guarded_.health().circuit, CircuitState::kClosed);
  EXPECT_EQ(guarded_.health().trouble, LinkTrouble::kUnreachable);
  faulty_.Heal();
}

TEST_F(GuardedLakeTest, ASlowAnswerIsWaitedForWhileOthersAreHeard) {
  faulty_.SetLatency(milliseconds(150));  // beyond the patience
  std::jthread others([this](const std::stop_token& stop) {
    while (!stop.stop_requested()) (void)Head("a", lake::Cause::kAdmin);
  });
  // Not one of them may fail while something else is answered all the time.
  std::jthread more([this](const std::stop_token& stop) {
    std::this_thread::sleep_for(milliseconds(75));
    while (!stop.stop_requested()) (void)Head("a", lake::Cause::kAdmin);
  });
  std::this_thread::sleep_for(milliseconds(200));
  EXPECT_TRUE(Head("a", lake::Cause::kReadThrough));
}

TEST_F(GuardedLakeTest, WhatTheLakeRefusesIsAnAnswer) {
  for (int i = 0; i < 10; ++i) {
    const auto got = Head("nothing");
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code(), Code::kBlobNotFound);
  }
  EXPECT_TRUE(Head());
  EXPECT_EQ(guarded_.health().trouble, LinkTrouble::kNone);
}

TEST_F(GuardedLakeTest, AWriteKeepsItsOwnError) {
  faulty_.FailNext({.kind = lake::Fault::Kind::kLostAnswer}, lake::LakeOperation::kPut);
  lake::PutRequest put;
  put.name = lake::BlobName("b");
  put.content = lake::TextContent("text");
  const auto done = RunSync(guarded_.Put({}, std::move(put)));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Code::kUnknownOutcome);
}

TEST_F(GuardedLakeTest, WhatIsWrongWithALakeIsASentence) {
  const std::pair<Code, LinkTrouble> cases[] = {
      {Code::kAuthenticationFailed, LinkTrouble::kForbidden},
      {Code::kAuthorizationPermissionMismatch, LinkTrouble::kForbidden},
      {Code::kContainerNotFound, LinkTrouble::kContainerMissing},
      {Code::kClockSkew, LinkTrouble::kClockSkew},
      {Code::kNetwork, LinkTrouble::kUnreachable}};
  for (const auto& [code, trouble] : cases) {
    faulty_.FailNext({.code = code}, lake::LakeOperation::kHead);
    EXPECT_FALSE(Head());
    EXPECT_EQ(guarded_.health().trouble, trouble) << CodeName(code);
    EXPECT_NE(guarded_.health().message.find("memory:lake/"), std::string::npos);
    EXPECT_TRUE(Head());
    EXPECT_EQ(guarded_.health().trouble, LinkTrouble::kNone) << CodeName(code);
  }
}

// A credential for reading only: what reads well does not hide that nothing can be written.
TEST_F(GuardedLakeTest, ReadsThatWorkDoNotHideThatWritesAreRefused) {
  faulty_.FailNext({.code = Code::kAuthorizationPermissionMismatch}, lake::LakeOperation::kPut);
  lake::PutRequest put;
  put.name = lake::BlobName("b");
  put.content = lake::TextContent("text");
  EXPECT_FALSE(RunSync(guarded_.Put({}, put)));
  EXPECT_TRUE(Head());
  EXPECT_EQ(guarded_.health().trouble, LinkTrouble::kForbidden);
  EXPECT_TRUE(RunSync(guarded_.Put({}, put)));
  EXPECT_EQ(guarded_.health().trouble, LinkTrouble::kNone);
}

}  // namespace
}  // namespace forebay::tier
