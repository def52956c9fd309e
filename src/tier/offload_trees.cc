#include "tier/offload_trees.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "async/sleep.h"
#include "async/task_group.h"
#include "base/codec.h"
#include "lake/failure.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/live_names.h"
#include "tier/pending_trees.h"
#include "tier/same_bytes.h"
#include "tier/tree_delete.h"

namespace forebay::tier {
namespace {

using lake::Failure;

// Of a flat lake, copied at a time; their records change in one transaction.
constexpr std::uint32_t kPage = 64;
constexpr std::uint32_t kCountPage = 5'000;
constexpr int kTries = 5;
constexpr std::uint64_t kSynchronousCopyBytes = std::uint64_t{5000} << 20;
constexpr std::chrono::milliseconds kCopyPoll{1000};

// What a note is not there for yet would keep the ETag that it had.
Result<> CheckAllNoted(const kv::Reader& reader, meta::ContainerId container) {
  const std::string prefix = meta::keys::DetachedDirectories(container);
  const auto it = reader.Scan(prefix, PrefixEnd(prefix));
  if (it->Valid()) return Fail(Code::kServerBusy, "A directory is being deleted.");
  return it->status();
}

bool IsGone(const Error& error) { return lake::Classify(error) == Failure::kNotFound; }

}  // namespace

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

lake::LakeCall OffloadTrees::Call() const {
  lake::LakeCall call;
  call.context.deadline = std::chrono::steady_clock::now() + options_.request_time;
  call.context.cancel = loop_.token();
  call.cause = lake::Cause::kOffload;
  return call;
}

Task<std::uint64_t> OffloadTrees::CountBelow(std::string directory, std::uint64_t enough) {
  std::uint64_t count = 0;
  lake::ListRequest request;
  request.prefix = directory + "/";
  request.max_results = kCountPage;
  request.metadata = false;
  do {
    FB_CO_ASSIGN_OR_RETURN(const lake::ListPage page, co_await lake().List(Call(), request));
    count += page.blobs.size();
    request.marker = page.next_marker;
  } while (!request.marker.empty() && count < enough);
  co_return count;
}

Task<std::vector<lake::BlobState>> OffloadTrees::FirstPage(std::string directory) {
  lake::ListRequest request;
  request.prefix = directory + "/";
  request.max_results = kPage;
  request.tags = true;
  std::vector<lake::BlobState> blobs;
  // A page may be empty and still have a successor.
  do {
    FB_CO_ASSIGN_OR_RETURN(lake::ListPage page, co_await lake().List(Call(), request));
    blobs = std::move(page.blobs);
    request.marker = page.next_marker;
  } while (blobs.empty() && !request.marker.empty());
  if (!blobs.empty()) co_return blobs;
  auto marker = co_await lake().Head(Call(), {.name = lake::BlobName(directory), .tags = true});
  if (!marker && !IsGone(marker.error())) co_return Fail(std::move(marker.error()));
  if (marker && marker->directory) blobs.push_back(std::move(*marker));
  co_return blobs;
}

// --- What was copied goes.

Task<> OffloadTrees::RemoveOne(std::string name, std::string etag) {
  lake::DeleteRequest request;
  request.name = lake::BlobName(name);
  request.conditions.match = lake::ETag(etag);
  auto done = co_await lake().Delete(Call(), std::move(request));
  // One that changed meanwhile is on the next page.
  if (done || IsGone(done.error())) co_return Result<>{};
  if (lake::Classify(done.error()) == Failure::kPrecondition) co_return Result<>{};
  co_return done;
}

Task<> OffloadTrees::RemovePage(std::vector<std::pair<std::string, std::string>> doomed) {
  TaskGroup group(co_await boost::asio::this_coro::executor);
  for (auto& [name, etag] : doomed) group.Spawn(loop_.Next(), RemoveOne(name, etag));
  co_return co_await group.Join();
}

// --- Moves.

Task<> OffloadTrees::Rename(std::string from, std::string to, std::uint64_t holder) {
  if (attachment_->record.lake_hierarchical) {
    co_return co_await RenameInLake(std::move(from), std::move(to));
  }
  co_return co_await RenameFlat(std::move(from), std::move(to), holder);
}

Task<> OffloadTrees::MakeParent(std::string name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string::npos) co_return Result<>{};
  auto made = co_await EnsureDirectory(lake(), Call(), name.substr(0, slash), {});
  if (!made) co_return Fail(std::move(made.error()));
  co_return Result<>{};
}

Task<> OffloadTrees::RenameInLake(std::string from, std::string to) {
  for (int tries = 0; tries < kTries; ++tries) {
    lake::RenameRequest request;
    request.source = lake::BlobName(from);
    request.destination = lake::BlobName(to);
    auto done = co_await lake().Rename(Call(), std::move(request));
    if (done) co_return Result<>{};
    if (done.error().code() == Code::kRenameDestinationParentPathNotFound) {
      FB_CO_RETURN_IF_ERROR(co_await MakeParent(to));
      continue;
    }
    if (lake::Classify(done.error()) != Failure::kUnknownOutcome && !IsGone(done.error())) {
      co_return Fail(std::move(done.error()));
    }
    auto source = co_await lake().Head(Call(), {.name = lake::BlobName(from)});
    if (source) continue;
    if (!IsGone(source.error())) co_return Fail(std::move(source.error()));
    // Moved by us, or never there: a directory that only this side knows. Then it begins here.
    auto made = co_await EnsureDirectory(lake(), Call(), to, {});
    if (!made) co_return Fail(std::move(made.error()));
    co_return Result<>{};
  }
  co_return Fail(Code::kServerBusy, "The lake's directory keeps changing while it is moved.");
}

Task<> OffloadTrees::CopyOne(lake::BlobState blob, Moved* moved) {
  lake::CopyRequest request;
  request.source = blob.name;
  request.destination = lake::BlobName(moved->to);
  request.source_match = blob.etag();
  request.conditions.absent = true;
  if (blob.tags) request.tags = *blob.tags;
  if (!blob.properties.tier_inferred) request.tier = blob.properties.tier;
  request.synchronous = blob.length() <= kSynchronousCopyBytes;
  auto copied = co_await lake().Copy(Call(), std::move(request));
  if (copied && copied->status != lake::CopyStatus::kPending) {
    moved->new_etag = copied->write.etag.str();
    co_return Result<>{};
  }
  const Failure failure = copied ? Failure::kPrecondition : lake::Classify(copied.error());
  if (failure == Failure::kNotFound) co_return Result<>{};  // gone meanwhile: not moved
  if (failure != Failure::kPrecondition && failure != Failure::kUnknownOutcome) {
    co_return Fail(std::move(copied.error()));
  }
  // Copied before, or on its way.
  while (true) {
    FB_CO_ASSIGN_OR_RETURN(const lake::BlobState there,
                           co_await lake().Head(Call(), {.name = lake::BlobName(moved->to)}));
    if (there.properties.copy.status == lake::CopyStatus::kPending) {
      FB_CO_RETURN_IF_ERROR(co_await SleepFor(kCopyPoll, Call().context));
      continue;
    }
    const std::string& md5 = blob.properties.http.content_md5;
    bool same = there.length() == blob.length();
    if (same && !md5.empty()) {
      same = there.properties.http.content_md5 == md5;
    } else if (same && blob.length() > 0) {
      FB_CO_ASSIGN_OR_RETURN(
          same, co_await SameBytes(lake(), Call(), {blob.name, blob.etag()},
                                   {lake::BlobName(moved->to), there.etag()}, blob.length()));
    }
    if (same) {
      moved->new_etag = there.etag().str();
      co_return Result<>{};
    }
    co_return Fail(Code::kPathConflict, "Another blob stands in the lake at " + moved->to + ".");
  }
}

Task<std::vector<OffloadTrees::Moved>> OffloadTrees::CopyPage(std::vector<lake::BlobState> blobs,
                                                              std::string from, std::string to) {
  std::vector<Moved> moved;
  for (const lake::BlobState& blob : blobs) {
    moved.push_back({.from = blob.name.str(),
                     .to = to + blob.name.str().substr(from.size()),
                     .old_etag = blob.etag().str(),
                     .new_etag = {}});
  }
  TaskGroup group(co_await boost::asio::this_coro::executor);
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    group.Spawn(loop_.Next(), CopyOne(std::move(blobs[i]), &moved[i]));
  }
  FB_CO_RETURN_IF_ERROR(co_await group.Join());
  co_return moved;
}

// Deleted or moved on meanwhile, or gone with its directory: what goes there then is the copy.
Result<> OffloadTrees::NoteMovedName(kv::Transaction& txn, const std::string& key,
                                     const Moved& moved) {
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) return {};
  FB_ASSIGN_OR_RETURN(meta::NameNote note, meta::DecodeNameNote(*stored));
  if (note.lake_etag != moved.old_etag) return {};
  note.lake_etag = moved.new_etag;
  txn.Put(key, meta::Encode(note));
  return {};
}

// The records of what was copied hold the lake's new ETags from now on.
Task<> OffloadTrees::NoteMoved(std::vector<Moved> moved, std::uint64_t holder) {
  co_return co_await services_.store.Transact(
      [this, moved, holder](kv::Transaction& txn) -> Result<> {
        FB_RETURN_IF_ERROR(lease_.Check(txn));
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(txn, *attachment_));
        FB_ASSIGN_OR_RETURN(const PendingTrees trees, PendingTrees::Load(txn, container));
        const meta::Namespace& names = meta::NamespaceOf(container);
        FB_RETURN_IF_ERROR(CheckAllNoted(txn, container.id));
        for (const Moved& one : moved) {
          if (one.new_etag.empty()) continue;
          if (const auto gone = trees.WentWith(one.to, holder)) {
            const std::string key = meta::keys::GoneName(container.id, gone->holder, gone->name);
            FB_RETURN_IF_ERROR(NoteMovedName(txn, key, one));
            continue;
          }
          const std::string name = trees.Here(one.to, holder);
          FB_RETURN_IF_ERROR(NoteMovedName(txn, meta::keys::NameNote(container.id, name), one));
          FB_ASSIGN_OR_RETURN(auto record, names.Find(txn, container.id, name));
          if (!record || !record->lake || record->lake->etag != one.old_etag) continue;
          record->lake->etag = one.new_etag;
          FB_RETURN_IF_ERROR(names.Put(txn, container.id, name, *record, services_.ids));
        }
        return {};
      });
}

Task<> OffloadTrees::RenameFlat(std::string from, std::string to, std::uint64_t holder) {
  while (true) {
    FB_CO_ASSIGN_OR_RETURN(std::vector<lake::BlobState> blobs, co_await FirstPage(from));
    if (blobs.empty()) co_return Result<>{};
    FB_CO_ASSIGN_OR_RETURN(const std::vector<Moved> moved,
                           co_await CopyPage(std::move(blobs), from, to));
    FB_CO_RETURN_IF_ERROR(co_await NoteDetached(services_, attachment_));
    FB_CO_RETURN_IF_ERROR(co_await NoteMoved(moved, holder));
    std::vector<std::pair<std::string, std::string>> doomed;
    for (const Moved& one : moved) {
      if (!one.new_etag.empty()) doomed.emplace_back(one.from, one.old_etag);
    }
    FB_CO_RETURN_IF_ERROR(co_await RemovePage(std::move(doomed)));
  }
}

}  // namespace forebay::tier
