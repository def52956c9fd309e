#include <gtest/gtest.h>
#include <rocksdb/file_checksum.h>

#include <string>

#include "kv/rocksdb_internal.h"

namespace forebay::kv {
namespace {

std::string Checksum(rocksdb::FileChecksumGenFactory& factory, std::string_view text,
                     std::size_t piece) {
  auto generator = factory.CreateFileChecksumGenerator({});
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const std::string_view part = text.substr(at, piece);
    generator->Update(part.data(), part.size());
  }
  generator->Finalize();
  return std::string(generator->Name()) + ':' + generator->GetChecksum();
}

// A store that was written with RocksDB's own is verified with ours, and the other way round.
TEST(RocksDbChecksumTest, AreThoseOfRocksDb) {
  const auto theirs = rocksdb::GetFileChecksumGenCrc32cFactory();
  const auto ours = MakeFileChecksums();
  std::string text;
  for (int i = 0; i < 5000; ++i) text.push_back(static_cast<char>(i * 131 + i / 7));
  for (std::size_t size : {0U, 1U, 8U, 63U, 4096U, 5000U}) {
    EXPECT_EQ(Checksum(*ours, text.substr(0, size), 777),
              Checksum(*theirs, text.substr(0, size), 5000))
        << size;
  }
}

TEST(RocksDbChecksumTest, KnowsNoOtherChecksum) {
  rocksdb::FileChecksumGenContext context;
  context.requested_checksum_func_name = "sha1";
  EXPECT_EQ(MakeFileChecksums()->CreateFileChecksumGenerator(context), nullptr);
}

}  // namespace
}  // namespace forebay::kv
