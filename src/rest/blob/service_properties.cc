// Get and Set Blob Service Properties, and Get Blob Service Stats.
#include "rest/blob/service_properties.h"

#include "azure/error_table.h"
#include "engine/service_properties.h"
#include "rest/blob/handlers.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

Result<azure::ServiceProperties> Decode(const std::optional<std::string>& stored) {
  azure::ServiceProperties properties = azure::DefaultServiceProperties();
  if (!stored) return properties;
  auto parsed = azure::ParseServiceProperties(*stored);
  if (!parsed) {
    return Fail(Code::kCorruption,
                "The stored service properties cannot be read: " + parsed.error().message());
  }
  properties.Merge(*parsed);
  return properties;
}

// Who switches these on relies on them: soft delete that is not there loses data. Off is what they
// are, so clients that send all parts get through.
Result<> RefuseUnoffered(const azure::ServiceProperties& change) {
  const auto refused = [](std::string_view part, std::string_view feature) {
    return Fail(Error(Code::kUnsupportedXmlNode, std::string(feature) + " is not supported here.")
                    .WithDetail("XmlNodeName: " + std::string(part)));
  };
  if (change.delete_retention && change.delete_retention->enabled) {
    return refused("DeleteRetentionPolicy", "Soft delete of blobs");
  }
  if (change.static_website && change.static_website->enabled) {
    return refused("StaticWebsite", "Hosting of a static website");
  }
  return {};
}

}  // namespace

Task<azure::ServiceProperties> LoadServiceProperties(engine::Services& services, OpContext context,
                                                     azure::AccountName account) {
  FB_CO_ASSIGN_OR_RETURN(auto stored, co_await engine::GetServiceProperties(
                                          services, std::move(context), std::move(account)));
  co_return Decode(stored);
}

Task<http::Response> HandleGetServiceProperties(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto properties, co_await LoadServiceProperties(
                                              call.services, call.context, call.account->name));
  co_return Xml(azure::ServicePropertiesXml(properties));
}

Task<http::Response> HandleSetServiceProperties(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(std::string document,
                         co_await ReadDocument(call, azure::kMaxSmallXmlBytes));
  FB_CO_ASSIGN_OR_RETURN(auto change, azure::ParseServiceProperties(document));
  FB_CO_RETURN_IF_ERROR(RefuseUnoffered(change));
  const auto merge =
      [change = std::move(change)](std::optional<std::string> stored) -> Result<std::string> {
    FB_ASSIGN_OR_RETURN(azure::ServiceProperties properties, Decode(stored));
    properties.Merge(change);
    return azure::ServicePropertiesXml(properties);
  };
  FB_CO_RETURN_IF_ERROR(co_await engine::SetServiceProperties(call.services, call.context,
                                                              call.account->name, merge));
  co_return Empty(202);
}

Task<http::Response> HandleGetServiceStats(Call& call) {
  // Azure answers this on the secondary endpoint of a geo-redundant account. There is no secondary
  // site here, and the document can say so.
  if (!call.target.secondary) {
    co_return Fail(azure::InvalidQueryError("comp", "stats"));
  }
  co_return Xml(azure::ServiceStatsXml(std::nullopt));
}

}  // namespace forebay::rest
