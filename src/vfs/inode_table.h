// What a mount remembers of the names and attributes it has seen: nodes by inode number, the
// entries of directories, and for how long each may be believed.
//
// Thread safe: one mutex, short critical sections, nothing waits. Nodes are shared; what is in them
// is touched through the table only. A node stays while the kernel knows it (lookups), while it is
// open, and while entries below it stay; idle ones are kept as a cache up to a limit.
//
// Versions: who reads a file as one version (OpenFile::Keeps) keeps the node; the newer version is
// another node, with the file's names, an inode number of its own for the kernel, whose caches it
// thereby does not share, and the same number for programs.
//
// Time: knowledge carries the moment at which the server was *asked*. Whoever asks takes a Stamp
// first; what comes back after this mount itself has changed the directory or the node meanwhile is
// used once and not remembered.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "async/event.h"
#include "base/clock.h"
#include "vfs/look_ahead.h"
#include "vfs/open_file.h"
#include "vfs/remote.h"

namespace forebay::vfs {

class Node;
using NodePtr = std::shared_ptr<Node>;

struct InodeTableOptions {
  bool stable_ids = true;  // else a file is its path, and its number made from that
  std::chrono::milliseconds attribute_age{1000};
  std::chrono::milliseconds entry_age{1000};
  std::chrono::milliseconds negative_age{1000};
  std::size_t max_idle = 200'000;
  Clock* clock = &Clock::System();
};

// When something was asked, and what had happened here by then.
struct Stamp {
  SteadyTime at;
  std::uint64_t epoch = 0;  // of the table
};

struct CachedEntry {
  NodePtr node;  // null: the name is known not to be there
  std::chrono::milliseconds left{0};
};
struct CachedAttributes {
  Attributes attributes;
  std::chrono::milliseconds left{0};  // zero: too old to be believed
  bool known = false;
  bool unlinked = false;
  bool dirty = false;  // changed here, and to get another time with its commit
};

class InodeTable {
 public:
  explicit InodeTable(InodeTableOptions options);
  ~InodeTable();
  InodeTable(const InodeTable&) = delete;
  InodeTable& operator=(const InodeTable&) = delete;

  // The node of a number that the kernel may use; kFileGone for one that it has forgotten.
  Result<NodePtr> Find(InodeNumber inode);
  // Null for what this mount has not seen.
  NodePtr FindById(RemoteId id);
  const NodePtr& root() const { return root_; }
  static InodeNumber NumberOf(const NodePtr& node);

  // How the server is to be asked. kFileGone without stable numbers and without a name.
  Result<FileRef> Where(const NodePtr& node) const;
  Result<NameRef> Place(const NodePtr& parent, std::string_view name) const;
  InodeNumber ParentOf(const NodePtr& node) const;  // the root's is the root

  Stamp Begin() const;

  // --- what the server said ---
  // The name stands for `fresh`. The node, known from before where it is the same file; with
  // `look_up` the kernel is told of it.
  NodePtr Install(const NodePtr& parent, std::string_view name, const Attributes& fresh,
                  Stamp stamp, bool look_up);
  void InstallAbsence(const NodePtr& parent, std::string_view name, Stamp stamp);
  // False when it was not remembered, because something happened here meanwhile. Nothing of it is
  // shown where an open file keeps an older version: the node is Behind then.
  bool InstallAttributes(const NodePtr& node, const Attributes& fresh, Stamp stamp);

  // --- what is remembered ---
  // What can be answered about a name without asking, which counts a lookup.
  std::optional<CachedEntry> LookUp(const NodePtr& parent, std::string_view name);
  // The server was asked for a name of the directory, and it is there.
  void Asked(const NodePtr& directory);
  // A page of the directory that is worth being listed before another name of it is asked for;
  // one of the others must follow (look_ahead.h).
  std::optional<LookAhead::Page> WorthListing(const NodePtr& directory);
  void Listed(const NodePtr& directory, std::size_t entries, std::string next);
  void ListingFailed(const NodePtr& directory);
  // However old; null for what is not known.
  NodePtr Child(const NodePtr& parent, std::string_view name) const;
  // This mount has changed a name in the directory after `stamp`.
  bool ChangedSince(const NodePtr& directory, Stamp stamp) const;
  // This mount has taken the name away after `stamp`, and nothing has it again.
  bool GoneSince(const NodePtr& parent, std::string_view name, Stamp stamp) const;
  std::chrono::milliseconds EntryLeft(const NodePtr& parent, std::string_view name) const;
  CachedAttributes GetAttributes(const NodePtr& node) const;
  void Forget(InodeNumber inode, std::uint64_t lookups);

  // Extended attributes. A kernel asks for `security.capability` before every write.
  struct KnownXattr {
    std::optional<std::string> value;  // nullopt: there is none
  };
  std::optional<KnownXattr> GetXattr(const NodePtr& node, std::string_view name) const;
  void InstallXattr(const NodePtr& node, std::string_view name, std::optional<std::string> value,
                    Stamp stamp);
  void ForgetXattrs(const NodePtr& node);

  // --- what this mount did; each ends what was asked before ---
  // `time`: of the directories from then on; what else was known of them stays. Absent: their times
  // are no longer known.
  void Removed(const NodePtr& parent, std::string_view name,
               std::optional<FileTime> time = std::nullopt);
  void Renamed(const NodePtr& from, std::string_view name, const NodePtr& to,
               std::string_view new_name, bool exchange,
               std::optional<FileTime> time = std::nullopt);
  // Our own change of attributes, as the server answered it; nullptr: what they are now is unknown.
  void Changed(const NodePtr& node, const Attributes* fresh);
  // Ours of its content: size, mtime and ETag as the open file knows them.
  void ContentChanged(const NodePtr& node, const OpenFileState& state);
  // A name was added to or taken from the directory.
  void DirectoryChanged(const NodePtr& directory, std::optional<FileTime> time = std::nullopt);
  // Somebody else did something: ask again. Entries of a directory too.
  void Distrust(const NodePtr& node);
  void DistrustAll();
  // This mount did something to it lately.
  bool ChangedHere(const NodePtr& node, std::chrono::milliseconds lately) const;

  // --- open files ---
  // One opening more. `make` is called under the lock where nobody has the file open. Without
  // `file`: the last one is just being closed; wait for `closing` and come again.
  struct Opening {
    std::shared_ptr<OpenFile> file;
    std::shared_ptr<Event> closing;
  };
  Opening Open(const NodePtr& node, const std::function<std::shared_ptr<OpenFile>()>& make);
  std::shared_ptr<OpenFile> Opened(const NodePtr& node) const;
  // One opening less. The content when that was the last: the caller closes it, and then says
  // Closed.
  std::shared_ptr<OpenFile> Close(const NodePtr& node);
  void Closed(const NodePtr& node);
  // The kernel's pages now hold the version; true when they did before.
  bool ExchangePages(const NodePtr& node, const ETag& etag);
  void RestampPages(const NodePtr& node, const ETag& from, const ETag& to);
  std::vector<NodePtr> OpenNodes() const;

  // The kernel must look the name up again: what it is about to do is meant for the newer version.
  bool Behind(const NodePtr& node) const;

  // Marks that the server holds the file without a name for us; true when it was not marked.
  bool MarkHeld(const NodePtr& node);
  bool UnmarkHeld(const NodePtr& node);

  std::size_t size() const;

 private:
  // With mutex_ held.
  std::string PathOf(const Node& node) const;
  bool HasPath(const Node& node) const;
  InodeNumber NumberFor(const Attributes& fresh, const std::string& path) const;
  NodePtr NodeFor(Node& parent, std::string_view name, const Attributes& fresh);
  NodePtr MakeNode(InodeNumber number);
  NodePtr Succeed(const NodePtr& old);
  bool TakenAwaySince(const Node& parent, std::string_view name, Stamp stamp) const;
  void Erase(const Node& node);
  void SetName(const NodePtr& node, const NodePtr& parent, std::string_view name);
  void DropName(Node& parent, std::string_view name);
  void Store(Node& node, const Attributes& fresh, SteadyTime at);
  void Mark(Node& node);
  void MarkDirectory(Node& directory, std::optional<FileTime> time);
  void Settle(const NodePtr& node);
  void EvictIdle();
  void Evict(const NodePtr& node);
  std::chrono::milliseconds Left(SteadyTime at, std::chrono::milliseconds age) const;

  const InodeTableOptions options_;
  mutable std::mutex mutex_;
  std::unordered_map<InodeNumber, NodePtr> nodes_;
  std::list<NodePtr> idle_;  // the oldest first
  std::uint64_t epoch_ = 0;  // counts what this mount did
  // Of files that have nodes for several versions: the newest one's, by the number that is shown.
  std::unordered_map<InodeNumber, InodeNumber> newest_;
  NodePtr root_;
};

}  // namespace forebay::vfs
