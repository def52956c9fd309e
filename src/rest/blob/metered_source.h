// A response body that tells the observer about its request once it is over.
//
// Passes pieces through untouched; one user at a time. It is over when the connection drops it:
// after the last piece, or in the middle when the client left.
#pragma once

#include <memory>

#include "async/byte_stream.h"
#include "base/clock.h"
#include "rest/blob/request_log.h"

namespace forebay::rest {

class MeteredSource final : public BodySource {
 public:
  MeteredSource(std::unique_ptr<BodySource> inner, RequestLog log, RequestObserver& observer,
                Clock& clock, SteadyTime began, std::uint64_t length)
      : inner_(std::move(inner)),
        log_(std::move(log)),
        observer_(observer),
        clock_(clock),
        began_(began),
        length_(length) {}
  ~MeteredSource() override;
  Task<std::optional<BodyPiece>> Next(bool allow_file) override;
  std::optional<BodyPiece> TakeWhole() override;

 private:
  std::unique_ptr<BodySource> inner_;
  RequestLog log_;
  RequestObserver& observer_;
  Clock& clock_;
  const SteadyTime began_;
  const std::uint64_t length_;
};

// Counts the bytes that are read of a request's body. One user at a time.
class MeteredReader final : public BodyReader {
 public:
  explicit MeteredReader(BodyReader& inner) : inner_(inner) {}
  std::optional<std::uint64_t> content_length() const override { return inner_.content_length(); }
  Task<std::size_t> Read(MutableByteView data) override;
  std::uint64_t count() const { return count_; }

 private:
  BodyReader& inner_;
  std::uint64_t count_ = 0;
};

}  // namespace forebay::rest
