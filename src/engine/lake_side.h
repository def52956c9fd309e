// What the engine asks of whatever keeps a container in step with a lake far away, when something
// is not here: a name, a page of names, bytes. Implemented by tier/; null in Services where there
// is none, so that everything else works, and is tested, without a lake.
//
// The other direction needs no call: what changed is noted in the change log, in the transaction
// that changes it (engine/change_log.h).
//
// Threads: any, on the caller's executor. Failure: kOffline while the lake is out of reach,
// kServerBusy and the lake's own errors.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async/byte_stream.h"
#include "async/context.h"
#include "async/task.h"
#include "azure/attach_trail.h"
#include "engine/target.h"
#include "meta/records.h"

namespace forebay::engine {

// Bytes of a body that the lake holds (meta::BodyRef::in_lake).
struct LakeRead {
  meta::ContainerId container;
  std::string name;  // as the namespace stores it
  meta::BlobRecord record;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;              // at least 1, within the blob
  std::shared_ptr<const void> body_pin;  // keeps the sweeper off while the source lives
};

// A page of a listing that is about to be read from the records.
struct ListingSpan {
  meta::ContainerRecord container;
  std::string prefix;
  std::string delimiter;
  std::string start;
  std::size_t max_results = 5000;
};
struct ListingCover {
  // What only the lake has behind them: names that end with the delimiter, sorted.
  std::vector<std::string> prefixes;
  // Names from here on may be missing from the records: the page ends before it. Empty: none are.
  std::string until;
};

class LakeSide {
 public:
  virtual ~LakeSide() = default;

  // A name that has no record, while the names of its container still come in: asks the lake, and
  // leaves a record, or a note that there is none (meta::NameNote).
  virtual Task<> LookUp(OpContext context, meta::ContainerId container, std::string name) = 0;

  // Sees to it that the records hold what the lake has in the span, while names still come in.
  virtual Task<ListingCover> CoverListing(OpContext context, ListingSpan span) = 0;

  // Opens the bytes. Before the first of them: kStale (the blob changed in the lake, or is gone
  // there; the record says so now: look again). Later failures end the stream.
  virtual Task<std::unique_ptr<BodySource>> Open(OpContext context, LakeRead read) = 0;

  // A change of the blob has been committed: waits, where the container acknowledges in the lake,
  // until it can be seen there. kOperationTimedOut (engine/acknowledge.h).
  virtual Task<> AwaitAcknowledged(OpContext, BlobTarget) { co_return Result<>{}; }

  // Before bytes are stored for the container: kServerBusy, with the time to wait, while what waits
  // for its lake fills the disks or is more than may wait. Does not block.
  virtual Result<> AdmitBytes(const ContainerTarget&) { return {}; }
  // `error` is kNoSpace for bytes of the container: what to answer. kServerBusy where room is made
  // by and by, because what fills the disks travels or is given up.
  virtual Error NoRoom(const ContainerTarget&, Error error) { return error; }

  // Blobs of the container are wanted here (meta::keys::Hydration, in the store by now): has all of
  // them fetched, in the background.
  virtual void HydrateSoon(meta::ContainerId container) = 0;

  // Somebody who wants to attach a container of theirs to this one asks where it leads
  // (azure/attach_trail.h): the way back to them, kLeadsWhoKnowsWhere, or "".
  virtual Task<std::string> FollowAttachTrail(OpContext, ContainerTarget, azure::AttachTrail) {
    co_return std::string();
  }
};

}  // namespace forebay::engine
