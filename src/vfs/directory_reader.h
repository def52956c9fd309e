// An open directory: its listing page by page, with cursors that stay good while it is open.
//
// The entries of an inode's listing are counted from two ("." and ".." are zero and one); a cursor
// is the count of the next. A few pages are kept; going back further lists again from the page's
// marker. One reader at a time (Enter).
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "async/semaphore.h"
#include "vfs/inode_table.h"
#include "vfs/losses.h"
#include "vfs/remote.h"

namespace forebay::vfs {

class DirectoryReader {
 public:
  static constexpr std::uint64_t kFirst = 2;
  static constexpr std::size_t kPagesKept = 4;

  DirectoryReader(NodePtr node, std::size_t page_size)
      : node_(std::move(node)), page_size_(page_size) {}
  const NodePtr& node() const { return node_; }
  Losses::Told told = {};  // of what fsync of the directory has told

  Task<Permit> Enter(OpContext context) { return turn_.Acquire(1, context); }
  // Forgets what was listed.
  void Rewind();

  struct Item {
    const DirectoryEntry* entry = nullptr;  // null: the end
    Stamp stamp;                            // when it was asked for
    std::uint64_t position = 0;             // its count
  };
  // The entry with that count, or the next where a page was listed again and is shorter now. Holds
  // until the next call.
  Task<Item> At(OpContext context, Remote& remote, const InodeTable& table, std::uint64_t position);

 private:
  struct Page {
    std::size_t number = 0;
    std::uint64_t first = 0;
    Stamp stamp;
    std::vector<DirectoryEntry> entries;
  };
  struct Start {
    std::uint64_t first = 0;
    std::string marker;
  };

  Task<> Load(OpContext context, Remote& remote, const InodeTable& table, std::size_t number);

  const NodePtr node_;
  const std::size_t page_size_;
  Semaphore turn_{1};
  std::deque<Page> pages_;
  std::vector<Start> starts_;  // of every page seen, and of the one behind the last
  bool complete_ = false;      // the last of starts_ is the end
};

}  // namespace forebay::vfs
