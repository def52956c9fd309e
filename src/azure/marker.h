// Continuation markers of listings: opaque to clients, a position to us.
//
// A marker is version, scope, position and a CRC, in URL-safe base64. The CRC finds accidents and
// tampering with a listing's scope; it is no secret, because a marker grants nothing that the
// caller may not list anyway. Pure, thread safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::azure {

// `scope` names the listing that the position belongs to, such as "blobs/" + container + prefix +
// delimiter; a marker used on another listing is refused. `position` is any bytes (usually a key).
std::string EncodeMarker(std::string_view scope, std::string_view position);
// kOutOfRangeInput for anything that EncodeMarker with that scope did not make.
Result<std::string> DecodeMarker(std::string_view scope, std::string_view marker);

}  // namespace forebay::azure
