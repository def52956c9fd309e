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

// A store as a killed process leaves it: tables, a blob file, and a log to replay. Run by hand to
// make the golden files of a new format:
//   FOREBAY_WRITE_GOLDEN=<folder> kv_test --gtest_filter='*WriteGolden'
//   --gtest_also_run_disabled_tests
TEST(RocksDbFormatTest, DISABLED_WriteGolden) {
  const char* target = std::getenv("FOREBAY_WRITE_GOLDEN");
  ASSERT_NE(target, nullptr);
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

TEST(RocksDbFormatTest, ReadsFormat1) {
  TempDir dir;
  RocksDbOptions options;
  options.path = dir.path() + "/kv";
  std::filesystem::copy(kGolden, options.path);
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

}  // namespace
}  // namespace forebay::kv
