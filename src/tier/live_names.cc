#include "tier/live_names.h"

#include <algorithm>

#include "base/codec.h"
#include "engine/get_container.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/overflow_lost.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

constexpr std::uint32_t kLakePage = 5000;

lake::LakeCall CallOf(OpContext context) { return {std::move(context), lake::Cause::kReconcile}; }

bool IsGone(const Error& error) {
  return error.code() == Code::kBlobNotFound || error.code() == Code::kPathNotFound;
}

}  // namespace

Result<meta::ContainerRecord> AttachedContainer(const kv::Reader& reader,
                                                const Attachment& attachment) {
  auto container = engine::RequireContainer(reader, azure::AccountName(attachment.record.account),
                                            azure::ContainerName(attachment.record.container));
  if (!container && container.error().code() != Code::kContainerNotFound) return container;
  if (container && container->id == attachment.container) {
    FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::Attachment(container->id)));
    if (stored) {
      FB_ASSIGN_OR_RETURN(const meta::AttachRecord record, meta::DecodeAttach(*stored));
      const bool same = record.generation == attachment.record.generation;
      if (same && container->lake.mode == attachment.record.mode) return container;
    }
  }
  return Fail(Code::kStale, "The container has been detached.");
}

Task<> LiveNames::NoteAbsent(AttachmentPtr attachment, std::string name) {
  co_return co_await services_.store.Transact(
      [this, attachment, name](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(txn, *attachment));
        if (!container.lake.importing) return {};
        const meta::Namespace& names = meta::NamespaceOf(container);
        FB_ASSIGN_OR_RETURN(auto existing, names.Find(txn, container.id, name));
        const std::string key = keys::NameNote(container.id, name);
        FB_ASSIGN_OR_RETURN(auto noted, txn.Get(key));
        if (existing || noted) return {};
        meta::NameNote note;
        note.since = services_.clock.Now();
        txn.Put(key, meta::Encode(note));
        return {};
      },
      kv::Durability::kLazy);
}

Task<> LiveNames::Store(OpContext context, AttachmentPtr attachment, const lake::ListPage& page,
                        bool directories, std::optional<std::string> expected) {
  std::vector<lake::BlobState> states = page.blobs;
  if (directories) {
    for (const std::string& prefix : page.prefixes) {
      lake::BlobState state;
      state.name = azure::BlobName(prefix);
      state.directory = true;
      state.properties.created = state.properties.last_modified = services_.clock.Now();
      states.push_back(std::move(state));
    }
  }
  for (std::size_t first = 0; first < states.size();) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    auto batch = std::make_shared<std::vector<IncomingName>>();
    std::size_t bytes = 0;
    for (; first < states.size() && batch->size() < kNamesPerTransaction &&
           bytes < kNameBytesPerTransaction;
         ++first) {
      FB_CO_ASSIGN_OR_RETURN(IncomingName incoming, Incoming(services_, states[first]));
      incoming.expected = expected;
      bytes += 2 * incoming.name.size() + meta::Encode(incoming.record).size();
      batch->push_back(std::move(incoming));
    }
    FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
        [this, attachment, batch](kv::Transaction& txn) -> Result<> {
          FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                              AttachedContainer(txn, *attachment));
          for (const IncomingName& incoming : *batch) {
            FB_RETURN_IF_ERROR(ApplyName(services_, txn, container, incoming));
          }
          return {};
        },
        kv::Durability::kLazy));
  }
  co_return Result<>{};
}

Task<> LiveNames::LookForDirectory(OpContext context, AttachmentPtr attachment, std::string name) {
  lake::ListRequest request;
  request.prefix = name + "/";
  request.max_results = 1;
  request.tags = true;
  FB_CO_ASSIGN_OR_RETURN(lake::ListPage page,
                         co_await attachment->lake->List(CallOf(context), std::move(request)));
  if (page.blobs.empty()) co_return co_await NoteAbsent(attachment, std::move(name));
  // The record of what is in it makes the directory.
  co_return co_await Store(std::move(context), attachment, page, false);
}

Task<> LiveNames::LookUpNow(OpContext context, AttachmentPtr attachment, std::string name) {
  auto state = co_await attachment->lake->Head(
      CallOf(context), {.name = azure::BlobName(name), .conditions = {}, .tags = true});
  if (state) {
    lake::ListPage page;
    page.blobs.push_back(std::move(*state));
    page.blobs.front().name = azure::BlobName(name);
    co_return co_await Store(std::move(context), attachment, page, false);
  }
  if (!IsGone(state.error())) co_return Fail(std::move(state.error()));
  FB_CO_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                         co_await engine::ReadMeta(services_, [&](const kv::Reader& reader) {
                           return AttachedContainer(reader, *attachment);
                         }));
  if (container.hierarchical) {
    co_return co_await LookForDirectory(std::move(context), attachment, std::move(name));
  }
  co_return co_await NoteAbsent(attachment, std::move(name));
}

// Who found the name unknown may arrive here when somebody else's flight has just landed.
Task<> LiveNames::LookUpUnlessKnown(OpContext context, AttachmentPtr attachment, std::string name) {
  FB_CO_ASSIGN_OR_RETURN(
      const bool known,
      co_await engine::ReadMeta(services_, [&](const kv::Reader& reader) -> Result<bool> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(reader, *attachment));
        FB_ASSIGN_OR_RETURN(auto entry,
                            meta::NamespaceOf(container).Find(reader, container.id, name));
        if (entry) return true;
        FB_ASSIGN_OR_RETURN(auto note, reader.Get(keys::NameNote(container.id, name)));
        return note.has_value();
      }));
  if (known) co_return Result<>{};
  co_return co_await LookUpNow(std::move(context), std::move(attachment), std::move(name));
}

Task<> LiveNames::LookUp(OpContext context, AttachmentPtr attachment, std::string name) {
  const std::string key = "look/" + std::to_string(attachment->container.value()) + "/" + name;
  co_return co_await flights_.Run(context, key,
                                  [&] { return LookUpUnlessKnown(context, attachment, name); });
}

Task<engine::ListingCover> LiveNames::Cover(OpContext context, AttachmentPtr attachment,
                                            engine::ListingSpan span) {
  const bool flat = !span.container.hierarchical;
  lake::ListRequest request;
  request.prefix = span.prefix;
  request.delimiter = span.delimiter;
  request.tags = true;
  request.max_results = flat ? static_cast<std::uint32_t>(span.max_results) : kLakePage;
  if (flat) {
    // What the import's cursor has passed is in the records.
    FB_CO_ASSIGN_OR_RETURN(
        std::string last,
        co_await engine::ReadMeta(services_, [&](const kv::Reader& reader) -> Result<std::string> {
          FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::ImportProgress(attachment->container)));
          if (!stored) return std::string();
          FB_ASSIGN_OR_RETURN(const meta::ImportRecord progress, meta::DecodeImport(*stored));
          return progress.last;
        }));
    const std::string end = PrefixEnd(span.prefix);
    if (!end.empty() && last >= end) co_return engine::ListingCover{};
    request.start_from = std::max({span.start, span.prefix, last});
    // A page that ended behind a name goes on with the name and a zero byte; the lake takes the
    // name.
    while (!request.start_from.empty() && request.start_from.back() == '\0') {
      request.start_from.pop_back();
    }
  }
  engine::ListingCover cover;
  std::size_t found = 0;
  while (true) {
    FB_CO_ASSIGN_OR_RETURN(lake::ListPage page,
                           co_await attachment->lake->List(CallOf(context), request));
    FB_CO_RETURN_IF_ERROR(co_await Store(context, attachment, page, !flat));
    if (flat) {
      cover.prefixes.insert(cover.prefixes.end(), page.prefixes.begin(), page.prefixes.end());
    }
    found += page.blobs.size() + page.prefixes.size();
    if (page.next_marker.empty()) {
      cover.until.clear();
      break;
    }
    if (flat && found >= span.max_results) {
      if (!page.blobs.empty()) cover.until = page.blobs.back().name.str() + '\0';
      if (!page.prefixes.empty()) {
        cover.until = std::max(cover.until, PrefixEnd(page.prefixes.back()));
      }
      // The lake may begin with a name that the page before has shown.
      if (cover.until > span.start) break;
    }
    request.marker = std::move(page.next_marker);
  }
  std::ranges::sort(cover.prefixes);
  co_return cover;
}

Task<> LiveNames::RefreshNow(OpContext context, AttachmentPtr attachment, std::string name,
                             std::string lake_name, std::string etag) {
  auto state = co_await attachment->lake->Head(
      CallOf(context), {.name = azure::BlobName(lake_name), .conditions = {}, .tags = true});
  if (state) {
    state->name = azure::BlobName(name);
    lake::ListPage page;
    page.blobs.push_back(std::move(*state));
    co_return co_await Store(std::move(context), attachment, page, false, std::move(etag));
  }
  if (!IsGone(state.error())) co_return Fail(std::move(state.error()));
  co_return co_await services_.store.Transact([this, attachment, name,
                                               etag](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, AttachedContainer(txn, *attachment));
    FB_RETURN_IF_ERROR(DropName(services_, txn, container, name, etag, services_.clock.Now()));
    return {};
  });
}

Task<> LiveNames::Refresh(OpContext context, AttachmentPtr attachment, std::string name,
                          std::string lake_name, std::string etag) {
  if (attachment->record.mode == meta::LakeMode::kCapacity) {
    co_return co_await CheckObject(services_, std::move(context), std::move(attachment),
                                   std::move(name), std::move(lake_name), std::move(etag));
  }
  const std::string key = "refresh/" + std::to_string(attachment->container.value()) + "/" + name;
  co_return co_await flights_.Run(
      context, key, [&] { return RefreshNow(context, attachment, name, lake_name, etag); });
}

engine::BlobTarget TargetOf(const Attachment& attachment, const std::string& name) {
  return {{azure::AccountName(attachment.record.account), false},
          azure::ContainerName(attachment.record.container),
          azure::BlobName(name)};
}

}  // namespace forebay::tier
