// A small string builder for XML answers: escapes, indents nothing, allocates little.
//
// One thread at a time. Text must be UTF-8; characters that XML 1.0 cannot hold are dropped by Text
// (callers that must keep them percent-encode, as listings do with Encoded="true").
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace forebay::azure {

class XmlBuilder {
 public:
  using Attribute = std::pair<std::string_view, std::string_view>;

  XmlBuilder();  // writes the declaration

  XmlBuilder& Open(std::string_view name);
  // Attribute value is escaped: <name attribute="value">
  XmlBuilder& Open(std::string_view name, std::string_view attribute, std::string_view value);
  XmlBuilder& Open(std::string_view name, std::initializer_list<Attribute> attributes);
  XmlBuilder& Close(std::string_view name);
  XmlBuilder& Empty(std::string_view name);  // <name />
  // <name>text</name>; <name /> for an empty text.
  XmlBuilder& Element(std::string_view name, std::string_view text);
  XmlBuilder& Element(std::string_view name, std::uint64_t number);
  XmlBuilder& Element(std::string_view name, bool value);
  // A string literal is text, not a bool.
  XmlBuilder& Element(std::string_view name, const char* text) {
    return Element(name, std::string_view(text));
  }
  // Only when the text is not empty.
  XmlBuilder& ElementIf(std::string_view name, std::string_view text);
  // <name>…</name>, or <name Encoded="true">percent-encoded</name> when XML cannot hold the text.
  XmlBuilder& NameElement(std::string_view name, std::string_view text);
  XmlBuilder& Text(std::string_view text);

  std::size_t size() const { return out_.size(); }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// True when every character may stand in an XML 1.0 document.
bool IsXmlSafe(std::string_view utf8);

}  // namespace forebay::azure
