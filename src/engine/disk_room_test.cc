#include "engine/disk_room.h"

#include <gtest/gtest.h>

#include "async/run_sync.h"
#include "async/sleep.h"
#include "async/task_group.h"
#include "engine/append_path.h"
#include "engine/buffers_for_test.h"
#include "engine/copy_blob.h"
#include "engine/create_path.h"
#include "engine/engine_fixture.h"
#include "engine/flush_path.h"
#include "engine/nodes_fixture.h"
#include "engine/put_block_from_blob.h"
#include "engine/rename_path.h"
#include "engine/update_blob.h"
#include "io/memory.h"

namespace forebay::engine {
namespace {

constexpr std::uint64_t kReserve = 1'000'000;

class DiskRoomTest : public testing::Test {
 protected:
  DiskRoomTest() {
    EXPECT_TRUE(disk_.MakeDirs("/data"));
    f_.services().room = &room_;
    SetAvailable(2 * kReserve);
    EXPECT_TRUE(f_.MakeContainer());
    EXPECT_TRUE(f_.Put("small", "small"));
    EXPECT_TRUE(f_.Put("large", Text(300)));
    EXPECT_TRUE(f_.Stage("staged", "b1", Text(50)));
  }
  void SetAvailable(std::uint64_t bytes) { disk_.SetCapacity(bytes); }
  Result<CopyBlobResult> Copy() {
    CopyBlobRequest request;
    request.source = f_.Blob("large");
    request.target = f_.Blob("copy");
    return f_.Run(CopyBlob(f_.services(), f_.context(), std::move(request)));
  }
  Result<UpdateBlobResult> Update() {
    UpdateBlobRequest request{.target = f_.Blob("small")};
    request.metadata = azure::Metadata{{"m", "1"}};
    return f_.Run(UpdateBlob(f_.services(), f_.context(), std::move(request)));
  }
  Result<Changed> Create(std::string_view path) {
    CreatePathRequest request;
    request.target = f_.Blob(path);
    return f_.Run(CreatePath(f_.services(), f_.context(), std::move(request)));
  }
  Result<AppendPathResult> Append(std::string_view path, std::uint64_t at, std::string text) {
    TextReader reader(std::move(text));
    AppendPathRequest request;
    request.target = f_.Blob(path);
    request.position = at;
    request.body = &reader;
    return f_.Run(AppendPath(f_.services(), f_.context(), std::move(request)));
  }
  Result<FlushPathResult> Flush(std::string_view path, std::uint64_t position) {
    FlushPathRequest request;
    request.target = f_.Blob(path);
    request.position = position;
    return f_.Run(FlushPath(f_.services(), f_.context(), std::move(request)));
  }
  Result<Changed> Rename(std::string_view from, std::string_view to) {
    RenamePathRequest request;
    request.source = f_.Blob(from);
    request.target = f_.Blob(to);
    return f_.Run(RenamePath(f_.services(), f_.context(), std::move(request)));
  }
  template <class T>
  static Code CodeOf(const Result<T>& result) {
    EXPECT_FALSE(result);
    return result ? Code::kInternal : result.error().code();
  }
  // So many requests wait for room, and the flush ends after a while.
  static Task<> AwaitTogether(Executor executor, const DiskRoom& room, int requests,
                              std::function<void()> end) {
    TaskGroup group(executor);
    for (int i = 0; i < requests; ++i) group.Spawn(room.Await(Growth::kBytes, {}));
    (void)co_await SleepFor(std::chrono::milliseconds(60));
    end();
    co_return co_await group.Join();
  }
  io::MemoryFileSystem disk_;
  BuffersForTest buffers_;
  DiskRoom room_{disk_, "/data", kReserve, buffers_};
  EngineFixture f_{{.limits = TinyLimits()}};
};

TEST_F(DiskRoomTest, WhatWaitsInMemoryCountsAsUsed) {
  SetAvailable(kReserve + 100);
  buffers_.buffered = 101;
  EXPECT_EQ(CodeOf(f_.Put("new", "tiny")), Code::kNoSpace);
  EXPECT_TRUE(Copy());
  buffers_.buffered = kReserve / 2 + 101;
  EXPECT_EQ(CodeOf(Copy()), Code::kNoSpace);
  buffers_.buffered = 100;
  EXPECT_TRUE(f_.Put("new", "tiny"));
}

TEST_F(DiskRoomTest, BelowTheReserveNoSmallBodiesAreTaken) {
  SetAvailable(kReserve - 1);
  const std::string stored = f_.Stored();
  EXPECT_EQ(CodeOf(f_.Put("new", "tiny")), Code::kNoSpace);
  EXPECT_EQ(CodeOf(f_.Stage("staged", "b2", "tiny")), Code::kNoSpace);
  EXPECT_EQ(f_.Stored(), stored);
  // The chunk store has a say of its own about larger ones; records still fit.
  EXPECT_TRUE(f_.Put("empty", ""));
  EXPECT_TRUE(Copy());
  EXPECT_TRUE(f_.Commit("staged", {{BlockSource::kLatest, azure::BlockId("b1")}}));
  EXPECT_TRUE(Update());
  EXPECT_TRUE(f_.Delete("small"));
}

TEST_F(DiskRoomTest, BelowHalfOfItOnlyReadsChangesAndDeletesGoOn) {
  SetAvailable(kReserve / 2 - 1);
  const std::string stored = f_.Stored();
  TextReader reader(Text(100));
  PutBlobRequest request;
  request.target = f_.Blob("new");
  request.body = &reader;
  EXPECT_EQ(CodeOf(f_.Run(PutBlob(f_.services(), f_.context(), std::move(request)))),
            Code::kNoSpace);
  EXPECT_EQ(reader.bytes_read(), 0u) << "refused before the body";
  EXPECT_EQ(CodeOf(f_.Put("empty", "")), Code::kNoSpace);
  EXPECT_EQ(CodeOf(Copy()), Code::kNoSpace);
  EXPECT_EQ(CodeOf(f_.Commit("staged", {{BlockSource::kLatest, azure::BlockId("b1")}})),
            Code::kNoSpace);
  EXPECT_EQ(CodeOf(f_.MakeContainer("crate")), Code::kNoSpace);
  EXPECT_EQ(f_.Stored(), stored);
  EXPECT_EQ(*f_.Read("large"), Text(300));
  EXPECT_TRUE(Update());
  EXPECT_TRUE(f_.Delete("large"));
  f_.Sweep(1);
  EXPECT_LT(f_.LinkedChunks(), 10u) << "the sweeper works";
}

TEST_F(DiskRoomTest, TheDataLakeApiKeepsTheSameLines) {
  ASSERT_TRUE(Create("file"));
  ASSERT_TRUE(Append("file", 0, "tiny"));
  SetAvailable(kReserve - 1);
  EXPECT_EQ(CodeOf(Append("file", 4, "more")), Code::kNoSpace);
  EXPECT_TRUE(Create("another"));
  SetAvailable(kReserve / 2 - 1);
  EXPECT_EQ(CodeOf(Create("new")), Code::kNoSpace);
  EXPECT_EQ(CodeOf(Append("file", 4, "more")), Code::kNoSpace);
  EXPECT_EQ(CodeOf(Flush("file", 4)), Code::kNoSpace);
  // What adds nothing goes on.
  EXPECT_TRUE(Flush("another", 0));
  EXPECT_TRUE(Rename("another", "renamed"));
  EXPECT_TRUE(f_.Delete("renamed"));
  SetAvailable(kReserve);
  EXPECT_TRUE(Flush("file", 4));
  EXPECT_EQ(*f_.Read("file"), "tiny");
}

TEST_F(DiskRoomTest, WritingResumesWhenThereIsRoom) {
  for (const std::uint64_t available : {kReserve / 4, kReserve - 1}) {
    SetAvailable(available);
    EXPECT_EQ(CodeOf(f_.Put("new", "tiny")), Code::kNoSpace);
    SetAvailable(kReserve);
    EXPECT_TRUE(f_.Put("new", "tiny"));
    EXPECT_TRUE(Copy());
  }
}

TEST_F(DiskRoomTest, WhatALogTakesIsWaitedFor) {
  SetAvailable(kReserve - 1);
  buffers_.log = 2 << 20;
  buffers_.on_flush = [this] {
    if (buffers_.flushes < 3) return;  // it takes its time
    buffers_.log = 0;
    SetAvailable(kReserve);
  };
  EXPECT_TRUE(f_.Put("new", "tiny"));
  EXPECT_EQ(buffers_.flushes, 3);
}

TEST_F(DiskRoomTest, WhoWaitsAsksForNothingUntilTheFlushIsOver) {
  constexpr int kRequests = 20;
  SetAvailable(kReserve - 1);
  buffers_.log = 2 << 20;
  buffers_.slow = true;
  buffers_.looks = 0;
  int looks = 0;
  EXPECT_TRUE(RunSync([&](Executor executor) {
    return AwaitTogether(executor, room_, kRequests, [&] {
      looks = buffers_.looks;
      buffers_.log = 0;
      SetAvailable(kReserve);
      buffers_.End();
    });
  }));
  EXPECT_EQ(looks, kRequests) << "each once, however long it takes";
  EXPECT_EQ(buffers_.flushes, kRequests);
}

TEST_F(DiskRoomTest, ALogThatStaysIsNotFlushedForAgainAndAgain) {
  SetAvailable(kReserve - 1);
  buffers_.log = 2 << 20;  // a backup reads it
  EXPECT_EQ(CodeOf(f_.Put("new", "tiny")), Code::kNoSpace);
  EXPECT_EQ(buffers_.flushes, 20);
}

TEST_F(DiskRoomTest, AFlushThatIsUnderWayIsWaitedFor) {
  SetAvailable(kReserve + 10);
  buffers_.buffered = 100;  // and counts twice: its file is on the disk, the log is not gone
  buffers_.moving = true;
  buffers_.on_flush = [this] {
    buffers_.moving = false;
    buffers_.buffered = 0;
  };
  EXPECT_TRUE(f_.Put("new", "tiny"));
}

TEST_F(DiskRoomTest, AFlushThatBringsTooLittleIsNotWaitedFor) {
  SetAvailable(kReserve / 2 + 100);  // records have room
  buffers_.log = 300'000;
  buffers_.buffered = 100;
  buffers_.moving = true;
  EXPECT_EQ(CodeOf(f_.Put("new", "tiny")), Code::kNoSpace);
  EXPECT_EQ(buffers_.flushes, 0);
}

TEST_F(DiskRoomTest, AFlushThatCannotEndIsNotWaitedFor) {
  SetAvailable(99);
  buffers_.buffered = 100;
  buffers_.log = 2 << 20;
  buffers_.moving = true;
  EXPECT_EQ(CodeOf(f_.Put("new", "tiny")), Code::kNoSpace);
  EXPECT_EQ(buffers_.flushes, 0);
}

TEST_F(DiskRoomTest, NothingIsWaitedForWhereAFlushBringsTooLittle) {
  SetAvailable(kReserve / 2);
  buffers_.log = 300'000;  // less than is missing
  EXPECT_EQ(CodeOf(f_.Put("new", "tiny")), Code::kNoSpace);
  SetAvailable(kReserve - 1);  // enough, but it would be asked for with every write
  EXPECT_EQ(CodeOf(f_.Put("new", "tiny")), Code::kNoSpace);
  EXPECT_EQ(buffers_.flushes, 0);
}

TEST_F(DiskRoomTest, ARequestThatEndsDoesNotWait) {
  SetAvailable(kReserve - 1);
  buffers_.log = 2 << 20;
  std::stop_source gone;
  OpContext context = f_.context();
  context.cancel = gone.get_token();
  buffers_.slow = true;
  buffers_.on_flush = [&] { gone.request_stop(); };
  EXPECT_EQ(CodeOf(f_.Run(room_.Await(Growth::kBytes, context))), Code::kCancelled);
  EXPECT_EQ(buffers_.flushes, 1);
}

TEST_F(DiskRoomTest, EveryRequestLooksOnce) {
  SetAvailable(10 * kReserve);
  const auto looks = [this](const auto& result) {
    EXPECT_TRUE(result);
    return std::exchange(buffers_.looks, 0);
  };
  buffers_.looks = 0;
  EXPECT_EQ(looks(f_.Put("new", "tiny")), 1);
  EXPECT_EQ(looks(f_.Put("new", "")), 1);
  EXPECT_EQ(looks(f_.Put("new", Text(300))), 1);
  EXPECT_EQ(looks(Copy()), 1);
  PutBlockFromBlobRequest block;
  block.source = f_.Blob("large");
  block.target = f_.Blob("staged");
  block.block_id = azure::BlockId("b1");
  EXPECT_EQ(looks(f_.Run(PutBlockFromBlob(f_.services(), f_.context(), std::move(block)))), 1);
}

TEST_F(DiskRoomTest, EveryRequestOfAMountLooksOnce) {
  NodesFixture f;
  f.services().room = &room_;
  SetAvailable(10 * kReserve);
  const auto looks = [this](const auto& result) {
    EXPECT_TRUE(result);
    return std::exchange(buffers_.looks, 0);
  };
  buffers_.looks = 0;
  EXPECT_EQ(looks(f.Make("file")), 1);
  EXPECT_EQ(looks(f.Make("full", azure::FileKind::kFile, 0644, "content")), 1);
  EXPECT_EQ(looks(f.Make("link", azure::FileKind::kSymlink, 0777, "target")), 1);
  EXPECT_EQ(looks(f.Write(f.At("file"), "data 4\n", "more")), 1);
  EXPECT_EQ(looks(f.Write(f.At("file"), "zero 4\n")), 1);
}

TEST_F(DiskRoomTest, AFileIsEmptiedWithoutRoom) {
  NodesFixture f;
  f.services().room = &room_;
  f.File("file", "content");
  SetAvailable(0);
  EXPECT_EQ(CodeOf(f.Write(f.At("file"), "zero 4\n")), Code::kNoSpace);
  EXPECT_TRUE(f.Write(f.At("file"), ""));
  EXPECT_EQ(*f.Content("file"), "");
}

TEST_F(DiskRoomTest, ADiskThatCannotBeAskedIsAnError) {
  const DiskRoom nowhere(disk_, "/none", kReserve, buffers_);
  EXPECT_FALSE(nowhere.Check(Growth::kRecords));
}

}  // namespace
}  // namespace forebay::engine
