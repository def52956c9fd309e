// The body of a Get on its way down: counted, held to the bandwidth limit, checked for length and
// checksum, and taken up again where it broke off.
//
// Internal to the Azure client. One reader, on the executor of the call; the sender outlives it.
#pragma once

#include <optional>

#include "lake/azure_sender.h"

namespace forebay::lake {

class DownloadBody final : public BodyReader {
 public:
  struct Start {
    LakeCall call;
    LakeSpec spec;  // how to ask again, but for range and condition
    ETag etag;      // what the bytes belong to
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::optional<std::uint64_t> crc64;  // of all of it
    std::unique_ptr<BodyReader> body;
    Permit slot;
    unsigned resumes = 4;
  };
  DownloadBody(AzureSender& sender, LinkShare& link, Accounting& accounting, Start start);

  std::optional<std::uint64_t> content_length() const override { return length_; }
  Task<std::size_t> Read(MutableByteView data) override;

 private:
  Task<std::size_t> ReadOnce(MutableByteView data);
  Task<> Resume(Error broke);
  Task<> Finish();

  AzureSender& sender_;
  LinkShare& link_;
  Accounting& accounting_;
  Start start_;
  const std::uint64_t length_;
  std::uint64_t done_ = 0;
  std::uint64_t crc64_ = 0;
  bool finished_ = false;
};

// Adds the headers that ask for bytes from `offset`, and holds an answer to them: the range that it
// covers, given the blob's size. kCorruption when it is another one.
void AskForRange(LakeSpec& spec, std::uint64_t offset, std::optional<std::uint64_t> length);
struct AnsweredRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
Result<AnsweredRange> CheckRange(const LakeAnswer& answer, std::uint64_t offset,
                                 std::optional<std::uint64_t> length, std::uint64_t size);

}  // namespace forebay::lake
