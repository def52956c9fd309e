// Was that write ours? What to ask after kUnknownOutcome, or when a condition fails on a write that
// may be the repetition of one that already happened (also after a restart).
//
// Needs no mark in the blob: a committed block list is compared by its ids (make them unique to the
// write), other bodies by length and MD5; properties, metadata and tier by value. Any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lake/object_lake.h"

namespace forebay::lake {

// What the write would have left behind. Absent fields are not compared.
struct Fingerprint {
  // What the write was conditional on; empty: on absence, or on nothing.
  ETag before;
  bool deleted = false;  // the write was a Delete: nothing else applies
  std::optional<std::uint64_t> length;
  std::optional<std::string> content_md5;      // 16 bytes
  std::optional<std::vector<BlockId>> blocks;  // in order; costs a Get Block List
  std::optional<BlobHttpHeaders>
      http;                          // but for content_md5; an empty content type is not compared
  std::optional<Metadata> metadata;  // in any order, names without case
};

enum class Verdict : std::uint8_t {
  kOurs,       // the lake holds exactly what the write would have left
  kUntouched,  // the blob is as it was before the write: send it again
  kForeign,    // somebody else's: a conflict
};
struct Recognition {
  Verdict verdict = Verdict::kForeign;
  std::optional<BlobState> state;  // what is there now; absent: nothing
};

// Costs a Head, and where it is needed a Get Block List. A fingerprint without content_md5 and
// blocks compares too little to call a body ours: kInvalidInput, unless length is absent too (a
// change of metadata or properties alone).
Task<Recognition> Recognize(ObjectLake& lake, LakeCall call, BlobName name,
                            Fingerprint fingerprint);

}  // namespace forebay::lake
