// The words of Forebay's POSIX extensions (docs/posix-extensions.md) as a mount reads and writes
// them.
//
// Pure, thread safe; safe on hostile input (words_fuzz.cc).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "azure/field_line.h"
#include "vfs/local_files.h"
#include "vfs/remote.h"

namespace forebay::vfs {

// `x-ms-posix` of a node. kBadHttp.
Result<Attributes> AttributesFromLine(std::string_view line);
// An entry of a listing. kBadHttp, also for a name that no kernel takes.
Result<DirectoryEntry> EntryFromLine(std::string_view line);
// The body of `list`.
Result<std::vector<DirectoryEntry>> EntriesFromLines(std::string_view body);

// What `info` says.
struct ServerInfo {
  std::uint64_t version = 0;
  StatFs room;
  bool changes = false;
  bool versions = false;  // keeps versions that are being read
  bool copies = false;    // takes `copy` with the version of its source
  bool links = true;      // hard links, and names that are exchanged
  bool read_only = false;
  std::uint64_t max_block = 64u << 20;
  std::uint64_t max_pieces = 50'000;
};
Result<ServerInfo> InfoFromLine(std::string_view line);

// A lock that is in the way; nullopt: none. kBadHttp.
Result<std::optional<LockRange>> LockFromLine(std::string_view line);

std::string_view KindName(FileKind kind);  // "file", "dir", …
// The first line of `x-ms-posix-set`.
std::string SetLine(const AttributeChanges& changes);
std::string SetLine(const CreateRequest& request);

// A commit's plan, and the bytes that follow it.
struct CommitBody {
  std::string plan;
  std::vector<ByteView> data;
  std::uint64_t size = 0;
  bool keeps = false;
};
// `prefix`: of the mount's directory, which paths of copied files lie below.
CommitBody BodyOf(const CommitRequest& request, std::string_view prefix = {});

// The body of `layout`. kBadHttp.
Result<std::vector<LocalPiece>> LayoutFromLines(std::string_view body);

// Lines `ino=<n>`.
Result<std::vector<FileRef>> ChangesFromLines(std::string_view body);

}  // namespace forebay::vfs
