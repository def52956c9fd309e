#include "engine/get_block_list.h"

#include "azure/error_table.h"
#include "azure/xml_documents.h"
#include "base/encoding.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

std::vector<azure::ListedBlock> Listed(const std::vector<meta::CommittedBlock>& blocks) {
  std::vector<azure::ListedBlock> out;
  out.reserve(blocks.size());
  for (const meta::CommittedBlock& block : blocks) {
    out.push_back({azure::BlockId(block.id), block.size});
  }
  return out;
}

}  // namespace

Task<http::Response> HandleGetBlockList(Call& call) {
  const std::string_view which = call.QueryValue("blocklisttype");
  engine::GetBlockListRequest request;
  request.target = call.Blob();
  const bool all = EqualsIgnoreCase(which, "all");
  request.uncommitted = all || EqualsIgnoreCase(which, "uncommitted");
  request.committed = all || which.empty() || EqualsIgnoreCase(which, "committed");
  if (!request.committed && !request.uncommitted) {
    co_return Fail(azure::InvalidQueryError("blocklisttype", which));
  }
  // Of the conditional headers this operation knows x-ms-if-tags alone.
  FB_CO_ASSIGN_OR_RETURN(azure::Conditions given, azure::ConditionsFrom(call.headers()));
  request.conditions.if_tags = std::move(given.if_tags);
  request.conditions.lease_id = std::move(given.lease_id);
  const bool committed = request.committed;
  const bool uncommitted = request.uncommitted;
  FB_CO_ASSIGN_OR_RETURN(
      auto result, co_await engine::GetBlockList(call.services, call.context, std::move(request)));
  const auto committed_blocks = Listed(result.committed);
  const auto uncommitted_blocks = Listed(result.uncommitted);
  http::Response response = Xml(azure::BlockListAnswerXml(
      committed ? &committed_blocks : nullptr, uncommitted ? &uncommitted_blocks : nullptr));
  std::uint64_t length = 0;
  if (result.blob) {
    AddChanged(response, {azure::MakeETag(result.blob->etag.value()), result.blob->modified});
    length = result.blob->length;
  }
  response.headers.Add("x-ms-blob-content-length", std::to_string(length));
  co_return response;
}

}  // namespace forebay::rest
