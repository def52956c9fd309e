// For tests: a machine's open files over a server in memory that counts and refuses.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>

#include "async/run_sync.h"
#include "async/sleep.h"
#include "vfs/buffered_file.h"
#include "vfs/memory_remote.h"

namespace forebay::vfs {

// A server in memory that counts what it is asked, and refuses what it is told to.
class TestRemote : public RemoteData {
 public:
  explicit TestRemote(Remote& remote) : remote_(remote) {}

  Task<ReadAnswer> Read(OpContext context, ReadRequest request) override {
    ++reads;
    read_bytes += request.into.size();
    return remote_.Read(std::move(context), std::move(request));
  }
  Task<> WantVersion(OpContext context, FileRef file, ETag etag) override {
    ++wants;
    return remote_.WantVersion(std::move(context), std::move(file), std::move(etag));
  }
  Task<StagedBlock> StageBlock(OpContext context, FileRef file, ByteView data) override {
    ++stages;
    if (stage_delay.count() > 0) FB_CO_RETURN_IF_ERROR(co_await SleepFor(stage_delay, context));
    if (fail_stages.load() > 0) {
      --fail_stages;
      co_return Fail(Code::kInsufficientStorage, "The disk is full.");
    }
    co_return co_await remote_.StageBlock(std::move(context), std::move(file), data);
  }
  Task<CommitAnswer> Commit(OpContext context, CommitRequest request) override {
    ++commits;
    if (fail_commits.load() > 0) {
      --fail_commits;
      co_return Fail(Code::kIo, "Refused.");
    }
    co_return co_await remote_.Commit(std::move(context), std::move(request));
  }
  Task<std::uint64_t> SeekData(OpContext context, FileRef file, std::uint64_t offset,
                               bool data) override {
    return remote_.SeekData(std::move(context), std::move(file), offset, data);
  }

  std::atomic<int> reads{0}, wants{0}, stages{0}, commits{0}, fail_stages{0}, fail_commits{0};
  std::atomic<std::uint64_t> read_bytes{0};
  std::chrono::milliseconds stage_delay{0};

 private:
  Remote& remote_;
};

// MemoryRemote with TestRemote's bytes.
class Spy final : public Remote {
 public:
  explicit Spy(MemoryServer& server) : inner(server), data(inner) {}
  MemoryRemote inner;
  TestRemote data;

  Task<Attributes> Stat(OpContext c, FileRef f) override { return inner.Stat(c, f); }
  Task<Attributes> Lookup(OpContext c, NameRef at) override { return inner.Lookup(c, at); }
  Task<ListPage> List(OpContext c, ListRequest r) override { return inner.List(c, r); }
  Task<Attributes> Create(OpContext c, CreateRequest r) override { return inner.Create(c, r); }
  Task<Attributes> Link(OpContext c, FileRef f, NameRef at) override {
    return inner.Link(c, f, at);
  }
  Task<std::string> ReadLink(OpContext c, FileRef f) override { return inner.ReadLink(c, f); }
  Task<> Remove(OpContext c, NameRef at, bool d) override { return inner.Remove(c, at, d); }
  Task<Attributes> Rename(OpContext c, RenameRequest r) override { return inner.Rename(c, r); }
  Task<Attributes> SetAttributes(OpContext c, FileRef f, AttributeChanges x) override {
    return inner.SetAttributes(c, f, x);
  }
  Task<std::string> GetXattr(OpContext c, FileRef f, std::string n) override {
    return inner.GetXattr(c, f, n);
  }
  Task<std::vector<std::string>> ListXattrs(OpContext c, FileRef f) override {
    return inner.ListXattrs(c, f);
  }
  Task<> SetXattr(OpContext c, FileRef f, std::string n, std::string v, XattrMode m) override {
    return inner.SetXattr(c, f, n, v, m);
  }
  Task<> RemoveXattr(OpContext c, FileRef f, std::string n) override {
    return inner.RemoveXattr(c, f, n);
  }
  Task<ReadAnswer> Read(OpContext c, ReadRequest r) override { return data.Read(c, std::move(r)); }
  Task<> WantVersion(OpContext c, FileRef f, ETag e) override { return data.WantVersion(c, f, e); }
  Task<StagedBlock> StageBlock(OpContext c, FileRef f, ByteView b) override {
    return data.StageBlock(c, f, b);
  }
  Task<CommitAnswer> Commit(OpContext c, CommitRequest r) override {
    return data.Commit(c, std::move(r));
  }
  Task<std::uint64_t> SeekData(OpContext c, FileRef f, std::uint64_t o, bool d) override {
    return data.SeekData(c, f, o, d);
  }
  Task<RemoteTraits> Probe(OpContext c) override { return inner.Probe(c); }
  Task<> KeepAlive(OpContext c) override { return inner.KeepAlive(c); }
  Task<> End(OpContext c) override { return inner.End(c); }
  Task<> Hold(OpContext c, FileRef f) override { return inner.Hold(c, f); }
  Task<> Release(OpContext c, FileRef f) override { return inner.Release(c, f); }
  Task<> Lock(OpContext c, FileRef f, LockRange r, std::chrono::milliseconds w) override {
    return inner.Lock(c, f, r, w);
  }
  Task<std::optional<LockRange>> TestLock(OpContext c, FileRef f, LockRange r) override {
    return inner.TestLock(c, f, r);
  }
  Task<ChangesPage> Changes(OpContext c, std::string s) override { return inner.Changes(c, s); }
  Task<StatFs> GetStatFs(OpContext c) override { return inner.GetStatFs(c); }
};

inline std::string Random(unsigned seed, std::size_t size) {
  std::mt19937_64 random(seed);
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(random() >> 13);
  return out;
}

// One mount's worth of open files, on loops of its own.
struct Machine {
  explicit Machine(MemoryServer& server, BufferedFilesOptions options = {})
      : remote(server), traits(*RunSync(remote.Probe({}))), files(remote, traits, loops, options) {}
  ~Machine() {
    (void)RunSync(files.Stop());
    (void)RunSync(remote.End({}));
  }
  std::shared_ptr<OpenFile> Open(const std::string& path) {
    auto attributes = RunSync(remote.Stat({}, {.path = path, .id = {}}));
    EXPECT_TRUE(attributes.has_value());
    attributes->inode = InodeNumber(attributes->id.value());
    const FileRef where{.path = path, .id = attributes->id};
    return files.Make(
        {.attributes = *attributes, .where = [where]() -> Result<FileRef> { return where; }});
  }
  std::shared_ptr<OpenFile> Create(const std::string& path) {
    CreateRequest request;
    request.at.name = path;
    EXPECT_TRUE(RunSync(remote.Create({}, request)).has_value());
    return Open(path);
  }
  Spy remote;
  RemoteTraits traits;
  Loops loops{2};
  BufferedFiles files;
};

inline Result<> Write(OpenFile& file, std::uint64_t offset, std::string_view text) {
  return RunSync(file.Write({}, WriteAt::kOffset, offset, AsBytes(text), false));
}
inline Result<std::string> Read(OpenFile& file, std::uint64_t offset, std::size_t length,
                                bool direct = false) {
  std::string out(length, '?');
  FB_ASSIGN_OR_RETURN(
      const std::size_t got,
      RunSync(file.Read({}, offset, std::as_writable_bytes(std::span(out)), direct)));
  out.resize(got);
  return out;
}

class BufferedFileTest : public testing::Test {
 protected:
  static BufferedFilesOptions Small() {
    return {.write_bytes = 1_MiB,
            .cache_bytes = 1_MiB,
            .block_bytes = 64_KiB,
            .read_ahead_bytes = 256_KiB,
            .uploads = 4,
            .disk = nullptr};
  }
  MemoryServer server_;
};

}  // namespace forebay::vfs
