// The operations on data directories: list, drain, activate, remove.
//
//   GET  /v1/volumes             all volumes
//   POST /v1/volumes/drain       moves everything away from one; answers at once, watch `segments`
//   POST /v1/volumes/activate    takes a drain back
//   POST /v1/volumes/remove      forgets a drained, empty one; with `force` gives one up with all
//   it
//                                holds
//
// Refused: a drain that leaves no directory to write to (kBusy) or whose bytes have no room
// elsewhere (kNoSpace), and the removal of the directory that holds the metadata (kInvalidInput). A
// volume is named by its UUID, the beginning of it, or its path; kNotFound, and kInvalidInput when
// several fit.
#pragma once

#include <string>

#include "admin/control_api.h"
#include "async/thread_pool.h"
#include "chunk/segment_chunk_store.h"

namespace forebay::admin {

// `metadata_directory`: the data directory with the metadata. References must outlive the API.
void AddVolumeOperations(ControlApi& api, chunk::SegmentChunkStore& chunks, ThreadPool& pool,
                         std::string metadata_directory);

}  // namespace forebay::admin
