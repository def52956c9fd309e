// Single directories of a lake: of a hierarchical one, or the markers that a flat one has of them.
//
// Thread safe; a call runs on its caller's executor.
#pragma once

#include <string>
#include <vector>

#include "lake/types.h"
#include "tier/attachments.h"
#include "tier/tree_work.h"

namespace forebay::tier {

// Makes a directory of a hierarchical lake where there is none. kPathConflict: a file stands there.
struct MadeDirectory {
  std::string etag;
  bool was_there = false;  // as whoever made it left it
};
Task<MadeDirectory> EnsureDirectory(lake::ObjectLake& lake, lake::LakeCall call, std::string name,
                                    lake::Metadata metadata);

// Takes a directory of the lake away, or the marker of one, unless something is in it, or a file
// that somebody else has put there.
Task<> RemoveDirectory(AttachmentPtr attachment, lake::LakeCall call, std::string name);
// Some of them, the deepest first.
Task<> RemoveDirectories(TreeWork work, std::vector<std::string> directories);

}  // namespace forebay::tier
