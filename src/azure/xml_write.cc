#include "azure/xml_write.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/encoding.h"

namespace forebay::azure {
namespace {

// Header values may be any bytes; what is not UTF-8 is taken for Latin-1, so that a document is
// always valid.
std::string Latin1ToUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size() + 16);
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out.push_back(c);
    } else {
      out.push_back(static_cast<char>(0xC0 | byte >> 6));
      out.push_back(static_cast<char>(0x80 | (byte & 0x3F)));
    }
  }
  return out;
}

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// Appends `text` escaped for element content and for attribute values alike.
void AppendEscaped(std::string& out, std::string_view text) {
  std::string converted;
  if (!IsAscii(text) && !IsValidUtf8(text)) text = converted = Latin1ToUtf8(text);
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      // A parser would turn a bare CR into LF.
      case '\r':
        out += "&#xD;";
        break;
      default:
        if (static_cast<unsigned char>(c) < ' ' && c != '\t' && c != '\n') break;
        // U+FFFE and U+FFFF, EF BF BE/BF, may not stand in XML.
        if (static_cast<unsigned char>(c) == 0xEF && i + 2 < text.size() &&
            static_cast<unsigned char>(text[i + 1]) == 0xBF &&
            static_cast<unsigned char>(text[i + 2]) >= 0xBE) {
          i += 2;
          break;
        }
        out.push_back(c);
    }
  }
}

}  // namespace

XmlBuilder::XmlBuilder() : out_("<?xml version=\"1.0\" encoding=\"utf-8\"?>") {}

XmlBuilder& XmlBuilder::Open(std::string_view name) {
  out_ += '<';
  out_ += name;
  out_ += '>';
  return *this;
}

XmlBuilder& XmlBuilder::Open(std::string_view name, std::string_view attribute,
                             std::string_view value) {
  return Open(name, {{attribute, value}});
}

XmlBuilder& XmlBuilder::Open(std::string_view name, std::initializer_list<Attribute> attributes) {
  out_ += '<';
  out_ += name;
  for (const auto& [attribute, value] : attributes) {
    out_ += ' ';
    out_ += attribute;
    out_ += "=\"";
    AppendEscaped(out_, value);
    out_ += '"';
  }
  out_ += '>';
  return *this;
}

XmlBuilder& XmlBuilder::Close(std::string_view name) {
  out_ += "</";
  out_ += name;
  out_ += '>';
  return *this;
}

XmlBuilder& XmlBuilder::Empty(std::string_view name) {
  out_ += '<';
  out_ += name;
  out_ += " />";
  return *this;
}

XmlBuilder& XmlBuilder::Element(std::string_view name, std::string_view text) {
  if (text.empty()) return Empty(name);
  Open(name);
  AppendEscaped(out_, text);
  return Close(name);
}

XmlBuilder& XmlBuilder::Element(std::string_view name, std::uint64_t number) {
  Open(name);
  fmt::format_to(std::back_inserter(out_), "{}", number);
  return Close(name);
}

XmlBuilder& XmlBuilder::Element(std::string_view name, bool value) {
  return Element(name, value ? std::string_view("true") : std::string_view("false"));
}

XmlBuilder& XmlBuilder::ElementIf(std::string_view name, std::string_view text) {
  return text.empty() ? *this : Element(name, text);
}

XmlBuilder& XmlBuilder::NameElement(std::string_view name, std::string_view text) {
  if (IsXmlSafe(text)) return Element(name, text);
  return Open(name, "Encoded", "true").Text(PercentEncode(text, "/")).Close(name);
}

XmlBuilder& XmlBuilder::Text(std::string_view text) {
  AppendEscaped(out_, text);
  return *this;
}

bool IsXmlSafe(std::string_view utf8) {
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    auto c = static_cast<unsigned char>(utf8[i]);
    if (c < ' ' && c != '\t' && c != '\n' && c != '\r') return false;
    if (c == 0xEF && i + 2 < utf8.size() && static_cast<unsigned char>(utf8[i + 1]) == 0xBF &&
        static_cast<unsigned char>(utf8[i + 2]) >= 0xBE) {
      return false;
    }
  }
  return true;
}

}  // namespace forebay::azure
