// For the engine's tests: services over parts in memory, and short ways to run operations.
//
// Every store under it runs functions twice and makes up conflicts (kv::FaultyStore), because each
// operation must bear that. Operations may run on several threads, each its own.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "async/run_sync.h"
#include "azure/metadata.h"
#include "base/checksum.h"
#include "engine/chunks_for_test.h"
#include "engine/create_container.h"
#include "engine/delete_blob.h"
#include "engine/get_blob.h"
#include "engine/put_blob.h"
#include "engine/put_block.h"
#include "engine/put_block_list.h"
#include "engine/services.h"
#include "engine/sweeper.h"
#include "kv/faulty.h"
#include "kv/memory.h"

namespace forebay::engine {

// A request's body out of memory, in pieces of at most `piece` bytes. `fail_at` cuts it short
// there.
class TextReader final : public BodyReader {
 public:
  explicit TextReader(std::string text, std::size_t piece = 64 << 10)
      : text_(std::move(text)), piece_(piece) {}

  void FailAt(std::size_t offset) { fail_at_ = offset; }
  // As a chunked request has it.
  void HideLength() { hide_length_ = true; }
  std::size_t bytes_read() const { return at_; }
  std::optional<std::uint64_t> content_length() const override {
    return hide_length_ ? std::nullopt : std::optional<std::uint64_t>(text_.size());
  }
  Task<std::size_t> Read(MutableByteView data) override {
    if (at_ >= fail_at_) co_return Fail(Code::kConnectionClosed, "The body was cut short.");
    const std::size_t n = std::min({data.size(), piece_, text_.size() - at_, fail_at_ - at_});
    std::memcpy(data.data(), text_.data() + at_, n);
    at_ += n;
    co_return n;
  }

 private:
  std::string text_;
  std::size_t piece_;
  std::size_t at_ = 0;
  std::size_t fail_at_ = std::string::npos;
  bool hide_length_ = false;
};

// `n` bytes that can be told from those of another seed.
inline std::string Text(std::size_t n, unsigned seed = 0) {
  std::string text(n, ' ');
  std::uint64_t state = seed * 977 + 12345;
  for (char& c : text) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>('a' + (state >> 33) % 26);
  }
  return text;
}

// Every size is reached with little data: bodies above 8 bytes are chunks of 16 bytes, and more
// than 4 chunks or 6 records are prepared ahead.
inline Limits TinyLimits() {
  return {.small_blob_bytes = 8,
          .chunk_bytes = 16,
          .chunks_per_transaction = 4,
          .final_records = 6,
          .write_ahead_records = 3};
}

inline ExpectedChecksums ExpectMd5(std::string_view text) {
  const Md5Digest digest = Md5::Of(AsBytes(text));
  ExpectedChecksums expected;
  expected.md5 = std::string(AsText(digest));
  return expected;
}
inline ExpectedChecksums ExpectCrc64(std::string_view text) {
  ExpectedChecksums expected;
  expected.crc64 = Crc64(AsBytes(text));
  return expected;
}

inline BlobAttributes WithTags(azure::Tags tags) {
  BlobAttributes attributes;
  attributes.tags = std::move(tags);
  return attributes;
}

struct FixtureOptions {
  bool hierarchical = false;
  kv::StoreFaults faults{.would_block_rate = 0.2};
  Limits limits{};
};

class EngineFixture {
 public:
  using Options = FixtureOptions;

  explicit EngineFixture(Options options = {})
      : faulty_(memory_, options.faults),
        ids_(std::move(*meta::IdSource::Open(faulty_))),
        services_{.store = faulty_,
                  .chunks = chunks_,
                  .clock = clock_,
                  .pool = pool_,
                  .ids = *ids_,
                  .etags = etags_,
                  .buffers = buffers_,
                  .pins = pins_,
                  .limits = options.limits},
        account_{azure::AccountName("devstoreaccount1"), options.hierarchical} {}

  Services& services() { return services_; }
  kv::FaultyStore& store() { return faulty_; }
  ChunksForTest& chunks() { return chunks_; }
  ManualClock& clock() { return clock_; }
  const Account& account() const { return account_; }
  OpContext context() const { return {}; }
  // Of a client that has gone.
  OpContext cancelled() const {
    std::stop_source gone;
    gone.request_stop();
    OpContext context;
    context.cancel = gone.get_token();
    return context;
  }
  // One pass takes a minute of the lease from others: tests share this one.
  Sweeper& sweeper() { return sweeper_; }

  // Runs one operation to its end. Time passes with each, so that dates differ.
  template <class T>
  Result<T> Run(Task<T> task) {
    clock_.Advance(std::chrono::seconds(1));
    return RunSync(std::move(task));
  }

  ContainerTarget Container(std::string_view container = "box") const {
    return {account_, azure::ContainerName(container)};
  }
  BlobTarget Blob(std::string_view blob, std::string_view container = "box") const {
    return {account_, azure::ContainerName(container), azure::BlobName(blob)};
  }

  Result<Changed> MakeContainer(std::string_view container = "box") {
    return Run(CreateContainer(services_, context(), {.target = Container(container)}));
  }
  Result<PutBlobResult> Put(std::string_view blob, std::string text, BlobAttributes attributes = {},
                            azure::Conditions conditions = {}) {
    TextReader reader(std::move(text));
    PutBlobRequest request;
    request.target = Blob(blob);
    request.attributes = std::move(attributes);
    request.conditions = std::move(conditions);
    request.body = &reader;
    return Run(PutBlob(services_, context(), std::move(request)));
  }
  Result<PutBlockResult> Stage(std::string_view blob, std::string_view block_id, std::string text) {
    TextReader reader(std::move(text));
    PutBlockRequest request;
    request.target = Blob(blob);
    request.block_id = azure::BlockId(block_id);
    request.body = &reader;
    return Run(PutBlock(services_, context(), std::move(request)));
  }
  Result<> Delete(std::string_view blob, azure::Conditions conditions = {}) {
    DeleteBlobRequest request;
    request.target = Blob(blob);
    request.conditions = std::move(conditions);
    return Run(DeleteBlob(services_, context(), std::move(request)));
  }
  Result<Changed> Commit(std::string_view blob, std::vector<BlockListEntry> blocks,
                         azure::Conditions conditions = {}) {
    PutBlockListRequest request;
    request.target = Blob(blob);
    request.blocks = std::move(blocks);
    request.conditions = std::move(conditions);
    return Run(PutBlockList(services_, context(), std::move(request)));
  }
  Result<GetBlobResult> Properties(std::string_view blob, azure::Conditions conditions = {},
                                   std::string_view container = "box") {
    GetBlobRequest request;
    request.target = Blob(blob, container);
    request.conditions = std::move(conditions);
    request.want_body = false;
    return Run(GetBlob(services_, context(), std::move(request)));
  }
  Result<std::string> Read(std::string_view blob,
                           std::optional<GetBlobRequest::Range> range = std::nullopt,
                           std::string_view container = "box") {
    GetBlobRequest request;
    request.target = Blob(blob, container);
    request.range = range;
    return Run(ReadText(services_, std::move(request)));
  }

  // How many records a table has (meta/keys.h), for tests that nothing was left behind.
  std::size_t KeysOfTable(char table) {
    const auto snapshot = memory_.GetSnapshot();
    const auto it =
        snapshot->Scan(std::string(1, table), std::string(1, static_cast<char>(table + 1)));
    std::size_t count = 0;
    for (; it->Valid(); it->Next()) ++count;
    return count;
  }
  std::size_t InlinePieces() {
    const auto snapshot = memory_.GetSnapshot();
    const auto it = snapshot->Scan(kv::Space::kInline, "", "");
    std::size_t count = 0;
    for (; it->Valid(); it->Next()) ++count;
    return count;
  }
  // Passes of the sweeper, so far apart that commits that came to nothing are garbage too. A week
  // is over after seven.
  void Sweep(int passes = 2) {
    for (int i = 0; i < passes; ++i) {
      clock_.Advance(std::chrono::hours(25));
      const auto swept = sweeper_.RunOnce();
      ASSERT_TRUE(swept) << swept.error().ToString();
    }
  }
  // What is stored for bytes, besides the blobs' own records: empty when nothing is left over.
  std::string Stored() {
    std::string stored;
    for (const char table : std::string_view("stkplrqgw")) {
      const std::size_t keys = KeysOfTable(table);
      if (keys > 0) stored += std::string(1, table) + "=" + std::to_string(keys) + " ";
    }
    const std::size_t chunks = LinkedChunks();
    const std::size_t pieces = InlinePieces();
    if (chunks > 0) stored += "chunks=" + std::to_string(chunks) + " ";
    if (pieces > 0) stored += "pieces=" + std::to_string(pieces) + " ";
    if (chunks_.staged() > 0) stored += "staged=" + std::to_string(chunks_.staged());
    return stored;
  }
  std::size_t LinkedChunks() { return ChunksForTest::LinkedChunks(*memory_.GetSnapshot()); }

 private:
  // The stream belongs to the loop that made it, so it is read there.
  static Task<std::string> ReadText(Services& services, GetBlobRequest request) {
    FB_CO_ASSIGN_OR_RETURN(GetBlobResult got,
                           co_await GetBlob(services, OpContext(), std::move(request)));
    if (!got.body) co_return std::string();
    co_return co_await ReadAllOf(std::move(got.body));
  }

  ManualClock clock_;
  kv::MemoryStore memory_;
  kv::FaultyStore faulty_;
  ChunksForTest chunks_;
  meta::ETagSource etags_{clock_};
  std::unique_ptr<meta::IdSource> ids_;
  BufferPool buffers_{32 << 20};
  BodyPins pins_;
  ThreadPool pool_{{.name = "test", .threads = 2}};
  Services services_;
  Account account_;
  Sweeper sweeper_{services_};
};

}  // namespace forebay::engine
