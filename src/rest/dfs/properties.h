// Headers that paths and file systems have in this API: user-defined properties, HTTP headers,
// access control. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "azure/acl.h"
#include "azure/properties.h"
#include "azure/wire.h"
#include "engine/flush_path.h"
#include "http/message.h"
#include "rest/blob/call.h"

namespace forebay::rest::dfs {

// "name=base64 of the value, name=…". kInvalidHeaderValue, and the errors of azure/metadata.h.
Result<azure::Metadata> ParseProperties(std::string_view text);
std::string FormatProperties(const azure::Metadata& metadata);
// x-ms-properties; nullopt when absent.
Result<std::optional<azure::Metadata>> PropertiesFrom(azure::HeaderSpan headers);

// x-ms-content-type, -encoding, -language, -disposition, -md5 and x-ms-cache-control.
Result<engine::HttpHeaderChanges> HttpChangesFrom(azure::HeaderSpan headers);

void AddProperties(http::Response& response, const azure::Metadata& metadata);
// x-ms-owner, -group, -permissions, and with `acl` x-ms-acl.
void AddAccess(http::Response& response, const azure::AccessControl& access, bool acl);

// The path that the call names; nullopt: the root directory.
std::optional<azure::BlobName> PathOf(const Call& call);

// "true" or "false" of a query parameter; false when absent. kInvalidQueryParameterValue.
Result<bool> QueryFlag(const Call& call, std::string_view name);

}  // namespace forebay::rest::dfs
