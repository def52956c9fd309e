#include "lake/content.h"

#include <utility>

namespace forebay::lake {
namespace {

class ViewSource final : public BodySource {
 public:
  ViewSource(ByteView bytes, std::shared_ptr<const void> keep_alive)
      : bytes_(bytes), keep_alive_(std::move(keep_alive)) {}
  Task<std::optional<BodyPiece>> Next(bool) override {
    if (bytes_.empty()) co_return std::nullopt;
    BodyPiece piece;
    piece.memory = std::exchange(bytes_, {});
    piece.keep_alive = keep_alive_;
    co_return piece;
  }

 private:
  ByteView bytes_;
  std::shared_ptr<const void> keep_alive_;
};

class ViewedContent final : public Content {
 public:
  ViewedContent(ByteView bytes, std::shared_ptr<const void> keep_alive)
      : bytes_(bytes), keep_alive_(std::move(keep_alive)) {}
  std::uint64_t length() const override { return bytes_.size(); }
  Task<std::unique_ptr<BodySource>> Open() override {
    co_return std::make_unique<ViewSource>(bytes_, keep_alive_);
  }
  ByteView memory() const override { return bytes_; }

 private:
  ByteView bytes_;
  std::shared_ptr<const void> keep_alive_;
};

}  // namespace

std::shared_ptr<Content> TextContent(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  const ByteView bytes = AsBytes(*owner);
  return ViewContent(bytes, std::move(owner));
}

std::shared_ptr<Content> ViewContent(ByteView bytes, std::shared_ptr<const void> keep_alive) {
  return std::make_shared<ViewedContent>(bytes, std::move(keep_alive));
}

}  // namespace forebay::lake
