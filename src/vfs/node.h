// One file as this mount knows it. Internal to the inode table, whose mutex guards all of it.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/event.h"
#include "base/clock.h"
#include "vfs/inode_table.h"
#include "vfs/look_ahead.h"

namespace forebay::vfs {

class Node {
 public:
  explicit Node(InodeNumber inode) : number(inode) {}

  struct Name {
    NodePtr parent;
    std::string name;
  };
  struct Entry {
    NodePtr node;
    SteadyTime at;            // when it was asked for; the epoch's beginning: not to be believed
    std::uint64_t epoch = 0;  // the table's then: an answer to an earlier question is older
  };
  static constexpr std::size_t kMaxAbsent = 4096;

  void RememberAbsence(std::string_view name, SteadyTime at, SteadyTime oldest) {
    if (absent.size() >= kMaxAbsent) {
      std::erase_if(absent, [oldest](const auto& known) { return known.second < oldest; });
      if (absent.size() >= kMaxAbsent) absent.clear();
    }
    absent.insert_or_assign(std::string(name), at);
  }

  const InodeNumber number;
  RemoteId id;
  std::vector<Name> names;  // the first makes the path
  Attributes attributes;
  SteadyTime attributes_at;
  bool attributes_known = false;
  bool unlinked = false;      // the last name that we knew is gone
  bool behind = false;        // open, and kept at a version that is not the file's any more
  bool superseded = false;    // another node has its names, for the newer version
  InodeNumber shown;          // see Attributes
  bool held = false;          // the server keeps it for us without a name
  std::uint64_t changed = 0;  // the table's epoch when this mount last did something to it
  SteadyTime changed_at;      // and the time
  std::uint64_t lookups = 0;
  std::uint64_t opens = 0;
  std::shared_ptr<OpenFile> open;
  std::shared_ptr<Event> closing;  // while the last handle is being closed
  ETag pages;                      // the version that the kernel's page cache may hold

  // Extended attributes that were asked for; nullopt: there is none of that name.
  struct Xattr {
    std::optional<std::string> value;
    SteadyTime at;
  };
  static constexpr std::size_t kMaxXattrs = 8;
  static constexpr std::size_t kMaxXattrBytes = 1024;  // of a value that is worth keeping
  std::map<std::string, Xattr, std::less<>> xattrs;

  // Of a directory.
  std::map<std::string, Entry, std::less<>> entries;
  std::map<std::string, SteadyTime, std::less<>> absent;
  std::unique_ptr<LookAhead> look_ahead;  // once a name in it was asked for

  bool is_idle = false;
  std::list<NodePtr>::iterator idle_at;
};

}  // namespace forebay::vfs
