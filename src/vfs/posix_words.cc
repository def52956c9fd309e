#include "vfs/posix_words.h"

#include <algorithm>
#include <array>

#include "azure/posix.h"
#include "azure/wire.h"

namespace forebay::vfs {
namespace {

struct KindWord {
  FileKind kind;
  std::string_view word;
};
constexpr std::array kKinds = {
    KindWord{FileKind::kFile, "file"},         KindWord{FileKind::kDirectory, "dir"},
    KindWord{FileKind::kSymlink, "symlink"},   KindWord{FileKind::kFifo, "fifo"},
    KindWord{FileKind::kSocket, "socket"},     KindWord{FileKind::kCharacterDevice, "char"},
    KindWord{FileKind::kBlockDevice, "block"},
};

std::unexpected<Error> Bad(const char* what) {
  return Fail(Code::kBadHttp, std::string("The server's answer is malformed: ") + what + ".");
}

// Fields that a server of a later version may leave out keep what they have.
template <class Value, class Read>
Result<> Take(const Read& read, Value& into) {
  if (!read) return Bad("a number");
  if (*read) into = static_cast<Value>(**read);
  return {};
}

Result<Attributes> AttributesFrom(const azure::FieldLine& fields) {
  Attributes out;
  const std::string_view kind = fields.Get("kind");
  const auto word = std::ranges::find(kKinds, kind, &KindWord::word);
  if (word == kKinds.end()) return Bad("a kind of file");
  out.kind = word->kind;
  std::uint64_t id = 0;
  FB_RETURN_IF_ERROR(Take(fields.Number("ino"), id));
  if (id == 0) return Bad("no inode number");
  out.id = RemoteId(id);
  FB_RETURN_IF_ERROR(Take(fields.Octal("mode"), out.mode));
  out.mode &= kModeBits;
  FB_RETURN_IF_ERROR(Take(fields.Number32("uid"), out.uid));
  FB_RETURN_IF_ERROR(Take(fields.Number32("gid"), out.gid));
  FB_RETURN_IF_ERROR(Take(fields.Number32("nlink"), out.nlink));
  FB_RETURN_IF_ERROR(Take(fields.Number32("rdev"), out.rdev));
  FB_RETURN_IF_ERROR(Take(fields.Number("size"), out.size));
  out.allocated = out.size;
  FB_RETURN_IF_ERROR(Take(fields.Number("used"), out.allocated));
  FB_RETURN_IF_ERROR(Take(fields.Signed("atime"), out.atime.ns));
  FB_RETURN_IF_ERROR(Take(fields.Signed("mtime"), out.mtime.ns));
  FB_RETURN_IF_ERROR(Take(fields.Signed("ctime"), out.ctime.ns));
  FB_RETURN_IF_ERROR(Take(fields.Signed("btime"), out.btime.ns));
  std::uint32_t has = azure::kMayHaveAll;
  FB_RETURN_IF_ERROR(Take(fields.Number32("has"), has));
  out.may_have_xattrs = (has & azure::kHasXattrs) != 0;
  out.may_have_access_acl = (has & azure::kHasAccessAcl) != 0;
  out.may_have_default_acl = (has & azure::kHasDefaultAcl) != 0;
  out.etag = azure::UnquoteETag(fields.Get("etag"));
  if (out.size > INT64_MAX) return Bad("a size");
  return out;
}

// Lines of a body, each with its line feed.
template <class Take>
Result<> EachLine(std::string_view body, Take take) {
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    if (end == std::string_view::npos) return Bad("a line without an end");
    if (end > 0) FB_RETURN_IF_ERROR(take(body.substr(0, end)));
    body.remove_prefix(end + 1);
  }
  return {};
}

}  // namespace

std::string_view KindName(FileKind kind) {
  return std::ranges::find(kKinds, kind, &KindWord::kind)->word;
}

Result<Attributes> AttributesFromLine(std::string_view line) {
  const auto fields = azure::FieldLine::Parse(line);
  if (!fields) return Bad("a line of fields");
  return AttributesFrom(*fields);
}

Result<DirectoryEntry> EntryFromLine(std::string_view line) {
  const auto fields = azure::FieldLine::Parse(line);
  if (!fields) return Bad("a line of fields");
  DirectoryEntry out;
  FB_ASSIGN_OR_RETURN(out.attributes, AttributesFrom(*fields));
  out.name = fields->Get("name");
  if (out.name.empty() || out.name.size() > kMaxNameBytes || out.name == "." || out.name == ".." ||
      out.name.contains('/') || out.name.contains('\0')) {
    return Bad("a name");
  }
  return out;
}

Result<std::vector<DirectoryEntry>> EntriesFromLines(std::string_view body) {
  std::vector<DirectoryEntry> out;
  FB_RETURN_IF_ERROR(EachLine(body, [&](std::string_view line) -> Result<> {
    FB_ASSIGN_OR_RETURN(DirectoryEntry entry, EntryFromLine(line));
    out.push_back(std::move(entry));
    return {};
  }));
  return out;
}

Result<ServerInfo> InfoFromLine(std::string_view line) {
  const auto fields = azure::FieldLine::Parse(line);
  if (!fields) return Bad("what the server says of itself");
  ServerInfo out;
  FB_RETURN_IF_ERROR(Take(fields->Number("version"), out.version));
  FB_RETURN_IF_ERROR(Take(fields->Number("total"), out.room.total_bytes));
  FB_RETURN_IF_ERROR(Take(fields->Number("free"), out.room.free_bytes));
  FB_RETURN_IF_ERROR(Take(fields->Number("inodes"), out.room.total_inodes));
  FB_RETURN_IF_ERROR(Take(fields->Number("freeinodes"), out.room.free_inodes));
  FB_RETURN_IF_ERROR(Take(fields->Number("maxblock"), out.max_block));
  FB_RETURN_IF_ERROR(Take(fields->Number("maxpieces"), out.max_pieces));
  out.changes = fields->Get("changes") == "true";
  out.versions = fields->Get("versions") == "true";
  out.copies = fields->Get("copies") == "true";
  out.links = fields->Get("links") != "false";
  out.read_only = fields->Get("readonly") == "true";
  if (out.version == 0 || out.max_block == 0 || out.max_pieces == 0) return Bad("its limits");
  return out;
}

Result<std::optional<LockRange>> LockFromLine(std::string_view line) {
  if (line.empty()) return std::optional<LockRange>();
  const auto fields = azure::FieldLine::Parse(line);
  if (!fields) return Bad("a lock");
  LockRange out;
  std::uint64_t owner = 0;
  FB_RETURN_IF_ERROR(Take(fields->Number("start"), out.offset));
  FB_RETURN_IF_ERROR(Take(fields->Number("length"), out.length));
  FB_RETURN_IF_ERROR(Take(fields->Number32("pid"), out.pid));
  FB_RETURN_IF_ERROR(Take(fields->Number("owner"), owner));
  out.owner = LockOwner(owner);
  out.kind = fields->Get("kind") == "shared" ? LockKind::kShared : LockKind::kExclusive;
  return std::optional<LockRange>(out);
}

std::string SetLine(const AttributeChanges& changes) {
  azure::FieldLineWriter line;
  if (changes.mode) line.Octal("mode", *changes.mode & kModeBits);
  if (changes.uid) line.Number("uid", *changes.uid);
  if (changes.gid) line.Number("gid", *changes.gid);
  if (changes.atime_now) {
    line.Text("atime", "now");
  } else if (changes.atime) {
    line.Signed("atime", changes.atime->ns);
  }
  if (changes.mtime_now) {
    line.Text("mtime", "now");
  } else if (changes.mtime) {
    line.Signed("mtime", changes.mtime->ns);
  }
  return line.Take();
}

std::string SetLine(const CreateRequest& request) {
  azure::FieldLineWriter line;
  line.Text("kind", KindName(request.kind));
  line.Octal("mode", request.mode & kModeBits);
  line.Number("uid", request.uid);
  line.Number("gid", request.gid);
  if (request.rdev != 0) line.Number("rdev", request.rdev);
  if (request.kind == FileKind::kSymlink) line.Text("target", request.target);
  return line.Take();
}

CommitBody BodyOf(const CommitRequest& request, std::string_view prefix) {
  CommitBody out;
  for (const CommitPiece& piece : request.pieces) {
    if (const auto* kept = std::get_if<KeptRange>(&piece)) {
      if (kept->length == 0) continue;
      out.plan += "keep " + std::to_string(kept->offset) + " " + std::to_string(kept->length);
      out.size += kept->length;
      out.keeps = true;
    } else if (const auto* copied = std::get_if<CopiedRange>(&piece)) {
      azure::FieldLineWriter source;
      source.Text("etag", copied->etag.view());
      source.Text("path", std::string(prefix) + copied->from.path);
      out.plan += "copy " + std::to_string(copied->from.id.value()) + " " +
                  std::to_string(copied->offset) + " " + std::to_string(copied->length) + " " +
                  source.Take();
      out.size += copied->length;
    } else if (const auto* staged = std::get_if<StagedBlock>(&piece)) {
      out.plan += "block " + azure::FormatBlockId(azure::BlockId(staged->id));
      out.size += staged->length;
    } else if (const auto* zeros = std::get_if<ZeroRange>(&piece)) {
      if (zeros->length == 0) continue;
      out.plan += "zero " + std::to_string(zeros->length);
      out.size += zeros->length;
    } else {
      const ByteView data = std::get<InlineData>(piece).data;
      if (data.empty()) continue;
      out.plan += "data " + std::to_string(data.size());
      out.size += data.size();
      out.data.push_back(data);
    }
    out.plan += '\n';
  }
  return out;
}

Result<std::vector<LocalPiece>> LayoutFromLines(std::string_view body) {
  std::vector<LocalPiece> out;
  FB_RETURN_IF_ERROR(EachLine(body, [&](std::string_view line) -> Result<> {
    const auto fields = azure::FieldLine::Parse(line);
    if (!fields) return Bad("a piece");
    LocalPiece piece;
    FB_RETURN_IF_ERROR(Take(fields->Number("length"), piece.length));
    const std::string_view kind = fields->Get("kind");
    if (kind == "zero") piece.kind = LocalPiece::Kind::kZero;
    if (kind == "file") {
      piece.kind = LocalPiece::Kind::kFile;
      FB_RETURN_IF_ERROR(Take(fields->Number("offset"), piece.offset));
      FB_RETURN_IF_ERROR(Take(fields->Number("dev"), piece.device));
      FB_RETURN_IF_ERROR(Take(fields->Number("ino"), piece.inode));
      FB_RETURN_IF_ERROR(Take(fields->Number32("slot"), piece.slot));
      FB_RETURN_IF_ERROR(Take(fields->Number("count"), piece.count));
      piece.path = fields->Get("path");
      piece.board = fields->Get("board");
    }
    if (piece.length == 0 || piece.offset > INT64_MAX) return Bad("a piece");
    out.push_back(std::move(piece));
    return {};
  }));
  return out;
}

Result<std::vector<FileRef>> ChangesFromLines(std::string_view body) {
  std::vector<FileRef> out;
  FB_RETURN_IF_ERROR(EachLine(body, [&](std::string_view line) -> Result<> {
    const auto fields = azure::FieldLine::Parse(line);
    if (!fields) return Bad("a change");
    std::uint64_t id = 0;
    FB_RETURN_IF_ERROR(Take(fields->Number("ino"), id));
    if (id == 0) return Bad("a change");
    out.push_back({{}, RemoteId(id)});
    return {};
  }));
  return out;
}

}  // namespace forebay::vfs
