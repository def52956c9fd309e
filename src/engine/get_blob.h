// Get Blob and Get Blob Properties: the record, and its bytes as a stream of bounded memory.
//
// The stream holds pins on chunks as it goes, so a blob overwritten or deleted under a reader still
// reads as it was, or ends with an error; it never shows zeros or another blob's bytes. Errors:
// kContainerNotFound, kBlobNotFound, kConditionNotMet, kNotModified, kInvalidRange (416),
// kBlobArchived; from the stream kCorruption, kVolumeFailed, kIo.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "async/byte_stream.h"
#include "async/context.h"
#include "azure/conditions.h"
#include "engine/body_reader.h"
#include "engine/node.h"
#include "engine/read_versions.h"
#include "engine/residency.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct GetBlobRequest {
  BlobTarget target;
  std::optional<NodeTarget> node;  // set: that is read, whatever `target` says
  azure::Conditions conditions;
  struct Range {
    std::uint64_t offset = 0;
    std::optional<std::uint64_t> length;  // absent: to the end
  };
  std::optional<Range> range;  // absent: the whole blob
  bool want_body = true;       // false: Get Blob Properties and HEAD
};

struct GetBlobResult {
  meta::BlobRecord record;
  bool hierarchical = false;               // the container's layout
  azure::PosixAttributes attributes = {};  // of a read by node
  std::uint64_t offset = 0;                // of the bytes in `body`
  std::uint64_t length = 0;
  std::unique_ptr<BodySource> body;  // null without want_body, and when length is 0
  // Of a blob in a container with a lake: where its bytes are.
  std::optional<Resident> resident = {};
  // If-None-Match or If-Modified-Since did not hold: only the record is set. No error, because a
  // 304 shows what the client's copy was compared with.
  bool not_modified = false;
};

Task<GetBlobResult> GetBlob(Services& services, OpContext context, GetBlobRequest request);

// The same for who reads one version of a file piece by piece, named by a single ETag in If-Match:
// notes that it is being read (engine/read_versions.h), and answers from what is left of it when
// the file is another one, or gone, meanwhile. kConditionNotMet, kFileGone: nothing is left.
Task<GetBlobResult> ReadNodeVersion(Services& services, OpContext context, GetBlobRequest request);

// A version held where it is, to be read when its record names something else.
struct HeldVersion {
  ContainerTarget container;
  meta::BlobRecord record;
  azure::PosixAttributes attributes;
  BodyStart start;  // its beginning; all of it where the body is not paged
};

// The version that a file's record names.
ReadVersions::Version VersionOf(const meta::BlobRecord& record);
// Before a change of a file's content, where `version` was found: holds it for those who are
// reading it. `present` says where it is, by name or by node. Never in the way of the change: it
// succeeds also where the version cannot be held. Costs nothing where nobody reads it.
Task<> HoldForReaders(Services& services, OpContext context, ReadVersions::Version version,
                      GetBlobRequest present);

// Reads all of a source into memory (range MD5 and CRC-64 of at most 4 MiB; tests).
Task<std::string> ReadAllOf(std::unique_ptr<BodySource> source);

}  // namespace forebay::engine
