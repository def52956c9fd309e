// Answers: the headers that blobs and changes are shown with, and how an Error is told.
//
// Pure functions. Header sets are those of each operation's page in the REST reference.
#pragma once

#include <optional>
#include <string>

#include "azure/permissions.h"
#include "azure/properties.h"
#include "base/result.h"
#include "engine/put_block.h"
#include "engine/residency.h"
#include "engine/target.h"
#include "http/message.h"
#include "meta/records.h"
#include "rest/blob/call.h"

namespace forebay::rest {

// An empty answer.
http::Response Empty(unsigned status);
// 200 with a document.
http::Response Xml(std::string document);

// ETag and Last-Modified.
void AddChanged(http::Response& response, const engine::Changed& changed);
// 201 (or `status`) of a write: ETag, Last-Modified, x-ms-request-server-encrypted.
http::Response Written(unsigned status, const engine::Changed& changed);
void AddServerEncrypted(http::Response& response);
// Of a staged block: the MD5 where the client sent one, else the CRC-64; where it is known, both
// from version 2026-10-06 on.
void AddBlockChecksums(http::Response& response, const Call& call,
                       const engine::PutBlockResult& block);

void AddMetadata(http::Response& response, const azure::Metadata& metadata);
// x-forebay-residency and x-forebay-resident-bytes, where there is a lake.
void AddResidency(http::Response& response, const std::optional<engine::Resident>& resident);
// The metadata by which the Blob API tells a directory of a hierarchical account.
void AddFolderMark(http::Response& response, const meta::BlobRecord& record);

// How a blob is shown.
struct BlobView {
  const meta::BlobRecord& record;
  bool hierarchical = false;
  // Get Blob Properties; Get Blob shows the access tier from version 2026-10-06 on only.
  bool of_properties = false;
  // A ranged answer carries the stored MD5 of the whole blob as x-ms-blob-content-md5.
  bool ranged = false;
  // Where the bytes are, of blobs in containers with a lake: headers of our own.
  std::optional<engine::Resident> resident = {};
};
// All headers of Get Blob and Get Blob Properties but length and range, with the SAS's overrides.
void AddBlobHeaders(http::Response& response, const Call& call, const BlobView& view);

// 304 of a conditional read: what the client's copy was compared with, and how long it may keep it.
http::Response NotModified(const Call& call, const meta::BlobRecord& record);

// The answer for an error: status, x-ms-error-code, and the XML body where there may be one.
http::Response ErrorResponse(const Error& error, const std::string& request_id, bool is_head,
                             WallTime now);

std::string Base64Of(std::string_view raw);

}  // namespace forebay::rest
