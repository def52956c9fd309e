// For the engine's tests: a lake that has one text under every name, and what eviction leaves.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/lake_side.h"

namespace forebay::engine {

class OneTextLake final : public LakeSide {
 public:
  explicit OneTextLake(std::string text) : text_(std::move(text)) {}
  Task<> LookUp(OpContext, meta::ContainerId, std::string name) override {
    if (on_look_up) on_look_up(name);
    co_return Result<>();
  }
  Task<ListingCover> CoverListing(OpContext, ListingSpan) override { co_return ListingCover(); }
  Task<std::unique_ptr<BodySource>> Open(OpContext, LakeRead read) override {
    read_ += read.length;
    if (on_open) std::exchange(on_open, nullptr)();
    co_return std::make_unique<Source>(text_.substr(read.offset, read.length));
  }
  void HydrateSoon(meta::ContainerId) override { ++asked_to_hydrate; }
  Task<> AwaitAcknowledged(OpContext, BlobTarget target) override {
    awaited.push_back(target.blob.str());
    if (acknowledges) co_return Result<>();
    co_return Fail(Code::kOperationTimedOut, "It has not reached the lake in time.");
  }
  Result<> AdmitBytes(const ContainerTarget&) override {
    if (admits) return {};
    return Fail(Code::kServerBusy, "Bytes wait for the lake.");
  }
  Error NoRoom(const ContainerTarget& container, Error error) override {
    if (!makes_room) return error;
    return {Code::kServerBusy, container.container.str() + " gets room by and by."};
  }

  Task<std::string> FollowAttachTrail(OpContext, ContainerTarget target,
                                      azure::AttachTrail trail) override {
    trails.push_back(target.container.str() + " " + azure::FormatAttachTrail(trail));
    co_return leads_back;
  }

  std::uint64_t read() const { return read_; }

  std::function<void()> on_open;  // once
  std::function<void(const std::string& name)> on_look_up;
  int asked_to_hydrate = 0;
  std::vector<std::string> awaited;
  std::vector<std::string> trails;  // "container token;steps"
  std::string leads_back;
  bool acknowledges = true;
  bool admits = true;
  bool makes_room = false;

 private:
  class Source final : public BodySource {
   public:
    explicit Source(std::string text) : text_(std::move(text)) {}
    Task<std::optional<BodyPiece>> Next(bool) override {
      if (at_ == text_.size()) co_return std::nullopt;
      BodyPiece piece;
      const std::size_t n = std::min<std::size_t>(7, text_.size() - at_);
      piece.memory = AsBytes(text_).subspan(at_, n);
      at_ += n;
      co_return piece;
    }

   private:
    const std::string text_;
    std::size_t at_ = 0;
  };
  const std::string text_;
  std::uint64_t read_ = 0;
};

}  // namespace forebay::engine
