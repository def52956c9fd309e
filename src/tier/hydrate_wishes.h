// Blobs that a client wants here: Set Blob Tier to Hot has all of them fetched, in the background.
//
// A wish is a record (meta::keys::Hydration), written by the transaction that sets the tier, and
// erased once the bytes are here or the wish has lost its sense: the blob is gone, overwritten, or
// larger than what is kept. So none is forgotten in a restart, and none is dropped for being one of
// many. While the lake is out of reach, the disk is full or the blob comes out of the archive, a
// wish waits, longer each time. Two processes on one store may both try; what is here already is
// not fetched again.
//
// Thread safe. Runs on the worker loop, which is stopped before this is destroyed.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "async/event.h"
#include "async/semaphore.h"
#include "async/task.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/prefetch_blob.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

class HydrateWishes {
 public:
  // `retry`: before what waits is tried again, doubled up to some minutes. References outlive it.
  HydrateWishes(engine::Services& services, BlobBringer& bringer, WorkerLoop& loop,
                std::chrono::milliseconds retry)
      : services_(services), bringer_(bringer), loop_(loop), retry_(retry) {}

  // Goes on with what a former process has left. Blocks: it reads the store.
  Result<> Resume(const kv::Reader& reader, const Attachments& attachments);
  // There are new ones of this container.
  void Look(AttachmentPtr attachment);

 private:
  struct Container {
    std::shared_ptr<Event> news = std::make_shared<Event>();
    bool running = false;
  };
  enum class Outcome : std::uint8_t { kSettled, kWaits };
  struct Wish {
    std::string name;
    std::string stored;  // its record: a newer wish is another one
  };
  struct Pass {
    std::size_t settled = 0;
    std::size_t waiting = 0;
  };
  Task<> Drive(AttachmentPtr attachment);
  // All wishes of the container, once.
  Task<> WorkThrough(OpContext context, AttachmentPtr attachment, std::shared_ptr<Pass> pass);
  static Result<std::vector<Wish>> Behind(const kv::Reader& reader, meta::ContainerId container,
                                          const std::string& after);
  Task<> One(OpContext context, AttachmentPtr attachment, Wish wish, std::shared_ptr<Pass> pass,
             Permit slot);
  Task<Outcome> Try(OpContext context, AttachmentPtr attachment, std::string name);
  Task<> Settle(AttachmentPtr attachment, Wish wish);

  engine::Services& services_;
  BlobBringer& bringer_;
  WorkerLoop& loop_;
  const std::chrono::milliseconds retry_;
  std::mutex mutex_;
  std::map<meta::ContainerId, Container> containers_;
};

}  // namespace forebay::tier
