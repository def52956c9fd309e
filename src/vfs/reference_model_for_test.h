// For tests: what a file system is, as a map. The judge of the model test.
//
// Every operation either applies to `nodes` or answers the errno that the manual pages give.
#pragma once

#include <cerrno>
#include <map>
#include <string>

namespace forebay::vfs {

struct ModelNode {
  char kind = 'f';      // f, d, l
  std::string content;  // of a file; the target of a symbolic link
  bool operator==(const ModelNode&) const = default;
};

class ReferenceModel {
 public:
  // By path; the root is not among them.
  std::map<std::string, ModelNode> nodes;

  int Make(const std::string& path, char kind, const std::string& content = {}) {
    if (const int error = CheckParent(path)) return error;
    if (nodes.contains(path)) return EEXIST;
    nodes[path] = {kind, content};
    return 0;
  }
  int Write(const std::string& path, std::size_t offset, const std::string& data) {
    ModelNode* node = nullptr;
    if (const int error = FindFile(path, &node)) return error;
    if (node->content.size() < offset + data.size()) node->content.resize(offset + data.size());
    node->content.replace(offset, data.size(), data);
    return 0;
  }
  int Truncate(const std::string& path, std::size_t size) {
    ModelNode* node = nullptr;
    if (const int error = FindFile(path, &node)) return error;
    node->content.resize(size);
    return 0;
  }
  int Unlink(const std::string& path) {
    if (const int error = CheckParent(path)) return error;
    const auto found = nodes.find(path);
    if (found == nodes.end()) return ENOENT;
    if (found->second.kind == 'd') return EISDIR;
    nodes.erase(found);
    return 0;
  }
  int RemoveDirectory(const std::string& path) {
    if (const int error = CheckParent(path)) return error;
    const auto found = nodes.find(path);
    if (found == nodes.end()) return ENOENT;
    if (found->second.kind != 'd') return ENOTDIR;
    if (HasChildren(path)) return ENOTEMPTY;
    nodes.erase(found);
    return 0;
  }
  int Rename(const std::string& from, const std::string& to) {
    if (const int error = CheckParent(from)) return error;
    if (const int error = CheckParent(to)) return error;
    const auto source = nodes.find(from);
    if (source == nodes.end()) return ENOENT;
    if (from == to) return 0;
    if (to.starts_with(from + "/")) return EINVAL;
    const auto target = nodes.find(to);
    const bool directory = source->second.kind == 'd';
    if (target != nodes.end()) {
      if (target->second.kind == 'd' && !directory) return EISDIR;
      if (target->second.kind != 'd' && directory) return ENOTDIR;
      if (HasChildren(to)) return ENOTEMPTY;
    }
    std::map<std::string, ModelNode> moved;
    for (auto& [path, node] : nodes) {
      if (path == to) continue;
      const bool below = path == from || path.starts_with(from + "/");
      moved[below ? to + path.substr(from.size()) : path] = node;
    }
    nodes = std::move(moved);
    return 0;
  }

 private:
  bool HasChildren(const std::string& path) const {
    const auto next = nodes.lower_bound(path + "/");
    return next != nodes.end() && next->first.starts_with(path + "/");
  }
  int CheckParent(const std::string& path) const {
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      const auto found = nodes.find(path.substr(0, slash));
      if (found == nodes.end()) return ENOENT;
      if (found->second.kind != 'd') return ENOTDIR;
    }
    return 0;
  }
  int FindFile(const std::string& path, ModelNode** node) {
    if (const int error = CheckParent(path)) return error;
    const auto found = nodes.find(path);
    if (found == nodes.end()) return ENOENT;
    if (found->second.kind == 'd') return EISDIR;
    if (found->second.kind == 'l') return ELOOP;
    *node = &found->second;
    return 0;
  }
};

}  // namespace forebay::vfs
