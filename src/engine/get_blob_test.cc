#include "engine/get_blob.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "engine/engine_fixture.h"
#include "engine/update_blob.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

class GetBlobTest : public testing::TestWithParam<bool> {
 protected:
  GetBlobTest() { EXPECT_TRUE(f_.MakeContainer()); }
  EngineFixture f_{{.hierarchical = GetParam(), .limits = TinyLimits()}};
};

TEST_P(GetBlobTest, EveryRangeOfEveryKindOfBody) {
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{8}, std::size_t{40}, std::size_t{150}}) {
    const std::string text = Text(size, 1);
    ASSERT_TRUE(f_.Put("a", text));
    for (std::size_t offset = 0; offset < size; offset += 1 + size / 13) {
      for (const std::size_t length : {std::size_t{1}, std::size_t{15}, std::size_t{17}, size}) {
        const auto got = f_.Read("a", GetBlobRequest::Range{offset, length});
        ASSERT_TRUE(got) << got.error().ToString();
        ASSERT_EQ(*got, text.substr(offset, length)) << size << ": " << offset << "+" << length;
      }
      ASSERT_EQ(*f_.Read("a", GetBlobRequest::Range{offset, std::nullopt}), text.substr(offset));
    }
    EXPECT_EQ(f_.Read("a", GetBlobRequest::Range{size, 1}).error().code(), Code::kInvalidRange);
  }
}

TEST_P(GetBlobTest, ABodyInTheStoreIsThereAsAWhole) {
  const auto whole = [this](std::size_t size, GetBlobRequest::Range range) {
    EXPECT_TRUE(f_.Put("a", Text(size, 1)));
    GetBlobRequest request;
    request.target = f_.Blob("a");
    request.range = range;
    auto got = f_.Run(GetBlob(f_.services(), f_.context(), request));
    EXPECT_TRUE(got) << got.error().ToString();
    std::optional<std::string> text;
    if (auto piece = got->body->TakeWhole()) text = AsText(piece->memory);
    return text;
  };
  EXPECT_EQ(whole(8, {0, std::nullopt}), Text(8, 1));
  EXPECT_EQ(whole(8, {3, 2}), Text(8, 1).substr(3, 2));
  EXPECT_EQ(whole(150, {0, std::nullopt}), std::nullopt) << "chunks are streamed";
}

TEST_P(GetBlobTest, AnEmptyBlobHasNoRanges) {
  ASSERT_TRUE(f_.Put("a", ""));
  EXPECT_EQ(*f_.Read("a"), "");
  EXPECT_EQ(f_.Read("a", GetBlobRequest::Range{0, 1}).error().code(), Code::kInvalidRange);
}

TEST_P(GetBlobTest, HonoursConditions) {
  ASSERT_TRUE(f_.Put("a", "text"));
  GetBlobRequest request;
  request.target = f_.Blob("a");
  request.conditions.if_match = azure::ETagCondition{.any = false, .etags = {azure::ETag("0x0")}};
  EXPECT_EQ(f_.Run(GetBlob(f_.services(), f_.context(), request)).error().code(),
            Code::kConditionNotMet);
  request.conditions.if_match->any = true;
  EXPECT_TRUE(f_.Run(GetBlob(f_.services(), f_.context(), request)));
}

TEST_P(GetBlobTest, RefusesWhatIsNotThere) {
  EXPECT_EQ(f_.Read("a").error().code(), Code::kBlobNotFound);
  EXPECT_EQ(f_.Read("a", std::nullopt, "none").error().code(), Code::kContainerNotFound);
  ASSERT_TRUE(f_.Put("a", "text"));
  UpdateBlobRequest archive{.target = f_.Blob("a")};
  archive.tier = azure::AccessTier::kArchive;
  ASSERT_TRUE(f_.Run(UpdateBlob(f_.services(), f_.context(), archive)));
  EXPECT_EQ(f_.Read("a").error().code(), Code::kBlobArchived);
  EXPECT_TRUE(f_.Properties("a"));
}

// Reads the first piece, lets `between` happen (on this thread), reads the rest.
Task<std::string> ReadAround(Services& services, GetBlobRequest request,
                             std::function<void()> between) {
  FB_CO_ASSIGN_OR_RETURN(GetBlobResult got,
                         co_await GetBlob(services, OpContext(), std::move(request)));
  FB_CO_ASSIGN_OR_RETURN(auto first, co_await got.body->Next(/*allow_file=*/false));
  std::string text(AsText(first->memory));
  between();
  FB_CO_ASSIGN_OR_RETURN(std::string rest, co_await ReadAllOf(std::move(got.body)));
  co_return text + rest;
}

TEST_P(GetBlobTest, ADeletedBlobReadsAsItWasWhileItIsRead) {
  for (const std::size_t size :
       {std::size_t{40}, std::size_t{64}, std::size_t{65}, std::size_t{400}}) {
    SCOPED_TRACE("size " + std::to_string(size));
    const std::string text = Text(size, 1);
    for (const bool overwrite : {false, true}) {
      ASSERT_TRUE(f_.Put("a", text));
      GetBlobRequest request;
      request.target = f_.Blob("a");
      const auto got = RunSync(ReadAround(f_.services(), std::move(request), [&] {
        // Other requests, each on a loop of its own.
        std::thread([&] {
          EXPECT_TRUE(overwrite ? f_.Put("a", "other").has_value() : f_.Delete("a").has_value());
          f_.Sweep(2);
        }).join();
      }));
      ASSERT_TRUE(got) << got.error().ToString();
      EXPECT_EQ(*got, text);
      f_.Sweep(2);
      EXPECT_EQ(f_.Stored(), overwrite ? "pieces=1 " : "") << "the reader has gone";
    }
    ASSERT_TRUE(f_.Delete("a"));
  }
}

TEST_P(GetBlobTest, WhatIsMissingIsAnErrorAndNeverZeros) {
  ASSERT_TRUE(f_.Put("a", Text(100)));
  ASSERT_TRUE(f_.store().TransactBlocking([](kv::Transaction& txn) -> Result<> {
    txn.DeleteRange(kv::Space::kMeta, "p", "q");
    return {};
  }));
  EXPECT_EQ(f_.Read("a").error().code(), Code::kCorruption);
  ASSERT_TRUE(f_.Put("b", "small"));
  ASSERT_TRUE(f_.store().TransactBlocking([](kv::Transaction& txn) -> Result<> {
    txn.DeleteRange(kv::Space::kInline, "", std::string(8, '\xff'));
    return {};
  }));
  EXPECT_EQ(f_.Read("b").error().code(), Code::kCorruption);
}

TEST_P(GetBlobTest, ACancelledReaderStops) {
  ASSERT_TRUE(f_.Put("a", Text(100)));
  GetBlobRequest request;
  request.target = f_.Blob("a");
  auto got = f_.Run(GetBlob(f_.services(), f_.cancelled(), std::move(request)));
  if (!got) {
    EXPECT_EQ(got.error().code(), Code::kCancelled);
    return;
  }
  EXPECT_EQ(RunSync(ReadAllOf(std::move(got->body))).error().code(), Code::kCancelled);
}

INSTANTIATE_TEST_SUITE_P(Layouts, GetBlobTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
