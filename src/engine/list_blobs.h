// List Blobs, flat and by hierarchy: one page costs the page, never the container. Names come in
// the layout's order (flat: bytes; hierarchical: meta/path.h); with a delimiter, names that share
// the part up to it after `prefix` appear once, as a prefix: what lies under one is skipped, not
// read. A directory of a hierarchical container is an item of its own, or with a delimiter a
// prefix.
//
// Uncommitted blobs of a flat container are merged in as they come. Those of a hierarchical one are
// stored in another order: a page with include_uncommitted reads all names with the prefix that
// have uncommitted blocks, and keeps a page of them.
//
// A page ends early where its names and attributes come to 8 MiB.
//
// Errors: kContainerNotFound, kInvalidQueryParameterValue (hierarchical containers know "/" only).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "async/context.h"
#include "engine/residency.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct ListBlobsRequest {
  ContainerTarget target;
  std::string prefix = {};
  std::string delimiter = {};        // empty: flat
  std::string start = {};            // first name of the page, inclusive (marker, or startFrom)
  std::size_t max_results = 5000;    // 1 to 5,000
  bool include_uncommitted = false;  // blobs that have only staged blocks, with length 0
  bool include_residency = false;    // where the bytes are, of blobs in containers with a lake
};
struct ListedBlob {
  std::string name;
  bool is_prefix = false;  // a BlobPrefix: `record` is empty, or the directory's (hierarchical)
  bool uncommitted = false;
  std::optional<meta::BlobRecord> record;
  std::optional<Resident> resident = {};  // where it was asked for
};
struct ListBlobsResult {
  bool hierarchical = false;
  std::vector<ListedBlob> items;
  std::string next;  // first name of the next page; empty at the end
};

Task<ListBlobsResult> ListBlobs(Services& services, OpContext context, ListBlobsRequest request);

}  // namespace forebay::engine
