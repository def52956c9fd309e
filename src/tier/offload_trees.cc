#include "tier/offload_trees.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <optional>

#include "async/sleep.h"
#include "async/task_group.h"
#include "base/codec.h"
#include "engine/change_log.h"
#include "engine/read_gate.h"
#include "lake/failure.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/lake_directories.h"
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

// What has a name here now, or had one as it went with its directory: the entry that deletes that.
using Spot = std::pair<std::uint64_t, std::string>;
Spot SpotOf(const PendingTrees& trees, const std::string& name, std::uint64_t holder) {
  if (auto gone = trees.WentWith(name, holder)) return {gone->holder.value(), gone->name};
  return {0, trees.Here(name, holder)};
}

Error KeepsChanging(const std::string& name) {
  return {Code::kServerBusy, name + " changes while its directory is moved in the lake."};
}

bool IsGone(const Error& error) { return lake::Classify(error) == Failure::kNotFound; }

}  // namespace

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
      auto made = co_await EnsureDirectory(work_.lake(), work_.Call(),
                                           to + blob.name.str().substr(from.size()),
                                           Unmarked(blob.metadata));
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

Task<std::vector<OffloadTrees::Page>> OffloadTrees::CopyPage(std::vector<lake::BlobState> blobs,
                                                             std::string from, std::string to) {
  auto page = std::make_shared<std::vector<Moved>>();
  for (const lake::BlobState& blob : blobs) {
    page->push_back({.from = blob.name.str(),
                     .to = to + blob.name.str().substr(from.size()),
                     .old_etag = blob.etag().str(),
                     .marker = blob.name.str() == from});
  }
  TaskGroup group(co_await boost::asio::this_coro::executor);
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    group.Spawn(work_.loop.Next(), CopyOne(std::move(blobs[i]), &(*page)[i]));
  }
  FB_CO_RETURN_IF_ERROR(co_await group.Join());
  // What came here is noted at once: whoever makes room may give it up again.
  std::vector<Page> pages;
  for (const Moved& one : *page) {
    if (one.taken) pages.push_back(std::make_shared<std::vector<Moved>>(1, one));
  }
  std::erase_if(*page, [](const Moved& one) { return one.taken; });
  if (!page->empty()) pages.push_back(page);
  co_return pages;
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
                                 std::uint64_t mark, const Moved& moved, meta::BlobRecord record) {
  const std::string& name = moved.here;
  if (record.body.in_lake) {
    if (!moved.lost) return Fail(KeepsChanging(name));  // given up here since
    record.lake->etag = kUnboundETag;
  } else {
    record.lake = meta::LakeCopy{};
    const engine::Place place{
        .container = container, .name = name, .existing = record, .mark = std::nullopt};
    FB_RETURN_IF_ERROR(
        engine::NoteChange(work_.services, txn, place, meta::ChangeKind::kContent, mark, record));
  }
  return meta::NamespaceOf(container).Put(txn, container.id, name, record, work_.services.ids);
}

// Its record is looked for in the snapshot that has the end of the log: nothing that it was moved
// by can be missing then.
Task<std::string> OffloadTrees::MovedOnTo(Moved moved, std::uint64_t holder) {
  struct Search {
    const Moved moved;
    Spot at{};
    std::uint64_t newest_tree = 0;
    std::string after{};
    bool end = false;
    std::string here{};
  };
  auto search = std::make_shared<Search>(Search{.moved = std::move(moved)});
  while (!search->end) {
    FB_CO_RETURN_IF_ERROR(work_.Call().context.Check());
    FB_CO_RETURN_IF_ERROR(co_await engine::ReadMetaOnPool(
        work_.services, [this, search, holder](const kv::Reader& reader) -> Result<> {
          FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                              AttachedContainer(reader, *work_.attachment));
          FB_ASSIGN_OR_RETURN(const PendingTrees trees, PendingTrees::Load(reader, container));
          if (search->after.empty()) {
            search->at = SpotOf(trees, search->moved.to, holder);
            search->newest_tree = trees.newest();
          }
          if (trees.newest() != search->newest_tree) return Fail(KeepsChanging(search->moved.to));
          FB_ASSIGN_OR_RETURN(const LogPage page,
                              ReadLog(reader, container.id, search->after, 1, kCountPage));
          for (const LoggedChangePtr& change : page.entries) {
            search->after = change->key;
            const meta::ChangeRecord& record = change->record;
            if (record.kind != meta::ChangeKind::kRename) continue;
            const std::uint64_t moved_by = record.holder.value();
            if (SpotOf(trees, record.from, moved_by) == search->at) {
              search->at = SpotOf(trees, record.name, moved_by);
            }
          }
          search->end = page.end;
          const auto& [gone_with, name] = search->at;
          if (!page.end || gone_with != 0) return {};
          FB_ASSIGN_OR_RETURN(const auto record,
                              meta::NamespaceOf(container).Find(reader, container.id, name));
          if (IsCopyOf(record, search->moved.old_etag)) search->here = name;
          return {};
        }));
  }
  co_return search->here;
}

Task<std::optional<meta::BlobRecord>> OffloadTrees::CopyHere(std::string name, std::string etag) {
  co_return co_await engine::ReadMeta(
      work_.services,
      [this, name, etag](const kv::Reader& reader) -> Result<std::optional<meta::BlobRecord>> {
        std::optional<meta::BlobRecord> record;
        if (name.empty()) return record;
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(reader, *work_.attachment));
        FB_ASSIGN_OR_RETURN(record, meta::NamespaceOf(container).Find(reader, container.id, name));
        if (!IsCopyOf(record, etag)) record.reset();
        return record;
      });
}

Task<> OffloadTrees::BringTaken(Page page, std::uint64_t holder) {
  for (Moved& one : *page) {
    if (!one.taken || one.marker) continue;
    FB_CO_ASSIGN_OR_RETURN(
        one.here, co_await engine::ReadMeta(
                      work_.services,
                      [this, to = one.to, holder](const kv::Reader& reader) -> Result<std::string> {
                        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                                            AttachedContainer(reader, *work_.attachment));
                        FB_ASSIGN_OR_RETURN(const PendingTrees trees,
                                            PendingTrees::Load(reader, container));
                        return trees.Here(to, holder);
                      }));
    FB_CO_ASSIGN_OR_RETURN(auto record, co_await CopyHere(one.here, one.old_etag));
    if (!record) {
      FB_CO_ASSIGN_OR_RETURN(one.here, co_await MovedOnTo(one, holder));
      FB_CO_ASSIGN_OR_RETURN(record, co_await CopyHere(one.here, one.old_etag));
    }
    if (one.here.empty() || !record || !record->body.in_lake) continue;
    // As long as it takes: other than a request to the lake, it is of any size.
    OpContext context;
    context.cancel = work_.loop.token();
    FB_CO_RETURN_IF_ERROR(
        co_await BringBytes(work_.services, std::move(context), work_.attachment, one.here));
    FB_CO_ASSIGN_OR_RETURN(record, co_await CopyHere(one.here, one.old_etag));
    if (!record) co_return Fail(KeepsChanging(one.here));
    if (!record->body.in_lake) continue;
    auto source = co_await work_.lake().Head(work_.Call(), {.name = lake::BlobName(one.from)});
    if (!source && !IsGone(source.error())) co_return Fail(std::move(source.error()));
    one.lost = !source || source->etag().str() != one.old_etag;
    if (!one.lost) co_return Fail(KeepsChanging(one.here));
  }
  co_return Result<>{};
}

// Other than what is in the directory it is known under its own names, the old one and the new one:
// whatever has the new one here by now is to know what the lake has there.
Result<> OffloadTrees::NoteMarker(kv::Transaction& txn, const meta::ContainerRecord& container,
                                  std::uint64_t mark, Moved moved, const std::string& here,
                                  std::uint64_t holder) {
  if (!moved.taken) {
    return StoreUnder(work_.services, txn, container, moved.to, holder, moved.new_etag);
  }
  if (here.empty()) return {};
  FB_ASSIGN_OR_RETURN(auto record, meta::NamespaceOf(container).Find(txn, container.id, here));
  if (!record || !record->directory) return {};
  moved.here = here;
  return NoteTaken(txn, container, mark, moved, std::move(*record));
}

// The records of what was copied hold the lake's new ETags from now on.
Task<> OffloadTrees::NoteMoved(Page page, std::uint64_t holder) {
  co_return co_await work_.services.store.Transact([this, page,
                                                    holder](kv::Transaction& txn) -> Result<> {
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
      const auto gone = trees.WentWith(one.to, holder);
      const std::string name = trees.Here(one.to, holder);
      if (one.marker) {
        one.stays = false;
        FB_RETURN_IF_ERROR(NoteMarker(txn, container, mark, one, name, holder));
        continue;
      }
      const std::string key = gone ? meta::keys::GoneName(container.id, gone->holder, gone->name)
                                   : meta::keys::NameNote(container.id, name);
      FB_ASSIGN_OR_RETURN(const bool noted, NoteMovedName(txn, key, one));
      one.stays = one.stays && !noted;
      const std::string& here = one.taken ? one.here : name;
      if (here.empty()) continue;
      FB_ASSIGN_OR_RETURN(auto record, names.Find(txn, container.id, here));
      const bool copy = IsCopyOf(record, one.old_etag);
      if (one.taken && !copy) return Fail(KeepsChanging(here));  // moved or deleted since
      if (!copy) continue;
      one.stays = false;
      if (one.taken) {
        FB_RETURN_IF_ERROR(NoteTaken(txn, container, mark, one, std::move(*record)));
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
    FB_CO_ASSIGN_OR_RETURN(const std::vector<Page> pages,
                           co_await CopyPage(std::move(blobs), from, to));
    for (const Page& page : pages) {
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
}

}  // namespace forebay::tier
