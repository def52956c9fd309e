// One handler an operation of the Data Lake API; see rest/blob/handlers.h for what a handler is.
#pragma once

#include "http/message.h"
#include "rest/blob/call.h"

namespace forebay::rest::dfs {

Task<http::Response> HandleListFilesystems(Call& call);
Task<http::Response> HandleCreateFilesystem(Call& call);
Task<http::Response> HandleGetFilesystemProperties(Call& call);
Task<http::Response> HandleSetFilesystemProperties(Call& call);
Task<http::Response> HandleDeleteFilesystem(Call& call);
Task<http::Response> HandleListPaths(Call& call);

Task<http::Response> HandleCreatePath(Call& call);
Task<http::Response> HandleRenamePath(Call& call);
Task<http::Response> HandleAppend(Call& call);
Task<http::Response> HandleFlush(Call& call);
Task<http::Response> HandleSetProperties(Call& call);
Task<http::Response> HandleSetAccessControl(Call& call);
Task<http::Response> HandleSetAccessControlRecursive(Call& call);
Task<http::Response> HandleReadPath(Call& call);
Task<http::Response> HandleGetPathProperties(Call& call);  // and getStatus, getAccessControl
Task<http::Response> HandleDeletePath(Call& call);
Task<http::Response> HandleLeasePath(Call& call);

}  // namespace forebay::rest::dfs
