// Numbers that name things in metadata. All come from one IdSource (ids are never reused, whatever
// the kind), and 0 names nothing.
#pragma once

#include "base/strong.h"

namespace forebay::meta {

using ContainerId = StrongId<struct ContainerIdTag>;
using BlobId = StrongId<struct BlobIdTag>;  // one life of a blob: overwriting makes a new one
using BodyId =
    StrongId<struct BodyIdTag>;  // an immutable committed body, or the staging that becomes one
using InodeId = StrongId<struct InodeIdTag>;  // a directory of a hierarchical container

// The directory that every hierarchical container starts with.
inline constexpr InodeId kRootInode{1};

}  // namespace forebay::meta
