// For tests: the load under which crash_test.cc cuts the power, and what it should have made.
//
// Every step is one change that is there entirely or not at all, and can be made again when its
// power cut came before it took effect.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/crash_fixture.h"

namespace forebay::engine {

struct CrashModel {
  struct Blob {
    std::optional<std::string> text = {};
    std::string tag = {};
    std::string note = {};
    std::vector<std::pair<std::string, std::string>> blocks = {};
    std::map<std::string, std::string> staged = {};
    std::map<std::uint64_t, std::string> appended = {};  // by position; no reader sees it
  };
  bool container = false;
  std::map<std::string, Blob> blobs;

  Picture InWords() const {
    Picture picture;
    if (container) picture[""] = "container";
    for (const auto& [name, blob] : blobs) {
      BlobView view{
          .text = blob.text, .tag = blob.tag, .note = blob.note, .blocks = {}, .staged = {}};
      for (const auto& [id, text] : blob.blocks) view.blocks.emplace_back(id, text.size());
      for (const auto& [id, text] : blob.staged) view.staged[id] = text.size();
      picture[name] = view.InWords();
    }
    return picture;
  }
};

struct CrashStep {
  std::string name;
  std::function<Result<>(CrashProcess&)> run;
  std::function<void(CrashModel&)> change;
};

// Sizes are those of TinyLimits: up to 8 bytes lie in the key-value store, 64 bytes fit one
// transaction, and more bytes, or more than six blocks, are prepared ahead.
class CrashScript {
 public:
  explicit CrashScript(bool hierarchical) : hierarchical_(hierarchical) {
    MakeContainer();
    FirstLives();
    Overwrites();
    LongLists();
    Appends();
    Renames();
    Removals();
    AnotherContainer();
  }
  const std::vector<CrashStep>& steps() const { return steps_; }

 private:
  using Model = CrashModel;

  void FirstLives() {
    Put("d/inline", 6);
    Put("d/small", 40);
    Put("large", 200);
    for (int n = 0; n < 3; ++n) Stage("list", n, 20);
    Commit("list", {0, 2});  // and drops what it does not name
    Stage("only", 1, 30);
    Stage("only", 2, 7);
    Copy("large", "copies/large");
    Copy("d/inline", "copies/inline");
    SetNote("d/small", "first");
  }
  void Overwrites() {
    Put("d/small", 50);
    Put("d/inline", 100);
    Put("large", 5);
    if (!hierarchical_) SetTag("large", "tagged");
    SetNote("large", "second");
    Stage("only", 1, 33);  // another block of the same id
    Sweep();
  }
  void LongLists() {
    for (int n = 3; n < 11; ++n) Stage("list", n, n == 5 ? 4 : 20);
    Commit("list", {0, 3, 4, 5, 6, 7, 8, 9, 10});  // blocks of both kinds, prepared ahead
    Copy("list", "copies/list");
    Stage("list", 4, 25);
    Stage("list", 11, 18);
    Commit("list", {3, 4, 5, 6, 7, 8, 9, 11});  // while a copy shares what it drops
    Reclaim();
  }
  void Appends() {
    CreateFile("d/log");
    Append("d/log", 0, 30);
    Append("d/log", 30, 100);
    Flush("d/log", 130);
    Append("d/log", 130, 6);
    Flush("d/log", 136);  // in place
    Copy("d/log", "copies/log");
    Append("d/log", 136, 20);
    Append("d/log", 160, 20);  // dropped
    Flush("d/log", 156);       // no longer in place: the copy shares it
    // To a blob of blocks: 20 bytes each, but for three.
    const std::uint64_t end = 5 * 20 + 25 + 4 + 18;
    Append("list", end, 10);
    Flush("list", end + 10);
  }
  void Renames() {
    Rename("d/inline", "inline");
    Rename("copies/log", "large");  // over another
    if (hierarchical_) {
      Rename("d", "e");
    } else {
      Rename("d/small", "e/small");
      Rename("d/log", "e/log");
    }
    Append("e/log", 156, 40);
    Flush("e/log", 196);
  }
  void Removals() {
    Delete("copies/large");
    Delete("inline");
    Sweep();
    Commit("only", {1, 2});
    Delete("list");
    Put("copies/list", 90);
    Sweep();
    Reclaim();
    Put("last", 70);
    Copy("only", "e/only");
    Delete("only");
    if (hierarchical_) {
      DeleteTree("e");
    } else {
      Delete("e/log");
    }
  }
  void AnotherContainer() {
    Stage("never", 1, 40);
    RemoveContainer();
    MakeContainer();  // while the sweeper has not been at the first
    Put("last", 60);
    Put("d/inline", 3);
    Stage("list", 1, 70);
    Sweep();
    Reclaim();
    Commit("list", {1});
  }

  // Hierarchical accounts know no tags.
  std::string Tag() { return hierarchical_ ? "" : std::to_string(++seed_); }
  static std::string Id(int n) { return "b" + std::to_string(100 + n); }
  void Add(std::string name, std::function<Result<>(CrashProcess&)> run,
           std::function<void(Model&)> change) {
    steps_.push_back({std::move(name), std::move(run), std::move(change)});
  }

  void MakeContainer() {
    Add(
        "make the container", [](CrashProcess& p) { return p.MakeContainer(); },
        [](Model& m) { m.container = true; });
  }
  void RemoveContainer() {
    Add(
        "remove the container", [](CrashProcess& p) { return p.RemoveContainer(); },
        [](Model& m) { m = {}; });
  }
  void Put(const std::string& name, std::size_t size) {
    const std::string text = Text(size, ++seed_), tag = Tag();
    Add(
        "put " + name, [=](CrashProcess& p) { return p.Put(name, text, tag); },
        [=](Model& m) { m.blobs[name] = {.text = text, .tag = tag}; });
  }
  void Stage(const std::string& name, int n, std::size_t size) {
    const std::string text = Text(size, ++seed_);
    Add(
        "stage " + Id(n) + " of " + name,
        [=](CrashProcess& p) { return p.Stage(name, Id(n), text); },
        [=](Model& m) { m.blobs[name].staged[Id(n)] = text; });
  }
  void Commit(const std::string& name, const std::vector<int>& numbers) {
    std::vector<std::string> ids;
    for (const int n : numbers) ids.push_back(Id(n));
    const std::string tag = Tag();
    Add(
        "commit " + name, [=](CrashProcess& p) { return p.Commit(name, ids, tag); },
        [=](Model& m) {
          const Model::Blob before = m.blobs[name];
          const std::map<std::string, std::string> old(before.blocks.begin(), before.blocks.end());
          Model::Blob& blob = m.blobs[name] = {.text = "", .tag = tag};
          for (const std::string& id : ids) {
            const auto staged = before.staged.find(id);
            const std::string& text = staged != before.staged.end() ? staged->second : old.at(id);
            blob.blocks.emplace_back(id, text);
            *blob.text += text;
          }
        });
  }
  void Copy(const std::string& from, const std::string& to) {
    Add(
        "copy " + from, [=](CrashProcess& p) { return p.Copy(from, to); },
        [=](Model& m) {
          Model::Blob copy = m.blobs.at(from);
          copy.staged.clear();
          copy.appended.clear();
          m.blobs[to] = std::move(copy);
        });
  }
  void SetNote(const std::string& name, const std::string& note) {
    Add(
        "annotate " + name, [=](CrashProcess& p) { return p.SetNote(name, note); },
        [=](Model& m) { m.blobs.at(name).note = note; });
  }
  void SetTag(const std::string& name, const std::string& tag) {
    Add(
        "tag " + name, [=](CrashProcess& p) { return p.SetTag(name, tag); },
        [=](Model& m) { m.blobs.at(name).tag = tag; });
  }
  void Delete(const std::string& name) {
    Add(
        "delete " + name, [=](CrashProcess& p) { return p.Delete(name); },
        [=](Model& m) { m.blobs.erase(name); });
  }

  void CreateFile(const std::string& path) {
    Add(
        "create " + path, [=](CrashProcess& p) { return p.CreateFile(path); },
        [=](Model& m) { m.blobs[path] = {.text = ""}; });
  }
  void Append(const std::string& path, std::uint64_t position, std::size_t size) {
    const std::string text = Text(size, ++seed_);
    Add(
        "append to " + path, [=](CrashProcess& p) { return p.Append(path, position, text); },
        [=](Model& m) { m.blobs.at(path).appended[position] = text; });
  }
  void Flush(const std::string& path, std::uint64_t position) {
    Add(
        "flush " + path, [=](CrashProcess& p) { return p.Flush(path, position); },
        [=](Model& m) {
          Model::Blob& blob = m.blobs.at(path);
          for (const auto& [at, text] : blob.appended) {
            if (at < position) *blob.text += text;
          }
          blob.appended.clear();
          blob.blocks.clear();  // what was appended is no block
        });
  }
  // A blob, or everything below a directory.
  void Rename(const std::string& from, const std::string& to) {
    Add(
        "rename " + from, [=](CrashProcess& p) { return p.Rename(from, to); },
        [=](Model& m) {
          std::map<std::string, Model::Blob> moved;
          std::erase_if(m.blobs, [&](auto& entry) {
            const std::string& name = entry.first;
            if (name != from && !name.starts_with(from + "/")) return false;
            moved[to + name.substr(from.size())] = std::move(entry.second);
            return true;
          });
          for (auto& [name, blob] : moved) m.blobs[name] = std::move(blob);
        });
  }
  void DeleteTree(const std::string& path) {
    Add(
        "delete all of " + path, [=](CrashProcess& p) { return p.DeleteTree(path); },
        [=](Model& m) {
          std::erase_if(m.blobs, [&](const auto& entry) {
            return entry.first == path || entry.first.starts_with(path + "/");
          });
        });
  }

  void Sweep() {
    Add("sweep", [](CrashProcess& p) { return p.Sweep(); }, [](Model&) {});
  }
  void Reclaim() {
    Add("reclaim", [](CrashProcess& p) { return p.Reclaim(); }, [](Model&) {});
  }

  const bool hierarchical_;
  std::vector<CrashStep> steps_;
  unsigned seed_ = 0;
};

}  // namespace forebay::engine
