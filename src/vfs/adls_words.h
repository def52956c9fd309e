// What ADLS says about paths, as a mount needs it: List Paths' JSON, the headers of a path, and
// plans for writing anywhere into what only takes whole block lists.
//
// Pure, thread safe; safe on hostile input (words_fuzz.cc).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "azure/wire.h"
#include "azure/xml_documents.h"
#include "http/message.h"
#include "vfs/remote.h"

namespace forebay::vfs {

// "rwxr-x--T+": mode bits. kBadHttp for anything else.
Result<std::uint32_t> ModeFromPermissions(std::string_view text);
std::string PermissionsFromMode(std::uint32_t mode);  // "0755", without setuid and setgid

// HEAD of a path, with or without an action.
Result<Attributes> AttributesFromHeaders(const http::Headers& headers);

// The entries of one directory, `directory` without slashes at its ends. What is not below it is
// left out. kBadHttp.
Result<std::vector<DirectoryEntry>> EntriesFromJson(std::string_view json,
                                                    std::string_view directory);

// How a kept range is had where ranges cannot be kept: whole blocks that are committed already, and
// bytes that are read and sent again.
struct KeptPart {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::string block;  // decoded id of a committed block; empty: copy the bytes
};
std::vector<KeptPart> CoverRange(const std::vector<azure::ListedBlock>& committed, KeptRange range,
                                 std::uint64_t max_copy);

}  // namespace forebay::vfs
