// Another API on the same endpoint: the Data Lake API beside the Blob API.
//
// BlobService parses the target and asks whether the request is the dialect's; recognition,
// handlers and error texts are then the dialect's, while authentication, versions, CORS, common
// headers and the log stay one for both. Thread safe; must outlive the service.
#pragma once

#include <optional>

#include "azure/permissions.h"
#include "rest/blob/handlers.h"

namespace forebay::rest {

struct DialectRoute {
  // Name, effect and permissions. Its `operation` is the Blob operation that is closest.
  const azure::OperationInfo* info = nullptr;
  azure::Permissions extra;  // needed besides
  // What a directory's SAS must cover where the URL names only the container.
  std::optional<azure::BlobName> scope;
  Handler handler = nullptr;
};

class Dialect {
 public:
  virtual ~Dialect() = default;
  // Whether a request with this target is one of this API's.
  virtual bool Claims(const Call& call) const = 0;
  virtual Result<DialectRoute> Recognize(const Call& call) const = 0;
  virtual http::Response ErrorAnswer(const Error& error, const Call& call) const = 0;
};

}  // namespace forebay::rest
