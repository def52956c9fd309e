// Whether a lake leads back to the container that is about to be attached to it, by way of lakes of
// its own: what would be a circle, round which changes travel for ever.
//
// Only a lake that is a Forebay can lead anywhere. Each attach has a token that nobody else knows.
// The probe of the lake carries it; a server that is probed with one asks the lake of the container
// in question the same, and so on; where the probe comes back to the server and the container that
// began, the way is told back along the same requests. A container that is being attached
// counts as attached already, so that of two that would close a circle together one sees the other.
//
// Thread safe. Knows nothing after an attach has ended.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "async/context.h"
#include "async/task.h"
#include "azure/attach_trail.h"
#include "engine/services.h"
#include "engine/target.h"
#include "tier/attachments.h"

namespace forebay::tier {

class AttachTrails {
 public:
  // Both outlive it.
  AttachTrails(engine::Services& services, const Attachments& attachments)
      : services_(services), attachments_(attachments) {}

  // An attach that is under way, until its attachment is among those of the server.
  class UnderWay {
   public:
    UnderWay(AttachTrails& trails, const engine::ContainerTarget& target,
             std::shared_ptr<GuardedLake> lake);
    ~UnderWay();
    UnderWay(const UnderWay&) = delete;
    UnderWay& operator=(const UnderWay&) = delete;

    // What the lake is to be probed with.
    azure::AttachTrail trail() const;

   private:
    AttachTrails& trails_;
    const std::string token_;
  };

  // Somebody who probes `target` asks whether it leads back to them: as LakeTraits::leads_back has
  // it. Asks the container's lake where there is one.
  Task<std::string> Follow(OpContext context, engine::ContainerTarget target,
                           azure::AttachTrail trail);

 private:
  struct Attach {
    std::string name;  // "account/container"
    std::shared_ptr<GuardedLake> lake;
  };
  // Null where it leads nowhere.
  Task<std::shared_ptr<GuardedLake>> LakeOf(engine::ContainerTarget target);

  engine::Services& services_;
  const Attachments& attachments_;
  std::mutex mutex_;
  std::map<std::string, Attach> under_way_;  // by token
};

}  // namespace forebay::tier
