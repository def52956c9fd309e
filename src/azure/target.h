// A request's target and Host header, taken apart: which account, container and blob, and which
// query.
//
// Two styles. *Host style* `account.blob.host[:port]/container/blob` (also `account.dfs.…`), *path
// style* `host[:port]/account/container/blob` for IP addresses, localhost and every host that names
// no account. Blob names are decoded and never normalised: `%2F` is '/', `+` is '+', "//", "." and
// ".." stay as they are. In the query `+` is a space. Rule: "Addressing blob service resources" of
// the REST reference. Pure, thread safe, safe on hostile input (fuzzed: target_fuzz.cc).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "azure/names.h"
#include "base/result.h"

namespace forebay::azure {

// The decoded parameters of a query in their order. Names compare without case.
class Query {
 public:
  using Parameter = std::pair<std::string, std::string>;

  // Text without '?'. kInvalidUri for a stray '%', kInvalidQueryParameterValue for what is not
  // UTF-8.
  static Result<Query> Parse(std::string_view raw);

  // The first value; nullopt when absent. "comp" and "comp=" both give "".
  std::optional<std::string_view> Find(std::string_view name) const;
  std::string_view Get(std::string_view name) const { return Find(name).value_or(""); }
  bool Has(std::string_view name) const { return Find(name).has_value(); }
  void Add(std::string name, std::string value);
  auto begin() const { return parameters_.begin(); }
  auto end() const { return parameters_.end(); }
  std::size_t size() const { return parameters_.size(); }
  // Percent-encoded again, in order, without '?'.
  std::string ToString() const;

 private:
  std::vector<Parameter> parameters_;
};

enum class Endpoint : std::uint8_t { kBlob, kDfs };

struct RequestTarget {
  AccountName account;                     // without "-secondary"
  std::optional<ContainerName> container;  // $root when the path names only a blob
  std::optional<BlobName> blob;
  Query query;
  std::string raw_path;                 // still encoded, without query: what SharedKey signs
  std::string raw_query;                // without '?'
  Endpoint endpoint = Endpoint::kBlob;  // by host; path style says kBlob (see LooksLikeDfs)
  bool path_style = false;
  bool secondary = false;      // account-secondary: reads only
  bool implicit_root = false;  // the container is $root though the path did not say so
};

// `knows_account` says whether a name is an account of this server. `target` is as received, also
// in absolute form (http://host/path). kInvalidUri, kRequestUrlFailedToParse, kInvalidResourceName,
// kOutOfRangeInput. An account nobody knows is no error here: authentication answers that.
// `rename_source` is the header x-ms-rename-source: a client of the Data Lake API is known to drop
// the account from a path-style URL when it renames, and to have it in that header.
Result<RequestTarget> ParseTarget(std::string_view target, std::string_view host,
                                  const std::function<bool(std::string_view)>& knows_account,
                                  std::string_view rename_source = {});
// The same, into `out`. After an error about names `out` still has the endpoint and the query, by
// which whoever answers knows in which API's words to do it.
Result<> ParseTargetInto(RequestTarget& out, std::string_view target, std::string_view host,
                         const std::function<bool(std::string_view)>& knows_account,
                         std::string_view rename_source = {});

// True where a request on an endpoint that serves both APIs is for the Data Lake (DFS) one: it has
// `resource=`, `action=`, `recursive=` or `continuation=`, or the rename header (pass its
// presence).
bool LooksLikeDfs(const RequestTarget& target, bool has_rename_source);

// A URL of a copy source: scheme, host with port, target.
struct SourceUrl {
  bool https = false;
  std::string host;  // without port; IPv6 without brackets
  std::uint16_t port = 0;
  std::string authority;  // as in the URL, for Host
  std::string target;     // path and query
};
// http and https only, no user info, no fragment, at most 2 KiB and 64-bit clean.
// kInvalidSourceBlobUrl.
Result<SourceUrl> ParseSourceUrl(std::string_view url);

}  // namespace forebay::azure
