// Reading a body that the lake holds: what is here from here, what is not through a fetch.
//
// Thread safe; a source has one user at a time. A source looks at the store anew at each run, so it
// follows eviction and what others fetch meanwhile. Bytes that are here but do not read (a bad
// checksum, a lost volume) are dropped and fetched again, in the middle of the stream.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "engine/lake_side.h"
#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/fetcher.h"
#include "tier/live_names.h"

namespace forebay::tier {

// How far beyond a request to read, by how requests to one body follow each other. Thread safe;
// remembers the last few thousand bodies.
class ReadAhead {
 public:
  // Notes a request for [offset, offset + length) and returns how many bytes after it to fetch too.
  std::uint64_t Note(meta::BodyId body, std::uint64_t offset, std::uint64_t length);

 private:
  struct Trail {
    std::uint64_t end = 0;
    std::uint64_t window = 0;
    std::list<meta::BodyId>::iterator age;
  };
  std::mutex mutex_;
  std::unordered_map<meta::BodyId, Trail> trails_;
  std::list<meta::BodyId> oldest_;
};

class ReadThrough {
 public:
  ReadThrough(engine::Services& services, Attachments& attachments, LiveNames& names,
              Fetcher& fetcher)
      : services_(services), attachments_(attachments), names_(names), fetcher_(fetcher) {}

  // engine::LakeSide::Open.
  Task<std::unique_ptr<BodySource>> Open(OpContext context, engine::LakeRead read);

 private:
  engine::Services& services_;
  Attachments& attachments_;
  LiveNames& names_;
  Fetcher& fetcher_;
  ReadAhead read_ahead_;
};

}  // namespace forebay::tier
