#include "engine/source.h"

#include "base/checksum.h"
#include "engine/get_blob.h"

namespace forebay::engine {

Result<Place> RequireSource(const kv::Reader& reader, const BlobTarget& source,
                            const azure::Conditions& conditions, bool may_be_archived) {
  FB_ASSIGN_OR_RETURN(Place place, RequireBlob(reader, source));
  const meta::BlobRecord& record = *place.existing;
  if (!conditions.empty()) {
    FB_RETURN_IF_ERROR(azure::CheckSource(conditions, SubjectOf(record)));
  }
  if (record.directory) {
    return Fail(Code::kInvalidSourceBlobType, "A directory cannot be copied.");
  }
  if (record.tier == azure::AccessTier::kArchive && !may_be_archived) {
    return Fail(Code::kBlobArchived, "This operation is not permitted on an archived blob.");
  }
  return place;
}

Task<> VerifySource(Services& services, OpContext context, BlobTarget source, azure::ETag etag,
                    std::uint64_t offset, std::uint64_t length, ExpectedChecksums expected) {
  if (!expected.md5 && !expected.crc64) co_return Result<>{};
  GetBlobRequest request;
  request.target = std::move(source);
  request.conditions.if_match = azure::ETagCondition{.any = false, .etags = {etag}};
  if (length > 0) request.range = GetBlobRequest::Range{offset, length};
  FB_CO_ASSIGN_OR_RETURN(GetBlobResult blob, co_await GetBlob(services, context, request));
  Md5 md5;
  std::uint64_t crc = 0;
  while (blob.body) {
    FB_CO_ASSIGN_OR_RETURN(auto piece, co_await blob.body->Next(/*allow_file=*/false));
    if (!piece) break;
    FB_CO_RETURN_IF_ERROR(co_await services.pool.Run([&md5, &crc, piece]() -> Result<> {
      md5.Update(piece->memory);
      crc = Crc64(piece->memory, crc);
      return {};
    }));
  }
  const Md5Digest digest = md5.Finish();
  if (expected.md5 && *expected.md5 != AsText(digest)) {
    co_return Fail(Code::kMd5Mismatch, "The source's MD5 is not the one the request states.");
  }
  if (expected.crc64 && *expected.crc64 != crc) {
    co_return Fail(Code::kCrc64Mismatch, "The source's CRC64 is not the one the request states.");
  }
  co_return Result<>{};
}

}  // namespace forebay::engine
