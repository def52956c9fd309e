#include "tier/evict_walk.h"

#include <map>

#include "base/codec.h"
#include "engine/read_gate.h"
#include "meta/extent.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "meta/placement_records.h"
#include "tier/evict_book.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

// Of a page, which ends after a body with more: it is a matter of minutes of work then.
constexpr std::size_t kMaxPieces = 20'000;

Result<> AddHints(const kv::Reader& reader, meta::BodyId body, std::size_t first,
                  std::vector<WalkedPiece>& pieces) {
  std::string page;
  std::uint32_t loaded = ~std::uint32_t{0};
  for (std::size_t i = first; i < pieces.size(); ++i) {
    const std::uint32_t part = pieces[i].key.part();
    const std::uint32_t wanted = part / meta::kEvictionHintsPerPage;
    if (wanted != loaded) {
      FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::EvictionHints(body, wanted)));
      page.clear();
      if (stored) {
        FB_ASSIGN_OR_RETURN(meta::EvictionHintsRecord record, meta::DecodeEvictionHints(*stored));
        page = std::move(record.hints);
      }
      loaded = wanted;
    }
    const std::size_t at = part % meta::kEvictionHintsPerPage;
    if (at < page.size()) pieces[i].hint = static_cast<EvictionHint>(page[at]);
  }
  return {};
}

Result<> AddPieces(const kv::Reader& reader, meta::BodyId body, std::vector<WalkedPiece>& pieces) {
  const std::size_t first = pieces.size();
  const std::string prefix = keys::RunsOf(body);
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    FB_ASSIGN_OR_RETURN(const meta::ExtentPage page, meta::DecodeExtentPage(it->value()));
    std::uint64_t length = 0;
    for (const meta::Extent& extent : page.extents) length += extent.length;
    const EvictionKey key = PieceOf(body, page.start);
    if (pieces.size() == first || pieces.back().key != key) {
      pieces.push_back({.key = key, .bytes = 0, .hint = 0});
    }
    pieces.back().bytes += static_cast<std::uint32_t>(length);
  }
  FB_RETURN_IF_ERROR(it->status());
  return AddHints(reader, body, first, pieces);
}

Result<bool> HomeIsMissing(const kv::Reader& reader, meta::ContainerId container,
                           const WalkedName& walked) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(keys::BodyHome(walked.record.body.id)));
  if (!stored) return true;
  FB_ASSIGN_OR_RETURN(const meta::BodyHomeRecord home, meta::DecodeBodyHome(*stored));
  return home.container != container || home.name != walked.name;
}

Result<WalkPage> ReadPage(const kv::Reader& reader, const WalkRequest& request) {
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                      AttachedContainer(reader, *request.attachment));
  WalkPage page;
  page.hierarchical = container.hierarchical;
  auto cursor = meta::NamespaceOf(container).List(reader, container.id, request.prefix);
  if (!request.start.empty()) cursor->Seek(request.start);
  std::size_t seen = 0;
  for (; cursor->Valid(); cursor->Next(), ++seen) {
    if (seen == request.max_names || page.pieces.size() >= kMaxPieces) {
      page.next = cursor->name();
      break;
    }
    FB_ASSIGN_OR_RETURN(meta::BlobRecord record, cursor->record());
    if (record.directory) continue;
    WalkedName walked{.name = cursor->name(), .record = std::move(record), .resident = {}};
    FB_ASSIGN_OR_RETURN(walked.resident, engine::ResidentOf(reader, walked.record));
    if (walked.record.body.in_lake && walked.resident.bytes > 0) {
      FB_ASSIGN_OR_RETURN(walked.home_missing, HomeIsMissing(reader, container.id, walked));
      if (request.pieces) {
        FB_RETURN_IF_ERROR(AddPieces(reader, walked.record.body.id, page.pieces));
      }
    }
    page.names.push_back(std::move(walked));
  }
  FB_RETURN_IF_ERROR(cursor->status());
  return page;
}

}  // namespace

Task<WalkPage> Walk(engine::Services& services, WalkRequest request) {
  co_return co_await engine::ReadMetaOnPool(
      services, [request = std::move(request)](const kv::Reader& reader) {
        return ReadPage(reader, request);
      });
}

Task<> WriteHome(engine::Services& services, AttachmentPtr attachment, std::string name,
                 meta::BodyId body) {
  co_return co_await services.store.Transact(
      [attachment, name, body](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                            AttachedContainer(txn, *attachment));
        FB_ASSIGN_OR_RETURN(auto record,
                            meta::NamespaceOf(container).Find(txn, container.id, name));
        if (!record || record->body.id != body || !record->body.in_lake) return {};
        txn.Put(keys::BodyHome(body), meta::Encode(meta::BodyHomeRecord{container.id, name}));
        return {};
      },
      kv::Durability::kLazy);
}

}  // namespace forebay::tier
