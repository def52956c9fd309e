// What a container of ours keeps, from one round to the next, of its sending to the lake that is
// its room (attach mode `capacity`; ADR 0114): where to go on, when to look again, what went and
// what did not; and how one body goes up.
//
// Thread safe. Lives as long as the container is attached.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "async/task.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/offload_options.h"
#include "tier/offload_writer.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

// Since this process opened the container.
struct OverflowSent {
  std::uint64_t bodies = 0;
  std::uint64_t bytes = 0;
  std::uint64_t failures = 0;  // bodies that did not go
};

class OverflowSender {
 public:
  // All outlive it; `sending` says how large bodies are cut, and what they may hold in memory.
  OverflowSender(engine::Services& services, WorkerLoop& loop, AttachmentPtr attachment,
                 const OffloadOptions& sending);

  const AttachmentPtr& attachment() const { return attachment_; }

  // The bytes of the body go up as the object of `to`; answers its ETag. kBlobAlreadyExists (the
  // lake has something else under that name), the lake's errors.
  Task<std::string> Upload(meta::BodyId to, meta::BlobRecord record);

  // The name to go on with.
  std::string cursor() const;
  void SetCursor(std::string name);
  // Where all names were walked for nothing, it is not tried again at once: of those that have
  // settled, or of all.
  bool IsDue(bool settled) const;
  void PutOff(bool settled, SteadyTime begun);
  // Whether there may be something to send: names that change say so.
  bool news() const { return *news_; }
  void SetNews(bool news) { *news_ = news; }

  // Who sends under pressure; one at a time. False: somebody does.
  bool TryBegin() { return !sends_.exchange(true); }
  void End() { sends_ = false; }
  // The last round has sent some, or there was none since that was asked for.
  bool hope() const { return hope_; }
  void SetHope(bool hope) { hope_ = hope; }

  void CountSent(std::uint64_t bytes);
  void CountFailure() { ++failures_; }
  OverflowSent sent() const;
  // How a round ended; logged when that is news.
  void Note(const Error* error);
  // Why the lake did not take a body when one was sent last, for people; empty: it did.
  std::string last_error() const;

 private:
  const AttachmentPtr attachment_;
  OffloadWriter writer_;
  std::atomic<bool> sends_{false}, hope_{true};
  std::atomic<std::uint64_t> bodies_{0}, bytes_{0}, failures_{0};
  const std::shared_ptr<std::atomic<bool>> news_ = std::make_shared<std::atomic<bool>>(true);
  mutable std::mutex mutex_;
  std::string cursor_;
  SteadyTime next_settled_{}, next_any_{};
  std::string last_error_;
  Code last_code_{};
  std::vector<std::shared_ptr<void>> watches_;
};
using OverflowSenderPtr = std::shared_ptr<OverflowSender>;

}  // namespace forebay::tier
