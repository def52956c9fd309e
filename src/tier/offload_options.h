// How the offload uses the link and the machine. Rates by time of day are the lake client's
// (lake/limits.h). Value type.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "tier/delete_guard.h"

namespace forebay::tier {

struct OffloadOptions {
  std::size_t concurrency = 64;             // changes on their way at a time
  std::size_t blocks_at_a_time = 16;        // of one blob
  std::size_t ahead = 8;                    // large blobs staged while the order holds them back
  std::size_t bytes_in_flight = 256 << 20;  // in memory, of all requests of one container
  // Larger bodies go up as blocks: of these only what the lake lacks is sent, and a broken upload
  // goes on where it was.
  std::uint64_t single_put_bytes = 8 << 20;
  std::uint64_t block_bytes = 4 << 20;  // at least; a block is whole extents
  // What Azure takes in one Put Blob: the only way to replace a file that was not made of blocks.
  std::uint64_t largest_put_bytes = std::uint64_t{5000} << 20;
  std::size_t window = 4096;  // entries of the log in memory
  // For one request, with all that the lake's client tries within.
  std::chrono::milliseconds request_time{300'000};
  // After a failure, doubled up to the longer one.
  std::chrono::milliseconds retry{500};
  std::chrono::milliseconds longest_retry{30'000};
  // How long a request waits for the lake where acknowledging is the lake's, without a deadline of
  // its own.
  std::chrono::milliseconds acknowledge_time{60'000};
  // How long a process that does not answer any more keeps others from draining.
  std::chrono::milliseconds lease{60'000};
  DeleteGuardOptions deletes{};

  // Before the next try, after so many failures in a row.
  std::chrono::milliseconds Pause(unsigned failures) const {
    const unsigned doublings = std::min(failures > 0 ? failures - 1 : 0, 16U);
    return std::min(longest_retry, retry * (1U << doublings));
  }
};

}  // namespace forebay::tier
