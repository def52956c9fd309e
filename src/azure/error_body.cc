// Errors with what Azure says beside their code, and the documents that they are told in.
#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>

#include "azure/code_kinds.h"
#include "azure/error_table.h"
#include "azure/wire.h"
#include "azure/xml_write.h"

namespace forebay::azure {
namespace {

// One line of a detail: no control characters, bounded.
std::string Printable(std::string_view text) {
  constexpr std::size_t kMost = 1024;
  std::string out(text.substr(0, kMost));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = '?';
  }
  return out;
}

Error Make(Code code, std::string detail) {
  return Error(code, std::string(WireErrorOf(code).message)).WithDetail(std::move(detail));
}

bool IsElementName(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  });
}

void WriteDetail(XmlBuilder& xml, const Error& error) {
  std::string_view detail = error.detail();
  if (detail.empty()) return;
  if (IsAuthentication(error.code())) {
    xml.Element("AuthenticationErrorDetail", detail);
    return;
  }
  while (!detail.empty()) {
    auto end = detail.find('\n');
    std::string_view line = detail.substr(0, end);
    detail = end == std::string_view::npos ? std::string_view() : detail.substr(end + 1);
    auto colon = line.find(": ");
    if (colon == std::string_view::npos || !IsElementName(line.substr(0, colon))) {
      xml.Element("Detail", line);
    } else {
      xml.Element(line.substr(0, colon), line.substr(colon + 2));
    }
  }
}

}  // namespace

Error InvalidHeaderError(std::string_view name, std::string_view value) {
  return Make(Code::kInvalidHeaderValue,
              fmt::format("HeaderName: {}\nHeaderValue: {}", Printable(name), Printable(value)));
}
Error BothChecksumsError(std::string_view name) {
  return Make(Code::kBothChecksumsPresent, fmt::format("HeaderName: {}", Printable(name)));
}
Error MissingHeaderError(std::string_view name) {
  return Make(Code::kMissingRequiredHeader, fmt::format("HeaderName: {}", Printable(name)));
}
Error UnsupportedHeaderError(std::string_view name, std::string_view value) {
  return Make(Code::kUnsupportedHeader,
              fmt::format("HeaderName: {}\nHeaderValue: {}", Printable(name), Printable(value)));
}
Error InvalidQueryError(std::string_view name, std::string_view value, std::string_view reason) {
  std::string detail = fmt::format("QueryParameterName: {}\nQueryParameterValue: {}",
                                   Printable(name), Printable(value));
  if (!reason.empty()) detail += fmt::format("\nReason: {}", Printable(reason));
  return Make(Code::kInvalidQueryParameterValue, std::move(detail));
}
Error OutOfRangeQueryError(std::string_view name, std::string_view value, std::string_view minimum,
                           std::string_view maximum) {
  return Make(
      Code::kOutOfRangeQueryParameterValue,
      fmt::format("QueryParameterName: {}\nQueryParameterValue: {}\nMinimumAllowed: "
                  "{}\nMaximumAllowed: {}",
                  Printable(name), Printable(value), Printable(minimum), Printable(maximum)));
}
Error MissingQueryError(std::string_view name) {
  return Make(Code::kMissingRequiredQueryParameter,
              fmt::format("QueryParameterName: {}", Printable(name)));
}
Error AuthenticationError(std::string detail) {
  return Make(Code::kAuthenticationFailed, std::move(detail));
}

std::string ErrorXml(const Error& error, std::string_view request_id, WallTime now) {
  const WireError& wire = WireErrorOf(error.code());
  // Our own sentence says more than Azure's where a client made a mistake; never what went on
  // inside.
  bool own = IsWireCode(error.code()) && !error.message().empty() &&
             !IsAuthentication(error.code()) && error.code() != Code::kNotModified;
  std::string message = fmt::format("{}\nRequestId:{}\nTime:{}",
                                    own ? std::string_view(error.message()) : wire.message,
                                    request_id, FormatTicks(now));
  XmlBuilder xml;
  xml.Open("Error").Element("Code", wire.name).Element("Message", message);
  if (IsWireCode(error.code())) WriteDetail(xml, error);
  xml.Close("Error");
  return xml.Take();
}

ParsedErrorBody ParseErrorXml(std::string_view body) {
  constexpr std::size_t kMost = std::size_t{64} * 1024;
  ParsedErrorBody out;
  pugi::xml_document document;
  if (body.size() > kMost || !document.load_buffer(body.data(), body.size())) return out;
  pugi::xml_node error = document.child("Error");
  out.code = error.child("Code").text().get();
  out.message = error.child("Message").text().get();
  return out;
}

}  // namespace forebay::azure
