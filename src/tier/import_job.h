// All names of a lake become records, page by page: resumable, and done by one process at a time.
//
// A lease with a fencing token is checked in each transaction; the position is written by the same
// transactions as the names, so after a crash the job goes on from where its records are. The next
// page is listed while one is stored. How many names there will be is estimated on the way, which
// costs a large lake some requests (tier/import_estimate.h). Names deleted or changed here
// meanwhile are left alone (tier/names.h).
//
// One Run at a time for an object; progress() from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "meta/lease.h"
#include "tier/attachments.h"
#include "tier/import_estimate.h"
#include "tier/names.h"

namespace forebay::tier {

struct ImportProgress {
  std::uint64_t names = 0;  // seen since the attach
  std::uint64_t bytes = 0;
  double names_per_second = 0;  // of this run
  std::uint64_t expected = 0;   // about so many in all (tier/import_estimate.h); 0: no telling
  bool finished = false;
};

class ImportJob {
 public:
  ImportJob(engine::Services& services, AttachmentPtr attachment);

  // To the end of the listing. kLocked: another process does it. kCancelled, and the lake's errors:
  // run it again, nothing is lost. Success at once when it is done already.
  Task<> Run(OpContext context);

  ImportProgress progress() const;
  std::uint32_t page_size = 5000;
  // Where pages are asked for and taken apart while others are stored; unset: where Run runs.
  std::optional<Executor> listing;
  // Smaller lakes are through before anybody asks how many there are.
  std::uint64_t estimate_from = 20'000;

 private:
  Task<> Lease(OpContext context);
  Task<meta::ImportRecord> LoadPosition(OpContext context);
  Task<> StorePage(OpContext context, lake::ListPage page, std::string next_marker);
  Task<> Finish(OpContext context);
  Task<> EraseSettledNotes(OpContext context);
  // Finds the level that the estimate goes by.
  Task<> LookForLevel(lake::LakeCall call);
  Task<> LoadCountBefore();
  std::string CountKey() const;
  std::string JobName() const;

  engine::Services& services_;
  const AttachmentPtr attachment_;
  const std::uint64_t owner_;
  meta::FencingToken token_;
  SteadyTime leased_until_{};
  meta::ImportRecord position_;
  NamesReport report_;
  ImportEstimate estimate_;
  bool looked_for_level_ = false;
  SteadyTime started_{};
  std::atomic<std::uint64_t> names_{0}, bytes_{0}, names_at_start_{0}, expected_{0};
  std::atomic<bool> finished_{false};
};

}  // namespace forebay::tier
