#include "meta/lake_records.h"

#include "base/codec.h"

namespace forebay::meta {
namespace {

constexpr std::uint8_t kVersion = 1;

Result<> CheckVersion(Decoder& in, std::string_view what) {
  if (const std::uint8_t version = in.U8(); in.ok() && version != kVersion) {
    return Fail(Code::kCorruption, std::string(what) + " of version " + std::to_string(version) +
                                       " was written by a newer Forebay; run that version.");
  }
  return {};
}

}  // namespace

std::string Encode(const AttachRecord& r) {
  Encoder out;
  out.U8(kVersion).U8(static_cast<std::uint8_t>(r.mode));
  out.String(r.account).String(r.container);
  out.String(r.endpoint).String(r.credential).String(r.prefix);
  out.U8(static_cast<std::uint8_t>(r.ordering)).U8(static_cast<std::uint8_t>(r.acknowledge));
  out.U8(static_cast<std::uint8_t>(r.conflicts)).Signed(r.attached.ticks).Varint(r.generation);
  out.U8(r.lake_hierarchical ? 1 : 0);
  return out.Take();
}

Result<AttachRecord> DecodeAttach(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "An attachment"));
  AttachRecord r;
  r.mode = static_cast<LakeMode>(in.U8());
  r.account = in.String();
  r.container = in.String();
  r.endpoint = in.String();
  r.credential = in.String();
  r.prefix = in.String();
  r.ordering = static_cast<Ordering>(in.U8());
  r.acknowledge = static_cast<Acknowledge>(in.U8());
  r.conflicts = static_cast<ConflictPolicy>(in.U8());
  r.attached.ticks = in.Signed();
  r.generation = in.Varint();
  r.lake_hierarchical = in.U8() != 0;
  FB_RETURN_IF_ERROR(in.Finish("an attachment"));
  return r;
}

std::string Encode(const ImportRecord& r) {
  Encoder out;
  out.U8(kVersion).String(r.marker).String(r.last).Varint(r.names).Varint(r.bytes);
  out.Signed(r.started.ticks).Signed(r.finished.ticks);
  return out.Take();
}

Result<ImportRecord> DecodeImport(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "An import record"));
  ImportRecord r;
  r.marker = in.String();
  r.last = in.String();
  r.names = in.Varint();
  r.bytes = in.Varint();
  r.started.ticks = in.Signed();
  r.finished.ticks = in.Signed();
  FB_RETURN_IF_ERROR(in.Finish("an import record"));
  return r;
}

std::string Encode(const NameNote& r) {
  Encoder out;
  out.U8(kVersion).U8(static_cast<std::uint8_t>(r.kind)).Signed(r.since.ticks);
  out.String(r.lake_name).String(r.lake_etag).Varint(r.unsent);
  return out.Take();
}

Result<NameNote> DecodeNameNote(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A name note"));
  NameNote r;
  r.kind = static_cast<NoteKind>(in.U8());
  r.since.ticks = in.Signed();
  r.lake_name = in.String();
  r.lake_etag = in.String();
  r.unsent = in.Varint();
  FB_RETURN_IF_ERROR(in.Finish("a name note"));
  return r;
}

std::string Encode(const TreeRecord& r) {
  Encoder out;
  out.U8(kVersion).String(r.from).String(r.name);
  return out.Take();
}

Result<TreeRecord> DecodeTree(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A tree record"));
  TreeRecord r;
  r.from = in.String();
  r.name = in.String();
  FB_RETURN_IF_ERROR(in.Finish("a tree record"));
  return r;
}

std::string Encode(const DetachedRecord& r) {
  Encoder out;
  out.U8(kVersion).Varint(r.holder.value()).String(r.name).String(r.after);
  return out.Take();
}

Result<DetachedRecord> DecodeDetached(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A record of a deleted directory"));
  DetachedRecord r;
  r.holder = BlobId(in.Varint());
  r.name = in.String();
  r.after = in.String();
  FB_RETURN_IF_ERROR(in.Finish("a record of a deleted directory"));
  return r;
}

std::string Encode(const ChangeRecord& r) {
  Encoder out;
  out.U8(kVersion).U8(static_cast<std::uint8_t>(r.kind)).String(r.name).Varint(r.mark);
  out.Varint(r.holder.value()).String(Encode(r.blob));
  if (!r.from.empty()) out.String(r.from);
  return out.Take();
}

Result<ChangeRecord> DecodeChange(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A change"));
  ChangeRecord r;
  r.kind = static_cast<ChangeKind>(in.U8());
  r.name = in.String();
  r.mark = in.Varint();
  r.holder = BlobId(in.Varint());
  const std::string_view blob = in.StringView();
  if (r.kind == ChangeKind::kRename || r.kind == ChangeKind::kRenameTree) r.from = in.String();
  FB_RETURN_IF_ERROR(in.Finish("a change"));
  FB_ASSIGN_OR_RETURN(r.blob, DecodeBlob(blob));
  return r;
}

}  // namespace forebay::meta
