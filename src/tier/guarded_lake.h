// A lake behind its circuit breaker: nobody waits for one that is known to be out of reach.
//
// Every request asks the breaker first and tells it how it went. While it is open, requests fail at
// once with kOffline and the time until the next probe; a read that finds the lake out of reach
// says kOffline as well, so that a client hears 503 with Retry-After. Writes keep their own codes,
// since what became of them matters.
//
// A lake that swallows requests fails nothing for a long time. Where a client waits (a Head for a
// name or a reader, the first byte of a range), it waits for `first_byte_patience` and no longer,
// unless the lake was heard of meanwhile: slow is not silent. Gets themselves go on behind the
// reader who gave up (tier/read_through.h), so that a link that needs longer to come up does come
// up.
//
// It also knows how the lake is, in words for people: LinkHealth, for status and events.
//
// Thread safe, as the lake inside. Owns it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "lake/failure.h"
#include "lake/object_lake.h"
#include "tier/circuit_breaker.h"

namespace forebay::tier {

// What is wrong with a lake as a whole; one blob's error is none of these.
enum class LinkTrouble : std::uint8_t {
  kNone,
  kUnreachable,       // no connection, or no answer
  kForbidden,         // the credential is wrong, expired or too weak
  kContainerMissing,  // the container there is gone
  kClockSkew,         // signatures fail, because the clocks differ
};

struct LinkHealth {
  CircuitState circuit = CircuitState::kClosed;
  LinkTrouble trouble = LinkTrouble::kNone;
  std::string message;  // one sentence for people, with what to do; empty without trouble
  std::optional<SteadyTime> out_of_reach_since;
};

class GuardedLake final : public lake::ObjectLake {
 public:
  GuardedLake(std::shared_ptr<lake::ObjectLake> inside, CircuitBreakerOptions options,
              std::uint64_t seed)
      : inside_(std::move(inside)), options_(options), breaker_(options, seed) {}

  const CircuitBreaker& breaker() const { return breaker_; }
  LinkHealth health() const;
  // How long until a probe may go; zero where one may now, or where none is needed.
  std::chrono::milliseconds RetryAfter() const;

  // A reader has waited for the first byte of a range since `since`: success while it may wait on
  // (the lake was heard of lately), else kOffline; the breaker learns of it.
  Result<> MayWaitOn(SteadyTime since);
  std::chrono::milliseconds patience() const { return options_.first_byte_patience; }

  std::string description() const override { return inside_->description(); }
  SteadyTime last_heard() const override;
  Task<lake::LakeTraits> Probe(lake::LakeCall call, lake::ProbeRequest request) override;
  Task<lake::BlobState> Head(lake::LakeCall call, lake::HeadRequest request) override;
  Task<lake::ListPage> List(lake::LakeCall call, lake::ListRequest request) override;
  Task<lake::GetAnswer> Get(lake::LakeCall call, lake::GetRequest request) override;
  Task<lake::BlockLists> GetBlockList(lake::LakeCall call, lake::BlobName name) override;
  Task<lake::WriteAnswer> Put(lake::LakeCall call, lake::PutRequest request) override;
  Task<> PutBlock(lake::LakeCall call, lake::PutBlockRequest request) override;
  Task<lake::WriteAnswer> CommitBlocks(lake::LakeCall call, lake::CommitRequest request) override;
  Task<lake::CopyAnswer> Copy(lake::LakeCall call, lake::CopyRequest request) override;
  Task<lake::UpdateAnswer> Update(lake::LakeCall call, lake::UpdateRequest request) override;
  Task<> Delete(lake::LakeCall call, lake::DeleteRequest request) override;
  Task<lake::WriteAnswer> Rename(lake::LakeCall call, lake::RenameRequest request) override;
  Task<lake::WriteAnswer> MakeDirectory(lake::LakeCall call,
                                        lake::MakeDirectoryRequest request) override;
  Task<lake::AccessControl> GetAcl(lake::LakeCall call, lake::BlobName name) override;
  Task<> SetAcl(lake::LakeCall call, lake::SetAclRequest request) override;

 private:
  enum class Kind : std::uint8_t { kRead = 0, kWrite = 1 };
  // `request` has not begun; it is dropped where the breaker is open.
  template <class T>
  Task<T> Guard(Kind kind, Task<T> request);
  void Report(Kind kind, const CircuitTicket& ticket, const Error* error);
  void NoteHealth(Kind kind, lake::Failure failure, const Error* error);
  Error Offline(const std::string& why) const;
  bool HeardSince(SteadyTime since) const { return last_heard() >= since; }

  const std::shared_ptr<lake::ObjectLake> inside_;
  const CircuitBreakerOptions options_;
  CircuitBreaker breaker_;
  // Shared with bodies that are being read.
  const std::shared_ptr<std::atomic<SteadyTime::rep>> heard_ =
      std::make_shared<std::atomic<SteadyTime::rep>>(0);
  std::atomic<int> gets_{0};  // that wait for the first byte
  mutable std::mutex mutex_;
  // Of reads and of writes: a credential may be good for one of them only.
  struct Trouble {
    LinkTrouble what = LinkTrouble::kNone;
    std::string message;
  };
  Trouble trouble_[2];
};

}  // namespace forebay::tier
