#include <rocksdb/file_checksum.h>

#include <memory>
#include <string>

#include "base/checksum.h"
#include "kv/rocksdb_internal.h"

namespace forebay::kv {

namespace {

// RocksDB's own name, which its files carry.
constexpr const char* kName = "FileChecksumCrc32c";

class Generator final : public rocksdb::FileChecksumGenerator {
 public:
  void Update(const char* data, std::size_t size) override {
    crc_ = Crc32c(AsBytes(std::string_view(data, size)), crc_);
  }
  // Four bytes, the highest first.
  void Finalize() override {
    for (int shift = 24; shift >= 0; shift -= 8) {
      checksum_.push_back(static_cast<char>((crc_ >> shift) & 0xff));
    }
  }
  std::string GetChecksum() const override { return checksum_; }
  const char* Name() const override { return kName; }

 private:
  std::uint32_t crc_ = 0;
  std::string checksum_;
};

class Factory final : public rocksdb::FileChecksumGenFactory {
 public:
  std::unique_ptr<rocksdb::FileChecksumGenerator> CreateFileChecksumGenerator(
      const rocksdb::FileChecksumGenContext& context) override {
    const std::string& wanted = context.requested_checksum_func_name;
    if (!wanted.empty() && wanted != kName) return nullptr;
    return std::make_unique<Generator>();
  }
  const char* Name() const override { return "FileChecksumGenCrc32cFactory"; }
};

}  // namespace

std::shared_ptr<rocksdb::FileChecksumGenFactory> MakeFileChecksums() {
  return std::make_shared<Factory>();
}

}  // namespace forebay::kv
