#include "lake/faulty_lake.h"

#include <gtest/gtest.h>

#include "async/run_sync.h"
#include "base/checksum.h"
#include "lake/memory_lake.h"
#include "lake/recognize.h"

namespace forebay::lake {
namespace {

using namespace std::chrono_literals;

struct FaultyTest : testing::Test {
  Accounting accounting;
  MemoryLake memory{{.accounting = &accounting}};
  FaultyLake lake{memory};

  Result<WriteAnswer> Put(const char* name, const char* text, LakeConditions conditions = {}) {
    PutRequest request;
    request.name = BlobName(name);
    request.content = TextContent(text);
    request.conditions = std::move(conditions);
    return RunSync(lake.Put({.context = {}, .cause = Cause::kOffload}, std::move(request)));
  }
  static Task<std::string> ReadBody(ObjectLake& lake, GetRequest request) {
    FB_CO_ASSIGN_OR_RETURN(GetAnswer answer, co_await lake.Get({}, std::move(request)));
    std::string out;
    std::byte piece[3];
    for (;;) {
      FB_CO_ASSIGN_OR_RETURN(const std::size_t got, co_await answer.body->Read(piece));
      if (got == 0) co_return out;
      out += AsText(ByteView(piece, got));
    }
  }
  Result<std::string> Get(const char* name) {
    GetRequest request;
    request.name = BlobName(name);
    return RunSync(ReadBody(lake, std::move(request)));
  }
};

TEST_F(FaultyTest, AnErrorHappensBeforeAnything) {
  lake.FailNext({.code = Code::kServerBusy, .retry_after = 3s}, LakeOperation::kPut);
  EXPECT_TRUE(RunSync(lake.Probe({}, {})).has_value()) << "another operation is not meant";
  const auto failed = Put("a", "one");
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code(), Code::kServerBusy);
  EXPECT_EQ(failed.error().retry_after(), 3s);
  EXPECT_FALSE(memory.Bytes("a").has_value());
  EXPECT_TRUE(Put("a", "one").has_value());
  EXPECT_EQ(memory.Bytes("a"), "one");
  EXPECT_EQ(lake.faults(), 1u);
}

TEST_F(FaultyTest, ALostAnswerIsRecognised) {
  lake.FailNext({.kind = Fault::Kind::kLostAnswer});
  const auto lost = Put("a", "one", {.absent = true});
  ASSERT_FALSE(lost.has_value());
  EXPECT_EQ(lost.error().code(), Code::kUnknownOutcome);
  EXPECT_EQ(memory.Bytes("a"), "one");
  Fingerprint ours;
  ours.length = 3;
  const Md5Digest digest = Md5::Of(AsBytes("one"));
  ours.content_md5 = std::string(AsText(digest));
  const auto verdict = RunSync(Recognize(lake, {}, BlobName("a"), ours));
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->verdict, Verdict::kOurs);
  memory.Plant("a", "two");
  EXPECT_EQ(RunSync(Recognize(lake, {}, BlobName("a"), ours))->verdict, Verdict::kForeign);
  memory.Remove("a");
  EXPECT_EQ(RunSync(Recognize(lake, {}, BlobName("a"), ours))->verdict, Verdict::kUntouched);
}

TEST_F(FaultyTest, BodiesBreakWhereTheyAreTold) {
  memory.Plant("a", "0123456789");
  lake.FailNext({.kind = Fault::Kind::kShortBody, .bytes = 4});
  const auto cut = Get("a");
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code(), Code::kConnectionClosed);
  lake.FailNext({.kind = Fault::Kind::kLongBody});
  EXPECT_EQ(Get("a").error().code(), Code::kCorruption);
  EXPECT_EQ(*Get("a"), "0123456789");
}

TEST_F(FaultyTest, ABlackHoleEndsWithTheDeadline) {
  lake.SetLink(LinkState::kBlackHole);
  LakeCall call;
  call.context.deadline = std::chrono::steady_clock::now() + 30ms;
  EXPECT_EQ(RunSync(lake.Probe(call, {})).error().code(), Code::kDeadlineExceeded);
  lake.SetLink(LinkState::kDown);
  EXPECT_EQ(RunSync(lake.Probe({}, {})).error().code(), Code::kNetwork);
  lake.Heal();
  EXPECT_TRUE(RunSync(lake.Probe({}, {})).has_value());
}

TEST_F(FaultyTest, RandomFaultsFollowTheirShare) {
  lake.SetRandom({.seed = 7, .error = 0.2, .lost_answer = 0.2});
  std::size_t failed = 0, unknown = 0;
  for (int i = 0; i < 500; ++i) {
    const auto put = Put("a", "x");
    if (put) continue;
    put.error().code() == Code::kUnknownOutcome ? ++unknown : ++failed;
  }
  EXPECT_GT(failed, 60u);
  EXPECT_LT(failed, 140u);
  EXPECT_GT(unknown, 40u);
  EXPECT_LT(unknown, 120u);
  EXPECT_EQ(lake.faults(), failed + unknown);
  EXPECT_EQ(accounting.usage().of(Cause::kOffload).requests, 500 - failed);
}

}  // namespace
}  // namespace forebay::lake
