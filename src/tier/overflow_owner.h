// Who may write and delete in the part of a lake that is room for a container of ours (attach mode
// `capacity`; ADR 0195).
//
// Two servers on copies of one data directory have the same part of the lake and draw the same
// names there: each would delete what the other has sent. So an object beside the bodies says to
// which data directory they belong, and Require asks for it before anything is sent or deleted.
// What a copy of a directory does not share says which one it is, so a server that was killed goes
// on at once, and a copy is refused. Each process leaves a claim of its own there: one that is
// replaced, by TakeOver or by a copy that cannot be told apart, stops.
//
// The object is written under a condition only, and each step can be repeated: whoever ends in the
// middle finds out what is there. Thread safe. Errors: kResourceAlreadyExists, naming the owner;
// kStale after Leave; kUnsupported where nobody can tell which directory it is; the lake's own.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "async/context.h"
#include "async/semaphore.h"
#include "async/task.h"
#include "lake/object_lake.h"

namespace forebay::tier {

// Below the attachment's prefix; no body's object is called that.
inline constexpr std::string_view kOwnerObject = "owner";

struct OverflowIdentity {
  // Which data directory this is; a copy of it says something else. Empty: nobody can tell, and
  // no part of a lake becomes ours.
  std::string directory;
  std::string place;  // the same for people: "host:/var/lib/forebay"
};

class OverflowOwner {
 public:
  // `container`: for people, in what is left there.
  OverflowOwner(std::shared_ptr<lake::ObjectLake> lake, OverflowIdentity us, std::string container,
                std::chrono::milliseconds trust = std::chrono::seconds(30));

  // Success: nobody else has it. Asks the lake where it has not been asked for a while, and takes
  // what is nobody's, or was ours before this process began. An answer of the lake from before
  // `since` does not do.
  Task<> Require(OpContext context, SteadyTime since = SteadyTime::min());
  // It is ours from now on, whoever had it. Servers that have it now stop within their `trust`.
  Task<> TakeOver(OpContext context);
  // Nothing of ours is there any more: the object goes, if it is ours, or was before this process
  // began. Nothing is ours afterwards.
  Task<> Leave(OpContext context);

 private:
  struct Mark;
  bool IsTrusted(SteadyTime since) const;
  void TrustFrom(SteadyTime asked);
  void Distrust();
  bool IsOurs(const Mark& mark) const;
  Task<> Claim(OpContext context, bool whoever);
  Task<lake::WriteAnswer> Write(OpContext context, lake::LakeConditions conditions);
  std::string OwnedBy(const Mark& mark) const;

  const std::shared_ptr<lake::ObjectLake> lake_;
  const OverflowIdentity us_;
  const std::string container_;
  const std::chrono::milliseconds trust_;
  const std::string claim_;  // of this process
  Semaphore turn_{1};        // of who holds it are the next two
  bool claimed_ = false;     // since this process began
  bool left_ = false;
  mutable std::mutex mutex_;
  SteadyTime trusted_until_{};
};

}  // namespace forebay::tier
