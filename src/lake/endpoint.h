// Where a lake is: the parts of a container's URL, and the URLs of what is in it.
//
// Host style `https://acct.blob.core.windows.net/container/prefix`, path style
// `http://127.0.0.1:10000/acct/container/prefix` for addresses, localhost and single-word hosts. A
// prefix ends in '/'. Value type; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::lake {

struct LakeEndpoint {
  std::string origin;      // "https://acct.blob.core.windows.net", no slash at the end
  std::string dfs_origin;  // the same with ".dfs."; the same origin where a host serves both
  std::string account;
  std::string container;
  std::string prefix;  // decoded; empty, or ends in '/'
  bool path_style = false;

  // "/acct/container" or "/container", encoded as on the wire.
  std::string ContainerPath() const;
  // The path of a blob, `name` without the prefix.
  std::string BlobPath(std::string_view name) const;
  std::string Description() const;
};

struct EndpointHints {
  std::optional<std::string> account;  // for hosts of one's own, whose name does not say it
  std::optional<bool> path_style;
};

// kInvalidConfig: not a container's URL, or one with a query (a SAS belongs into the credential; it
// is not repeated in the message).
Result<LakeEndpoint> ParseLakeEndpoint(const std::string& url, const EndpointHints& hints = {});

}  // namespace forebay::lake
