// Owner, group, permissions and ACL of paths: what a path has, and what a new one is given.
//
// Inside a transaction or on a snapshot. Only hierarchical containers have any of it.
#pragma once

#include "azure/acl.h"
#include "engine/commit.h"
#include "engine/services.h"
#include "meta/records.h"

namespace forebay::engine {

azure::AccessControl AccessOf(const meta::BlobRecord& record);
azure::AccessControl RootAccessOf(const meta::ContainerRecord& container);
// Nothing is stored where it is what every such path has.
std::optional<azure::AccessControl> StoredAccess(azure::AccessControl access, bool directory);

// Makes the directories above `place` that are missing, each with what its parent hands down, and
// returns the access of the nearest. kPathConflict when one of them is a blob. In a transaction of
// a write that creates the path; `stamp` is that write's.
Result<azure::AccessControl> MakeParents(Services& services, kv::Transaction& txn,
                                         const Place& place, const Stamp& stamp);

// What no lake can be told (kUnsupported), so that lake and container never differ silently.
Result<> RefuseWithLake(const meta::ContainerRecord& container);
// Whether all that is below a directory is known here: kServerBusy while its names come in.
Result<> CheckNamesAreHere(const meta::ContainerRecord& container);

// For a caller who may fill a new file and change no other: kUnauthorizedBlobOverwrite.
Result<> CheckEmpty(const meta::BlobRecord& file);

}  // namespace forebay::engine
