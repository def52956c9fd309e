// One walk along the lake's listing beside our records: what changed there, what is new, and what
// is gone.
//
// A page of the lake is laid beside the same span of a snapshot of our records that was taken
// before the page was asked for. So a name that the snapshot has and the page lacks was deleted
// there, and every difference is applied only where the record is still the one that was compared
// (tier/names.h): what our own offload brings up meanwhile is never taken for somebody else's.
// Names whose change has not travelled are the offload's, which finds the conflict.
//
// Only names that differ are written. A page costs a page, whatever the container holds. Where both
// sides order names alike (both flat, or both hierarchical) the walk is resumable: its position is
// saved after each page, under a lease. Where they do not, it remembers what it saw (8 bytes
// a name), asks for each missing name once more, and begins anew after a restart.
//
// One Run at a time for an object.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "async/context.h"
#include "engine/services.h"
#include "meta/lease.h"
#include "tier/attachments.h"
#include "tier/live_names.h"
#include "tier/names.h"
#include "tier/pending_trees.h"

namespace forebay::tier {

struct WalkRecord {
  WallTime started;   // of this pass; 0: none is under way
  WallTime finished;  // of the last one
  std::string marker;
  std::string last;
  std::uint64_t names = 0;
  std::uint64_t changed = 0;  // and new
  std::uint64_t deleted = 0;
  std::uint64_t conflicts = 0;  // left to the offload, or listed
};
std::string Encode(const WalkRecord& record);
Result<WalkRecord> DecodeWalk(std::string_view in);
Result<WalkRecord> LoadWalk(const kv::Reader& reader, meta::ContainerId container);

class WatchPass {
 public:
  // Of one pass; further ones are counted in an event of kind kMore.
  static constexpr std::uint64_t kEventsOfAPass = 2'000;

  WatchPass(engine::Services& services, LiveNames& names, AttachmentPtr attachment);

  // From where the last one stopped, to the end. kLocked: another process does it; kBusy: the
  // import has not finished; the lake's errors: run it again, nothing is lost.
  Task<WalkRecord> Run(OpContext context);
  std::uint32_t page_size = 5000;

 private:
  struct Changed {
    std::size_t index;     // in the page
    std::string expected;  // ETag here, when the lake was asked
  };
  struct Gone {
    std::string name;
    std::string etag;
    bool directory = false;
  };
  struct Plan {
    std::vector<Changed> changed;
    std::vector<Gone> gone;
    std::string from;  // where to go on; with `more`
    bool more = false;
  };

  Task<> Lease(OpContext context);
  Task<meta::ContainerRecord> Begin(OpContext context);
  Task<> Page(OpContext context, meta::ContainerRecord container, const lake::ListPage& page,
              std::shared_ptr<kv::Reader> before);
  Result<Plan> Compare(const kv::Reader& before, const meta::ContainerRecord& container,
                       const lake::ListPage& page, std::string from) const;
  Result<Plan> LookEachUp(const kv::Reader& before, const meta::ContainerRecord& container,
                          const lake::ListPage& page);
  Result<Plan> NotSeen(const kv::Reader& reader, const meta::ContainerRecord& container,
                       std::string from) const;
  Result<> Judge(const kv::Reader& before, const meta::ContainerRecord& container,
                 const lake::BlobState& state, std::size_t index,
                 const std::optional<meta::BlobRecord>& ours, Plan& plan) const;
  Task<> Apply(OpContext context, const lake::ListPage& page, Plan plan);
  Task<> Write(std::shared_ptr<std::vector<IncomingName>> incoming,
               std::shared_ptr<std::vector<Gone>> gone);
  Task<> AskForMissing(OpContext context, meta::ContainerRecord container);
  Task<> DropDirectories(OpContext context);
  Task<> Finish(OpContext context);
  Task<> SavePosition(OpContext context);
  std::string JobName() const;
  bool quiet() const { return position_.changed + position_.deleted >= kEventsOfAPass; }

  engine::Services& services_;
  LiveNames& names_;
  const AttachmentPtr attachment_;
  const std::uint64_t owner_;
  meta::FencingToken token_;
  SteadyTime leased_until_{};
  WalkRecord position_;
  bool ordered_ = true;
  PendingTrees trees_;                      // when the page was asked for
  std::unordered_set<std::uint64_t> seen_;  // hashes of names; where the orders differ
  std::vector<Gone> directories_;           // gone there; after what was in them
};

}  // namespace forebay::tier
