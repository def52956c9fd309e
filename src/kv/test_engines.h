// The engines that the shared suite runs over. Tests only.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/temp_dir_for_test.h"
#include "kv/faulty.h"
#include "kv/memory.h"
#include "kv/rocksdb.h"

namespace forebay::kv {

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
