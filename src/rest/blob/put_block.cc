#include "engine/put_block.h"

#include "azure/error_table.h"
#include "rest/blob/handlers.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Task<http::Response> HandlePutBlock(Call& call) {
  engine::PutBlockRequest request;
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.block_id, BlockIdFrom(call));
  FB_CO_ASSIGN_OR_RETURN(RequestBody body, OpenBody(call, engine::kMaxBlockBytes));
  if (body.reader->content_length() == 0) {
    co_return Fail(azure::InvalidHeaderError("Content-Length", "0"));
  }
  FB_CO_ASSIGN_OR_RETURN(const azure::Conditions conditions, azure::ConditionsFrom(call.headers()));
  request.lease_id = conditions.lease_id;
  request.expected = body.expected;
  request.body = body.reader;
  // MD5 costs a core's time; it is answered where the client sent one, CRC-64 elsewhere.
  request.want_md5 = body.expected.md5.has_value();
  FB_CO_ASSIGN_OR_RETURN(
      auto result, co_await engine::PutBlock(call.services, call.context, std::move(request)));
  http::Response response = Empty(201);
  AddBlockChecksums(response, call, result);
  AddServerEncrypted(response);
  body.AddEcho(response);
  co_return response;
}

}  // namespace forebay::rest
