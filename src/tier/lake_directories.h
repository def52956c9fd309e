// Single directories of a lake: of a hierarchical one, or the markers that a flat one has of them.
//
// Thread safe; a call runs on its caller's executor.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lake/types.h"
#include "tier/attachments.h"
#include "tier/tree_work.h"

namespace forebay::tier {

// What a blob says of itself, and that it is a directory: as the Blob API's clients mark one.
lake::Metadata Marked(lake::Metadata metadata);
lake::Metadata Unmarked(lake::Metadata metadata);

// Makes a directory of a hierarchical lake where there is none. kPathConflict: a file stands there.
struct MadeDirectory {
  std::string etag;
  bool was_there = false;  // as whoever made it left it
};
Task<MadeDirectory> EnsureDirectory(lake::ObjectLake& lake, lake::LakeCall call, std::string name,
                                    lake::Metadata metadata);

// Takes a directory of the lake away, or the marker of one, unless something is in it. False: a
// file has its name, and stays.
//
// A flat lake does not keep the marker of a directory that somebody puts something into: then it is
// put there again. `known`: as it was, where it is known to have been there; who fails or ends in
// between finds no marker when it does all of this again, and goes by that.
Task<bool> RemoveDirectory(AttachmentPtr attachment, lake::LakeCall call, std::string name,
                           std::optional<lake::Metadata> known = {});
// Some of them, the deepest first.
Task<> RemoveDirectories(TreeWork work, std::vector<std::string> directories);

}  // namespace forebay::tier
