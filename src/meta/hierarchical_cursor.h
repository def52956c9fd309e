// The listing cursor of the hierarchical layout: pre-order by component, one open scan a level.
//
// Seek and SkipPrefix cost the depth of the name, whatever the container holds. Not thread safe;
// must not outlive its Reader.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/store.h"
#include "meta/namespace.h"

namespace forebay::meta {

class HierarchicalCursor final : public NameCursor {
 public:
  HierarchicalCursor(const kv::Reader& reader, ContainerId container, std::string_view prefix);

  void Seek(std::string_view name) override;
  bool Valid() const override { return !levels_.empty(); }
  void Next() override;
  void SkipPrefix(std::string_view prefix) override;
  const std::string& name() const override { return name_; }
  Result<BlobRecord> record() const override;
  Result<> status() const override { return status_; }

 private:
  // One directory being listed. Its scan stands on the component that the current name has at this
  // depth.
  struct Level {
    std::string begin;  // first key of the range
    std::unique_ptr<kv::Iterator> scan;
    InodeId inode;
    std::size_t path_bytes = 0;  // of name_, up to and including the slash before the component
  };

  // Finds the directory that the prefix lies in; false when there is none (or on an error).
  bool ResolveBase();
  void Enter(InodeId inode, std::size_t path_bytes, std::string_view component_prefix);
  // The inode of the entry that the innermost scan stands on; nullopt for a blob.
  std::optional<InodeId> CurrentDirectory();
  // Leaves exhausted levels until a scan stands on an entry, and makes it the current name.
  void Settle();
  void SeekInLevel(std::string_view component);
  void StopWith(Error error);

  const kv::Reader& reader_;
  const ContainerId container_;
  const std::string prefix_;
  std::string base_;              // the directory part of the prefix, with its slash; may be empty
  std::optional<InodeId> inode_;  // of base_; unset: nothing to list
  std::size_t base_depth_ = 0;    // components in base_
  std::vector<Level> levels_;
  std::string name_;
  Result<> status_;
};

}  // namespace forebay::meta
