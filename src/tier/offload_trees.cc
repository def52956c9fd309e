#include "tier/offload_trees.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <functional>
#include <map>
#include <optional>

#include "async/sleep.h"
#include "async/task_group.h"
#include "base/codec.h"
#include "engine/change_log.h"
#include "engine/read_gate.h"
#include "lake/failure.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/live_names.h"
#include "tier/offload_dropped.h"
#include "tier/offload_log.h"
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

// The lake has the record's bytes under that ETag.
bool IsCopyOf(const std::optional<meta::BlobRecord>& record, const std::string& etag) {
  return record && record->lake && record->lake->etag == etag;
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

// A flat lake does not keep the marker of a directory that somebody puts something into.
Task<> KeepMarker(lake::ObjectLake& lake, lake::LakeCall call, lake::BlobState marker) {
  FB_CO_ASSIGN_OR_RETURN(const bool below, co_await HasBlobsBelow(lake, call, marker.name.str()));
  if (!below) co_return Result<>{};
  lake::PutRequest request;
  request.name = marker.name;
  request.metadata = marker.metadata;
  request.conditions.absent = true;
  auto made = co_await lake.Put(call, std::move(request));
  if (made || lake::Classify(made.error()) == Failure::kPrecondition) co_return Result<>{};
  co_return Fail(std::move(made.error()));
}

}  // namespace

Task<> RemoveDirectory(AttachmentPtr attachment, lake::LakeCall call, std::string name) {
  lake::ObjectLake& lake = *attachment->lake;
  const bool flat = !attachment->record.lake_hierarchical;
  std::optional<lake::BlobState> marker;  // that was deleted
  for (int tries = 0; tries < kTries; ++tries) {
    auto state = co_await lake.Head(call, {.name = lake::BlobName(name)});
    if (!state && !IsGone(state.error())) co_return Fail(std::move(state.error()));
    if (!state && marker) co_return co_await KeepMarker(lake, call, std::move(*marker));
    if (!state || !state->directory) co_return Result<>{};
    if (flat) {
      FB_CO_ASSIGN_OR_RETURN(const bool below, co_await HasBlobsBelow(lake, call, name));
      if (below) co_return Result<>{};
      marker = std::move(*state);
      marker->name = lake::BlobName(name);
    }
    lake::DeleteRequest request;
    request.name = lake::BlobName(name);
    request.conditions.match = flat ? marker->etag() : state->etag();
    auto done = co_await lake.Delete(call, std::move(request));
    if (done && !flat) co_return Result<>{};
    if (done) continue;
    const Failure failure = lake::Classify(done.error());
    if (failure == Failure::kConflict) co_return Result<>{};  // something is in it
    const bool again = failure == Failure::kNotFound || failure == Failure::kPrecondition ||
                       failure == Failure::kUnknownOutcome;
    if (!again) co_return Fail(std::move(done.error()));
  }
  co_return Fail(Code::kServerBusy, "The lake's directory keeps changing while it is deleted.");
}

Task<> RemoveDirectories(TreeWork work, std::vector<std::string> directories) {
  std::map<std::size_t, std::vector<std::string>, std::greater<>> by_depth;
  for (std::string& directory : directories) {
    const auto depth = static_cast<std::size_t>(std::ranges::count(directory, '/'));
    by_depth[depth].push_back(std::move(directory));
  }
  for (auto& [depth, same] : by_depth) {
    for (std::size_t begin = 0; begin < same.size(); begin += kPage) {
      TaskGroup group(co_await boost::asio::this_coro::executor);
      const std::size_t end = std::min(begin + kPage, same.size());
      for (std::size_t i = begin; i < end; ++i) {
        group.Spawn(work.loop.Next(),
                    RemoveDirectory(work.attachment, work.Call(), std::move(same[i])));
      }
      FB_CO_RETURN_IF_ERROR(co_await group.Join());
    }
  }
  co_return Result<>{};
}

// --- Moves.

Task<std::uint64_t> OffloadTrees::CountBelow(std::string directory, std::uint64_t enough) {
  std::uint64_t count = 0;
  lake::ListRequest request;
  request.prefix = directory + "/";
  request.max_results = kCountPage;
  request.metadata = false;
  do {
    FB_CO_ASSIGN_OR_RETURN(const lake::ListPage page,
                           co_await work_.lake().List(work_.Call(), request));
    count += page.blobs.size();
    request.marker = page.next_marker;
  } while (!request.marker.empty() && count < enough);
  co_return count;
}

Task<std::vector<lake::BlobState>> OffloadTrees::FirstPage(std::string directory,
                                                           std::set<std::string> but) {
  lake::ListRequest request;
  request.prefix = directory + "/";
  request.max_results = kPage;
  request.tags = true;
  std::vector<lake::BlobState> blobs;
  const bool hierarchical = work_.lake_hierarchical();
  // A page may be empty and still have a successor.
  do {
    FB_CO_ASSIGN_OR_RETURN(lake::ListPage page, co_await work_.lake().List(work_.Call(), request));
    blobs = std::move(page.blobs);
    std::erase_if(blobs, [&](const lake::BlobState& blob) {
      return (hierarchical && blob.directory) || but.contains(blob.name.str());
    });
    request.marker = page.next_marker;
  } while (blobs.empty() && !request.marker.empty());
  if (!blobs.empty() || hierarchical) co_return blobs;
  auto marker =
      co_await work_.lake().Head(work_.Call(), {.name = lake::BlobName(directory), .tags = true});
  if (!marker && !IsGone(marker.error())) co_return Fail(std::move(marker.error()));
  if (marker && marker->directory && !but.contains(directory)) blobs.push_back(std::move(*marker));
  co_return blobs;
}

// --- What was copied goes.

Task<> OffloadTrees::RemoveOne(std::string name, std::string etag) {
  lake::DeleteRequest request;
  request.name = lake::BlobName(name);
  request.conditions.match = lake::ETag(etag);
  auto done = co_await work_.lake().Delete(work_.Call(), std::move(request));
  // One that changed meanwhile is on the next page.
  if (done || IsGone(done.error())) co_return Result<>{};
  if (lake::Classify(done.error()) == Failure::kPrecondition) co_return Result<>{};
  co_return done;
}

Task<> OffloadTrees::RemovePage(std::vector<std::pair<std::string, std::string>> doomed) {
  TaskGroup group(co_await boost::asio::this_coro::executor);
  for (auto& [name, etag] : doomed) group.Spawn(work_.loop.Next(), RemoveOne(name, etag));
  co_return co_await group.Join();
}

// --- Moves.

Task<> OffloadTrees::Rename(std::string from, std::string to, std::uint64_t holder) {
  if (work_.lake_hierarchical()) {
    FB_CO_ASSIGN_OR_RETURN(const bool moved, co_await RenameInLake(from, to));
    if (moved) co_return Result<>{};
  }
  FB_CO_RETURN_IF_ERROR(co_await MoveEach(from, to, holder));
  if (!work_.lake_hierarchical()) co_return Result<>{};
  co_return co_await MoveDirectories(std::move(from), std::move(to));
}

Task<> OffloadTrees::MakeParent(std::string name) {
  const std::size_t slash = name.rfind('/');
  if (slash == std::string::npos) co_return Result<>{};
  auto made = co_await EnsureDirectory(work_.lake(), work_.Call(), name.substr(0, slash), {});
  if (!made) co_return Fail(std::move(made.error()));
  co_return Result<>{};
}

Task<bool> OffloadTrees::RenameInLake(std::string from, std::string to) {
  for (int tries = 0; tries < kTries; ++tries) {
    lake::RenameRequest request;
    request.source = lake::BlobName(from);
    request.destination = lake::BlobName(to);
    auto done = co_await work_.lake().Rename(work_.Call(), std::move(request));
    if (done) co_return true;
    if (done.error().code() == Code::kRenameDestinationParentPathNotFound) {
      FB_CO_RETURN_IF_ERROR(co_await MakeParent(to));
      continue;
    }
    const Failure failure = lake::Classify(done.error());
    if (failure == Failure::kPrecondition || failure == Failure::kConflict) {
      auto there = co_await work_.lake().Head(work_.Call(), {.name = lake::BlobName(to)});
      if (there && there->directory) co_return false;
      if (there) co_return Fail(Code::kPathConflict, "A file stands in the lake at " + to + ".");
      if (!IsGone(there.error())) co_return Fail(std::move(there.error()));
    }
    if (failure != Failure::kUnknownOutcome && !IsGone(done.error())) {
      co_return Fail(std::move(done.error()));
    }
    auto source = co_await work_.lake().Head(work_.Call(), {.name = lake::BlobName(from)});
    if (source) continue;
    if (!IsGone(source.error())) co_return Fail(std::move(source.error()));
    // Moved by us, or never there: a directory that only this side knows. Then it begins here.
    auto made = co_await EnsureDirectory(work_.lake(), work_.Call(), to, {});
    if (!made) co_return Fail(std::move(made.error()));
    co_return true;
  }
  co_return Fail(Code::kServerBusy, "The lake's directory keeps changing while it is moved.");
}

// Their files have gone before.
Task<> OffloadTrees::MoveDirectories(std::string from, std::string to) {
  std::vector<std::string> directories = {from};
  lake::ListRequest request;
  request.prefix = from + "/";
  request.max_results = kCountPage;
  do {
    FB_CO_ASSIGN_OR_RETURN(const lake::ListPage page,
                           co_await work_.lake().List(work_.Call(), request));
    for (const lake::BlobState& blob : page.blobs) {
      if (!blob.directory) continue;
      lake::Metadata metadata = blob.metadata;
      std::erase_if(metadata, [](const auto& entry) { return entry.first == "hdi_isfolder"; });
      auto made =
          co_await EnsureDirectory(work_.lake(), work_.Call(),
                                   to + blob.name.str().substr(from.size()), std::move(metadata));
      if (!made) co_return Fail(std::move(made.error()));
      directories.push_back(blob.name.str());
    }
    request.marker = page.next_marker;
  } while (!request.marker.empty());
  co_return co_await RemoveDirectories(work_, std::move(directories));
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
  auto copied = co_await work_.lake().Copy(work_.Call(), std::move(request));
  if (copied && copied->status != lake::CopyStatus::kPending) {
    moved->new_etag = copied->write.etag.str();
    co_return Result<>{};
  }
  const Failure failure = copied ? Failure::kPrecondition : lake::Classify(copied.error());
  if (failure == Failure::kNotFound) co_return Result<>{};  // gone meanwhile: not moved
  if (failure != Failure::kPrecondition && failure != Failure::kUnknownOutcome) {
    co_return Fail(std::move(copied.error()));
  }
  co_return co_await JudgeCopy(std::move(blob), moved);
}

// Copied before, or on its way, or somebody else's.
Task<> OffloadTrees::JudgeCopy(lake::BlobState blob, Moved* moved) {
  lake::BlobState there;
  do {
    if (!there.etag().empty())
      FB_CO_RETURN_IF_ERROR(co_await SleepFor(kCopyPoll, work_.Call().context));
    FB_CO_ASSIGN_OR_RETURN(
        there, co_await work_.lake().Head(work_.Call(), {.name = lake::BlobName(moved->to)}));
  } while (there.properties.copy.status == lake::CopyStatus::kPending);
  const std::string& md5 = blob.properties.http.content_md5;
  bool same = there.length() == blob.length() && there.directory == blob.directory;
  if (same && !md5.empty()) {
    same = there.properties.http.content_md5 == md5;
  } else if (same && blob.length() > 0) {
    FB_CO_ASSIGN_OR_RETURN(
        same, co_await SameBytes(work_.lake(), work_.Call(), {blob.name, blob.etag()},
                                 {lake::BlobName(moved->to), there.etag()}, blob.length()));
  }
  if (same) moved->new_etag = there.etag().str();
  moved->taken = !same;
  co_return Result<>{};
}

Task<OffloadTrees::Page> OffloadTrees::CopyPage(std::vector<lake::BlobState> blobs,
                                                std::string from, std::string to) {
  auto page = std::make_shared<std::vector<Moved>>();
  for (const lake::BlobState& blob : blobs) {
    page->push_back({.from = blob.name.str(),
                     .to = to + blob.name.str().substr(from.size()),
                     .old_etag = blob.etag().str()});
  }
  TaskGroup group(co_await boost::asio::this_coro::executor);
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    group.Spawn(work_.loop.Next(), CopyOne(std::move(blobs[i]), &(*page)[i]));
  }
  FB_CO_RETURN_IF_ERROR(co_await group.Join());
  co_return page;
}

// Deleted or moved on meanwhile, or gone with its directory: what goes there then is the copy.
Result<bool> OffloadTrees::NoteMovedName(kv::Transaction& txn, const std::string& key,
                                         const Moved& moved) {
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) return false;
  FB_ASSIGN_OR_RETURN(meta::NameNote note, meta::DecodeNameNote(*stored));
  if (note.lake_etag != moved.old_etag) return false;
  note.lake_etag = moved.new_etag;
  txn.Put(key, meta::Encode(note));
  return true;
}

// --- Where somebody else's stands in the place of ours.

// It is met as any conflict once ours has its turn, as a whole write.
Result<> OffloadTrees::NoteTaken(kv::Transaction& txn, const meta::ContainerRecord& container,
                                 std::uint64_t mark, const std::string& name,
                                 meta::BlobRecord record) {
  if (record.body.in_lake) {
    record.lake->etag = kUnboundETag;  // its bytes were gone before they could come here
  } else {
    record.lake = meta::LakeCopy{};
    const engine::Place place{
        .container = container, .name = name, .existing = record, .mark = std::nullopt};
    FB_RETURN_IF_ERROR(
        engine::NoteChange(work_.services, txn, place, meta::ChangeKind::kContent, mark, record));
  }
  return meta::NamespaceOf(container).Put(txn, container.id, name, record, work_.services.ids);
}

Task<std::string> OffloadTrees::MovedOnTo(std::string name) {
  auto after = std::make_shared<std::string>();
  auto end = std::make_shared<bool>(false);
  auto at = std::make_shared<std::string>(std::move(name));
  while (!*end) {
    FB_CO_RETURN_IF_ERROR(work_.Call().context.Check());
    FB_CO_RETURN_IF_ERROR(co_await engine::ReadMetaOnPool(
        work_.services, [this, after, end, at](const kv::Reader& reader) -> Result<> {
          FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                              AttachedContainer(reader, *work_.attachment));
          FB_ASSIGN_OR_RETURN(const PendingTrees trees, PendingTrees::Load(reader, container));
          FB_ASSIGN_OR_RETURN(const LogPage page,
                              ReadLog(reader, container.id, *after, 1, kCountPage));
          for (const LoggedChangePtr& change : page.entries) {
            *after = change->key;
            const meta::ChangeRecord& record = change->record;
            if (record.kind != meta::ChangeKind::kRename) continue;
            const std::uint64_t holder = record.holder.value();
            if (trees.Here(record.from, holder) == *at) *at = trees.Here(record.name, holder);
          }
          *end = page.end;
          return {};
        }));
  }
  co_return *at;
}

Task<> OffloadTrees::BringTaken(Page page, std::uint64_t holder) {
  for (Moved& one : *page) {
    if (!one.taken) continue;
    FB_CO_ASSIGN_OR_RETURN(
        const bool there,
        co_await engine::ReadMeta(
            work_.services, [this, &one, holder](const kv::Reader& reader) -> Result<bool> {
              FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                                  AttachedContainer(reader, *work_.attachment));
              FB_ASSIGN_OR_RETURN(const PendingTrees trees, PendingTrees::Load(reader, container));
              one.here = trees.Here(one.to, holder);
              if (one.here.empty()) return true;
              FB_ASSIGN_OR_RETURN(const auto record, meta::NamespaceOf(container).Find(
                                                         reader, container.id, one.here));
              return IsCopyOf(record, one.old_etag);
            }));
    if (!there) {
      FB_CO_ASSIGN_OR_RETURN(one.here, co_await MovedOnTo(one.here));
    }
    if (one.here.empty()) continue;
    FB_CO_RETURN_IF_ERROR(
        co_await BringBytes(work_.services, work_.Call().context, work_.attachment, one.here));
  }
  co_return Result<>{};
}

// The records of what was copied hold the lake's new ETags from now on.
Task<> OffloadTrees::NoteMoved(Page page, std::uint64_t holder) {
  co_return co_await work_.services.store.Transact(
      [this, page, holder](kv::Transaction& txn) -> Result<> {
        FB_RETURN_IF_ERROR(work_.lease.Check(txn));
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(txn, *work_.attachment));
        FB_ASSIGN_OR_RETURN(const PendingTrees trees, PendingTrees::Load(txn, container));
        const meta::Namespace& names = meta::NamespaceOf(container);
        FB_RETURN_IF_ERROR(CheckAllNoted(txn, container.id));
        FB_ASSIGN_OR_RETURN(const std::uint64_t mark, engine::ArrivalMark(txn, container));
        for (Moved& one : *page) {
          one.stays = one.new_etag.empty();
          if (one.stays && !one.taken) continue;
          if (const auto gone = trees.WentWith(one.to, holder)) {
            const std::string key = meta::keys::GoneName(container.id, gone->holder, gone->name);
            FB_ASSIGN_OR_RETURN(const bool noted, NoteMovedName(txn, key, one));
            one.stays = one.stays && !noted;
            continue;
          }
          const std::string name = trees.Here(one.to, holder);
          const std::string key = meta::keys::NameNote(container.id, name);
          FB_ASSIGN_OR_RETURN(const bool noted, NoteMovedName(txn, key, one));
          one.stays = one.stays && !noted;
          const std::string& here = one.taken ? one.here : name;
          FB_ASSIGN_OR_RETURN(auto record, names.Find(txn, container.id, here));
          if (!IsCopyOf(record, one.old_etag)) continue;
          one.stays = false;
          if (one.taken) {
            FB_RETURN_IF_ERROR(NoteTaken(txn, container, mark, here, std::move(*record)));
            continue;
          }
          record->lake->etag = one.new_etag;
          FB_RETURN_IF_ERROR(names.Put(txn, container.id, here, *record, work_.services.ids));
        }
        return {};
      });
}

Task<> OffloadTrees::MoveEach(std::string from, std::string to, std::uint64_t holder) {
  std::set<std::string> stay;
  while (true) {
    FB_CO_ASSIGN_OR_RETURN(std::vector<lake::BlobState> blobs, co_await FirstPage(from, stay));
    if (blobs.empty()) co_return Result<>{};
    FB_CO_ASSIGN_OR_RETURN(const Page page, co_await CopyPage(std::move(blobs), from, to));
    FB_CO_RETURN_IF_ERROR(co_await BringTaken(page, holder));
    FB_CO_RETURN_IF_ERROR(co_await NoteDetached(work_.services, work_.attachment));
    FB_CO_RETURN_IF_ERROR(co_await NoteMoved(page, holder));
    std::vector<std::pair<std::string, std::string>> doomed;
    for (const Moved& one : *page) {
      if (one.stays) {
        stay.insert(one.from);
      } else {
        doomed.emplace_back(one.from, one.old_etag);
      }
    }
    FB_CO_RETURN_IF_ERROR(co_await RemovePage(std::move(doomed)));
  }
}

}  // namespace forebay::tier
