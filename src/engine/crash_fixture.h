// For tests: a server's parts as one process has them, over a disk in memory that loses its power.
//
// A real RocksDbStore and a real SegmentChunkStore lie on one io::MemoryFileSystem, with all that
// the engine keeps in memory above them. From the `crash_at`-th changing call on, the disk stays as
// it is while the process goes on over a copy (kv/crash_file_system.h): what it answers once
// `crashed()` counts for nothing. Destroy the process, drop what the disk had not synced, and start
// another one.
//
// One thread drives it; the stores have their own. `disk` and `clock` must outlive it.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/run_sync.h"
#include "chunk/segment_chunk_store.h"
#include "engine/append_path.h"
#include "engine/copy_blob.h"
#include "engine/create_path.h"
#include "engine/delete_container.h"
#include "engine/delete_path.h"
#include "engine/engine_fixture.h"
#include "engine/flush_path.h"
#include "engine/get_block_list.h"
#include "engine/list_blobs.h"
#include "engine/rename_path.h"
#include "engine/update_blob.h"
#include "io/memory.h"
#include "kv/crash_file_system.h"
#include "kv/rocksdb.h"

namespace forebay::engine {

// What a client sees of one blob: its bytes, tag and metadata, and both its block lists.
struct BlobView {
  std::optional<std::string> text;  // absent: only staged blocks
  std::string tag;
  std::string note;
  std::vector<std::pair<std::string, std::uint64_t>> blocks;
  std::map<std::string, std::uint64_t> staged;

  std::string InWords() const {
    std::string words = text ? "bytes " + *text + " tag " + tag + " note " + note : "uncommitted";
    for (const auto& [id, size] : blocks) words += ", block " + id + ":" + std::to_string(size);
    for (const auto& [id, size] : staged) words += ", staged " + id + ":" + std::to_string(size);
    return words;
  }
};

// Each blob by name, in words that say where two pictures differ. Under the empty name: that there
// is a container at all.
using Picture = std::map<std::string, std::string>;

class CrashProcess {
 public:
  static Result<std::unique_ptr<CrashProcess>> Start(io::MemoryFileSystem& disk, ManualClock& clock,
                                                     bool hierarchical, std::uint64_t crash_at,
                                                     std::uint64_t min_free_bytes = 0) {
    auto fs = std::make_unique<kv::CrashFileSystem>(disk, crash_at);
    kv::RocksDbOptions kv;
    kv.path = "/kv";
    kv.cache_bytes = 1 << 20;
    kv.meta_buffer_bytes = kv.inline_buffer_bytes = 64 << 10;
    kv.max_log_bytes = 256 << 10;
    kv.min_free_bytes = min_free_bytes;
    kv.file_system = fs.get();
    FB_ASSIGN_OR_RETURN(auto store, kv::RocksDbStore::Open(std::move(kv)));
    chunk::Options chunk;
    chunk.segment_bytes = 24 << 10;  // five chunks, so that segments fill, empty and go
    chunk.reserve_bytes = 0;
    chunk.active_segments = 2;
    chunk.write_threads = chunk.sync_threads = 1;
    chunk.evacuate_dead_share = 0.4;
    FB_ASSIGN_OR_RETURN(auto chunks, chunk::SegmentChunkStore::Open(*store, *fs, {"/a", "/b"},
                                                                    chunk, Clock::System()));
    FB_ASSIGN_OR_RETURN(auto ids, meta::IdSource::Open(*store));
    return std::unique_ptr<CrashProcess>(new CrashProcess(
        std::move(fs), std::move(store), std::move(chunks), std::move(ids), clock, hierarchical));
  }

  bool crashed() const { return fs_->crashed(); }
  std::uint64_t operations() const { return fs_->operations(); }
  chunk::SegmentChunkStore& chunks() { return *chunks_; }
  kv::Store& store() { return *store_; }
  Services& services() { return services_; }
  void CrashNow() { fs_->CrashNow(); }

  Result<> MakeContainer() {
    return Drop(Run(CreateContainer(services_, {}, {.target = Container()})));
  }
  Result<> RemoveContainer() {
    return Run(DeleteContainer(services_, {}, {.target = Container()}));
  }
  Result<> Put(std::string_view name, std::string text, std::string_view tag) {
    TextReader reader(std::move(text));
    PutBlobRequest request;
    request.target = Blob(name);
    request.attributes = WithTags(TagsOf(tag));
    request.body = &reader;
    return Drop(Run(PutBlob(services_, {}, std::move(request))));
  }
  Result<> Stage(std::string_view name, std::string_view block, std::string text) {
    TextReader reader(std::move(text));
    PutBlockRequest request;
    request.target = Blob(name);
    request.block_id = azure::BlockId(block);
    request.body = &reader;
    return Drop(Run(PutBlock(services_, {}, std::move(request))));
  }
  Result<> Commit(std::string_view name, const std::vector<std::string>& blocks,
                  std::string_view tag) {
    PutBlockListRequest request;
    request.target = Blob(name);
    request.attributes = WithTags(TagsOf(tag));
    for (const std::string& id : blocks) {
      request.blocks.push_back({BlockSource::kLatest, azure::BlockId(id)});
    }
    return Drop(Run(PutBlockList(services_, {}, std::move(request))));
  }
  Result<> Copy(std::string_view from, std::string_view to) {
    CopyBlobRequest request;
    request.source = Blob(from);
    request.target = Blob(to);
    request.copy_tags = true;
    return Drop(Run(CopyBlob(services_, {}, std::move(request))));
  }
  Result<> SetNote(std::string_view name, std::string_view note) {
    UpdateBlobRequest request;
    request.target = Blob(name);
    request.metadata = azure::Metadata{{"note", std::string(note)}};
    return Drop(Run(UpdateBlob(services_, {}, std::move(request))));
  }
  Result<> SetTag(std::string_view name, std::string_view tag) {
    UpdateBlobRequest request;
    request.target = Blob(name);
    request.tags = TagsOf(tag);
    return Drop(Run(UpdateBlob(services_, {}, std::move(request))));
  }
  Result<> Delete(std::string_view name) {
    DeleteBlobRequest request;
    request.target = Blob(name);
    return Run(DeleteBlob(services_, {}, std::move(request)));
  }

  Result<> CreateFile(std::string_view path, bool directory = false) {
    CreatePathRequest request;
    request.target = Blob(path);
    request.directory = directory;
    return Drop(Run(CreatePath(services_, {}, std::move(request))));
  }
  Result<> Append(std::string_view path, std::uint64_t position, std::string text) {
    TextReader reader(std::move(text));
    AppendPathRequest request;
    request.target = Blob(path);
    request.position = position;
    request.body = &reader;
    return Drop(Run(AppendPath(services_, {}, std::move(request))));
  }
  Result<> Flush(std::string_view path, std::uint64_t position) {
    FlushPathRequest request;
    request.target = Blob(path);
    request.position = position;
    return Drop(Run(FlushPath(services_, {}, std::move(request))));
  }
  Result<> Rename(std::string_view from, std::string_view to) {
    RenamePathRequest request;
    request.source = Blob(from);
    request.target = Blob(to);
    return Drop(Run(RenamePath(services_, {}, std::move(request))));
  }
  Result<> DeleteTree(std::string_view path) {
    DeletePathRequest request;
    request.target = Blob(path);
    request.recursive = true;
    return Drop(Run(DeletePath(services_, {}, std::move(request))));
  }

  ContainerTarget Container() const { return {account_, azure::ContainerName("box")}; }

  // A day later, so that commits of dead processes and leases of dead sweepers are over.
  Result<> Sweep() {
    clock_.Advance(std::chrono::hours(25));
    FB_ASSIGN_OR_RETURN(const SweepReport report, sweeper_.RunOnce());
    EXPECT_EQ(report.skipped, 0u) << "records that cannot be read";
    return {};
  }
  Result<> Reclaim() { return chunks_->RunMaintenanceOnce(); }

  // Reads everything there is, the long way.
  Result<Picture> Look() {
    Picture picture;
    ListBlobsRequest request{.target = Container(), .include_uncommitted = true};
    auto listed = Run(ListBlobs(services_, {}, std::move(request)));
    if (!listed && listed.error().code() == Code::kContainerNotFound) return picture;
    FB_RETURN_IF_ERROR(listed);
    picture[""] = "container";
    for (const ListedBlob& item : listed->items) {
      if (item.record && item.record->directory) continue;
      FB_ASSIGN_OR_RETURN(picture[item.name], LookAt(item));
    }
    return picture;
  }

 private:
  CrashProcess(std::unique_ptr<kv::CrashFileSystem> fs, std::unique_ptr<kv::RocksDbStore> store,
               std::unique_ptr<chunk::SegmentChunkStore> chunks,
               std::unique_ptr<meta::IdSource> ids, ManualClock& clock, bool hierarchical)
      : clock_(clock),
        fs_(std::move(fs)),
        store_(std::move(store)),
        chunks_(std::move(chunks)),
        ids_(std::move(ids)),
        etags_(clock),
        services_{.store = *store_,
                  .chunks = *chunks_,
                  .clock = clock,
                  .pool = pool_,
                  .ids = *ids_,
                  .etags = etags_,
                  .buffers = buffers_,
                  .pins = pins_,
                  .limits = CrashLimits(),
                  .started = clock.Now()},
        account_{azure::AccountName("devstoreaccount1"), hierarchical} {}

  // Days go by with every sweep; what was staged is not what is to expire here.
  static Limits CrashLimits() {
    Limits limits = TinyLimits();
    limits.uncommitted_block_ttl = std::chrono::hours(24 * 1000);
    return limits;
  }
  BlobTarget Blob(std::string_view name) const {
    return {account_, azure::ContainerName("box"), azure::BlobName(name)};
  }
  static azure::Tags TagsOf(std::string_view tag) {
    if (tag.empty()) return {};
    return {{"t", std::string(tag)}};
  }
  template <class T>
  Result<T> Run(Task<T> task) {
    clock_.Advance(std::chrono::seconds(1));
    return RunSync(std::move(task));
  }
  template <class T>
  static Result<> Drop(Result<T> result) {
    if (!result) return Fail(std::move(result.error()));
    return {};
  }

  static Task<std::string> ReadText(Services& services, GetBlobRequest request) {
    FB_CO_ASSIGN_OR_RETURN(GetBlobResult got,
                           co_await GetBlob(services, OpContext(), std::move(request)));
    if (!got.body) co_return std::string();
    co_return co_await ReadAllOf(std::move(got.body));
  }
  Result<std::string> LookAt(const ListedBlob& item) {
    GetBlockListRequest lists{.target = Blob(item.name)};
    lists.uncommitted = true;
    FB_ASSIGN_OR_RETURN(auto blocks, Run(GetBlockList(services_, {}, std::move(lists))));
    BlobView view;
    for (const auto& block : blocks.committed) view.blocks.emplace_back(block.id, block.size);
    for (const auto& block : blocks.uncommitted) view.staged[block.id] = block.size;
    EXPECT_EQ(blocks.blob.has_value(), !item.uncommitted) << item.name;
    if (item.uncommitted) return view.InWords();
    GetBlobRequest get;
    get.target = Blob(item.name);
    FB_ASSIGN_OR_RETURN(view.text, Run(ReadText(services_, std::move(get))));
    EXPECT_EQ(item.record->length, view.text->size()) << item.name;
    if (!item.record->tags.empty()) view.tag = item.record->tags.begin()->second;
    if (!item.record->metadata.empty()) view.note = item.record->metadata.begin()->second;
    return view.InWords();
  }

  ManualClock& clock_;
  std::unique_ptr<kv::CrashFileSystem> fs_;
  std::unique_ptr<kv::RocksDbStore> store_;
  std::unique_ptr<chunk::SegmentChunkStore> chunks_;
  std::unique_ptr<meta::IdSource> ids_;
  meta::ETagSource etags_;
  BufferPool buffers_{4 << 20};
  BodyPins pins_;
  ThreadPool pool_{{.name = "test", .threads = 1}};
  Services services_;
  Account account_;
  Sweeper sweeper_{services_, std::chrono::milliseconds(0)};
};

}  // namespace forebay::engine
