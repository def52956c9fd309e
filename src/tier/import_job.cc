#include "tier/import_job.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <random>
#include <span>

#include "async/task_group.h"
#include "base/codec.h"
#include "base/log.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

constexpr std::chrono::minutes kLease{1};
constexpr std::size_t kNotesPerTransaction = 400;
// A level that is looked at for an estimate: so deep at most, and so many pages of it.
constexpr int kMaxLevels = 8;
constexpr int kMaxLevelPages = 5;

Task<> ListInto(std::shared_ptr<lake::ObjectLake> lake, lake::LakeCall call,
                lake::ListRequest request, Result<lake::ListPage>* out) {
  *out = co_await lake->List(std::move(call), std::move(request));
  co_return Result<>{};
}

using Names = std::vector<IncomingName>;

// One transaction's worth of a page.
struct Batch {
  std::shared_ptr<const Names> page;
  std::size_t begin = 0;
  std::size_t end = 0;
  meta::ImportRecord position;  // behind it
  NamesReport report;
};

std::size_t BytesOf(const IncomingName& incoming) {
  return (2 + incoming.record.tags.size()) * incoming.name.size() +
         meta::Encode(incoming.record).size();
}

// As many names from `begin` as one transaction takes: many where nothing is looked for but them.
std::shared_ptr<Batch> TakeBatch(std::shared_ptr<const Names> page, std::size_t begin, bool few,
                                 const meta::ImportRecord& position) {
  auto batch = std::make_shared<Batch>();
  batch->page = std::move(page);
  batch->begin = batch->end = begin;
  batch->position = position;
  const std::size_t most = few ? kNameBytesPerTransaction : 2 * kNameBytesPerTransaction;
  std::size_t bytes = 0;
  std::size_t keys = 0;
  for (; batch->end < batch->page->size() && bytes < most; ++batch->end) {
    const IncomingName& incoming = (*batch->page)[batch->end];
    keys += KeysOfNew(incoming);
    const bool full = few ? batch->end - begin == kNamesPerTransaction : keys > kKeysOfNewNames;
    if (full) break;
    bytes += BytesOf(incoming);
    batch->position.last = incoming.name;
    ++batch->position.names;
    batch->position.bytes += incoming.record.length;
  }
  return batch;
}

}  // namespace

ImportJob::ImportJob(engine::Services& services, AttachmentPtr attachment)
    : services_(services),
      attachment_(std::move(attachment)),
      owner_(std::random_device{}() | 1ULL) {}

std::string ImportJob::JobName() const {
  return "import/" + std::to_string(attachment_->container.value());
}

ImportProgress ImportJob::progress() const {
  ImportProgress progress;
  progress.names = names_;
  progress.bytes = bytes_;
  progress.finished = finished_;
  if (!finished_) progress.expected = expected_;
  const double seconds =
      std::chrono::duration<double>(services_.clock.SteadyNow() - started_).count();
  if (seconds > 0) {
    progress.names_per_second = static_cast<double>(names_ - names_at_start_) / seconds;
  }
  return progress;
}

Task<> ImportJob::Lease(OpContext context) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  const SteadyTime now = services_.clock.SteadyNow();
  if (now < leased_until_) co_return Result<>{};
  auto slot = std::make_shared<meta::FencingToken>();
  const std::string job = JobName();
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [job, slot, owner = owner_, &clock = services_.clock](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*slot, meta::AcquireLease(txn, job, owner, clock.Now(), kLease));
        return {};
      },
      kv::Durability::kLazy));
  token_ = *slot;
  leased_until_ = now + kLease / 3;
  co_return Result<>{};
}

Task<meta::ImportRecord> ImportJob::LoadPosition(OpContext context) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await engine::ReadMeta(
      services_, [this](const kv::Reader& reader) -> Result<meta::ImportRecord> {
        FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::ImportProgress(attachment_->container)));
        if (!stored) return Fail(Code::kStale, "The container has been detached.");
        return meta::DecodeImport(*stored);
      });
}

Task<> ImportJob::StorePage(OpContext context, lake::ListPage page, std::string next_marker) {
  auto names = std::make_shared<Names>();
  names->reserve(page.blobs.size());
  for (const lake::BlobState& blob : page.blobs) {
    // A run that was cut short in the middle of a page lists the whole page again.
    const bool ordered = !attachment_->record.lake_hierarchical;
    if (ordered && blob.name.str() <= position_.last) continue;
    FB_CO_ASSIGN_OR_RETURN(IncomingName incoming, Incoming(services_, blob));
    names->push_back(std::move(incoming));
  }
  std::size_t at = 0;
  bool few = false;
  do {
    FB_CO_RETURN_IF_ERROR(co_await Lease(context));
    const auto batch = TakeBatch(names, at, few, position_);
    // Until the whole page is in, a crash lists it again.
    if (batch->end == names->size()) batch->position.marker = next_marker;
    auto stored = co_await services_.store.Transact(
        [this, batch, job = JobName(), token = token_](kv::Transaction& txn) -> Result<> {
          FB_RETURN_IF_ERROR(meta::CheckLease(txn, job, token));
          FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                              AttachedContainer(txn, *attachment_));
          const std::span<const IncomingName> all(*batch->page);
          FB_ASSIGN_OR_RETURN(batch->report,
                              ApplyNames(services_, txn, container,
                                         all.subspan(batch->begin, batch->end - batch->begin)));
          txn.Put(keys::ImportProgress(container.id), meta::Encode(batch->position));
          return {};
        },
        kv::Durability::kLazy);
    if (!stored && stored.error().code() == Code::kLimitExceeded && !few) {
      few = true;
      continue;
    }
    FB_CO_RETURN_IF_ERROR(std::move(stored));
    at = batch->end;
    position_ = batch->position;
    report_.Add(batch->report);
    names_ = position_.names;
    bytes_ = position_.bytes;
    estimate_.At(position_.last, position_.names);
    expected_ = estimate_.expected().value_or(0);
  } while (at < names->size());
  co_return Result<>{};
}

Task<> ImportJob::EraseSettledNotes(OpContext context) {
  std::string begin = keys::NameNotesOf(attachment_->container);
  const std::string end = PrefixEnd(begin);
  while (true) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    auto next = std::make_shared<std::string>();
    FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
        [begin, end, next](kv::Transaction& txn) -> Result<> {
          next->clear();
          std::vector<std::string> done;
          auto it = txn.Scan(begin, end);
          for (std::size_t seen = 0; it->Valid(); it->Next(), ++seen) {
            if (seen == kNotesPerTransaction) {
              *next = it->key();
              break;
            }
            FB_ASSIGN_OR_RETURN(const meta::NameNote note, meta::DecodeNameNote(it->value()));
            // A tombstone whose delete has travelled only kept listed pages from bringing it back.
            const bool travelled = note.kind == meta::NoteKind::kTombstone && note.unsent == 0;
            if (note.kind == meta::NoteKind::kAbsent || travelled) done.emplace_back(it->key());
          }
          FB_RETURN_IF_ERROR(it->status());
          for (const std::string& key : done) txn.Erase(key);
          return {};
        },
        kv::Durability::kLazy));
    if (next->empty()) co_return Result<>{};
    begin = *next;
  }
}

Task<> ImportJob::Finish(OpContext context) {
  FB_CO_RETURN_IF_ERROR(co_await Lease(context));
  position_.finished = services_.clock.Now();
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [this, position = position_, job = JobName(), count_key = CountKey(),
       token = token_](kv::Transaction& txn) -> Result<> {
        FB_RETURN_IF_ERROR(meta::CheckLease(txn, job, token));
        FB_ASSIGN_OR_RETURN(meta::ContainerRecord container, AttachedContainer(txn, *attachment_));
        container.lake.importing = false;
        txn.Put(keys::Container(attachment_->record.account, attachment_->record.container),
                meta::Encode(container));
        txn.Put(keys::ImportProgress(container.id), meta::Encode(position));
        txn.Put(count_key, Encoder().U8(1).Varint(position.names).str());
        return {};
      }));
  Log(LogLevel::kInfo, "import finished",
      {{"container", attachment_->record.container},
       {"names", std::to_string(position_.names)},
       {"left_alone", std::to_string(report_.conflicts)}});
  co_return co_await EraseSettledNotes(std::move(context));
}

// By lake, not by container: it is for who attaches the same one again.
std::string ImportJob::CountKey() const {
  return keys::Setting("lake-names/" + attachment_->record.endpoint + "/" +
                       attachment_->record.prefix);
}

Task<> ImportJob::LoadCountBefore() {
  FB_CO_ASSIGN_OR_RETURN(const auto stored,
                         co_await engine::ReadMeta(services_, [this](const kv::Reader& reader) {
                           return reader.Get(CountKey());
                         }));
  if (!stored) co_return Result<>{};
  Decoder in(*stored);
  const std::uint8_t version = in.U8();
  const std::uint64_t names = in.Varint();
  if (version == 1 && in.Finish("a count of names")) {
    estimate_.SetBefore(names);
    expected_ = estimate_.expected().value_or(0);
  }
  co_return Result<>{};
}

// The first level from the top with more than one entry, all of it; larger ones tell nothing.
Task<> ImportJob::LookForLevel(lake::LakeCall call) {
  lake::ListRequest request;
  request.delimiter = "/";
  request.metadata = request.copy = false;
  std::vector<std::string> directories, names;
  for (int level = 0, pages = 0; level < kMaxLevels && pages < kMaxLevelPages;) {
    FB_CO_ASSIGN_OR_RETURN(lake::ListPage page, co_await attachment_->lake->List(call, request));
    ++pages;
    for (std::string& prefix : page.prefixes) directories.push_back(std::move(prefix));
    for (const lake::BlobState& blob : page.blobs) names.push_back(blob.name.str());
    request.marker = page.next_marker;
    if (!request.marker.empty()) continue;
    if (directories.size() != 1 || !names.empty()) {
      std::ranges::sort(directories);
      std::ranges::sort(names);
      estimate_.SetLevel(std::move(directories), std::move(names));
      break;
    }
    request.prefix = std::move(directories.front());
    directories.clear();
    ++level;
    pages = 0;
  }
  co_return Result<>{};
}

Task<> ImportJob::Run(OpContext context) {
  FB_CO_RETURN_IF_ERROR(co_await Lease(context));
  FB_CO_ASSIGN_OR_RETURN(position_, co_await LoadPosition(context));
  started_ = services_.clock.SteadyNow();
  names_ = position_.names;
  names_at_start_ = position_.names;
  bytes_ = position_.bytes;
  if (position_.finished.ticks != 0) {
    finished_ = true;
    co_return co_await EraseSettledNotes(std::move(context));
  }
  FB_CO_RETURN_IF_ERROR(co_await LoadCountBefore());
  lake::ListRequest request;
  request.max_results = page_size;
  request.tags = true;
  request.marker = position_.marker;
  const lake::LakeCall call{context, lake::Cause::kImport};
  Result<lake::ListPage> page = co_await attachment_->lake->List(call, request);
  while (true) {
    if (!page) co_return Fail(std::move(page.error()));
    const std::string next_marker = page->next_marker;
    Result<lake::ListPage> ahead;
    TaskGroup group(co_await boost::asio::this_coro::executor);
    if (!next_marker.empty()) {
      request.marker = next_marker;
      const Executor here = co_await boost::asio::this_coro::executor;
      group.Spawn(listing.value_or(here), ListInto(attachment_->lake, call, request, &ahead));
    }
    auto stored = co_await StorePage(context, std::move(*page), next_marker);
    // Between two pages, as the estimate is nobody else's.
    if (stored && position_.names >= estimate_from && !next_marker.empty() &&
        !std::exchange(looked_for_level_, true)) {
      (void)co_await LookForLevel(call);
    }
    (void)co_await group.Join();
    FB_CO_RETURN_IF_ERROR(std::move(stored));
    if (next_marker.empty()) break;
    page = std::move(ahead);
  }
  FB_CO_RETURN_IF_ERROR(co_await Finish(context));
  finished_ = true;
  co_return Result<>{};
}

}  // namespace forebay::tier
