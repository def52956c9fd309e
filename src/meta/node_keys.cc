#include "meta/node_keys.h"

#include "base/codec.h"
#include "meta/keys.h"

namespace forebay::meta::keys {
namespace {

constexpr std::size_t kIdBytes = 8;

KeyBuilder Of(char table, ContainerId container) {
  KeyBuilder key(table);
  key.U64(container.value());
  return key;
}
std::string Of(char table, ContainerId container, std::uint64_t id) {
  return Of(table, container).U64(id).Take();
}

}  // namespace

std::string Node(ContainerId container, InodeId inode) {
  return Entry(container, InodeId(0), KeyBuilder().U64(inode.value()).Take());
}
bool IsNodeKey(std::string_view key) {
  KeyReader in(key.substr(1 + kIdBytes));
  return in.U64() == 0 && in.ok();
}

std::string Place(ContainerId container, InodeId inode) {
  return Of('1', container, inode.value());
}
std::string Xattr(ContainerId container, InodeId inode, std::string_view name) {
  return Of('2', container).U64(inode.value()).Tail(name).Take();
}
std::string XattrsOf(ContainerId container, InodeId inode) {
  return Of('2', container, inode.value());
}
std::string_view NameOfXattrKey(std::string_view key) { return key.substr(1 + 2 * kIdBytes); }

std::string Session(ContainerId container, std::uint64_t session) {
  return Of('3', container, session);
}
std::string Sessions() { return KeyBuilder('3').Take(); }
SessionKeyParts PartsOfSessionKey(std::string_view key) {
  KeyReader in(key.substr(1));
  SessionKeyParts parts;
  parts.container = ContainerId(in.U64());
  parts.session = in.U64();
  return parts;
}
std::string Hold(ContainerId container, InodeId inode, std::uint64_t session) {
  return Of('4', container).U64(inode.value()).U64(session).Take();
}
std::string HoldsOf(ContainerId container, InodeId inode) {
  return Of('4', container, inode.value());
}
std::uint64_t SessionOfHoldKey(std::string_view key) {
  return KeyReader(key.substr(1 + 2 * kIdBytes)).U64();
}
std::string SessionNode(ContainerId container, std::uint64_t session, InodeId inode) {
  return Of('5', container).U64(session).U64(inode.value()).Take();
}
std::string SessionNodesOf(ContainerId container, std::uint64_t session) {
  return Of('5', container, session);
}
InodeId InodeOfSessionNodeKey(std::string_view key) {
  return InodeId(KeyReader(key.substr(1 + 2 * kIdBytes)).U64());
}
std::string Locks(ContainerId container, InodeId inode) {
  return Of('6', container, inode.value());
}

std::string Token(ContainerId container, std::string_view token) {
  return Of('7', container).Tail(token).Take();
}
std::string Tokens() { return KeyBuilder('7').Take(); }

std::string Pieces(InodeId file, std::string_view writer) { return PiecesOf(file).append(writer); }
std::string PiecesOf(InodeId file) { return KeyBuilder('8').U64(file.value()).Take(); }
std::string AllPieces() { return KeyBuilder('8').Take(); }

std::string DirectoryTime(ContainerId container, InodeId inode) {
  return Of('9', container, inode.value());
}

std::string OfContainer(char table, ContainerId container) { return Of(table, container).Take(); }

}  // namespace forebay::meta::keys
