// Which verb of the POSIX extensions a request is (docs/posix-extensions.md), and who may run it.
//
// Pure, thread safe.
#pragma once

#include "azure/target.h"
#include "azure/wire.h"
#include "base/result.h"
#include "rest/blob/dialect.h"

namespace forebay::rest::dfs {

// `posix=` in the query: no public API has that word.
bool IsPosixRequest(const azure::RequestTarget& target);

// kUnsupportedHttpVerb, kInvalidQueryParameterValue.
Result<DialectRoute> RecognizePosix(std::string_view method, const azure::RequestTarget& target);

}  // namespace forebay::rest::dfs
