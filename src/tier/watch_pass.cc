#include "tier/watch_pass.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/uuid.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "meta/path.h"
#include "tier/events.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

constexpr std::uint8_t kVersion = 1;
constexpr std::chrono::minutes kLease{1};
// Records that one look at the store goes through, and names it may find gone.
constexpr std::size_t kRecordsPerLook = 20'000;
constexpr std::size_t kGonePerLook = 5'000;

std::uint64_t HashOf(std::string_view name) { return Crc64(AsBytes(name)); }

bool Less(const meta::ContainerRecord& container, std::string_view a, std::string_view b) {
  return container.hierarchical ? meta::ComparePaths(a, b) < 0 : a < b;
}

// True where the record says that the lake has exactly this under this name: nothing of ours is on
// its way, and the name is the same there.
bool MirrorsLake(const meta::BlobRecord& record) {
  return record.lake && record.lake->unsent == 0 && !record.lake->etag.empty() &&
         record.lake->name.empty();
}

}  // namespace

std::string Encode(const WalkRecord& r) {
  Encoder out;
  out.U8(kVersion).Signed(r.started.ticks).Signed(r.finished.ticks).String(r.marker);
  out.String(r.last).Varint(r.names).Varint(r.changed).Varint(r.deleted).Varint(r.conflicts);
  return out.Take();
}

Result<WalkRecord> DecodeWalk(std::string_view text) {
  Decoder in(text);
  if (const std::uint8_t version = in.U8(); in.ok() && version != kVersion) {
    return Fail(Code::kCorruption, "The position of a walk of version " + std::to_string(version) +
                                       " was written by a newer Forebay; run that version.");
  }
  WalkRecord r;
  r.started.ticks = in.Signed();
  r.finished.ticks = in.Signed();
  r.marker = in.String();
  r.last = in.String();
  r.names = in.Varint();
  r.changed = in.Varint();
  r.deleted = in.Varint();
  r.conflicts = in.Varint();
  FB_RETURN_IF_ERROR(in.Finish("the position of a walk"));
  return r;
}

Result<WalkRecord> LoadWalk(const kv::Reader& reader, meta::ContainerId container) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::LakeWalk(container)));
  if (!stored) return WalkRecord{};
  return DecodeWalk(*stored);
}

WatchPass::WatchPass(engine::Services& services, LiveNames& names, AttachmentPtr attachment)
    : services_(services),
      names_(names),
      attachment_(std::move(attachment)),
      owner_(RandomU64() | 1ULL) {}

std::string WatchPass::JobName() const {
  return "watch/" + std::to_string(attachment_->container.value());
}

Task<> WatchPass::Lease(OpContext context) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  const SteadyTime now = services_.clock.SteadyNow();
  if (now < leased_until_) co_return Result<>{};
  auto slot = std::make_shared<meta::FencingToken>();
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [job = JobName(), slot, owner = owner_,
       &clock = services_.clock](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(*slot, meta::AcquireLease(txn, job, owner, clock.Now(), kLease));
        return {};
      },
      kv::Durability::kLazy));
  token_ = *slot;
  leased_until_ = now + kLease / 3;
  co_return Result<>{};
}

Task<meta::ContainerRecord> WatchPass::Begin(OpContext context) {
  FB_CO_RETURN_IF_ERROR(co_await Lease(context));
  auto stored = std::make_shared<WalkRecord>();
  FB_CO_ASSIGN_OR_RETURN(
      const meta::ContainerRecord container,
      co_await engine::ReadMeta(services_,
                                [attachment = attachment_, stored](
                                    const kv::Reader& reader) -> Result<meta::ContainerRecord> {
                                  FB_ASSIGN_OR_RETURN(auto found,
                                                      AttachedContainer(reader, *attachment));
                                  FB_ASSIGN_OR_RETURN(*stored, LoadWalk(reader, found.id));
                                  return found;
                                }));
  if (container.lake.importing) {
    co_return Fail(Code::kBusy, "The names of the lake are still coming in.");
  }
  ordered_ = container.hierarchical == attachment_->record.lake_hierarchical;
  position_ = *stored;
  seen_.clear();
  directories_.clear();
  if (position_.started.ticks == 0 || !ordered_) {
    position_ = {};
    position_.finished = stored->finished;
    position_.started = services_.clock.Now();
  }
  co_return container;
}

// What is to become of one name that the lake lists.
Result<> WatchPass::Judge(const kv::Reader& before, const meta::ContainerRecord& container,
                          const lake::BlobState& state, std::size_t index,
                          const std::optional<meta::BlobRecord>& ours, Plan& plan) const {
  if (ours) {
    if (ours->lake && ours->lake->unsent != 0) return {};
    if (ours->lake && !ours->lake->name.empty()) return {};
    // Its ETag follows what is in it, and means nothing here.
    if (ours->directory && state.directory) return {};
    if (DiffersInLake(*ours, state)) {
      plan.changed.push_back({index, ours->lake ? ours->lake->etag : std::string()});
    }
    return {};
  }
  // It has another name here, or none: so it was when the lake was asked.
  if (trees_.MovesAway(state.name.str())) return {};
  FB_ASSIGN_OR_RETURN(auto stored, before.Get(keys::NameNote(container.id, state.name.str())));
  if (stored) {
    FB_ASSIGN_OR_RETURN(const meta::NameNote note, meta::DecodeNameNote(*stored));
    // Deleted or moved away here: the change log has it.
    if (note.kind != meta::NoteKind::kAbsent) return {};
  }
  plan.changed.push_back({index, std::string()});
  return {};
}

Result<WatchPass::Plan> WatchPass::Compare(const kv::Reader& before,
                                           const meta::ContainerRecord& container,
                                           const lake::ListPage& page, std::string from) const {
  Plan plan;
  auto cursor = meta::NamespaceOf(container).List(before, container.id, "");
  if (!from.empty()) cursor->Seek(from);
  if (cursor->Valid() && !from.empty() && cursor->name() == from) cursor->Next();
  // False where there is enough for one look.
  const auto gone = [&]() -> Result<bool> {
    FB_ASSIGN_OR_RETURN(const meta::BlobRecord record, cursor->record());
    const bool listed = !record.directory || attachment_->record.lake_hierarchical;
    const bool there = trees_.InLake(cursor->name()) == cursor->name();
    if (listed && there && MirrorsLake(record)) {
      plan.gone.push_back({cursor->name(), record.lake->etag, record.directory.has_value()});
    }
    from = cursor->name();
    cursor->Next();
    return plan.gone.size() < kGonePerLook;
  };
  for (std::size_t i = 0; i < page.blobs.size(); ++i) {
    const std::string& name = page.blobs[i].name.str();
    if (!from.empty() && !Less(container, from, name)) continue;
    while (cursor->Valid() && Less(container, cursor->name(), name)) {
      FB_ASSIGN_OR_RETURN(const bool room, gone());
      if (room) continue;
      plan.from = from;
      plan.more = true;
      return plan;
    }
    FB_RETURN_IF_ERROR(cursor->status());
    std::optional<meta::BlobRecord> ours;
    if (cursor->Valid() && cursor->name() == name) {
      FB_ASSIGN_OR_RETURN(ours, cursor->record());
      cursor->Next();
    }
    FB_RETURN_IF_ERROR(Judge(before, container, page.blobs[i], i, ours, plan));
    from = name;
  }
  while (page.next_marker.empty() && cursor->Valid()) {
    FB_ASSIGN_OR_RETURN(plan.more, gone());
    plan.more = !plan.more;
    if (plan.more) break;
  }
  FB_RETURN_IF_ERROR(cursor->status());
  plan.from = from;
  return plan;
}

Result<WatchPass::Plan> WatchPass::LookEachUp(const kv::Reader& before,
                                              const meta::ContainerRecord& container,
                                              const lake::ListPage& page) {
  Plan plan;
  const meta::Namespace& names = meta::NamespaceOf(container);
  for (std::size_t i = 0; i < page.blobs.size(); ++i) {
    const auto name = names.Normalize(page.blobs[i].name.str());
    std::optional<meta::BlobRecord> ours;
    if (name) {
      seen_.insert(HashOf(*name));
      FB_ASSIGN_OR_RETURN(ours, names.Find(before, container.id, *name));
    }
    FB_RETURN_IF_ERROR(Judge(before, container, page.blobs[i], i, ours, plan));
  }
  return plan;
}

Task<> WatchPass::Write(std::shared_ptr<std::vector<IncomingName>> incoming,
                        std::shared_ptr<std::vector<Gone>> gone) {
  struct Outcome {
    NamesReport names;
    std::uint64_t dropped = 0;
  };
  auto outcome = std::make_shared<Outcome>();
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [this, attachment = attachment_, incoming, gone, outcome, job = JobName(), token = token_,
       quiet = quiet()](kv::Transaction& txn) -> Result<> {
        *outcome = {};
        FB_RETURN_IF_ERROR(meta::CheckLease(txn, job, token));
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(txn, *attachment));
        for (const IncomingName& name : *incoming) {
          FB_ASSIGN_OR_RETURN(const NamesReport report, ApplyName(services_, txn, container, name));
          outcome->names.Add(report);
        }
        for (const Gone& name : *gone) {
          FB_ASSIGN_OR_RETURN(const bool dropped,
                              DropName(services_, txn, container, name.name, name.etag,
                                       services_.clock.Now(), quiet));
          outcome->dropped += dropped ? 1 : 0;
        }
        return {};
      },
      kv::Durability::kLazy));
  position_.changed += outcome->names.replaced + outcome->names.added;
  position_.conflicts += outcome->names.conflicts;
  position_.deleted += outcome->dropped;
  co_return Result<>{};
}

Task<> WatchPass::Apply(OpContext context, const lake::ListPage& page, Plan plan) {
  for (const Gone& gone : plan.gone) {
    if (gone.directory) directories_.push_back(gone);
  }
  std::erase_if(plan.gone, [](const Gone& gone) { return gone.directory; });
  std::size_t changed = 0, gone = 0;
  while (changed < plan.changed.size() || gone < plan.gone.size()) {
    FB_CO_RETURN_IF_ERROR(co_await Lease(context));
    auto incoming = std::make_shared<std::vector<IncomingName>>();
    auto doomed = std::make_shared<std::vector<Gone>>();
    std::size_t bytes = 0;
    for (; changed < plan.changed.size() && incoming->size() < kNamesPerTransaction &&
           bytes < kNameBytesPerTransaction;
         ++changed) {
      const Changed& difference = plan.changed[changed];
      FB_CO_ASSIGN_OR_RETURN(IncomingName name, Incoming(services_, page.blobs[difference.index]));
      name.expected = difference.expected;
      name.quiet = quiet();
      bytes += 2 * name.name.size() + meta::Encode(name.record).size();
      incoming->push_back(std::move(name));
    }
    // A blob that goes may have several keys of its own.
    for (;
         incoming->empty() && gone < plan.gone.size() && doomed->size() < kNamesPerTransaction / 4;
         ++gone) {
      doomed->push_back(plan.gone[gone]);
    }
    FB_CO_RETURN_IF_ERROR(co_await Write(std::move(incoming), std::move(doomed)));
  }
  co_return Result<>{};
}

Task<> WatchPass::Page(OpContext context, meta::ContainerRecord container,
                       const lake::ListPage& page, std::shared_ptr<kv::Reader> before) {
  position_.names += page.blobs.size();
  FB_CO_ASSIGN_OR_RETURN(trees_, PendingTrees::Load(*before, container));
  std::string from = position_.last;
  while (true) {
    FB_CO_ASSIGN_OR_RETURN(Plan plan, co_await services_.pool.Run([&] {
      return ordered_ ? Compare(*before, container, page, from)
                      : LookEachUp(*before, container, page);
    }));
    from = plan.from;
    const bool more = plan.more;
    FB_CO_RETURN_IF_ERROR(co_await Apply(context, page, std::move(plan)));
    if (!more) break;
  }
  position_.marker = page.next_marker;
  if (ordered_) position_.last = from;
  co_return Result<>{};
}

Task<> WatchPass::SavePosition(OpContext context) {
  FB_CO_RETURN_IF_ERROR(co_await Lease(std::move(context)));
  co_return co_await services_.store.Transact(
      [attachment = attachment_, position = position_, job = JobName(),
       token = token_](kv::Transaction& txn) -> Result<> {
        FB_RETURN_IF_ERROR(meta::CheckLease(txn, job, token));
        FB_RETURN_IF_ERROR(AttachedContainer(txn, *attachment));
        txn.Put(keys::LakeWalk(attachment->container), Encode(position));
        return {};
      },
      kv::Durability::kLazy);
}

// Records that no page has named: the next ones from `from` on.
Result<WatchPass::Plan> WatchPass::NotSeen(const kv::Reader& reader,
                                           const meta::ContainerRecord& container,
                                           std::string from) const {
  Plan plan;
  FB_ASSIGN_OR_RETURN(const PendingTrees trees, PendingTrees::Load(reader, container));
  auto cursor = meta::NamespaceOf(container).List(reader, container.id, "");
  if (!from.empty()) cursor->Seek(from);
  for (std::size_t looked = 0; cursor->Valid(); cursor->Next(), ++looked) {
    if (cursor->name() == from) continue;
    if (looked >= kRecordsPerLook || plan.gone.size() >= kGonePerLook) {
      plan.more = true;
      break;
    }
    plan.from = cursor->name();
    if (seen_.contains(HashOf(cursor->name()))) continue;
    FB_ASSIGN_OR_RETURN(const meta::BlobRecord record, cursor->record());
    if (record.directory || !MirrorsLake(record)) continue;
    if (trees.InLake(cursor->name()) != cursor->name()) continue;
    plan.gone.push_back({cursor->name(), record.lake->etag, false});
  }
  FB_RETURN_IF_ERROR(cursor->status());
  return plan;
}

Task<> WatchPass::AskForMissing(OpContext context, meta::ContainerRecord container) {
  std::string from;
  for (bool more = true; more;) {
    FB_CO_ASSIGN_OR_RETURN(const Plan plan,
                           co_await engine::ReadMetaOnPool(services_, [&](const kv::Reader& r) {
                             return NotSeen(r, container, from);
                           }));
    for (const Gone& missing : plan.gone) {
      FB_CO_RETURN_IF_ERROR(co_await Lease(context));
      FB_CO_RETURN_IF_ERROR(
          co_await names_.Refresh(context, attachment_, missing.name, missing.name, missing.etag));
      ++position_.deleted;
    }
    more = plan.more;
    from = plan.from;
  }
  co_return Result<>{};
}

// The deepest first: one that still holds something stays.
Task<> WatchPass::DropDirectories(OpContext context) {
  std::ranges::reverse(directories_);
  for (const Gone& directory : directories_) {
    FB_CO_RETURN_IF_ERROR(co_await Lease(context));
    auto one = std::make_shared<std::vector<Gone>>(1, directory);
    FB_CO_RETURN_IF_ERROR(
        co_await Write(std::make_shared<std::vector<IncomingName>>(), std::move(one)));
  }
  co_return Result<>{};
}

Task<> WatchPass::Finish(OpContext context) {
  const std::uint64_t told = kEventsOfAPass;
  const std::uint64_t all = position_.changed + position_.deleted;
  WalkRecord done = position_;
  done.started = {};
  done.finished = services_.clock.Now();
  done.marker.clear();
  done.last.clear();
  FB_CO_RETURN_IF_ERROR(co_await Lease(std::move(context)));
  FB_CO_RETURN_IF_ERROR(
      co_await services_.store.Transact([attachment = attachment_, done, all, job = JobName(),
                                         token = token_](kv::Transaction& txn) -> Result<> {
        FB_RETURN_IF_ERROR(meta::CheckLease(txn, job, token));
        FB_RETURN_IF_ERROR(AttachedContainer(txn, *attachment));
        txn.Put(keys::LakeWalk(attachment->container), Encode(done));
        if (all <= told) return {};
        NoteEvent(txn, attachment->container,
                  {.kind = EventKind::kMore,
                   .at = done.finished,
                   .text = "The lake's listing showed " + std::to_string(done.changed) +
                           " new or changed blobs and " + std::to_string(done.deleted) +
                           " deleted ones; not each of them has an event."});
        return {};
      }));
  position_ = done;
  co_return Result<>{};
}

Task<WalkRecord> WatchPass::Run(OpContext context) {
  FB_CO_ASSIGN_OR_RETURN(const meta::ContainerRecord container, co_await Begin(context));
  lake::ListRequest request;
  request.max_results = page_size;
  request.tags = true;
  request.marker = position_.marker;
  while (true) {
    FB_CO_RETURN_IF_ERROR(co_await Lease(context));
    const std::shared_ptr<kv::Reader> before = services_.store.GetSnapshot();
    FB_CO_ASSIGN_OR_RETURN(
        const lake::ListPage page,
        co_await attachment_->lake->List({context, lake::Cause::kReconcile}, request));
    FB_CO_RETURN_IF_ERROR(co_await Page(context, container, page, before));
    if (page.next_marker.empty()) break;
    request.marker = page.next_marker;
    if (ordered_) FB_CO_RETURN_IF_ERROR(co_await SavePosition(context));
  }
  if (!ordered_) FB_CO_RETURN_IF_ERROR(co_await AskForMissing(context, container));
  FB_CO_RETURN_IF_ERROR(co_await DropDirectories(context));
  FB_CO_RETURN_IF_ERROR(co_await Finish(context));
  co_return position_;
}

}  // namespace forebay::tier
