#include "tier/attach.h"

#include <utility>

#include "azure/attach_trail.h"
#include "base/codec.h"
#include "base/log.h"
#include "base/uuid.h"
#include "engine/create_container.h"
#include "engine/get_container.h"
#include "engine/lake_objects.h"
#include "engine/read_gate.h"
#include "engine/references.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "meta/tag_index.h"
#include "tier/offload_log.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

constexpr std::size_t kNamesPerStep = 40;
// Of each of five tables, in a transaction that holds a thousand.
constexpr std::size_t kKeysPerStep = 180;

Result<> CheckCredential(const std::string& credential) {
  if (credential == "anonymous" || credential == "managed-identity" ||
      credential.starts_with("managed-identity:") || credential == "workload-identity") {
    return {};
  }
  const std::size_t colon = credential.find(':');
  if (colon != std::string::npos && credential.substr(colon + 1).starts_with("@/")) return {};
  return Fail(Code::kInvalidInput,
              "A credential is given by where it is kept, such as sas:@/etc/forebay/lake.sas, "
              "managed-identity or workload-identity.");
}

Result<> CheckAttachable(const kv::Reader& reader, const meta::ContainerRecord& container,
                         meta::LakeMode mode) {
  if (container.lake.attached()) {
    return Fail(Code::kResourceAlreadyExists, "The container is attached to a lake already.");
  }
  if (mode == meta::LakeMode::kCapacity) return {};
  const auto names = meta::NamespaceOf(container).List(reader, container.id, "");
  if (names->Valid()) {
    return Fail(Code::kResourceAlreadyExists,
                "The container is not empty; attach an empty one, so that nobody's blobs are in "
                "question.");
  }
  return names->status();
}

// What is to be attached: the container that is there, or the one to be made.
struct Subject {
  meta::ContainerRecord container;
  bool is_new = false;
};

Result<Subject> FindSubject(engine::Services& services, const kv::Reader& reader,
                            const AttachRequest& request) {
  auto found =
      engine::RequireContainer(reader, request.target.account.name, request.target.container);
  if (found) {
    FB_RETURN_IF_ERROR(CheckAttachable(reader, *found, request.mode));
    return Subject{std::move(*found)};
  }
  if (!request.create || found.error().code() != Code::kContainerNotFound) {
    return Fail(std::move(found.error()));
  }
  FB_ASSIGN_OR_RETURN(meta::ContainerRecord made,
                      engine::NewContainer(services, {.target = request.target}));
  return Subject{std::move(made), true};
}

// In the transaction that attaches it: the same container, still attachable, or still none.
Result<meta::ContainerRecord> StillSubject(const kv::Reader& reader,
                                           const engine::ContainerTarget& target,
                                           const Subject& subject, meta::LakeMode mode) {
  auto now = engine::RequireContainer(reader, target.account.name, target.container);
  if (!now && subject.is_new && now.error().code() == Code::kContainerNotFound) {
    return subject.container;
  }
  if (!now) return Fail(std::move(now.error()));
  if (subject.is_new) {
    return Fail(Code::kContainerAlreadyExists, "Somebody else has made the container meanwhile.");
  }
  FB_RETURN_IF_ERROR(CheckAttachable(reader, *now, mode));
  if (now->id != subject.container.id) {
    return Fail(Code::kContainerNotFound, "The container was deleted and made anew.");
  }
  return std::move(*now);
}

// Erases up to kKeysPerStep keys under the prefix; true when none are left.
Result<bool> EraseSome(kv::Transaction& txn, const std::string& prefix) {
  std::vector<std::string> doomed;
  {
    auto it = txn.Scan(prefix, PrefixEnd(prefix));
    for (; it->Valid() && doomed.size() < kKeysPerStep; it->Next()) doomed.emplace_back(it->key());
    FB_RETURN_IF_ERROR(it->status());
  }
  for (const std::string& key : doomed) txn.Erase(key);
  return doomed.size() < kKeysPerStep;
}

// Bytes that overflow into this server itself would stay on the disks that they are to leave.
Result<> CheckNotHere(const std::string& endpoint, const IsOwnEndpoint& is_own) {
  const auto at = lake::ParseLakeEndpoint(endpoint);
  if (!at || !is_own(*at)) return {};
  return Fail(
      Code::kInvalidInput,
      "The endpoint is a container of this server itself: " + endpoint +
          ". What does not fit on its disks cannot overflow into it; name a lake elsewhere.");
}

Task<> CheckElsewhere(engine::Services& services, const AttachRequest& request,
                      IsOwnEndpoint is_own) {
  if (!is_own || request.mode != meta::LakeMode::kCapacity) co_return Result<>{};
  co_return co_await services.pool.Run([endpoint = request.endpoint, is_own = std::move(is_own)] {
    return CheckNotHere(endpoint, is_own);
  });
}

// What the lake said when it was asked where it leads (tier/attach_trails.h).
Result<> CheckNoCircle(const AttachRequest& request, const std::string& leads_back) {
  const std::string name = request.target.account.name.str() + "/" + request.target.container.str();
  if (leads_back.empty()) return {};
  if (leads_back == azure::kLeadsWhoKnowsWhere) {
    return Fail(Code::kInvalidInput,
                "Whether the endpoint leads back to this container cannot be told: it is a "
                "Forebay's, and a lake behind it is out of reach. Attach when it is back.");
  }
  if (leads_back == name) {
    return Fail(Code::kInvalidInput, "The endpoint is this container itself: " + request.endpoint +
                                         " is served by this server. Name the lake's own address.");
  }
  return Fail(Code::kInvalidInput, "The endpoint leads back to this container, by way of others: " +
                                       name + " -> " + leads_back + ".");
}

// A part of the lake that nobody else has, whoever else was given the same prefix: everything below
// it is ours, and what no record of ours refers to may be deleted.
std::string OwnPrefix(std::string prefix) {
  if (!prefix.empty() && !prefix.ends_with('/')) prefix += '/';
  return prefix + "forebay-" + NewUuid() + "/";
}

Result<meta::ContainerRecord> DetachingContainer(const kv::Reader& reader,
                                                 const engine::ContainerTarget& target) {
  FB_ASSIGN_OR_RETURN(meta::ContainerRecord container,
                      engine::RequireContainer(reader, target.account.name, target.container));
  if (container.lake.attached()) return container;
  return Fail(Code::kResourceNotFound, "The container is not attached to a lake.");
}

// Some names from `start` on: takes out those without bytes here, cuts the others' tie to the lake.
// `start` becomes where to go on; empty at the end.
Result<> DetachStep(engine::Services& services, kv::Transaction& txn,
                    const engine::ContainerTarget& target, std::string& start) {
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, DetachingContainer(txn, target));
  const meta::Namespace& names = meta::NamespaceOf(container);
  std::vector<std::pair<std::string, meta::BlobRecord>> some;
  {
    auto cursor = names.List(txn, container.id, "");
    if (!start.empty()) cursor->Seek(start);
    start.clear();
    for (; cursor->Valid(); cursor->Next()) {
      if (some.size() == kNamesPerStep) {
        start = cursor->name();
        break;
      }
      FB_ASSIGN_OR_RETURN(meta::BlobRecord record, cursor->record());
      some.emplace_back(cursor->name(), std::move(record));
    }
    FB_RETURN_IF_ERROR(cursor->status());
  }
  for (auto& [name, record] : some) {
    if (record.directory) continue;
    if (!record.body.in_lake) {
      if (!record.lake) continue;
      record.lake.reset();
      FB_RETURN_IF_ERROR(names.Put(txn, container.id, name, record, services.ids));
      continue;
    }
    FB_RETURN_IF_ERROR(names.Erase(txn, container.id, name));
    FB_RETURN_IF_ERROR(engine::ReleaseBody(services.chunks, txn, record, services.clock.Now()));
    meta::UnindexTags(txn, container.id, name, record.tags);
  }
  return {};
}

// Gives up what entries of the log hold, and the entries; true when none are left.
Result<bool> DropLogStep(engine::Services& services, kv::Transaction& txn,
                         const engine::ContainerTarget& target) {
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, DetachingContainer(txn, target));
  FB_ASSIGN_OR_RETURN(const LogPage page, ReadLog(txn, container.id, "", 1, kNamesPerStep));
  for (const LoggedChangePtr& change : page.entries) {
    FB_RETURN_IF_ERROR(ReleaseHeld(services, txn, container, *change, services.clock.Now()));
    txn.Erase(change->key);
  }
  return page.end;
}

Task<> DropLog(engine::Services& services, OpContext context, engine::ContainerTarget target) {
  auto done = std::make_shared<bool>(false);
  while (!*done) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
        [&services, target, done](kv::Transaction& txn) -> Result<> {
          FB_ASSIGN_OR_RETURN(*done, DropLogStep(services, txn, target));
          return {};
        },
        kv::Durability::kLazy));
  }
  co_return Result<>{};
}

// The last records of the attachment; true when it is done.
Result<bool> ForgetStep(kv::Transaction& txn, const engine::ContainerTarget& target) {
  FB_ASSIGN_OR_RETURN(meta::ContainerRecord container, DetachingContainer(txn, target));
  for (const std::string& prefix :
       {keys::NameNotesOf(container.id), keys::GoneNamesOf(container.id),
        keys::Changes(container.id), keys::LakeDecisions(container.id),
        keys::LakeTable(container.id)}) {
    FB_ASSIGN_OR_RETURN(const bool clean, EraseSome(txn, prefix));
    if (!clean) return false;
  }
  container.lake = {};
  txn.Put(keys::Container(target.account.name.view(), target.container.view()),
          meta::Encode(container));
  return true;
}

}  // namespace

Task<AttachmentPtr> Attach(engine::Services& services, OpContext context, Attachments& attachments,
                           AttachTrails& trails, AttachRequest request, IsOwnEndpoint is_own) {
  FB_CO_RETURN_IF_ERROR(CheckCredential(request.credential));
  FB_CO_RETURN_IF_ERROR(co_await CheckElsewhere(services, request, std::move(is_own)));
  const bool capacity = request.mode == meta::LakeMode::kCapacity;
  if (capacity && request.acknowledge == meta::Acknowledge::kLake) {
    co_return Fail(Code::kInvalidInput,
                   "A container that overflows into a lake is kept here: there is nothing to wait "
                   "for in the lake before a write is answered.");
  }
  FB_CO_ASSIGN_OR_RETURN(const Subject subject,
                         co_await engine::ReadMeta(services, [&](const kv::Reader& reader) {
                           return FindSubject(services, reader, request);
                         }));
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t generation, services.ids.Next());
  meta::AttachRecord record;
  record.mode = request.mode;
  record.account = request.target.account.name.str();
  record.container = request.target.container.str();
  record.endpoint = request.endpoint;
  record.credential = request.credential;
  record.prefix = capacity ? OwnPrefix(request.prefix) : request.prefix;
  record.ordering = request.ordering;
  record.acknowledge = request.acknowledge;
  record.conflicts = request.conflicts;
  record.attached = services.clock.Now();
  record.generation = generation;
  FB_CO_ASSIGN_OR_RETURN(AttachmentPtr attachment, attachments.Make(subject.container.id, record));
  const AttachTrails::UnderWay under_way(trails, request.target, attachment->lake);
  FB_CO_ASSIGN_OR_RETURN(const lake::LakeTraits traits,
                         co_await attachment->lake->Probe({context, lake::Cause::kAdmin},
                                                          {.trail = under_way.trail()}));
  FB_CO_RETURN_IF_ERROR(CheckNoCircle(request, traits.leads_back));
  attachment->record.lake_hierarchical = traits.hierarchical;
  if (subject.is_new) {
    FB_CO_RETURN_IF_ERROR(co_await services.AwaitRoom(engine::Growth::kRecords, context));
  }
  // A process that ends here leaves an object below a prefix that nobody will ever use.
  if (capacity) FB_CO_RETURN_IF_ERROR(co_await attachment->owner->Require(context));
  auto done = co_await services.store.Transact(
      [target = request.target, subject, attachment](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(meta::ContainerRecord now,
                            StillSubject(txn, target, subject, attachment->record.mode));
        now.lake.mode = attachment->record.mode;
        now.lake.importing = now.lake.mirrors();
        txn.Put(keys::Container(target.account.name.view(), target.container.view()),
                meta::Encode(now));
        txn.Put(keys::Attachment(now.id), meta::Encode(attachment->record));
        if (!now.lake.importing) return {};
        meta::ImportRecord position;
        position.started = attachment->record.attached;
        txn.Put(keys::ImportProgress(now.id), meta::Encode(position));
        return {};
      });
  if (!done) {
    // Where it is attached all the same, whoever opens the store next writes it anew.
    if (capacity) (void)co_await attachment->owner->Leave(std::move(context));
    co_return Fail(std::move(done.error()));
  }
  attachments.Add(attachment);
  Log(LogLevel::kInfo, "container attached",
      {{"container", record.container}, {"lake", attachment->lake->description()}});
  co_return attachment;
}

Task<> Detach(engine::Services& services, OpContext context, Attachments& attachments,
              engine::ContainerTarget target, DetachHow how) {
  auto id = std::make_shared<meta::ContainerId>();
  FB_CO_RETURN_IF_ERROR(
      co_await services.store.Transact([target, id, how](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(meta::ContainerRecord container, DetachingContainer(txn, target));
        *id = container.id;
        FB_ASSIGN_OR_RETURN(auto noted, txn.Get(keys::ChangesNoted(container.id)));
        FB_ASSIGN_OR_RETURN(auto erased, txn.Get(keys::ChangesErased(container.id)));
        const bool detaching = container.lake.mode == meta::LakeMode::kDetaching;
        if (kv::CounterValue(noted) != kv::CounterValue(erased) && how == DetachHow::kDrain &&
            !detaching) {
          return Fail(Code::kBusy,
                      "Changes have not reached the lake yet; try again when the "
                      "backlog is empty.");
        }
        FB_ASSIGN_OR_RETURN(const auto there, engine::CountLakeObjects(txn, container.id));
        FB_ASSIGN_OR_RETURN(const auto doomed, engine::DoomedLakeObjects(txn, container.id, 1));
        if (there.objects > 0 || (!doomed.empty() && how == DetachHow::kDrain && !detaching)) {
          return Fail(Code::kBusy, "Bodies of the container lie in the lake still.");
        }
        container.lake = {meta::LakeMode::kDetaching, false};
        txn.Put(keys::Container(target.account.name.view(), target.container.view()),
                meta::Encode(container));
        return {};
      }));
  attachments.Remove(*id);
  FB_CO_RETURN_IF_ERROR(co_await DropLog(services, context, target));
  auto start = std::make_shared<std::string>();
  do {
    FB_CO_RETURN_IF_ERROR(context.Check());
    auto next = std::make_shared<std::string>();
    FB_CO_RETURN_IF_ERROR(co_await services.store.Transact(
        [&services, target, from = *start, next](kv::Transaction& txn) -> Result<> {
          *next = from;
          return DetachStep(services, txn, target, *next);
        },
        kv::Durability::kLazy));
    *start = *next;
  } while (!start->empty());
  auto done = std::make_shared<bool>(false);
  while (!*done) {
    FB_CO_RETURN_IF_ERROR(
        co_await services.store.Transact([target, done](kv::Transaction& txn) -> Result<> {
          FB_ASSIGN_OR_RETURN(*done, ForgetStep(txn, target));
          return {};
        }));
  }
  Log(LogLevel::kInfo, "container detached", {{"container", target.container.view()}});
  co_return Result<>{};
}

}  // namespace forebay::tier
