// For the tests of nodes: short ways to run their operations, over the engine's fixture.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "engine/node_attributes.h"
#include "engine/node_content.h"
#include "engine/node_names.h"
#include "engine/node_session.h"
#include "engine/paths_fixture.h"

namespace forebay::engine {

class NodesFixture : public PathsFixture {
 public:
  NodesFixture() : PathsFixture(/*hierarchical=*/true) {}

  NodeTarget At(std::string_view path) const {
    NodeTarget target;
    target.container = Container();
    target.path = std::string(path);
    return target;
  }
  NodeTarget In(std::uint64_t directory, std::string_view name) const {
    NodeTarget target = At(name);
    target.directory = meta::InodeId(directory);
    return target;
  }
  NodeTarget Numbered(std::uint64_t inode, std::string_view hint = {}) const {
    NodeTarget target = At(hint);
    target.inode = meta::InodeId(inode);
    return target;
  }

  Result<NodeChange> Make(NodeTarget target, azure::FileKind kind = azure::FileKind::kFile,
                          std::uint32_t mode = 0644, std::string text = {}) {
    CreateNodeRequest request;
    request.target = std::move(target);
    request.set.kind = kind;
    request.set.mode = mode;
    request.set.uid = 1000;
    request.set.gid = 100;
    if (kind == azure::FileKind::kSymlink) request.set.target = text;
    TextReader reader(text);
    if (kind == azure::FileKind::kFile && !text.empty()) request.body = &reader;
    return Run(CreateNode(services(), context(), std::move(request)));
  }
  Result<NodeChange> Make(std::string_view path, azure::FileKind kind = azure::FileKind::kFile,
                          std::uint32_t mode = 0644, std::string text = {}) {
    return Make(At(path), kind, mode, std::move(text));
  }
  // The number of what was made.
  std::uint64_t File(std::string_view path, std::string text = {}) {
    auto made = Make(path, azure::FileKind::kFile, 0644, std::move(text));
    EXPECT_TRUE(made) << (made ? "" : made.error().ToString());
    return made ? made->attributes.inode : 0;
  }
  std::uint64_t Dir(std::string_view path, std::uint32_t mode = 0755) {
    auto made = Make(path, azure::FileKind::kDirectory, mode);
    EXPECT_TRUE(made) << (made ? "" : made.error().ToString());
    return made ? made->attributes.inode : 0;
  }
  Result<azure::PosixAttributes> Stat(NodeTarget target) {
    auto status = Run(StatNode(services(), context(), std::move(target)));
    if (!status) return Fail(std::move(status.error()));
    return status->attributes;
  }
  Result<azure::PosixAttributes> Stat(std::string_view path) { return Stat(At(path)); }
  Result<NodeChange> Link(std::uint64_t from, std::string_view to, std::string_view hint = {}) {
    LinkNodeRequest request;
    request.target = At(to);
    request.from = meta::InodeId(from);
    request.from_path = std::string(hint);
    return Run(LinkNode(services(), context(), std::move(request)));
  }
  Result<NodeChange> Unlink(std::string_view path, bool directory = false, std::string token = {}) {
    RemoveNodeRequest request;
    request.target = At(path);
    request.directory = directory;
    request.token = std::move(token);
    return Run(RemoveNode(services(), context(), std::move(request)));
  }
  Result<NodeChange> Move(std::string_view from, std::string_view to,
                          RenameMode mode = RenameMode::kReplace, std::string token = {}) {
    RenameNodeRequest request;
    request.source = At(from);
    request.target = At(to);
    request.mode = mode;
    request.token = std::move(token);
    return Run(RenameNode(services(), context(), std::move(request)));
  }
  Result<std::string> Content(NodeTarget target) {
    GetBlobRequest request;
    request.node = std::move(target);
    auto found = Run(GetBlob(services(), context(), std::move(request)));
    if (!found) return Fail(std::move(found.error()));
    return Run(ReadAllOf(std::move(found->body)));
  }
  Result<std::string> Content(std::string_view path) { return Content(At(path)); }
  Result<std::uint64_t> StageBlock(NodeTarget target, std::string block, std::string text,
                                   std::string writer = {}) {
    TextReader reader(std::move(text));
    StageNodeRequest request;
    request.writer = std::move(writer);
    request.target = std::move(target);
    request.block = std::move(block);
    request.body = &reader;
    return Run(StageNode(services(), context(), std::move(request)));
  }
  // `base`: the ETag that it goes by, or empty.
  Result<azure::PosixAttributes> Write(NodeTarget target, const std::string& plan,
                                       std::string data = {}, const std::string& base = {},
                                       azure::PosixChanges set = {}, std::string writer = {}) {
    CommitNodeRequest request;
    request.writer = std::move(writer);
    request.target = std::move(target);
    if (!base.empty()) {
      const std::vector<azure::HeaderField> headers = {{"If-Match", base}};
      request.target.conditions = *azure::ConditionsFrom(headers);
    }
    auto pieces = ParsePlan(plan);
    if (!pieces) return Fail(std::move(pieces.error()));
    request.pieces = std::move(*pieces);
    request.set = set;
    TextReader reader(std::move(data));
    request.body = &reader;
    return Run(CommitNode(services(), context(), std::move(request)));
  }
  std::uint64_t Session(std::uint32_t seconds = 60) {
    OpenSessionRequest request;
    request.container = Container();
    request.seconds = seconds;
    auto id = Run(OpenSession(services(), context(), std::move(request)));
    EXPECT_TRUE(id);
    return id.value_or(0);
  }
  Result<azure::PosixAttributes> Hold(NodeTarget target, std::uint64_t session,
                                      bool release = false) {
    HoldRequest request;
    request.target = std::move(target);
    request.session = session;
    request.release = release;
    return Run(HoldNode(services(), context(), std::move(request)));
  }
};

}  // namespace forebay::engine
