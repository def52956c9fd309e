#include "engine/body_reader.h"

#include <utility>

#include "engine/read_gate.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

constexpr std::size_t kExtentsAtATime = 64;

class ExtentSource final : public BodySource {
 public:
  ExtentSource(Services& services, OpContext context, BodyStart start)
      : services_(services), context_(std::move(context)), start_(std::move(start)) {}

  std::optional<BodyPiece> TakeWhole() override {
    if (index_ != 0 || start_.extents.size() != 1 || start_.inline_data.size() != 1) {
      return std::nullopt;
    }
    const meta::Extent& extent = start_.extents.front();
    const std::string& data = start_.inline_data.front();
    // What does not fit is an error, and Next knows how to say it.
    if (!extent.is_inline() || extent.length != start_.length ||
        data.size() < std::size_t{extent.offset} + extent.length) {
      return std::nullopt;
    }
    BodyPiece piece;
    piece.memory = AsBytes(data).subspan(extent.offset, extent.length);
    start_.length = 0;
    return piece;
  }

  Task<std::optional<BodyPiece>> Next(bool allow_file) override {
    if (start_.length == 0) co_return std::nullopt;
    FB_CO_RETURN_IF_ERROR(context_.Check());
    if (index_ == start_.extents.size()) FB_CO_RETURN_IF_ERROR(co_await LoadExtents());
    meta::Extent& extent = start_.extents[index_];
    BodyPiece piece;
    if (extent.is_hole()) {
      piece = HolePiece(extent);
    } else if (extent.is_inline()) {
      FB_CO_ASSIGN_OR_RETURN(piece, co_await InlinePiece(extent));
    } else {
      FB_CO_ASSIGN_OR_RETURN(piece, co_await ChunkPiece(extent, allow_file));
    }
    const std::uint64_t length = piece.file ? piece.file->length : piece.memory.size();
    start_.offset += length;
    start_.length -= length;
    extent.offset += static_cast<std::uint32_t>(length);
    extent.length -= static_cast<std::uint32_t>(length);
    if (extent.length == 0) {
      ++index_;
      pin_.reset();
    }
    co_return piece;
  }

 private:
  Task<> LoadExtents() {
    const meta::BodyRef body = start_.body;
    const std::uint64_t offset = start_.offset;
    const std::uint64_t length = start_.length;
    FB_CO_ASSIGN_OR_RETURN(
        start_.extents, co_await ReadMeta(services_, [body, offset, length](const kv::Reader& r) {
          return meta::ExtentsOf(r, body, offset, length, kExtentsAtATime);
        }));
    index_ = 0;
    start_.pins.clear();
    start_.inline_data.clear();
    if (start_.extents.empty()) {
      co_return Fail(Code::kCorruption, "Body " + std::to_string(body.id.value()) +
                                            " is shorter than its record says.");
    }
    co_return Result<>{};
  }

  static BodyPiece HolePiece(const meta::Extent& extent) {
    static const std::string kZeros(64 << 10, '\0');
    BodyPiece piece;
    piece.memory = AsBytes(kZeros).first(std::min<std::size_t>(extent.length, kZeros.size()));
    return piece;
  }

  Task<BodyPiece> InlinePiece(const meta::Extent& extent) {
    auto data = std::make_shared<std::string>();
    if (index_ < start_.inline_data.size()) data->swap(start_.inline_data[index_]);
    if (data->empty()) {
      const std::string key = meta::keys::InlinePiece(extent.chunk.sequence);
      FB_CO_ASSIGN_OR_RETURN(auto stored,
                             co_await ReadMeta(services_, [key](const kv::Reader& reader) {
                               return reader.Get(kv::Space::kInline, key);
                             }));
      if (!stored) {
        co_return Fail(Code::kCorruption,
                       "Inline piece " + std::to_string(extent.chunk.sequence) + " is missing.");
      }
      *data = std::move(*stored);
    }
    if (data->size() < std::size_t{extent.offset} + extent.length) {
      co_return Fail(Code::kCorruption,
                     "Inline piece " + std::to_string(extent.chunk.sequence) + " is too short.");
    }
    BodyPiece piece;
    piece.memory = AsBytes(*data).subspan(extent.offset, extent.length);
    piece.keep_alive = std::move(data);
    co_return piece;
  }

  Task<> PinChunk(const meta::Extent& extent) {
    if (index_ < start_.pins.size()) {
      pin_ = std::move(start_.pins[index_]);
    } else {
      FB_CO_ASSIGN_OR_RETURN(
          pin_, co_await ReadMeta(services_, [this, id = extent.chunk](const kv::Reader& reader) {
            return services_.chunks.Pin(reader, id);
          }));
    }
    co_return Result<>{};
  }

  Task<BodyPiece> ChunkPiece(const meta::Extent& extent, bool allow_file) {
    if (!pin_) FB_CO_RETURN_IF_ERROR(co_await PinChunk(extent));
    if (allow_file && pin_->descriptor() >= 0) co_return co_await FilePiece(extent);
    co_return co_await MemoryPiece(extent);
  }

  Task<BodyPiece> FilePiece(const meta::Extent& extent) {
    if (!pin_->ReadyToSend(extent.offset, extent.length)) {
      FB_CO_RETURN_IF_ERROR(
          co_await services_.pool.Run([pin = pin_, offset = extent.offset, length = extent.length] {
            return pin->Prepare(offset, length);
          }));
    }
    BodyPiece piece;
    piece.file = FileSpan{pin_->descriptor(), pin_->file_offset() + extent.offset, extent.length};
    piece.keep_alive = pin_;
    co_return piece;
  }

  Task<BodyPiece> MemoryPiece(const meta::Extent& extent) {
    const std::size_t wanted = std::min<std::size_t>(extent.length, BufferPool::kSmall);
    FB_CO_ASSIGN_OR_RETURN(
        BufferPool::Buffer acquired,
        co_await services_.buffers.Acquire(context_, BufferPool::Use::kDownload, wanted));
    auto buffer = std::make_shared<BufferPool::Buffer>(std::move(acquired));
    const std::size_t length = std::min<std::size_t>(extent.length, buffer->size());
    auto read = [pin = pin_, buffer, length, offset = extent.offset] {
      return pin->ReadBlocking(buffer->bytes().first(length), offset);
    };
    if (pin_->ReadyToSend(extent.offset, static_cast<std::uint32_t>(length))) {
      FB_CO_RETURN_IF_ERROR(read());
    } else {
      FB_CO_RETURN_IF_ERROR(co_await services_.pool.Run(std::move(read)));
    }
    BodyPiece piece;
    piece.memory = buffer->bytes().first(length);
    piece.keep_alive = std::move(buffer);
    co_return piece;
  }

  Services& services_;
  OpContext context_;
  BodyStart start_;
  std::size_t index_ = 0;
  chunk::ReadPinPtr pin_;
};

}  // namespace

std::unique_ptr<BodySource> MakeBodySource(Services& services, OpContext context, BodyStart start) {
  return std::make_unique<ExtentSource>(services, std::move(context), std::move(start));
}

}  // namespace forebay::engine
