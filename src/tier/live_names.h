// Names of a container whose import has not finished: one by one, and by the page of a listing.
//
// Thread safe. Both leave records (tier/names.h), so the engine finds what it asked for where it
// looks anyway. Errors: the lake's.
#pragma once

#include <optional>
#include <string>

#include "async/context.h"
#include "engine/lake_side.h"
#include "engine/services.h"
#include "lake/types.h"
#include "tier/attachments.h"
#include "tier/names.h"
#include "tier/single_flight.h"

namespace forebay::tier {

class LiveNames {
 public:
  explicit LiveNames(engine::Services& services) : services_(services) {}

  // A Head, shared by all who ask for the name at that time; leaves a record or a note of absence.
  Task<> LookUp(OpContext context, AttachmentPtr attachment, std::string name);

  // Flat layout: one page of the lake's listing, from where the import's cursor ends. Hierarchical:
  // all that is under the prefix, or all of one level with a delimiter, because the two orders
  // differ.
  Task<engine::ListingCover> Cover(OpContext context, AttachmentPtr attachment,
                                   engine::ListingSpan span);

  // Brings the record of a name up to date with the lake, import or not: it changed there, or it is
  // gone, under a reader or by an event. `etag` is what the record was believed to be; empty: there
  // was none.
  Task<> Refresh(OpContext context, AttachmentPtr attachment, std::string name,
                 std::string lake_name, std::string etag);

 private:
  Task<> LookUpNow(OpContext context, AttachmentPtr attachment, std::string name);
  Task<> LookUpUnlessKnown(OpContext context, AttachmentPtr attachment, std::string name);
  Task<> LookForDirectory(OpContext context, AttachmentPtr attachment, std::string name);
  Task<> RefreshNow(OpContext context, AttachmentPtr attachment, std::string name,
                    std::string lake_name, std::string etag);
  Task<> NoteAbsent(AttachmentPtr attachment, std::string name);
  // Makes records of what a page lists; prefixes too where `directories`. `expected`: as in
  // IncomingName.
  Task<> Store(OpContext context, AttachmentPtr attachment, const lake::ListPage& page,
               bool directories, std::optional<std::string> expected = {});

  engine::Services& services_;
  SingleFlight flights_;
};

// The container as it is now; kStale when the attachment is not its any more.
Result<meta::ContainerRecord> AttachedContainer(const kv::Reader& reader,
                                                const Attachment& attachment);
// A blob of it, as the engine's operations call it.
engine::BlobTarget TargetOf(const Attachment& attachment, const std::string& name);

}  // namespace forebay::tier
