// The engines that the shared suite runs over. Tests only.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "kv/faulty.h"
#include "kv/memory.h"
#include "kv/rocksdb.h"

namespace forebay::kv {

// A fresh folder under the test's temporary directory, removed at the end.
class TempDir {
 public:
  TempDir() {
    std::string pattern = ::testing::TempDir() + "/forebay_kv_XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class MemoryEngine {
 public:
  Store& store() { return store_; }

 private:
  MemoryStore store_;
};

class RocksDbEngine {
 public:
  RocksDbEngine() {
    RocksDbOptions options;
    options.path = dir_.path() + "/kv";
    options.cache_bytes = 8 << 20;
    auto store = RocksDbStore::Open(std::move(options));
    if (!store) throw std::runtime_error(store.error().ToString());
    store_ = std::move(*store);
  }
  Store& store() { return *store_; }

 private:
  TempDir dir_;
  std::unique_ptr<RocksDbStore> store_;
};

template <class Engine>
class FaultyEngine {
 public:
  Store& store() { return store_; }

 private:
  Engine engine_;
  FaultyStore store_{engine_.store(), {.seed = 42, .rerun_rate = 0.5, .conflict_rate = 0.3}};
};

using TestEngines = ::testing::Types<MemoryEngine, RocksDbEngine, FaultyEngine<MemoryEngine>,
                                     FaultyEngine<RocksDbEngine>>;

}  // namespace forebay::kv
