// Sends bodies of containers that are ours to the lake that is their room (attach mode `capacity`;
// ADR 0114), so that they can be given up here: under pressure some of them, by command one.
//
// A body goes up under a new id, which names its object there. Where that part of the lake still is
// ours afterwards (tier/overflow_owner.h) it changes hands (tier/evict_steps.h: Adopt) in a
// transaction that asks whether the record still names it and makes the object its own. All of it
// stays here, and eviction proper decides what goes. What was sent for nothing is put on the list
// of what is to be deleted; where the process ends before that, the prefix holds an object that
// nobody owns (tier/overflow_keeper.h).
//
// Walks the names of a container in a circle and goes on where it stopped, so that what has been
// sent already is not looked at again and again. Thread safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/evict_book.h"
#include "tier/evict_steps.h"
#include "tier/evict_walk.h"
#include "tier/offload_options.h"
#include "tier/overflow_sender.h"
#include "tier/pins.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

struct OverflowOptions {
  std::size_t bodies_at_a_time = 16;
  // Smaller bodies stay, unless one is sent by name (ADR 0196).
  std::uint64_t least_bytes = 4096;
  // Blobs that changed so recently are sent only when nothing else is left.
  std::chrono::seconds settle{600};
  bool by_itself = true;  // what is wanted is sent; else by SendWanted
};

class OverflowMover {
 public:
  // All outlive it; `sending` says how large bodies are cut, and what they may hold in memory.
  OverflowMover(engine::Services& services, const Attachments& attachments, WorkerLoop& loop,
                EvictionBook& book, PinCache& pins, const OffloadOptions& sending,
                OverflowOptions options = {});
  ~OverflowMover();

  // --- Under pressure.
  // Before any Want: called from any thread when some was sent.
  void OnSent(std::function<void()> on_sent) { on_sent_ = std::move(on_sent); }
  // So much is to be given up here and is in no lake: has bodies of about that size sent in the
  // background, of each container beside the others, so that one lake keeps no other waiting. What
  // was wanted before is forgotten; 0: no more is needed. False where there is no hope: no
  // container overflows, or their last tries have sent nothing (logged, last_error).
  bool Want(std::uint64_t bytes);
  // What is wanted is sent, as far as it goes: where the mover does not do so by itself.
  Task<> SendWanted(OpContext context);

  // One local body, whatever its size. kPinned, kUnsafe (archived here, or no more is sent: see
  // Hold), kLost (it has changed meanwhile); the errors of the lake and of OverflowOwner. Without
  // `keep_bytes` it is given up here at once.
  Task<Adopted> Send(OpContext context, AttachmentPtr attachment, std::string name,
                     meta::BlobRecord record, bool keep_bytes);

  // Nothing more of the container is sent until the handle goes. What had begun is IsSending.
  std::shared_ptr<const void> Hold(meta::ContainerId container);
  bool IsSending(meta::ContainerId container) const;
  // The container is detached: nothing is kept of it.
  void Forget(meta::ContainerId container);
  // Whether the object of that name is being sent, or what became of it is being stored.
  bool IsUnderWay(meta::BodyId body) const;
  // As far as is known there is something to send: there was when it was tried last, or names have
  // changed since.
  bool may_have_work() const;
  // Why the container's lake did not take a body when one was sent last, for people; empty: it did.
  std::string last_error(meta::ContainerId container) const;
  OverflowSent sent(meta::ContainerId container) const;

 private:
  struct Round;
  class UnderWay;
  using RoundPtr = std::shared_ptr<Round>;

  // What all rounds are for together.
  struct Wanted {
    std::atomic<std::uint64_t> bytes{0}, sent{0};
    bool IsMet(std::uint64_t more = 0) const { return sent + more >= bytes; }
  };

  std::vector<AttachmentPtr> Overflowing() const;
  Task<> SendFrom(OverflowSenderPtr sender);
  Task<> Rounds(OpContext context, OverflowSenderPtr sender);
  OverflowSenderPtr SenderOf(const AttachmentPtr& attachment);
  OverflowSenderPtr FindSender(meta::ContainerId container) const;
  bool IsHeld(meta::ContainerId container) const;
  Task<> Circle(RoundPtr round);
  Task<> SendPage(RoundPtr round, WalkPage page);
  Task<> SendOne(RoundPtr round, WalkedName walked);
  bool MaySend(const Round& round, const WalkedName& walked) const;
  Task<bool> IsNamed(AttachmentPtr attachment, std::string name, meta::BlobRecord record) const;
  Task<> Doom(AttachmentPtr attachment, meta::BodyId body);

  engine::Services& services_;
  const Attachments& attachments_;
  WorkerLoop& loop_;
  EvictionBook& book_;
  PinCache& pins_;
  const OffloadOptions& sending_;
  const OverflowOptions options_;
  std::function<void()> on_sent_;
  Wanted wanted_;
  mutable std::mutex mutex_;
  std::map<meta::ContainerId, OverflowSenderPtr> senders_;
  std::map<meta::ContainerId, std::weak_ptr<const void>> held_;
  std::map<meta::BodyId, meta::ContainerId> under_way_;
};

}  // namespace forebay::tier
