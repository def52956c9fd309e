#include "engine/get_blob.h"

#include <algorithm>

#include "engine/body_reader.h"
#include "engine/commit.h"
#include "engine/lake_side.h"
#include "engine/read_gate.h"
#include "engine/read_versions.h"
#include "meta/keys.h"
#include "meta/nodes.h"

namespace forebay::engine {
namespace {

// A blob that is overwritten between reading its record and pinning its bytes is looked up again.
constexpr int kMaxAttempts = 8;

struct Found {
  GetBlobResult result;
  BodyStart start;
};

Result<> ResolveRange(const GetBlobRequest& request, GetBlobResult& result) {
  const std::uint64_t size = result.record.length;
  result.offset = 0;
  result.length = size;
  if (!request.range) return {};
  if (request.range->offset >= size) {
    return Fail(Code::kInvalidRange,
                "The range specified is invalid for the current size of the resource.");
  }
  result.offset = request.range->offset;
  result.length = size - result.offset;
  if (request.range->length) result.length = std::min(result.length, *request.range->length);
  return {};
}

Result<> FindStart(const kv::Reader& reader, Found& found) {
  constexpr std::size_t kFirstExtents = 16;
  BodyStart& start = found.start;
  start.body = found.result.record.body;
  start.offset = found.result.offset;
  start.length = found.result.length;
  FB_ASSIGN_OR_RETURN(start.extents, meta::ExtentsOf(reader, start.body, start.offset, start.length,
                                                     kFirstExtents));
  // Inline bytes are read with the record: a snapshot keeps them, no pin does.
  if (start.body.paged) return {};
  for (const meta::Extent& extent : start.extents) {
    std::string& bytes = start.inline_data.emplace_back();
    if (!extent.is_inline()) continue;
    FB_ASSIGN_OR_RETURN(
        auto data, reader.Get(kv::Space::kInline, meta::keys::InlinePiece(extent.chunk.sequence)));
    if (!data) {
      return Fail(Code::kCorruption,
                  "Inline piece " + std::to_string(extent.chunk.sequence) + " is missing.");
    }
    bytes = std::move(*data);
  }
  return {};
}

// By name, or by node. kBlobNotFound, and the errors of engine/node.h.
Result<Place> PlaceOf(const kv::Reader& reader, const GetBlobRequest& request,
                      azure::PosixAttributes* attributes = nullptr) {
  if (!request.node) return RequireBlob(reader, request.target);
  FB_ASSIGN_OR_RETURN(const Node node, FindNode(reader, *request.node));
  FB_RETURN_IF_ERROR(RequireFileNode(node));
  if (attributes != nullptr) {
    FB_ASSIGN_OR_RETURN(*attributes, AttributesOf(reader, node, /*with_target=*/false));
  }
  return PlaceOfNode(node);
}

// On the heap: it is large, and goes through several hands.
Result<std::unique_ptr<Found>> Find(const kv::Reader& reader, const GetBlobRequest& request,
                                    WallTime now) {
  auto owned = std::make_unique<Found>();
  Found& found = *owned;
  auto place = PlaceOf(reader, request, &found.result.attributes);
  if (!place) return Fail(std::move(place.error()));
  found.result.record = std::move(*place->existing);
  found.result.hierarchical = place->container.hierarchical;
  const meta::BlobRecord& record = found.result.record;
  // The sweeper takes it soon; until then nobody sees it.
  if (record.expires && *record.expires <= now) {
    return Fail(Code::kBlobNotFound, "The specified blob does not exist.");
  }
  FB_RETURN_IF_ERROR(meta::CheckLeaseIfGiven(record.lease, request.conditions.lease_id,
                                             meta::LeasedThing::kBlob, now));
  if (!request.conditions.empty()) {
    auto held = azure::CheckRead(request.conditions, SubjectOf(record));
    if (!held) {
      if (held.error().code() != Code::kNotModified) return Fail(std::move(held.error()));
      found.result.not_modified = true;
      return owned;
    }
  }
  if (record.lake && !record.directory) {
    FB_ASSIGN_OR_RETURN(found.result.resident, ResidentOf(reader, record));
  }
  if (!request.want_body) {
    found.result.length = record.length;
    return owned;
  }
  if (record.tier == azure::AccessTier::kArchive) {
    return Fail(Code::kBlobArchived, "This operation is not permitted on an archived blob.");
  }
  FB_RETURN_IF_ERROR(ResolveRange(request, found.result));
  if (found.result.length > 0 && !record.body.in_lake) {
    FB_RETURN_IF_ERROR(FindStart(reader, found));
  }
  return owned;
}

// Bytes that the lake holds. kStale: what it says of the blob has changed, the record with it.
Task<> OpenInLake(Services& services, OpContext context, const GetBlobRequest& request,
                  GetBlobResult& result) {
  if (services.lake == nullptr) {
    co_return Fail(Code::kOffline, "The blob's lake is not served by this process.");
  }
  LakeRead read;
  read.record = result.record;
  read.offset = result.offset;
  read.length = result.length;
  read.body_pin = services.pins.Pin(result.record.body.id);
  const meta::BodyId body = result.record.body.id;
  FB_CO_RETURN_IF_ERROR(
      co_await ReadMeta(services, [&request, body, &read](const kv::Reader& latest) -> Result<> {
        auto found = PlaceOf(latest, request);
        if (!found && found.error().code() == Code::kBlobNotFound) {
          return Fail(Code::kStale, "The blob is gone.");
        }
        FB_ASSIGN_OR_RETURN(const Place place, std::move(found));
        if (place.existing->body.id != body) {
          return Fail(Code::kStale, "The blob was replaced.");
        }
        read.container = place.container.id;
        read.name = place.name;
        return {};
      }));
  FB_CO_ASSIGN_OR_RETURN(result.body, co_await services.lake->Open(context, std::move(read)));
  co_return Result<>{};
}

// Holds the body where it is. kNotFound: it is being freed, the record is out of date.
Result<> PinDirect(Services& services, const kv::Reader& latest, BodyStart& start) {
  start.pins.clear();
  for (const meta::Extent& extent : start.extents) {
    if (extent.is_inline() || extent.is_hole()) {
      start.pins.push_back(nullptr);
      continue;
    }
    FB_ASSIGN_OR_RETURN(chunk::ReadPinPtr pin, services.chunks.Pin(latest, extent.chunk));
    start.pins.push_back(std::move(pin));
  }
  return {};
}

// For paged bodies: the pin keeps the sweeper away, and the record must still name the body after
// it.
Result<> CheckStillNamed(const kv::Reader& latest, const GetBlobRequest& request,
                         meta::BodyId body) {
  auto place = PlaceOf(latest, request);
  if (place && place->existing->body.id == body) return {};
  if (!place && place.error().code() != Code::kBlobNotFound) return Fail(std::move(place.error()));
  return Fail(Code::kNotFound, "The blob was replaced.");
}

// Inline bytes were read with the record already.
bool MustBeHeld(const BodyStart& start) {
  return start.body.paged || std::ranges::any_of(start.extents, [](const auto& e) {
           return !e.is_inline() && !e.is_hole();
         });
}

Task<> HoldBody(Services& services, const GetBlobRequest& request, Found& found) {
  BodyStart& start = found.start;
  if (start.body.paged) {
    start.body_pin = services.pins.Pin(start.body.id);
    co_return co_await ReadMeta(services,
                                [&request, body = start.body.id](const kv::Reader& latest) {
                                  return CheckStillNamed(latest, request, body);
                                });
  }
  co_return co_await ReadMeta(services, [&services, &start](const kv::Reader& latest) {
    return PinDirect(services, latest, start);
  });
}

}  // namespace

Task<GetBlobResult> GetBlob(Services& services, OpContext context, GetBlobRequest request) {
  const WallTime now = services.clock.Now();
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    FB_CO_ASSIGN_OR_RETURN(
        const std::unique_ptr<Found> owned,
        co_await ReadMeta(
            services,
            [&request, now](const kv::Reader& reader) { return Find(reader, request, now); },
            context));
    Found& found = *owned;
    if (!request.want_body || found.result.length == 0) co_return std::move(found.result);
    if (found.result.record.body.in_lake) {
      auto opened = co_await OpenInLake(services, context, request, found.result);
      if (opened) co_return std::move(found.result);
      if (opened.error().code() == Code::kStale) continue;
      co_return Fail(std::move(opened.error()));
    }
    if (MustBeHeld(found.start)) {
      auto held = co_await HoldBody(services, request, found);
      if (!held && held.error().code() == Code::kNotFound) continue;
      if (!held) co_return Fail(std::move(held.error()));
    }
    found.result.body = MakeBodySource(services, context, std::move(found.start));
    co_return std::move(found.result);
  }
  co_return Fail(Code::kServerBusy,
                 "The blob is overwritten faster than it can be read; try again.");
}

namespace {

std::optional<ReadVersions::Version> VersionWanted(const GetBlobRequest& request) {
  const auto& match = request.conditions.if_match;
  if (!request.node || !match || match->any || match->etags.size() != 1) return std::nullopt;
  return ReadVersions::Version{request.node->inode.value(), match->etags.front()};
}

// The part [offset, offset + length) of what is held.
BodyStart PartOf(const BodyStart& whole, std::uint64_t offset, std::uint64_t length) {
  BodyStart part;
  part.body = whole.body;
  part.offset = offset;
  part.length = length;
  part.body_pin = whole.body_pin;
  if (whole.body.paged) return part;  // looked up as it goes
  std::uint64_t begin = 0;
  for (std::size_t i = 0; i < whole.extents.size(); ++i) {
    meta::Extent extent = whole.extents[i];
    const std::uint64_t end = begin + extent.length;
    const std::uint64_t from = std::max(begin, offset), to = std::min(end, offset + length);
    if (from < to) {
      extent.offset += static_cast<std::uint32_t>(from - begin);
      extent.length = static_cast<std::uint32_t>(to - from);
      part.extents.push_back(extent);
      part.pins.push_back(i < whole.pins.size() ? whole.pins[i] : nullptr);
      part.inline_data.push_back(i < whole.inline_data.size() ? whole.inline_data[i]
                                                              : std::string());
    }
    begin = end;
  }
  return part;
}

Result<GetBlobResult> ReadHeld(Services& services, OpContext context, const GetBlobRequest& request,
                               const HeldVersion& held) {
  GetBlobResult result;
  result.record = held.record;
  result.hierarchical = true;
  result.attributes = held.attributes;
  FB_RETURN_IF_ERROR(ResolveRange(request, result));
  if (result.length > 0 && request.want_body) {
    result.body = MakeBodySource(services, std::move(context),
                                 PartOf(held.start, result.offset, result.length));
  }
  return result;
}

// The file has another ETag, but the body it had, perhaps with more behind it.
Task<GetBlobResult> ReadSameBody(Services& services, OpContext context, GetBlobRequest request,
                                 ReadVersions::Content content, azure::ETag etag) {
  request.conditions.if_match.reset();
  GetBlobRequest::Range range = request.range.value_or(GetBlobRequest::Range{});
  if (range.offset >= content.length) {
    co_return Fail(Code::kInvalidRange, "The range lies behind the end of the version.");
  }
  const std::uint64_t left = content.length - range.offset;
  range.length = std::min(range.length.value_or(left), left);
  request.range = range;
  FB_CO_ASSIGN_OR_RETURN(GetBlobResult result,
                         co_await GetBlob(services, std::move(context), std::move(request)));
  if (result.record.body.id != content.body || result.record.length < content.length) {
    co_return Fail(Code::kConditionNotMet, "The version is gone.");
  }
  result.record.length = result.attributes.size = content.length;
  result.attributes.etag = etag.str();
  co_return result;
}

}  // namespace

Task<GetBlobResult> ReadNodeVersion(Services& services, OpContext context, GetBlobRequest request) {
  auto wanted = VersionWanted(request);
  auto answer = co_await GetBlob(services, context, request);
  if (!wanted) co_return answer;
  ReadVersions& versions = *services.versions;
  const WallTime now = services.clock.Now();
  if (answer) {
    wanted->inode = answer->attributes.inode;
    versions.Note(*wanted, {answer->record.body.id, answer->record.length}, now);
    co_return answer;
  }
  const Code code = answer.error().code();
  if (code != Code::kConditionNotMet && code != Code::kFileGone) co_return answer;
  const auto held = versions.Find(*wanted, now);
  if (held && held->container.account.name == request.node->container.account.name &&
      held->container.container == request.node->container.container) {
    co_return ReadHeld(services, std::move(context), request, *held);
  }
  const auto noted = versions.Noted(*wanted, now);
  if (!noted || noted->body.value() == 0 || code == Code::kFileGone) co_return answer;
  auto same =
      co_await ReadSameBody(services, std::move(context), std::move(request), *noted, wanted->etag);
  if (same) versions.Note(*wanted, *noted, now);
  co_return same;
}

ReadVersions::Version VersionOf(const meta::BlobRecord& record) {
  return {meta::InodeOf(record).value(), azure::MakeETag(record.etag.value())};
}

Task<> HoldForReaders(Services& services, OpContext context, ReadVersions::Version version,
                      GetBlobRequest present) {
  const WallTime now = services.clock.Now();
  if (!services.versions->Noted(version, now)) co_return Result<>();
  present.want_body = true;
  present.range.reset();
  present.conditions = {};  // whatever is wrong with the change is its own to say
  auto found = co_await ReadMeta(
      services, [&present, now](const kv::Reader& reader) { return Find(reader, present, now); },
      context);
  if (!found || (*found)->result.length == 0) co_return Result<>();
  const meta::BlobRecord& record = (*found)->result.record;
  if (VersionOf(record).etag != version.etag || record.body.in_lake ||
      !co_await HoldBody(services, present, **found)) {
    co_return Result<>();
  }
  auto attributes = co_await ReadMeta(services, [&record](const kv::Reader& reader) {
    return AttributesOf(reader, meta::ContainerId(0), record, /*with_target=*/false);
  });
  if (!attributes) co_return Result<>();
  auto held = std::make_shared<HeldVersion>();
  held->container = present.node
                        ? present.node->container
                        : ContainerTarget{present.target.account, present.target.container};
  held->attributes = std::move(*attributes);
  held->record = record;
  held->start = std::move((*found)->start);
  services.versions->Hold(version, std::move(held), now);
  co_return Result<>();
}

Task<std::string> ReadAllOf(std::unique_ptr<BodySource> source) {
  std::string all;
  if (!source) co_return all;
  while (true) {
    FB_CO_ASSIGN_OR_RETURN(auto piece, co_await source->Next(/*allow_file=*/false));
    if (!piece) co_return all;
    all.append(AsText(piece->memory));
  }
}

}  // namespace forebay::engine
