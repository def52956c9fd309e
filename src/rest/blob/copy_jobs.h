// Copies from other servers that take longer than a request may: pending, durable, resumed.
//
// Copy Blob of a large source elsewhere leaves an empty blob whose copy status is "pending", and a
// job record (docs/formats/pending-copy.md). A worker fetches the source and replaces the blob by
// the finished copy in one step, so nothing of an unfinished copy is ever read; a very large one
// arrives in parts (copy_parts.h). Until then nobody else may change the blob. A job that was
// aborted, or whose container was deleted, ends without a trace. A job whose blob was moved by the
// rename of a directory begins again at the new name. After a restart a copy in parts goes on
// behind the parts that had arrived, another one begins again. Jobs run on a thread of their own,
// `parallel` at a time.
//
// Thread safe. Start and Stop from one thread; Stop leaves the records for the next start.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "async/context.h"
#include "async/task.h"
#include "engine/put_blob.h"
#include "engine/services.h"
#include "rest/blob/source_fetcher.h"

namespace forebay::rest {

struct CopyJobOptions {
  std::uint64_t inline_bytes = 64u << 20;  // smaller sources are copied before the answer
  std::uint64_t whole_bytes = 1u << 30;    // larger ones are copied in parts
  std::uint64_t part_bytes = 64u << 20;    // of a part, at least
  std::size_t parallel = 4;
  int attempts = 5;  // of one job, while the source's errors look temporary
  std::chrono::milliseconds retry_after{2000};  // doubled with every attempt
};

// Since the process started; for metrics.
struct CopyJobStats {
  std::uint64_t pending = 0;  // now
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
};

class CopyJobs {
 public:
  CopyJobs(CopyJobOptions options, engine::Services& services, SourceFetcher& fetcher);
  ~CopyJobs();  // stops

  const CopyJobOptions& options() const;

  // Resumes the jobs on record. Blocks for reading them.
  Result<> Start();
  void Stop();

  // Makes the pending blob and its job. `pending` has the destination, conditions, attributes, and
  // a copy state with id, source and total. The errors of engine::PutBlob; kBusy before Start.
  Task<engine::Changed> Begin(OpContext context, engine::PutBlobRequest pending, std::string url,
                              std::string source_etag);

  // Abort Copy Blob: an empty blob with the status "aborted" stays. kNoPendingCopyOperation,
  // kCopyIdMismatch, kLeaseIdMissing and its like, and those of reading the blob.
  Task<> Abort(OpContext context, engine::BlobTarget target, std::string copy_id,
               std::optional<std::string> lease_id = std::nullopt);

  // Bytes fetched so far; nullopt when the job does not run here.
  std::optional<std::uint64_t> Progress(const std::string& copy_id) const;

  CopyJobStats stats() const;

  // Waits until no job runs or waits; for tests. Blocks.
  void WaitIdle();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay::rest
