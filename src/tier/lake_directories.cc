#include "tier/lake_directories.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <functional>
#include <map>
#include <optional>

#include "async/task_group.h"
#include "lake/failure.h"

namespace forebay::tier {
namespace {

using lake::Failure;

constexpr std::size_t kAtATime = 64;
constexpr int kTries = 5;
constexpr std::string_view kMarker = "hdi_isfolder";

}  // namespace

lake::Metadata Unmarked(lake::Metadata metadata) {
  std::erase_if(metadata, [](const auto& entry) { return entry.first == kMarker; });
  return metadata;
}

lake::Metadata Marked(lake::Metadata metadata) {
  metadata = Unmarked(std::move(metadata));
  metadata.emplace_back(kMarker, "true");
  return metadata;
}

Task<MadeDirectory> EnsureDirectory(lake::ObjectLake& lake, lake::LakeCall call, std::string name,
                                    lake::Metadata metadata) {
  lake::MakeDirectoryRequest request;
  request.name = lake::BlobName(name);
  request.metadata = std::move(metadata);
  // Never anew over one that has something in it.
  request.conditions.absent = true;
  auto made = co_await lake.MakeDirectory(call, std::move(request));
  if (made) co_return MadeDirectory{.etag = made->etag.str()};
  const Failure failure = lake::Classify(made.error());
  const bool there = failure == Failure::kPrecondition || failure == Failure::kConflict ||
                     failure == Failure::kUnknownOutcome;
  if (!there) co_return Fail(std::move(made.error()));
  FB_CO_ASSIGN_OR_RETURN(const lake::BlobState state,
                         co_await lake.Head(call, {.name = lake::BlobName(name)}));
  if (state.directory) co_return MadeDirectory{.etag = state.etag().str(), .was_there = true};
  co_return Fail(Code::kPathConflict, "A file stands in the lake at " + name + ".");
}

// --- Directories that go.

namespace {

Task<bool> HasBlobsBelow(lake::ObjectLake& lake, lake::LakeCall call, std::string directory) {
  lake::ListRequest request;
  request.prefix = directory + "/";
  request.max_results = 1;
  request.metadata = false;
  // A page may be empty and still have a successor.
  do {
    FB_CO_ASSIGN_OR_RETURN(const lake::ListPage page, co_await lake.List(call, request));
    if (!page.blobs.empty()) co_return true;
    request.marker = page.next_marker;
  } while (!request.marker.empty());
  co_return false;
}

// Where something was put into the directory while its marker went.
Task<> KeepMarker(lake::ObjectLake& lake, lake::LakeCall call, std::string name,
                  lake::Metadata metadata) {
  FB_CO_ASSIGN_OR_RETURN(const bool below, co_await HasBlobsBelow(lake, call, name));
  if (!below) co_return Result<>{};
  lake::PutRequest request;
  request.name = lake::BlobName(name);
  request.metadata = std::move(metadata);
  request.conditions.absent = true;
  auto made = co_await lake.Put(call, std::move(request));
  if (made || lake::Classify(made.error()) == Failure::kPrecondition) co_return Result<>{};
  co_return Fail(std::move(made.error()));
}

}  // namespace

Task<bool> RemoveDirectory(AttachmentPtr attachment, lake::LakeCall call, std::string name,
                           std::optional<lake::Metadata> known) {
  lake::ObjectLake& lake = *attachment->lake;
  const bool flat = !attachment->record.lake_hierarchical;
  for (int tries = 0; tries < kTries; ++tries) {
    auto state = co_await lake.Head(call, {.name = lake::BlobName(name)});
    if (!state && lake::Classify(state.error()) != Failure::kNotFound)
      co_return Fail(std::move(state.error()));
    if (!state && flat && known) {
      FB_CO_RETURN_IF_ERROR(co_await KeepMarker(lake, call, name, std::move(*known)));
    }
    if (!state) co_return true;
    if (!state->directory) co_return false;
    if (flat) {
      FB_CO_ASSIGN_OR_RETURN(const bool below, co_await HasBlobsBelow(lake, call, name));
      if (below) co_return true;
      known = state->metadata;
    }
    lake::DeleteRequest request;
    request.name = lake::BlobName(name);
    request.conditions.match = state->etag();
    auto done = co_await lake.Delete(call, std::move(request));
    if (done && !flat) co_return true;
    if (done) continue;
    const Failure failure = lake::Classify(done.error());
    if (failure == Failure::kConflict) co_return true;  // something is in it
    const bool again = failure == Failure::kNotFound || failure == Failure::kPrecondition ||
                       failure == Failure::kUnknownOutcome;
    if (!again) co_return Fail(std::move(done.error()));
  }
  co_return Fail(Code::kServerBusy, "The lake's directory keeps changing while it is deleted.");
}

namespace {

Task<> RemoveOne(TreeWork work, std::string name) {
  auto removed = co_await RemoveDirectory(work.attachment, work.Call(), std::move(name));
  if (!removed) co_return Fail(std::move(removed.error()));
  co_return Result<>{};
}

}  // namespace

Task<> RemoveDirectories(TreeWork work, std::vector<std::string> directories) {
  std::map<std::size_t, std::vector<std::string>, std::greater<>> by_depth;
  for (std::string& directory : directories) {
    const auto depth = static_cast<std::size_t>(std::ranges::count(directory, '/'));
    by_depth[depth].push_back(std::move(directory));
  }
  for (auto& [depth, same] : by_depth) {
    for (std::size_t begin = 0; begin < same.size(); begin += kAtATime) {
      TaskGroup group(co_await boost::asio::this_coro::executor);
      const std::size_t end = std::min(begin + kAtATime, same.size());
      for (std::size_t i = begin; i < end; ++i) {
        group.Spawn(work.loop.Next(), RemoveOne(work, std::move(same[i])));
      }
      FB_CO_RETURN_IF_ERROR(co_await group.Join());
    }
  }
  co_return Result<>{};
}

}  // namespace forebay::tier
