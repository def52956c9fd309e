// Where the bytes of whole containers are, for status: counted by walking the names, which takes
// seconds for millions of them, so it is counted in the background and what is known is told.
//
// A count is as fresh as it was cheap: one that took a millisecond is taken again for whoever asks
// a moment later, one that took a minute is told for twenty. Thread safe. Counts run on the worker
// loop, which is stopped before this is destroyed.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "async/context.h"
#include "async/event.h"
#include "async/task.h"
#include "engine/target.h"
#include "tier/placement.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

struct KnownResidency {
  ContainerResidency counts;
  std::chrono::seconds age{0};
};

class ResidencySummaries {
 public:
  // A plain function that makes the task.
  using Count = std::function<Task<ContainerResidency>(OpContext, engine::ContainerTarget)>;

  ResidencySummaries(WorkerLoop& loop, Count count) : loop_(loop), count_(std::move(count)) {}

  // What is known of the container, `patience` at most after the question; nullopt: nothing yet, or
  // it could not be counted. `generation`: of the attachment, since what another one held says
  // nothing.
  Task<std::optional<KnownResidency>> Of(OpContext context, engine::ContainerTarget target,
                                         std::uint64_t generation,
                                         std::chrono::milliseconds patience);

 private:
  struct Entry {
    std::uint64_t generation = 0;
    std::optional<ContainerResidency> counts;
    SteadyTime counted{};
    std::chrono::nanoseconds cost{0};
    std::shared_ptr<Event> under_way;
  };
  using Key = std::pair<std::string, std::string>;

  Task<> Run(Key key, engine::ContainerTarget target, std::uint64_t generation,
             std::shared_ptr<Event> done);
  std::optional<KnownResidency> KnownLocked(const Entry& entry) const;

  WorkerLoop& loop_;
  const Count count_;
  std::mutex mutex_;
  std::map<Key, Entry> entries_;  // one for each container that is or was attached
};

}  // namespace forebay::tier
