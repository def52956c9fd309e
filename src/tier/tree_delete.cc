#include "tier/tree_delete.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "async/task_group.h"
#include "base/codec.h"
#include "engine/detached_tree.h"
#include "engine/read_gate.h"
#include "lake/failure.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/lake_directories.h"
#include "tier/live_names.h"
#include "tier/offload_log.h"
#include "tier/pending_trees.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;
using lake::Failure;

constexpr std::uint32_t kListed = 1'000;
constexpr std::size_t kAtATime = 64;
constexpr std::size_t kDirectoriesAtATime = 100;
// How often one blob is looked at again that changes while it is deleted.
constexpr int kTries = 5;

bool IsGone(const Error& error) { return lake::Classify(error) == Failure::kNotFound; }

Result<std::vector<meta::InodeId>> SomeDetached(const kv::Reader& reader,
                                                meta::ContainerId container) {
  std::vector<meta::InodeId> some;
  const std::string prefix = keys::DetachedDirectories(container);
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid() && some.size() < kDirectoriesAtATime; it->Next()) {
    some.push_back(keys::InodeOfDetachedKey(it->key()));
  }
  FB_RETURN_IF_ERROR(it->status());
  return some;
}

}  // namespace

Task<> NoteDetached(engine::Services& services, AttachmentPtr attachment) {
  const meta::ContainerId container = attachment->container;
  while (true) {
    FB_CO_ASSIGN_OR_RETURN(
        const std::vector<meta::InodeId> some,
        co_await engine::ReadMeta(services, [container](const kv::Reader& reader) {
          return SomeDetached(reader, container);
        }));
    if (some.empty()) co_return Result<>{};
    for (const meta::InodeId inode : some) {
      FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
          [attachment, inode](kv::Transaction& txn) -> Result<> {
            txn.MakesRoom();  // what is noted is given back
            FB_RETURN_IF_ERROR(AttachedContainer(txn, *attachment));
            // Where that was not all, it is among those of the next look.
            FB_RETURN_IF_ERROR(engine::NoteDetachedStep(txn, attachment->container, inode));
            return {};
          },
          kv::Durability::kLazy));
    }
  }
}

Task<> TreeDelete::Run() {
  FB_CO_RETURN_IF_ERROR(co_await NoteDetached(work_.services, work_.attachment));
  lake::ListRequest request;
  request.prefix = change_.name + "/";
  request.max_results = kListed;
  do {
    FB_CO_ASSIGN_OR_RETURN(lake::ListPage page, co_await work_.lake().List(work_.Call(), request));
    FB_CO_ASSIGN_OR_RETURN(std::vector<Doomed> doomed, co_await Judge(std::move(page.blobs)));
    FB_CO_RETURN_IF_ERROR(co_await Remove(std::move(doomed)));
    request.marker = page.next_marker;
  } while (!request.marker.empty());
  FB_CO_RETURN_IF_ERROR(co_await RemoveDirectories(work_, std::move(directories_)));
  FB_CO_ASSIGN_OR_RETURN(
      const KnownUnder under,
      co_await engine::ReadMeta(
          work_.services, [this](const kv::Reader& reader) -> Result<KnownUnder> {
            FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                                AttachedContainer(reader, *work_.attachment));
            return UnderName(reader, container, change_.name, change_.holder.value());
          }));
  std::optional<lake::Metadata> marker;
  if (!under.etag.empty()) marker = Marked(change_.blob.metadata);
  auto removed =
      co_await RemoveDirectory(work_.attachment, work_.Call(), change_.name, std::move(marker));
  if (!removed) co_return Fail(std::move(removed.error()));
  co_return Result<>{};
}

Task<std::vector<TreeDelete::Doomed>> TreeDelete::Judge(std::vector<lake::BlobState> blobs) {
  auto notes = std::make_shared<std::vector<std::optional<std::string>>>();
  FB_CO_RETURN_IF_ERROR(co_await engine::ReadMeta(
      work_.services, [this, &blobs, notes](const kv::Reader& reader) -> Result<> {
        notes->clear();
        for (const lake::BlobState& blob : blobs) {
          FB_ASSIGN_OR_RETURN(auto stored,
                              reader.Get(keys::GoneName(work_.attachment->container, change_.holder,
                                                        blob.name.str())));
          std::optional<std::string>& etag = notes->emplace_back();
          if (!stored) continue;
          FB_ASSIGN_OR_RETURN(const meta::NameNote note, meta::DecodeNameNote(*stored));
          // There was nothing: what is there now was added. A directory is one whoever made it.
          if (!note.lake_etag.empty() || blob.directory) etag = note.lake_etag;
        }
        return {};
      }));
  std::vector<Doomed> doomed;
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    lake::BlobState& blob = blobs[i];
    const std::optional<std::string>& known = (*notes)[i];
    if (!known) continue;
    if (blob.directory) {
      directories_.push_back(blob.name.str());
    } else {
      doomed.push_back({std::move(blob), *known});
    }
  }
  co_return doomed;
}

Task<> TreeDelete::Remove(std::vector<Doomed> doomed) {
  for (std::size_t begin = 0; begin < doomed.size(); begin += kAtATime) {
    TaskGroup group(co_await boost::asio::this_coro::executor);
    const std::size_t end = std::min(begin + kAtATime, doomed.size());
    for (std::size_t i = begin; i < end; ++i) {
      group.Spawn(work_.loop.Next(), RemoveOne(std::move(doomed[i])));
    }
    FB_CO_RETURN_IF_ERROR(co_await group.Join());
  }
  co_return Result<>{};
}

Task<bool> TreeDelete::RemoveAt(std::string name, std::string etag) {
  lake::DeleteRequest request;
  request.name = lake::BlobName(std::move(name));
  request.conditions.match = lake::ETag(std::move(etag));
  auto done = co_await work_.lake().Delete(work_.Call(), std::move(request));
  if (done || IsGone(done.error())) co_return true;
  const Failure failure = lake::Classify(done.error());
  if (failure == Failure::kPrecondition || failure == Failure::kUnknownOutcome) co_return false;
  co_return Fail(std::move(done.error()));
}

Task<> TreeDelete::RemoveOne(Doomed doomed) {
  const lake::BlobName name = doomed.state.name;
  for (int tries = 0; tries < kTries; ++tries) {
    std::string etag = doomed.state.etag().str();
    bool may = etag == doomed.expected;
    if (!may) {
      FB_CO_ASSIGN_OR_RETURN(may, co_await Settle(doomed.state, doomed.expected));
    }
    if (!may) co_return Result<>{};
    FB_CO_ASSIGN_OR_RETURN(const bool gone, co_await RemoveAt(name.str(), std::move(etag)));
    if (gone) co_return Result<>{};
    auto now = co_await work_.lake().Head(work_.Call(), {.name = name, .tags = true});
    if (!now && IsGone(now.error())) co_return Result<>{};
    if (!now) co_return Fail(std::move(now.error()));
    doomed.state = std::move(*now);
    doomed.state.name = name;
  }
  co_return Fail(Code::kServerBusy, "The lake's blob keeps changing while it is deleted.");
}

// --- What somebody else has changed.

Task<std::string> TreeDelete::FreeNameHere(std::string name) {
  co_return co_await engine::ReadMeta(
      work_.services, [this, name](const kv::Reader& reader) -> Result<std::string> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(reader, *work_.attachment));
        FB_ASSIGN_OR_RETURN(const PendingTrees trees, PendingTrees::Load(reader, container));
        std::string here = trees.Here(name, change_.holder.value());
        if (here.empty()) return here;
        FB_ASSIGN_OR_RETURN(const auto record,
                            meta::NamespaceOf(container).Find(reader, container.id, here));
        FB_ASSIGN_OR_RETURN(const auto note, reader.Get(keys::NameNote(container.id, here)));
        return record || note ? std::string() : here;
      });
}

Task<bool> TreeDelete::Settle(lake::BlobState theirs, std::string expected) {
  if (conflicts_ == nullptr) co_return false;
  FB_CO_ASSIGN_OR_RETURN(const std::string here, co_await FreeNameHere(theirs.name.str()));
  if (here.empty()) co_return false;
  meta::ChangeRecord change;
  change.kind = meta::ChangeKind::kDelete;
  change.name = here;
  Conflict conflict{.attachment = work_.attachment,
                    .name = here,
                    .change = std::move(change),
                    .content = false,
                    .expected = lake::ETag(std::move(expected)),
                    .theirs = std::move(theirs),
                    .error = Error(Code::kConditionNotMet, "It changed in the lake.")};
  FB_CO_ASSIGN_OR_RETURN(const ConflictDecision decision,
                         co_await conflicts_->Decide(work_.Call().context, std::move(conflict)));
  if (decision.action == ConflictDecision::Action::kWait) co_return false;
  if (decision.commit) {
    auto done = co_await work_.services.store.Transact(
        [this, commit = decision.commit](kv::Transaction& txn) -> Result<> {
          FB_RETURN_IF_ERROR(work_.lease.Check(txn));
          FB_RETURN_IF_ERROR(AttachedContainer(txn, *work_.attachment));
          return commit(txn, {});
        });
    // A file stands above it here by now: it stays there, and change detection lists it.
    if (!done && done.error().code() == Code::kPathConflict) co_return false;
    if (!done) co_return Fail(std::move(done.error()));
  }
  co_return decision.action == ConflictDecision::Action::kOurs;
}

}  // namespace forebay::tier
