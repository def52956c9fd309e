// For the tests of rest/dfs: a service that speaks both APIs, over the engine's in-memory parts.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "rest/blob/service_fixture.h"
#include "rest/dfs/dfs_dialect.h"

namespace forebay::rest::dfs {

class DfsFixture {
 public:
  explicit DfsFixture(bool hierarchical = true) : f({.hierarchical = hierarchical}) {
    f.service().SetDialect(&dialect_);
    EXPECT_EQ(f.Put("/box?resource=filesystem").status, 201u);
  }

  Reply Create(const std::string& path, HeaderList headers = {}, const char* kind = "file") {
    return f.Put("/box/" + path + "?resource=" + kind, std::move(headers));
  }
  Reply MakeDir(const std::string& path, HeaderList headers = {}) {
    return Create(path, std::move(headers), "directory");
  }
  Reply Patch(const std::string& target, HeaderList headers = {}, std::string body = {}) {
    headers.emplace_back("Content-Length", std::to_string(body.size()));
    return f.Send("PATCH", target, std::move(headers), std::move(body));
  }
  Reply Append(const std::string& path, std::size_t position, std::string body,
               HeaderList headers = {}, const std::string& query = "") {
    return Patch("/box/" + path + "?action=append&position=" + std::to_string(position) + query,
                 std::move(headers), std::move(body));
  }
  Reply Flush(const std::string& path, std::size_t position, HeaderList headers = {},
              const std::string& query = "") {
    return Patch("/box/" + path + "?action=flush&position=" + std::to_string(position) + query,
                 std::move(headers));
  }
  Reply Rename(const std::string& from, const std::string& to, HeaderList headers = {}) {
    headers.emplace_back("x-ms-rename-source", "/box/" + from);
    return f.Put("/box/" + to + "?mode=legacy", std::move(headers));
  }
  Reply Head(const std::string& path, const std::string& action = "getStatus") {
    return f.Send("HEAD", "/box/" + path + "?action=" + action);
  }
  Reply List(const std::string& query) { return f.Get("/box?resource=filesystem&" + query); }

  ServiceFixture f;

 private:
  DfsDialect dialect_;
};

}  // namespace forebay::rest::dfs
