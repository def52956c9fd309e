// A copy whose source's bytes a lake holds: they are read, from here or from there, and stored
// anew, so that the copy does not depend on what happens to the source in the lake.
#pragma once

#include "engine/copy_blob.h"

namespace forebay::engine {

// `source` is the record that the request's source was found as. Errors: those of GetBlob and
// PutBlob; kSourceTooLarge above kMaxPutBlobBytes, kCannotVerifyCopySource when it changed.
Task<CopyBlobResult> CopyThrough(Services& services, OpContext context, CopyBlobRequest request,
                                 meta::BlobRecord source);

// The bytes of a blob as a request's body.
class SourceReader final : public BodyReader {
 public:
  SourceReader(std::unique_ptr<BodySource> source, std::uint64_t length)
      : source_(std::move(source)), length_(length) {}
  std::optional<std::uint64_t> content_length() const override { return length_; }
  Task<std::size_t> Read(MutableByteView data) override;

 private:
  std::unique_ptr<BodySource> source_;  // null: empty
  std::uint64_t length_;
  std::optional<BodyPiece> piece_;
  ByteView rest_;
};

}  // namespace forebay::engine
