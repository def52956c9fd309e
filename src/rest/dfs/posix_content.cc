// The verbs on the content of files: read, seek, stage, commit.
#include "azure/error_table.h"
#include "azure/ranges.h"
#include "base/encoding.h"
#include "base/ip_address.h"
#include "engine/get_blob.h"
#include "engine/node_content.h"
#include "engine/node_layout.h"
#include "engine/put_block.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"
#include "rest/dfs/posix_handlers.h"

namespace forebay::rest::dfs {
namespace {

constexpr std::uint64_t kMaxPlanBytes = 4 << 20;

// The first `length` bytes of the body.
Task<std::string> ReadPlan(Call& call, BodyReader& body, std::size_t length) {
  constexpr std::size_t kFree = 64 << 10;
  if (length > kFree) {
    FB_CO_ASSIGN_OR_RETURN(call.document_memory,
                           co_await call.documents.Acquire(length, call.context));
  }
  std::string plan(length, '\0');
  for (std::size_t at = 0; at < length;) {
    FB_CO_ASSIGN_OR_RETURN(const std::size_t n,
                           co_await body.Read(MutableByteView(
                               reinterpret_cast<std::byte*>(plan.data()) + at, length - at)));
    if (n == 0) co_return Fail(Code::kInvalidInput, "The plan is shorter than it is said to be.");
    at += n;
  }
  co_return plan;
}

std::string LineOf(const engine::LayoutPiece& piece) {
  azure::FieldLineWriter line;
  line.Number("length", piece.length);
  if (piece.kind == engine::LayoutPiece::Kind::kZero) line.Text("kind", "zero");
  if (piece.kind == engine::LayoutPiece::Kind::kFile) {
    line.Text("kind", "file").Number("offset", piece.offset).Text("path", piece.place.path);
    line.Number("dev", piece.place.device).Number("ino", piece.place.inode);
    line.Text("board", piece.place.board).Number("slot", piece.place.slot);
    line.Number("count", piece.place.count);
  }
  return line.Take() + "\n";
}

std::uint64_t DataOf(const std::vector<engine::ContentPiece>& pieces) {
  std::uint64_t data = 0;
  for (const engine::ContentPiece& piece : pieces) {
    if (piece.kind == engine::ContentPiece::Kind::kData) data += piece.length;
  }
  return data;
}

Result<std::string> WriterOf(const Call& call) {
  const std::string_view writer = call.QueryValue("writer");
  if (writer.size() > engine::kMaxWriterBytes)
    return Fail(azure::InvalidQueryError("writer", writer));
  return std::string(writer);
}

}  // namespace

Task<http::Response> HandlePosixRead(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(const auto range, azure::RangeFrom(call.headers()));
  engine::GetBlobRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.node, NodeOf(call, /*writes=*/false));
  request.conditions = request.node->conditions;
  if (range) {
    request.range = engine::GetBlobRequest::Range{range->first, std::nullopt};
    if (range->last && *range->last - range->first != UINT64_MAX) {
      request.range->length = *range->last - range->first + 1;
    }
  }
  FB_CO_ASSIGN_OR_RETURN(
      auto file, co_await engine::ReadNodeVersion(call.services, call.context, std::move(request)));
  if (file.not_modified) {
    co_return Fail(Code::kNotModified, "The condition of the read is not met.");
  }
  const azure::FileKind kind = file.attributes.kind;
  if (kind != azure::FileKind::kFile && kind != azure::FileKind::kSymlink) {
    co_return Fail(Code::kInvalidInput, "A special file has no content.");
  }
  http::Response response = WithAttributes(range ? 206 : 200, file.attributes);
  response.headers.Add("Accept-Ranges", "bytes");
  response.headers.Add("Content-Type", "application/octet-stream");
  if (range) {
    response.headers.Add("Content-Range",
                         azure::FormatContentRange({file.offset, file.length}, file.record.length));
  }
  response.content_length = file.length;
  response.source = std::move(file.body);
  co_return response;
}

Task<http::Response> HandlePosixLayout(Call& call) {
  const auto client = ParseIp(call.request.client_ip);
  if (!client || !IsLoopback(*client)) {
    co_return Fail(Code::kUnsupported, "Only the server's own machine reads its disks.");
  }
  engine::LayoutRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.target, NodeOf(call, /*writes=*/false));
  FB_CO_ASSIGN_OR_RETURN(const auto range, azure::RangeFrom(call.headers()));
  request.length = engine::kMaxLayoutBytes;
  if (range) {
    request.offset = range->first;
    if (range->last && *range->last - range->first < request.length) {
      request.length = *range->last - range->first + 1;
    }
  }
  FB_CO_ASSIGN_OR_RETURN(const auto layout, co_await engine::LayoutNode(call.services, call.context,
                                                                        std::move(request)));
  http::Response response = WithAttributes(200, layout.attributes);
  response.headers.Add("Content-Type", "text/plain;charset=utf-8");
  for (const engine::LayoutPiece& piece : layout.pieces) response.text += LineOf(piece);
  co_return response;
}

Task<http::Response> HandlePosixSeek(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto target, NodeOf(call, /*writes=*/false));
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t offset, RequireNumber(call, "offset"));
  const std::string_view what = call.QueryValue("what");
  if (what != "data" && what != "hole") co_return Fail(azure::InvalidQueryError("what", what));
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t found,
                         co_await engine::SeekNode(call.services, call.context, std::move(target),
                                                   offset, what == "data"));
  http::Response response = Empty(200);
  response.headers.Add("x-ms-posix", azure::FieldLineWriter().Number("offset", found).Take());
  co_return response;
}

Task<http::Response> HandlePosixStage(Call& call) {
  engine::StageNodeRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.target, NodeOf(call, /*writes=*/true));
  FB_CO_ASSIGN_OR_RETURN(request.writer, WriterOf(call));
  const auto text = call.target.query.Find("block");
  if (!text) co_return Fail(azure::MissingQueryError("block"));
  FB_CO_ASSIGN_OR_RETURN(const azure::BlockId id, azure::ParseBlockId(*text));
  request.block = id.str();
  FB_CO_ASSIGN_OR_RETURN(RequestBody body, OpenBody(call, engine::kMaxBlockBytes));
  request.body = body.reader;
  request.expected = body.expected;
  FB_CO_ASSIGN_OR_RETURN(
      const std::uint64_t crc64,
      co_await engine::StageNode(call.services, call.context, std::move(request)));
  http::Response response = Empty(201);
  response.headers.Add("x-ms-content-crc64", azure::FormatCrc64(crc64));
  body.AddEcho(response);
  co_return response;
}

Task<http::Response> HandlePosixCommit(Call& call) {
  engine::CommitNodeRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.target, NodeOf(call, /*writes=*/true));
  FB_CO_ASSIGN_OR_RETURN(request.writer, WriterOf(call));
  FB_CO_ASSIGN_OR_RETURN(request.set, ChangesOf(call));
  const auto text = azure::FindHeader(call.headers(), "x-ms-posix-plan");
  if (!text) co_return Fail(azure::MissingHeaderError("x-ms-posix-plan"));
  const auto plan_bytes = azure::ParseUint(*text);
  if (!plan_bytes || *plan_bytes > kMaxPlanBytes) {
    co_return Fail(azure::InvalidHeaderError("x-ms-posix-plan", *text));
  }
  FB_CO_ASSIGN_OR_RETURN(RequestBody body, OpenBody(call, kMaxPlanBytes + engine::kMaxPieceData));
  FB_CO_ASSIGN_OR_RETURN(
      const std::string plan,
      co_await ReadPlan(call, *body.reader, static_cast<std::size_t>(*plan_bytes)));
  FB_CO_ASSIGN_OR_RETURN(request.pieces, engine::ParsePlan(plan));
  const auto length = body.reader->content_length();
  if (length && *length != *plan_bytes + DataOf(request.pieces)) {
    co_return Fail(Code::kInvalidInput, "The body is not as long as its plan says.");
  }
  request.body = body.reader;
  FB_CO_ASSIGN_OR_RETURN(
      const auto attributes,
      co_await engine::CommitNode(call.services, call.context, std::move(request)));
  http::Response response = WithAttributes(200, attributes);
  // What was lazy before it in this start of the server is durable with it.
  response.headers.Add("x-ms-posix-boot", std::to_string(call.services.started.ticks));
  body.AddEcho(response);
  co_return response;
}

}  // namespace forebay::rest::dfs
