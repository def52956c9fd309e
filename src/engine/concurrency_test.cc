// Several threads on few names: operations that race must each be whole. What is read fits its own
// record, whoever overwrites it meanwhile, and when all is deleted and swept nothing is left.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "base/checksum.h"
#include "engine/copy_blob.h"
#include "engine/delete_blob.h"
#include "engine/engine_fixture.h"
#include "engine/list_blobs.h"
#include "engine/put_block_from_blob.h"
#include "engine/sweeper.h"
#include "engine/update_blob.h"

namespace forebay::engine {
namespace {

constexpr int kThreads = 4;
constexpr int kStepsPerThread = 250;
constexpr std::string_view kNames[] = {"a/x", "a/y", "b"};
constexpr std::string_view kBlocks[] = {"b1", "b2", "b3"};

struct Read {
  meta::BlobRecord record;
  std::string text;
};

Task<Read> ReadWhole(Services& services, BlobTarget target) {
  GetBlobRequest request;
  request.target = std::move(target);
  FB_CO_ASSIGN_OR_RETURN(GetBlobResult got,
                         co_await GetBlob(services, OpContext(), std::move(request)));
  Read read{std::move(got.record), {}};
  if (got.body) {
    FB_CO_ASSIGN_OR_RETURN(read.text, co_await ReadAllOf(std::move(got.body)));
  }
  co_return read;
}

// What a racing operation may answer besides success.
bool IsExpected(Code code) {
  switch (code) {
    case Code::kBlobNotFound:
    case Code::kInvalidBlockList:
    case Code::kCannotVerifyCopySource:  // the source was overwritten
    case Code::kServerBusy:              // overwritten faster than it could be read or committed
    case Code::kConditionNotMet:
    case Code::kInvalidRange:
      return true;
    default:
      return false;
  }
}

class Worker {
 public:
  Worker(EngineFixture& f, std::uint64_t seed) : f_(f), random_(seed) {}

  void Run() {
    for (int i = 0; i < kStepsPerThread; ++i) Step();
  }
  int succeeded() const { return succeeded_; }

 private:
  std::size_t Below(std::size_t n) { return random_() % n; }
  std::string Name() { return std::string(kNames[Below(std::size(kNames))]); }
  std::string Bytes() { return std::string(1 + Below(150), static_cast<char>('a' + Below(26))); }

  template <class T>
  bool Check(const Result<T>& result, const char* what) {
    if (result) {
      ++succeeded_;
    } else {
      EXPECT_TRUE(IsExpected(result.error().code())) << what << ": " << result.error().ToString();
    }
    return result.has_value();
  }

  void Step() {
    switch (Below(9)) {
      case 0:
      case 1:
        Check(f_.Put(Name(), Bytes(), WithTags({{"k", std::to_string(Below(3))}})), "put");
        return;
      case 2:
      case 3:
        Check(f_.Stage(Name(), kBlocks[Below(std::size(kBlocks))], Bytes()), "stage");
        return;
      case 4: {
        std::vector<BlockListEntry> blocks;
        for (std::size_t n = 1 + Below(7); n > 0; --n) {
          blocks.push_back(
              {BlockSource::kLatest, azure::BlockId(kBlocks[Below(std::size(kBlocks))])});
        }
        Check(f_.Commit(Name(), blocks), "commit");
        return;
      }
      case 5: {
        CopyBlobRequest request;
        request.source = f_.Blob(Name());
        request.target = f_.Blob(Name());
        Check(f_.Run(CopyBlob(f_.services(), f_.context(), request)), "copy");
        return;
      }
      case 6: {
        PutBlockFromBlobRequest request;
        request.source = f_.Blob(Name());
        request.target = f_.Blob(Name());
        request.block_id = azure::BlockId(kBlocks[Below(std::size(kBlocks))]);
        Check(f_.Run(PutBlockFromBlob(f_.services(), f_.context(), request)), "stage from blob");
        return;
      }
      case 7: {
        DeleteBlobRequest request;
        request.target = f_.Blob(Name());
        Check(f_.Run(DeleteBlob(f_.services(), f_.context(), request)), "delete");
        return;
      }
      default:
        ReadOne();
    }
  }
  void ReadOne() {
    const auto read = f_.Run(ReadWhole(f_.services(), f_.Blob(Name())));
    if (!Check(read, "read")) return;
    EXPECT_EQ(read->text.size(), read->record.length);
    // Only whole uploads (and copies of them) have an MD5 of the server's.
    if (read->record.http.content_md5.empty() || read->record.body.has_block_list) return;
    const Md5Digest digest = Md5::Of(AsBytes(read->text));
    EXPECT_EQ(AsText(digest), read->record.http.content_md5);
  }

  EngineFixture& f_;
  std::mt19937_64 random_;
  int succeeded_ = 0;
};

class EngineConcurrencyTest : public testing::TestWithParam<bool> {};

TEST_P(EngineConcurrencyTest, RacingOperationsAreWholeAndLeakNothing) {
  EngineFixture f({.hierarchical = GetParam(),
                   .faults = {.rerun_rate = 0.1, .conflict_rate = 0.1, .would_block_rate = 0.1},
                   .limits = {.small_blob_bytes = 48}});
  ASSERT_TRUE(f.MakeContainer());
  std::vector<Worker> workers;
  for (int i = 0; i < kThreads; ++i) workers.emplace_back(f, static_cast<std::uint64_t>(i) + 1);
  {
    std::vector<std::jthread> threads;
    for (Worker& worker : workers) threads.emplace_back([&worker] { worker.Run(); });
    // The sweeper takes back what it may while they work.
    Sweeper sweeper(f.services());
    for (int i = 0; i < 20; ++i) {
      const auto swept = sweeper.RunOnce();
      EXPECT_TRUE(swept) << swept.error().ToString();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  for (const Worker& worker : workers) EXPECT_GT(worker.succeeded(), kStepsPerThread / 4);
  if (HasFailure()) return;

  const auto page = f.Run(ListBlobs(f.services(), f.context(), {.target = f.Container()}));
  ASSERT_TRUE(page);
  for (const ListedBlob& item : page->items) {
    if (item.record->directory) continue;
    DeleteBlobRequest request;
    request.target = f.Blob(item.name);
    ASSERT_TRUE(f.Run(DeleteBlob(f.services(), f.context(), request))) << item.name;
  }
  Sweeper sweeper(f.services());
  for (int i = 0; i < 6; ++i) {
    f.clock().Advance(std::chrono::hours(24 * 8));
    ASSERT_TRUE(sweeper.RunOnce());
  }
  for (const char table : std::string_view("nstkplrqigw")) {
    EXPECT_EQ(f.KeysOfTable(table), 0u) << "table " << table;
  }
  EXPECT_EQ(f.LinkedChunks(), 0u);
  EXPECT_EQ(f.chunks().staged(), 0);
  EXPECT_EQ(f.InlinePieces(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Layouts, EngineConcurrencyTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
