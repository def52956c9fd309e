#include "rest/blob/metered_source.h"

namespace forebay::rest {

MeteredSource::~MeteredSource() {
  inner_.reset();
  log_.complete = log_.bytes_out == length_;
  log_.end_to_end_latency = clock_.SteadyNow() - began_;
  observer_.Observe(log_);
}

Task<std::optional<BodyPiece>> MeteredSource::Next(bool allow_file) {
  auto piece = co_await inner_->Next(allow_file);
  if (!piece) {
    log_.error_detail = piece.error().ToString();
  } else if (*piece) {
    log_.bytes_out += (*piece)->file ? (*piece)->file->length : (*piece)->memory.size();
  }
  co_return piece;
}

std::optional<BodyPiece> MeteredSource::TakeWhole() {
  auto piece = inner_->TakeWhole();
  if (piece) log_.bytes_out += piece->memory.size();
  return piece;
}

Task<std::size_t> MeteredReader::Read(MutableByteView data) {
  auto size = co_await inner_.Read(data);
  if (size) count_ += *size;
  co_return size;
}

}  // namespace forebay::rest
