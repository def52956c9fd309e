// Keys of what files have beyond blobs (docs/formats/node-records.md): tables named by digits.
//
//   1  container, inode            → place: where a file that is found by its number hangs
//   2  container, inode, name      → an extended attribute
//   3  container, session          → a session of a mount
//   4  container, inode, session   → this session holds this file
//   5  container, session, inode   → the same by session, and files on which it has locks
//   6  container, inode            → the file's locks
//   7  container, token            → a change that was done under this token, and when
//   8  inode                       → staging record: blocks for a commit of the file's pieces
//   9  container, inode            → a directory's time of change (kv Max counter, nanoseconds)
//
// A node that has several names, or none and is held, has its record in table h below the inode 0,
// which is no directory. Pure functions, thread safe.
#pragma once

#include <string>
#include <string_view>

#include "meta/ids.h"

namespace forebay::meta::keys {

std::string Node(ContainerId container, InodeId inode);
bool IsNodeKey(std::string_view key);  // of a key of table h

std::string Place(ContainerId container, InodeId inode);
std::string Xattr(ContainerId container, InodeId inode, std::string_view name);
std::string XattrsOf(ContainerId container, InodeId inode);  // prefix
std::string_view NameOfXattrKey(std::string_view key);

std::string Session(ContainerId container, std::uint64_t session);
std::string Sessions();  // prefix: of all containers
struct SessionKeyParts {
  ContainerId container;
  std::uint64_t session = 0;
};
SessionKeyParts PartsOfSessionKey(std::string_view key);
std::string Hold(ContainerId container, InodeId inode, std::uint64_t session);
std::string HoldsOf(ContainerId container, InodeId inode);  // prefix
std::uint64_t SessionOfHoldKey(std::string_view key);
std::string SessionNode(ContainerId container, std::uint64_t session, InodeId inode);
std::string SessionNodesOf(ContainerId container, std::uint64_t session);  // prefix
InodeId InodeOfSessionNodeKey(std::string_view key);
std::string Locks(ContainerId container, InodeId inode);

std::string Token(ContainerId container, std::string_view token);
std::string Tokens();  // prefix: of all containers

// What one writer has staged; an empty one is who gives no name.
std::string Pieces(InodeId file, std::string_view writer = {});
std::string PiecesOf(InodeId file);  // prefix: of all its writers
std::string AllPieces();             // prefix

std::string DirectoryTime(ContainerId container, InodeId inode);

// Begin and end of what the tables 1, 2, 4, 5, 6, 7, 9 hold of a container.
std::string OfContainer(char table, ContainerId container);  // prefix

}  // namespace forebay::meta::keys
