// Format 1 of docs/formats/kv.md, as files in testdata/: today's code must read what was written
// then.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/codec.h"
#include "kv/rocksdb.h"
#include "kv/test_engines.h"

namespace forebay::kv {
namespace {

constexpr std::string_view kGolden = FOREBAY_KV_TESTDATA "/format1";

// A store as a killed process leaves it: tables, a blob file, and a log to replay.
void WriteStore(const std::string& target) {
  TempDir dir;
  RocksDbOptions options;
  options.path = dir.path() + "/kv";
  auto store = RocksDbStore::Open(options);
  ASSERT_TRUE(store) << store.error().ToString();
  auto write = [&](std::string suffix) {
    return (*store)->TransactBlocking([=](Transaction& t) -> Result<> {
      t.Put("record/" + suffix, "value of " + suffix);
      t.Put(Space::kInline, "body/" + suffix, std::string(3000, 'b'));
      t.Add("counter", 21);
      t.Append("log/", "entry of " + suffix);
      return {};
    });
  };
  ASSERT_TRUE(write("table"));
  ASSERT_TRUE((*store)->Compact());
  ASSERT_TRUE(write("log"));
  std::filesystem::create_directories(target);
  for (const auto& entry : std::filesystem::directory_iterator(options.path)) {
    std::string name = entry.path().filename();
    if (name.starts_with("LOG") || name.starts_with("OPTIONS") || name == "LOCK") continue;
    std::filesystem::copy(entry.path(), std::string(target) + "/" + name);
  }
}

// The files of a store that WriteStore made are read, and written on.
void ReadStore(const std::string& files) {
  TempDir dir;
  RocksDbOptions options;
  options.path = dir.path() + "/kv";
  std::filesystem::copy(files, options.path);
  auto store = RocksDbStore::Open(options);
  ASSERT_TRUE(store) << store.error().ToString();
  std::string last;
  {
    auto snapshot = (*store)->GetSnapshot();
    for (std::string suffix : {"table", "log"}) {
      EXPECT_EQ(*snapshot->Get("record/" + suffix), "value of " + suffix);
      EXPECT_EQ(*snapshot->Get(Space::kInline, "body/" + suffix), std::string(3000, 'b'));
    }
    EXPECT_EQ(CounterValue(*snapshot->Get("counter")), 42);
    auto it = snapshot->Scan("log/", PrefixEnd("log/"));
    for (std::string suffix : {"table", "log"}) {
      ASSERT_TRUE(it->Valid());
      EXPECT_EQ(it->value(), "entry of " + suffix);
      last = it->key();
      it->Next();
    }
    EXPECT_FALSE(it->Valid());
  }
  EXPECT_TRUE((*store)->VerifyChecksums());
  // What is appended now comes after what was appended then.
  ASSERT_TRUE((*store)->TransactBlocking([](Transaction& t) -> Result<> {
    t.Append("log/", "today");
    return {};
  }));
  auto snapshot = (*store)->GetSnapshot();
  auto it = snapshot->Scan(last + '\0', PrefixEnd("log/"));
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->value(), "today");
}

TEST(RocksDbFormatTest, ReadsFormat1) { ReadStore(std::string(kGolden)); }

// With FOREBAY_WRITE_GOLDEN=<folder> they stay there: the golden files of a new format.
TEST(RocksDbFormatTest, ReadsWhatItWrites) {
  TempDir dir;
  const char* wanted = std::getenv("FOREBAY_WRITE_GOLDEN");
  const std::string target = wanted != nullptr ? wanted : dir.path() + "/written";
  ASSERT_NO_FATAL_FAILURE(WriteStore(target));
  ReadStore(target);
}

}  // namespace
}  // namespace forebay::kv
