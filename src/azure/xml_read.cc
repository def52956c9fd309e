#include "azure/xml_read.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "azure/error_table.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

std::string Clean(std::string_view text) {
  std::string out(text.substr(0, 256));
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
  return out;
}

std::unexpected<Error> NodeError(Code code, std::string_view name) {
  return Fail(Error(code, std::string(WireErrorOf(code).message))
                  .WithDetail("XmlNodeName: " + Clean(name)));
}

std::unexpected<Error> BadDocument() {
  return Fail(Code::kInvalidXmlDocument, "XML specified is not syntactically valid.");
}

}  // namespace

Result<pugi::xml_node> LoadXml(pugi::xml_document& document, std::string_view xml,
                               std::string_view root, std::size_t limit) {
  if (xml.size() > limit) {
    return Fail(Code::kRequestBodyTooLarge,
                "The request body is too large and exceeds the maximum permissible limit.");
  }
  if (xml.starts_with("\xEF\xBB\xBF")) xml.remove_prefix(3);
  if (!IsValidUtf8(xml) || xml.find('\0') != std::string_view::npos ||
      xml.find("<!DOCTYPE") != std::string_view::npos ||
      xml.find("<!ENTITY") != std::string_view::npos) {
    return BadDocument();
  }
  // White space is text where an element has nothing else, as in the value of a tag.
  constexpr unsigned kOptions =
      pugi::parse_cdata | pugi::parse_escapes | pugi::parse_eol | pugi::parse_ws_pcdata_single;
  auto parsed = document.load_buffer(xml.data(), xml.size(), kOptions, pugi::encoding_utf8);
  pugi::xml_node node = document.document_element();
  if (!parsed || std::string_view(node.name()) != root) return BadDocument();
  return node;
}

std::unexpected<Error> BadNode(std::string_view name, std::string_view value) {
  return Fail(
      Error(Code::kInvalidXmlNodeValue,
            std::string(WireErrorOf(Code::kInvalidXmlNodeValue).message))
          .WithDetail(fmt::format("XmlNodeName: {}\nXmlNodeValue: {}", Clean(name), Clean(value))));
}

std::unexpected<Error> MissingNode(std::string_view name) {
  return NodeError(Code::kMissingRequiredXmlNode, name);
}

std::unexpected<Error> UnsupportedNode(std::string_view name) {
  return NodeError(Code::kUnsupportedXmlNode, name);
}

}  // namespace forebay::azure
