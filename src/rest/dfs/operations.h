// Which operation of the Data Lake API a request is, and who may run it.
//
// Rules: the DataLakeStorage specification, and "Permissions for a directory, container, or blob"
// of "Create a service SAS". Pure, thread safe.
#pragma once

#include "azure/permissions.h"
#include "azure/target.h"
#include "azure/wire.h"
#include "base/result.h"
#include "rest/blob/dialect.h"

namespace forebay::rest::dfs {

// Whether a request is for this API. `method` as received.
bool IsDfsRequest(std::string_view method, const azure::RequestTarget& target,
                  azure::HeaderSpan headers);

// kUnsupportedHttpVerb, kInvalidQueryParameterValue, kMissingRequiredQueryParameter.
Result<DialectRoute> RecognizeDfs(std::string_view method, const azure::RequestTarget& target,
                                  azure::HeaderSpan headers);

// A path named "/" is the root directory, as clients spell it where a URL needs a path.
bool NamesRoot(const azure::RequestTarget& target);

}  // namespace forebay::rest::dfs
