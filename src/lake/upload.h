// A body on its way up: counted, held to the bandwidth limit, and checksummed as it passes.
//
// Used by one request at a time, on its executor. What it refers to outlives it.
#pragma once

#include <memory>

#include "async/byte_stream.h"
#include "lake/accounting.h"
#include "lake/limits.h"

namespace forebay::lake {

class UploadSource final : public BodySource {
 public:
  UploadSource(std::unique_ptr<BodySource> inside, TokenBucket& bucket, Accounting& accounting,
               LakeCall call)
      : inside_(std::move(inside)), bucket_(bucket), accounting_(accounting), call_(call) {}

  Task<std::optional<BodyPiece>> Next(bool allow_file) override;
  // CRC-64 of what has passed.
  std::uint64_t crc64() const { return crc64_; }

 private:
  std::unique_ptr<BodySource> inside_;
  TokenBucket& bucket_;
  Accounting& accounting_;
  LakeCall call_;
  BodyPiece rest_;  // of a piece that is sent in slices
  std::uint64_t crc64_ = 0;
};

}  // namespace forebay::lake
