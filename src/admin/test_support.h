// For tests: requests without a socket, and a chunk store on disks in memory.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "admin/control_api.h"
#include "async/run_sync.h"
#include "chunk/segment_chunk_store.h"
#include "http/message.h"
#include "io/memory.h"
#include "kv/memory.h"

namespace forebay::admin::testing {

// A request body out of a string.
class TextBody final : public http::BodyReader {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  std::optional<std::uint64_t> content_length() const override { return text_.size(); }
  Task<std::size_t> Read(MutableByteView data) override {
    const std::size_t n = std::min(data.size(), text_.size() - at_);
    std::memcpy(data.data(), text_.data() + at_, n);
    at_ += n;
    co_return n;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

// Asks an API without HTTP; a test adds the operations.
class ApiTest : public ::testing::Test {
 protected:
  Result<std::string> Call(const std::string& method, const std::string& path,
                           const std::string& body = "") {
    return RunSync(api_.Call({}, method, path, body));
  }
  Code CodeOf(const std::string& method, const std::string& path, const std::string& body = "") {
    auto answer = Call(method, path, body);
    return answer ? Code{} : answer.error().code();
  }

  ControlApi api_;
};

class StoreTest : public ApiTest {
 protected:
  void Open(std::vector<std::string> directories) {
    chunk::Options options;
    options.segment_bytes = 256 << 10;
    options.reserve_bytes = 0;
    options.write_threads = options.sync_threads = 2;
    auto store = chunk::SegmentChunkStore::Open(kv_, disk_, std::move(directories), options,
                                                Clock::System());
    ASSERT_TRUE(store) << store.error().ToString();
    store_ = std::move(*store);
  }
  // Stores a chunk of so many bytes.
  void Put(std::size_t size, char fill) {
    std::vector<std::byte> data(size, static_cast<std::byte>(fill));
    auto chunk = RunSync(store_->Write({}, data));
    ASSERT_TRUE(chunk);
    ASSERT_TRUE(RunSync(store_->Sync({}, {*chunk})));
    ASSERT_TRUE(kv_.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      store_->Link(txn, **chunk);
      return {};
    }));
    store_->Linked(*chunk);
  }

  io::MemoryFileSystem disk_;
  kv::MemoryStore kv_;
  ThreadPool pool_{{.name = "test", .threads = 2}};
  std::unique_ptr<chunk::SegmentChunkStore> store_;
};

}  // namespace forebay::admin::testing
