#include "engine/put_block.h"

#include "azure/error_table.h"
#include "rest/blob/handlers.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandlePutBlock(Call& call) {
  const auto id = call.target.query.Find("blockid");
  if (!id) co_return Fail(azure::MissingQueryError("blockid"));
  engine::PutBlockRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.block_id, azure::ParseBlockId(*id));
  FB_CO_ASSIGN_OR_RETURN(RequestBody body, OpenBody(call, engine::kMaxBlockBytes));
  if (body.reader->content_length() == 0) {
    co_return Fail(azure::InvalidHeaderError("Content-Length", "0"));
  }
  FB_CO_ASSIGN_OR_RETURN(const azure::Conditions conditions, azure::ConditionsFrom(call.headers()));
  request.lease_id = conditions.lease_id;
  request.expected = body.expected;
  request.body = body.reader;
  // MD5 costs a core's time; it is answered where the client sent one, CRC-64 elsewhere.
  const bool with_md5 = body.expected.md5.has_value();
  request.want_md5 = with_md5;
  FB_CO_ASSIGN_OR_RETURN(
      auto result, co_await engine::PutBlock(call.services, call.context, std::move(request)));
  http::Response response = Empty(201);
  if (with_md5) {
    response.headers.Add("Content-MD5", Base64Of(result.content_md5));
  } else if (result.crc64) {
    response.headers.Add("x-ms-content-crc64", azure::FormatCrc64(*result.crc64));
  }
  AddServerEncrypted(response);
  body.AddEcho(response);
  co_return response;
}

}  // namespace forebay::rest
