#include "engine/body_writer.h"

#include <cstring>

#include "base/checksum.h"
#include "base/encoding.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

// Above this many bytes a hash is worth a trip to the pool instead of holding up the event loop.
constexpr std::size_t kHashOnPoolBytes = 256 << 10;

// Fills `data` from the body; less only at its end.
Task<std::size_t> Fill(BodyReader& body, MutableByteView data) {
  std::size_t filled = 0;
  while (filled < data.size()) {
    FB_CO_ASSIGN_OR_RETURN(std::size_t n, co_await body.Read(data.subspan(filled)));
    if (n == 0) break;
    filled += n;
  }
  co_return filled;
}

// The memory that a body passes through, piece by piece. It begins tiny: a client that sends
// nothing must not hold a large buffer. Members are coroutines: it outlives them.
class Passage {
 public:
  Passage(Services& services, OpContext context, BodyReader& body)
      : services_(services), context_(std::move(context)), body_(body) {
    const std::optional<std::uint64_t> length = body.content_length();
    wanted_ = static_cast<std::size_t>(
        std::min<std::uint64_t>(length.value_or(BufferPool::kLarge), services.limits.chunk_bytes));
  }

  // The first piece.
  Task<> Open() {
    FB_CO_ASSIGN_OR_RETURN(buffer_, co_await services_.buffers.AcquireFirst(context_));
    FB_CO_ASSIGN_OR_RETURN(filled_, co_await Fill(body_, space()));
    if (filled_ < buffer_.size() || wanted_ <= buffer_.size()) co_return Result<>{};
    FB_CO_ASSIGN_OR_RETURN(auto larger,
                           co_await services_.buffers.Larger(context_, buffer_.size(), wanted_));
    if (!larger) co_return Result<>{};
    std::memcpy(larger->bytes().data(), buffer_.bytes().data(), filled_);
    buffer_ = std::move(*larger);
    *larger = {};  // what was ours goes back now, not after the rest has arrived
    FB_CO_ASSIGN_OR_RETURN(const std::size_t more, co_await Fill(body_, space().subspan(filled_)));
    filled_ += more;
    co_return Result<>{};
  }
  // The next piece in the place of this one; of no bytes at the end.
  Task<> Next() {
    if (buffer_.size() < wanted_) {
      if (auto larger = services_.buffers.TryLarger(buffer_.size(), wanted_)) {
        buffer_ = std::move(*larger);
      }
    }
    FB_CO_ASSIGN_OR_RETURN(filled_, co_await Fill(body_, space()));
    co_return Result<>{};
  }
  ByteView piece() const { return space().first(filled_); }
  bool full() const { return filled_ == space().size(); }

 private:
  MutableByteView space() const {
    return buffer_.bytes().first(std::min(buffer_.size(), services_.limits.chunk_bytes));
  }
  Services& services_;
  OpContext context_;
  BodyReader& body_;
  std::size_t wanted_ = 0;
  BufferPool::Buffer buffer_;
  std::size_t filled_ = 0;
};

// The checksums of a body as it passes.
class Digests {
 public:
  explicit Digests(bool md5) {
    if (md5) md5_.emplace();
  }
  bool wants_md5() const { return md5_.has_value(); }
  void AddCrc(std::uint64_t crc, std::uint64_t length) {
    crc_ = length_ == 0 ? crc : Crc64Combine(crc_, crc, length);
    length_ += length;
  }
  void AddMd5(ByteView data) {
    if (md5_) md5_->Update(data);
  }
  std::uint64_t crc() const { return crc_; }
  std::string FinishMd5() {
    if (!md5_) return {};
    const Md5Digest digest = md5_->Finish();
    return std::string(AsText(digest));
  }

 private:
  std::uint64_t crc_ = 0;
  std::uint64_t length_ = 0;
  std::optional<Md5> md5_;
};

Result<> Verify(const StoredBody& body, const ExpectedChecksums& expected) {
  if (expected.md5 && *expected.md5 != body.md5) {
    return Fail(
        Code::kMd5Mismatch,
        "The MD5 value specified in the request did not match with the MD5 value calculated "
        "by the server.");
  }
  if (expected.crc64 && *expected.crc64 != body.crc64) {
    return Fail(Code::kCrc64Mismatch,
                "The CRC64 value specified in the request did not match with the CRC64 value "
                "calculated by the server.");
  }
  return {};
}

Error TooLarge(std::uint64_t max_bytes) {
  return Error(Code::kRequestBodyTooLarge, "The request body is too large; at most " +
                                               std::to_string(max_bytes) +
                                               " bytes are allowed here.");
}

Task<> AddPiece(Services& services, OpContext context, StoredBody& out, Digests& digests,
                ByteView data) {
  FB_CO_ASSIGN_OR_RETURN(chunk::StagedChunkPtr chunk,
                         co_await services.chunks.Write(context, data));
  digests.AddCrc(chunk->crc64(), data.size());
  out.size += data.size();
  out.extents.push_back({chunk->id(), 0, static_cast<std::uint32_t>(data.size())});
  out.chunks.push_back(std::move(chunk));
  if (digests.wants_md5()) {
    FB_CO_RETURN_IF_ERROR(co_await services.pool.Run([&digests, data]() -> Result<> {
      digests.AddMd5(data);
      return {};
    }));
  }
  co_return Result<>{};
}

// The whole body is in `data`, and there is room for it: one inline piece.
Task<> StoreInline(Services& services, StoredBody& out, Digests& digests, ByteView data) {
  out.size = data.size();
  if (data.empty()) {
    digests.AddMd5({});
    co_return Result<>{};
  }
  FB_CO_ASSIGN_OR_RETURN(std::uint64_t piece, services.ids.Next());
  digests.AddCrc(Crc64(data), data.size());
  if (digests.wants_md5() && data.size() > kHashOnPoolBytes) {
    FB_CO_RETURN_IF_ERROR(co_await services.pool.Run([&digests, data]() -> Result<> {
      digests.AddMd5(data);
      return {};
    }));
  } else {
    digests.AddMd5(data);
  }
  out.inline_data.assign(AsText(data));
  out.extents.push_back({{0, piece}, 0, static_cast<std::uint32_t>(data.size())});
  co_return Result<>{};
}

// The first piece, which is there already, and all others.
Task<> StoreChunks(Services& services, OpContext context, std::uint64_t max_bytes, Passage& passage,
                   StoredBody& out, Digests& digests) {
  while (!passage.piece().empty()) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    if (out.size + passage.piece().size() > max_bytes) co_return Fail(TooLarge(max_bytes));
    FB_CO_RETURN_IF_ERROR(co_await AddPiece(services, context, out, digests, passage.piece()));
    if (!passage.full()) break;
    FB_CO_RETURN_IF_ERROR(co_await passage.Next());
  }
  co_return co_await services.chunks.Sync(context, out.chunks);
}

}  // namespace

void StoredBody::Link(chunk::ChunkStore& store, kv::Transaction& txn, std::size_t first,
                      std::size_t count) const {
  for (std::size_t i = first; i < first + count && i < chunks.size(); ++i) {
    store.Link(txn, *chunks[i]);
  }
  if (first == 0 && !extents.empty() && extents.front().is_inline()) {
    txn.Put(kv::Space::kInline, meta::keys::InlinePiece(extents.front().chunk.sequence),
            inline_data);
  }
}

void StoredBody::Linked(chunk::ChunkStore& store) const {
  for (const chunk::StagedChunkPtr& chunk : chunks) store.Linked(chunk);
}

Task<StoredBody> StoreBody(Services& services, OpContext context, BodyReader* body,
                           StoreBodyOptions options) {
  StoredBody out;
  Digests digests(options.want_md5 || options.expected.md5.has_value());
  const std::optional<std::uint64_t> length = body == nullptr ? 0 : body->content_length();
  // What is known to become a record's bytes asks for their room at once.
  const bool small = length && *length > 0 && *length <= services.limits.small_blob_bytes;
  FB_CO_RETURN_IF_ERROR(
      co_await services.AwaitRoom(small ? Growth::kBytes : Growth::kRecords, context));
  if (body == nullptr) {
    FB_CO_RETURN_IF_ERROR(co_await StoreInline(services, out, digests, {}));
  } else {
    // Refused before a byte is read, so that a client waiting for 100 Continue sends none.
    if (length && *length > options.max_bytes) co_return Fail(TooLarge(options.max_bytes));
    Passage passage(services, context, *body);
    FB_CO_RETURN_IF_ERROR(co_await passage.Open());
    const ByteView first = passage.piece();
    const bool whole = !passage.full() || (length && first.size() == *length);
    if (whole && first.size() <= services.limits.small_blob_bytes) {
      if (first.size() > options.max_bytes) co_return Fail(TooLarge(options.max_bytes));
      if (!small && !first.empty()) {
        FB_CO_RETURN_IF_ERROR(co_await services.AwaitRoom(Growth::kBytes, context));
      }
      FB_CO_RETURN_IF_ERROR(co_await StoreInline(services, out, digests, first));
    } else {
      FB_CO_RETURN_IF_ERROR(
          co_await StoreChunks(services, context, options.max_bytes, passage, out, digests));
    }
  }
  out.crc64 = digests.crc();
  out.md5 = digests.FinishMd5();
  FB_CO_RETURN_IF_ERROR(Verify(out, options.expected));
  co_return out;
}

}  // namespace forebay::engine
