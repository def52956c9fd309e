#include "tier/conflict.h"

#include <algorithm>

#include "base/checksum.h"
#include "base/codec.h"
#include "base/http_date.h"
#include "meta/keys.h"
#include "meta/namespace.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kMaxNameBytes = 1'024;
constexpr unsigned kMaxConflictNames = 100;

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// The text without its end, never in the middle of a character.
std::string_view Cut(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && IsContinuation(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

}  // namespace

std::string_view ConflictKindName(ConflictKind kind) {
  switch (kind) {
    case ConflictKind::kBothChanged:
      return "both_changed";
    case ConflictKind::kDeletedThere:
      return "deleted_there";
    case ConflictKind::kDeletedHere:
      return "deleted_here";
    case ConflictKind::kNameTaken:
      return "name_taken";
  }
  return "unknown";  // written by a newer Forebay
}

std::string_view ConflictOutcomeName(ConflictOutcome outcome) {
  switch (outcome) {
    case ConflictOutcome::kOpen:
      return "open";
    case ConflictOutcome::kKeptBoth:
      return "kept_both";
    case ConflictOutcome::kLakeWon:
      return "lake_won";
    case ConflictOutcome::kLocalWon:
      return "local_won";
    case ConflictOutcome::kRestored:
      return "restored";
    case ConflictOutcome::kDismissed:
      return "dismissed";
  }
  return "unknown";
}

std::string Encode(const ConflictRecord& r) {
  Encoder out;
  out.U8(kVersion).U8(static_cast<std::uint8_t>(r.kind)).U8(static_cast<std::uint8_t>(r.outcome));
  out.String(r.name).String(r.kept_as).String(r.etag_before).String(r.etag_now);
  out.Signed(r.at.ticks).Varint(r.length_here).Varint(r.length_there);
  out.Signed(r.modified_here.ticks).Signed(r.modified_there.ticks).String(r.record_here);
  return out.Take();
}

Result<ConflictRecord> DecodeConflict(std::string_view text) {
  Decoder in(text);
  if (const std::uint8_t version = in.U8(); in.ok() && version != kVersion) {
    return Fail(Code::kCorruption, "A conflict of version " + std::to_string(version) +
                                       " was written by a newer Forebay; run that version.");
  }
  ConflictRecord r;
  r.kind = static_cast<ConflictKind>(in.U8());
  r.outcome = static_cast<ConflictOutcome>(in.U8());
  r.name = in.String();
  r.kept_as = in.String();
  r.etag_before = in.String();
  r.etag_now = in.String();
  r.at.ticks = in.Signed();
  r.length_here = in.Varint();
  r.length_there = in.Varint();
  r.modified_here.ticks = in.Signed();
  r.modified_there.ticks = in.Signed();
  r.record_here = in.String();
  FB_RETURN_IF_ERROR(in.Finish("a conflict"));
  return r;
}

std::uint64_t ConflictId(const ConflictRecord& record) {
  Encoder identity;
  identity.String(record.name).String(record.etag_before).String(record.etag_now);
  // 0 lists from the start.
  return std::max<std::uint64_t>(Crc64(AsBytes(identity.str())), 1);
}

Result<bool> NoteConflict(kv::Transaction& txn, meta::ContainerId container,
                          const ConflictRecord& record) {
  const std::string key = keys::LakeConflict(container, ConflictId(record));
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (stored) return false;
  txn.Put(key, Encode(record));
  return true;
}

Result<ConflictPage> ListConflicts(const kv::Reader& reader, meta::ContainerId container,
                                   std::uint64_t after, std::size_t max) {
  const std::string prefix = keys::LakeConflicts(container);
  ConflictPage page;
  auto it = reader.Scan(keys::LakeConflict(container, after + 1), PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    FB_ASSIGN_OR_RETURN(ConflictRecord record, DecodeConflict(it->value()));
    if (record.outcome == ConflictOutcome::kDismissed) continue;
    if (page.conflicts.size() == max) {
      page.more = true;
      break;
    }
    page.conflicts.push_back({KeyReader(it->key().substr(prefix.size())).U64(), std::move(record)});
  }
  FB_RETURN_IF_ERROR(it->status());
  return page;
}

ConflictStep DecideConflict(meta::ConflictPolicy policy, LocalChange ours, bool there) {
  const bool lake_wins = policy == meta::ConflictPolicy::kLakeWins;
  const bool local_wins = policy == meta::ConflictPolicy::kLocalWins;
  switch (ours) {
    case LocalChange::kDelete:
      if (!there) return ConflictStep::kNone;
      return local_wins ? ConflictStep::kSendOurs : ConflictStep::kTakeTheirs;
    case LocalChange::kAttributes:
      // Without the blob there is nothing that the attributes could belong to.
      if (!there) return ConflictStep::kTakeTheirs;
      return local_wins ? ConflictStep::kSendOurs : ConflictStep::kTakeTheirs;
    case LocalChange::kContent:
      break;
  }
  if (lake_wins) return ConflictStep::kTakeTheirs;
  if (!there) return ConflictStep::kSendAnew;
  return local_wins ? ConflictStep::kSendOurs : ConflictStep::kKeepBoth;
}

std::string ConflictName(std::string_view name, WallTime at, std::string_view host,
                         unsigned attempt) {
  const std::size_t slash = name.rfind('/');
  const std::size_t base = slash == std::string_view::npos ? 0 : slash + 1;
  // ".bashrc" is a name without an extension.
  std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot <= base || name.size() - dot > 32) dot = name.size();
  std::string when = FormatIso8601(at, 0);
  std::ranges::replace(when, ':', '-');
  std::string mark = " (conflict " + when + " " + std::string(host);
  if (attempt > 0) mark += " " + std::to_string(attempt + 1);
  mark += ")";
  const std::string_view extension = name.substr(dot);
  const std::size_t room = kMaxNameBytes - std::min(kMaxNameBytes, mark.size() + extension.size());
  return std::string(Cut(name.substr(0, dot), room)) + mark + std::string(extension);
}

Result<std::string> FreeConflictName(const kv::Reader& reader,
                                     const meta::ContainerRecord& container, std::string_view name,
                                     WallTime at, std::string_view host) {
  for (unsigned attempt = 0; attempt < kMaxConflictNames; ++attempt) {
    std::string free = ConflictName(name, at, host, attempt);
    FB_ASSIGN_OR_RETURN(const auto taken,
                        meta::NamespaceOf(container).Find(reader, container.id, free));
    FB_ASSIGN_OR_RETURN(const auto note, reader.Get(keys::NameNote(container.id, free)));
    if (!taken && !note) return free;
  }
  return Fail(Code::kServerBusy, "There are too many conflicts of this blob at this moment.");
}

}  // namespace forebay::tier
