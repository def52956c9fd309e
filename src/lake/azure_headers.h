// How the lake's words look as headers. Internal to the Azure client; pure.
#pragma once

#include "lake/azure_sender.h"

namespace forebay::lake {

void AddConditions(azure::OwnedHeaders& headers, const LakeConditions& conditions);
// x-ms-blob-content-type and its kin; `md5` says whether content_md5 is one of them.
void AddHttpHeaders(azure::OwnedHeaders& headers, const BlobHttpHeaders& http, bool md5);
void AddMetadata(azure::OwnedHeaders& headers, const Metadata& metadata);
void AddTags(azure::OwnedHeaders& headers, const Tags& tags);
void AddTier(azure::OwnedHeaders& headers, std::optional<AccessTier> tier);
WriteAnswer WriteAnswerOf(const LakeAnswer& answer);
bool IsDirectory(const BlobState& state);

}  // namespace forebay::lake
