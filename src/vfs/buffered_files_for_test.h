// For tests: a machine's open files over a server in memory that counts and refuses.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>

#include "async/run_sync.h"
#include "async/sleep.h"
#include "vfs/buffered_file.h"
#include "vfs/forwarding_remote.h"
#include "vfs/memory_remote.h"

namespace forebay::vfs {

// A session on a server in memory that counts what it is asked for bytes, and refuses what it is
// told to.
class Spy final : public ForwardingRemote {
 public:
  explicit Spy(MemoryServer& server) : ForwardingRemote(inner_), inner_(server) {}

  struct Data {
    std::atomic<int> reads{0}, wants{0}, stages{0}, commits{0}, fail_stages{0}, fail_commits{0};
    std::atomic<std::uint64_t> read_bytes{0};
    std::chrono::milliseconds stage_delay{0};
  };
  Data data;

  Task<ReadAnswer> Read(OpContext context, ReadRequest request) override {
    ++data.reads;
    data.read_bytes += request.into.size();
    return ForwardingRemote::Read(std::move(context), std::move(request));
  }
  Task<> WantVersion(OpContext context, FileRef file, ETag etag) override {
    ++data.wants;
    return ForwardingRemote::WantVersion(std::move(context), std::move(file), std::move(etag));
  }
  Task<StagedBlock> StageBlock(OpContext context, FileRef file, ByteView bytes) override {
    ++data.stages;
    if (data.stage_delay.count() > 0) {
      FB_CO_RETURN_IF_ERROR(co_await SleepFor(data.stage_delay, context));
    }
    if (data.fail_stages.load() > 0) {
      --data.fail_stages;
      co_return Fail(Code::kInsufficientStorage, "The disk is full.");
    }
    co_return co_await ForwardingRemote::StageBlock(std::move(context), std::move(file), bytes);
  }
  Task<CommitAnswer> Commit(OpContext context, CommitRequest request) override {
    ++data.commits;
    if (data.fail_commits.load() > 0) {
      --data.fail_commits;
      co_return Fail(Code::kIo, "Refused.");
    }
    co_return co_await ForwardingRemote::Commit(std::move(context), std::move(request));
  }

 private:
  MemoryRemote inner_;
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
  // A new file with this content, flushed and open.
  static std::shared_ptr<OpenFile> Put(Machine& machine, const std::string& path,
                                       std::string_view text) {
    auto file = machine.Create(path);
    EXPECT_TRUE(Write(*file, 0, text));
    EXPECT_TRUE(RunSync(file->Flush({})));
    return file;
  }
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
