// For the tests of path operations: short ways to run them, over the engine's fixture.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "engine/append_path.h"
#include "engine/create_path.h"
#include "engine/delete_path.h"
#include "engine/engine_fixture.h"
#include "engine/flush_path.h"
#include "engine/path_status.h"
#include "engine/rename_path.h"
#include "engine/sweeper.h"

namespace forebay::engine {

inline Code CodeOf(const auto& result) { return result ? Code{} : result.error().code(); }

class PathsFixture : public EngineFixture {
 public:
  explicit PathsFixture(bool hierarchical) : EngineFixture({.hierarchical = hierarchical}) {
    EXPECT_TRUE(MakeContainer());
  }

  Result<Changed> Create(std::string_view path, bool directory = false,
                         azure::Conditions conditions = {}) {
    CreatePathRequest request;
    request.target = Blob(path);
    request.directory = directory;
    request.conditions = std::move(conditions);
    return Create(std::move(request));
  }
  Result<Changed> Create(CreatePathRequest request) {
    return Run(CreatePath(services(), context(), std::move(request)));
  }
  Result<AppendPathResult> Append(std::string_view path, std::uint64_t position, std::string text,
                                  std::optional<std::string> lease_id = {}) {
    TextReader reader(std::move(text));
    AppendPathRequest request;
    request.target = Blob(path);
    request.position = position;
    request.lease_id = std::move(lease_id);
    request.body = &reader;
    return Run(AppendPath(services(), context(), std::move(request)));
  }
  Result<FlushPathResult> Flush(std::string_view path, std::uint64_t position,
                                bool retain = false) {
    FlushPathRequest request;
    request.target = Blob(path);
    request.position = position;
    request.retain_uncommitted = retain;
    return Run(FlushPath(services(), context(), std::move(request)));
  }
  Result<Changed> Rename(std::string_view from, std::string_view to,
                         azure::Conditions conditions = {}) {
    RenamePathRequest request;
    request.source = Blob(from);
    request.target = Blob(to);
    request.conditions = std::move(conditions);
    return Run(RenamePath(services(), context(), std::move(request)));
  }
  Result<DeletePathResult> Delete(std::string_view path, bool recursive = false,
                                  std::string start = {}, std::size_t max_records = 5000) {
    DeletePathRequest request;
    request.target = Blob(path);
    request.recursive = recursive;
    request.start = std::move(start);
    request.max_records = max_records;
    return Run(DeletePath(services(), context(), std::move(request)));
  }
  // `path` empty: the root.
  Result<PathStatus> Status(std::string_view path) {
    PathTarget target{Container(), std::nullopt};
    if (!path.empty()) target.path = azure::BlobName(path);
    return Run(GetPathStatus(services(), context(), std::move(target), {}));
  }
  std::string AclOf(std::string_view path) {
    const auto status = Status(path);
    return status ? azure::FormatAcl(status->access) : std::string(CodeName(CodeOf(status)));
  }
  bool Exists(std::string_view path) { return Status(path).has_value(); }
  void Sweep() { EXPECT_TRUE(sweeper_.RunOnce().has_value()); }

 private:
  Sweeper sweeper_{services()};
};

}  // namespace forebay::engine
