// The Data Lake API as a dialect of the service (rest/blob/dialect.h).
//
// Thread safe; no state.
#pragma once

#include "rest/blob/dialect.h"

namespace forebay::rest::dfs {

class DfsDialect final : public Dialect {
 public:
  bool Claims(const Call& call) const override;
  Result<DialectRoute> Recognize(const Call& call) const override;
  // {"error":{"code":…,"message":…}}, with this API's names for what both have.
  http::Response ErrorAnswer(const Error& error, const Call& call) const override;
};

}  // namespace forebay::rest::dfs
