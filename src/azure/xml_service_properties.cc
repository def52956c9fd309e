// Service properties and stats: part of xml_documents.h.
#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>

#include "azure/version.h"
#include "azure/wire.h"
#include "azure/xml_documents.h"
#include "azure/xml_read.h"
#include "azure/xml_write.h"

namespace forebay::azure {
namespace {

constexpr std::uint32_t kMaxRetentionDays = 365;

Result<bool> RequiredBool(pugi::xml_node parent, const char* name) {
  pugi::xml_node node = parent.child(name);
  if (!node) return MissingNode(name);
  std::string_view text = TrimSpace(node.child_value());
  auto value = ParseBool(text);
  if (!value) return BadNode(name, text);
  return *value;
}

Result<std::optional<bool>> OptionalBool(pugi::xml_node parent, const char* name) {
  if (!parent.child(name)) return std::optional<bool>();
  FB_ASSIGN_OR_RETURN(bool value, RequiredBool(parent, name));
  return std::optional<bool>(value);
}

Result<RetentionPolicy> ParseRetention(pugi::xml_node node) {
  RetentionPolicy out;
  FB_ASSIGN_OR_RETURN(out.enabled, RequiredBool(node, "Enabled"));
  if (node.child("Days")) {
    std::string_view text = TrimSpace(node.child("Days").child_value());
    auto days = ParseUint(text);
    if (!days || *days < 1 || *days > kMaxRetentionDays) return BadNode("Days", text);
    out.days = static_cast<std::uint32_t>(*days);
  } else if (out.enabled) {
    return MissingNode("Days");
  }
  FB_ASSIGN_OR_RETURN(auto permanent, OptionalBool(node, "AllowPermanentDelete"));
  out.allow_permanent_delete = permanent.value_or(false);
  return out;
}

Result<std::string> AnalyticsVersion(pugi::xml_node node) {
  std::string version(TrimSpace(node.child("Version").child_value()));
  if (version.empty()) return MissingNode("Version");
  if (version != "1.0" && version != "2.0") return BadNode("Version", version);
  return version;
}

Result<LoggingSettings> ParseLogging(pugi::xml_node node) {
  LoggingSettings out;
  FB_ASSIGN_OR_RETURN(out.version, AnalyticsVersion(node));
  FB_ASSIGN_OR_RETURN(out.remove, RequiredBool(node, "Delete"));
  FB_ASSIGN_OR_RETURN(out.read, RequiredBool(node, "Read"));
  FB_ASSIGN_OR_RETURN(out.write, RequiredBool(node, "Write"));
  if (!node.child("RetentionPolicy")) return MissingNode("RetentionPolicy");
  FB_ASSIGN_OR_RETURN(out.retention, ParseRetention(node.child("RetentionPolicy")));
  return out;
}

Result<MetricsSettings> ParseMetrics(pugi::xml_node node) {
  MetricsSettings out;
  FB_ASSIGN_OR_RETURN(out.version, AnalyticsVersion(node));
  FB_ASSIGN_OR_RETURN(out.enabled, RequiredBool(node, "Enabled"));
  FB_ASSIGN_OR_RETURN(out.include_apis, OptionalBool(node, "IncludeAPIs"));
  if (out.enabled && !out.include_apis) return MissingNode("IncludeAPIs");
  if (node.child("RetentionPolicy")) {
    FB_ASSIGN_OR_RETURN(out.retention, ParseRetention(node.child("RetentionPolicy")));
  }
  return out;
}

bool IsPrintableAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7F; });
}

Result<std::vector<CorsRule>> ParseCors(pugi::xml_node node) {
  std::vector<CorsRule> out;
  for (pugi::xml_node child : node.children("CorsRule")) {
    if (out.size() == kMaxCorsRules) return BadNode("Cors", "more than five rules");
    CorsRule rule;
    rule.allowed_origins = TrimSpace(child.child("AllowedOrigins").child_value());
    rule.allowed_methods = TrimSpace(child.child("AllowedMethods").child_value());
    rule.allowed_headers = TrimSpace(child.child("AllowedHeaders").child_value());
    rule.exposed_headers = TrimSpace(child.child("ExposedHeaders").child_value());
    std::string_view age = TrimSpace(child.child("MaxAgeInSeconds").child_value());
    auto seconds = ParseUint(age);
    if (!seconds || *seconds > INT32_MAX) return BadNode("MaxAgeInSeconds", age);
    rule.max_age_s = static_cast<std::uint32_t>(*seconds);
    for (const std::string& text :
         {rule.allowed_origins, rule.allowed_methods, rule.allowed_headers, rule.exposed_headers}) {
      // They become header values, and must survive being written as XML again.
      if (!IsPrintableAscii(text)) return BadNode("CorsRule", "text that is not printable ASCII");
    }
    FB_RETURN_IF_ERROR(ValidateCorsRule(rule));
    out.push_back(std::move(rule));
  }
  return out;
}

Result<StaticWebsite> ParseWebsite(pugi::xml_node node) {
  StaticWebsite out;
  FB_ASSIGN_OR_RETURN(out.enabled, RequiredBool(node, "Enabled"));
  out.index_document = node.child("IndexDocument").child_value();
  out.error_document_path = node.child("ErrorDocument404Path").child_value();
  out.default_index_document_path = node.child("DefaultIndexDocumentPath").child_value();
  return out;
}

// One child of StorageServiceProperties.
Result<> ParsePart(pugi::xml_node node, ServiceProperties& out) {
  std::string_view name = node.name();
  if (name == "Logging") {
    FB_ASSIGN_OR_RETURN(out.logging, ParseLogging(node));
  } else if (name == "HourMetrics" || name == "Metrics") {
    FB_ASSIGN_OR_RETURN(out.hour_metrics, ParseMetrics(node));
  } else if (name == "MinuteMetrics") {
    FB_ASSIGN_OR_RETURN(out.minute_metrics, ParseMetrics(node));
  } else if (name == "Cors") {
    FB_ASSIGN_OR_RETURN(out.cors, ParseCors(node));
  } else if (name == "DefaultServiceVersion") {
    std::string text(TrimSpace(node.child_value()));
    if (!ServiceVersion::Parse(text)) return BadNode(name, text);
    out.default_service_version = std::move(text);
  } else if (name == "DeleteRetentionPolicy") {
    FB_ASSIGN_OR_RETURN(out.delete_retention, ParseRetention(node));
  } else if (name == "StaticWebsite") {
    FB_ASSIGN_OR_RETURN(out.static_website, ParseWebsite(node));
  } else {
    return UnsupportedNode(name);
  }
  return {};
}

void WriteRetention(XmlBuilder& xml, std::string_view name, const RetentionPolicy& policy) {
  xml.Open(name).Element("Enabled", policy.enabled);
  if (policy.days) xml.Element("Days", std::uint64_t{*policy.days});
  if (policy.allow_permanent_delete) xml.Element("AllowPermanentDelete", true);
  xml.Close(name);
}

void WriteMetrics(XmlBuilder& xml, std::string_view name, const MetricsSettings& metrics) {
  xml.Open(name).Element("Version", metrics.version).Element("Enabled", metrics.enabled);
  if (metrics.include_apis) xml.Element("IncludeAPIs", *metrics.include_apis);
  WriteRetention(xml, "RetentionPolicy", metrics.retention);
  xml.Close(name);
}

void WriteCors(XmlBuilder& xml, const std::vector<CorsRule>& rules) {
  if (rules.empty()) {
    xml.Empty("Cors");
    return;
  }
  xml.Open("Cors");
  for (const CorsRule& rule : rules) {
    xml.Open("CorsRule")
        .Element("AllowedMethods", rule.allowed_methods)
        .Element("AllowedOrigins", rule.allowed_origins)
        .Element("AllowedHeaders", rule.allowed_headers)
        .Element("ExposedHeaders", rule.exposed_headers)
        .Element("MaxAgeInSeconds", std::uint64_t{rule.max_age_s})
        .Close("CorsRule");
  }
  xml.Close("Cors");
}

void WriteWebsite(XmlBuilder& xml, const StaticWebsite& website) {
  xml.Open("StaticWebsite")
      .Element("Enabled", website.enabled)
      .ElementIf("IndexDocument", website.index_document)
      .ElementIf("DefaultIndexDocumentPath", website.default_index_document_path)
      .ElementIf("ErrorDocument404Path", website.error_document_path)
      .Close("StaticWebsite");
}

}  // namespace

void ServiceProperties::Merge(const ServiceProperties& change) {
  if (change.logging) logging = change.logging;
  if (change.hour_metrics) hour_metrics = change.hour_metrics;
  if (change.minute_metrics) minute_metrics = change.minute_metrics;
  if (change.cors) cors = change.cors;
  if (change.default_service_version) default_service_version = change.default_service_version;
  if (change.delete_retention) delete_retention = change.delete_retention;
  if (change.static_website) static_website = change.static_website;
}

ServiceProperties DefaultServiceProperties() {
  ServiceProperties out;
  out.logging = LoggingSettings();
  out.hour_metrics = MetricsSettings();
  out.minute_metrics = MetricsSettings();
  out.cors = std::vector<CorsRule>();
  out.delete_retention = RetentionPolicy();
  out.static_website = StaticWebsite();
  return out;
}

Result<ServiceProperties> ParseServiceProperties(std::string_view xml) {
  pugi::xml_document document;
  FB_ASSIGN_OR_RETURN(pugi::xml_node root,
                      LoadXml(document, xml, "StorageServiceProperties", kMaxSmallXmlBytes));
  ServiceProperties out;
  for (pugi::xml_node node : root.children()) {
    if (node.type() == pugi::node_element) FB_RETURN_IF_ERROR(ParsePart(node, out));
  }
  return out;
}

std::string ServicePropertiesXml(const ServiceProperties& p) {
  XmlBuilder xml;
  xml.Open("StorageServiceProperties");
  if (p.logging) {
    xml.Open("Logging")
        .Element("Version", p.logging->version)
        .Element("Read", p.logging->read)
        .Element("Write", p.logging->write)
        .Element("Delete", p.logging->remove);
    WriteRetention(xml, "RetentionPolicy", p.logging->retention);
    xml.Close("Logging");
  }
  if (p.hour_metrics) WriteMetrics(xml, "HourMetrics", *p.hour_metrics);
  if (p.minute_metrics) WriteMetrics(xml, "MinuteMetrics", *p.minute_metrics);
  if (p.cors) WriteCors(xml, *p.cors);
  if (p.default_service_version) xml.Element("DefaultServiceVersion", *p.default_service_version);
  if (p.delete_retention) WriteRetention(xml, "DeleteRetentionPolicy", *p.delete_retention);
  if (p.static_website) WriteWebsite(xml, *p.static_website);
  xml.Close("StorageServiceProperties");
  return xml.Take();
}

std::string ServiceStatsXml(std::optional<WallTime> last_sync) {
  XmlBuilder xml;
  xml.Open("StorageServiceStats").Open("GeoReplication");
  xml.Element("Status", last_sync ? "live" : "unavailable");
  xml.Element("LastSyncTime", last_sync ? FormatHttpDate(*last_sync) : std::string());
  xml.Close("GeoReplication").Close("StorageServiceStats");
  return xml.Take();
}

}  // namespace forebay::azure
