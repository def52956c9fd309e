// Loading request documents safely, shared by the parsers of xml_*.cc. Shows pugixml: include it
// from .cc files of this folder only.
#pragma once

#include <pugixml.hpp>
#include <string_view>

#include "base/result.h"

namespace forebay::azure {

// Parses `xml` (UTF-8, with or without BOM) into `document` and returns its root, which must be
// named `root`. kRequestBodyTooLarge above `limit`; kInvalidXmlDocument for what is not
// well-formed, is not UTF-8, declares a document type (no entity is ever expanded), or has another
// root.
Result<pugi::xml_node> LoadXml(pugi::xml_document& document, std::string_view xml,
                               std::string_view root, std::size_t limit);

std::unexpected<Error> BadNode(std::string_view name,
                               std::string_view value);         // kInvalidXmlNodeValue
std::unexpected<Error> MissingNode(std::string_view name);      // kMissingRequiredXmlNode
std::unexpected<Error> UnsupportedNode(std::string_view name);  // kUnsupportedXmlNode

}  // namespace forebay::azure
