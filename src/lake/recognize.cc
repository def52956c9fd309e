#include "lake/recognize.h"

#include <algorithm>

#include "base/encoding.h"

namespace forebay::lake {
namespace {

bool SameMetadata(const Metadata& a, const Metadata& b) {
  if (a.size() != b.size()) return false;
  return std::ranges::all_of(a, [&b](const auto& entry) {
    return std::ranges::any_of(b, [&entry](const auto& other) {
      return EqualsIgnoreCase(entry.first, other.first) && entry.second == other.second;
    });
  });
}

bool SameHttp(const BlobHttpHeaders& wanted, const BlobHttpHeaders& found) {
  return (wanted.content_type.empty() || wanted.content_type == found.content_type) &&
         wanted.content_encoding == found.content_encoding &&
         wanted.content_language == found.content_language &&
         wanted.cache_control == found.cache_control &&
         wanted.content_disposition == found.content_disposition;
}

bool SameState(const Fingerprint& wanted, const BlobState& found) {
  return (!wanted.length || *wanted.length == found.length()) &&
         (!wanted.content_md5 || *wanted.content_md5 == found.properties.http.content_md5) &&
         (!wanted.http || SameHttp(*wanted.http, found.properties.http)) &&
         (!wanted.metadata || SameMetadata(*wanted.metadata, found.metadata));
}

bool SameBlocks(const std::vector<BlockId>& wanted, const BlockLists& found) {
  return std::ranges::equal(wanted, found.committed, {}, {}, &ListedBlock::id);
}

}  // namespace

Task<Recognition> Recognize(ObjectLake& lake, LakeCall call, BlobName name,
                            Fingerprint fingerprint) {
  if (!fingerprint.deleted && fingerprint.length && !fingerprint.content_md5 &&
      !fingerprint.blocks) {
    co_return Fail(Code::kInvalidInput, "A length alone does not tell whose write it was.");
  }
  Recognition out;
  HeadRequest head;
  head.name = name;
  auto state = co_await lake.Head(call, std::move(head));
  if (!state) {
    const Code code = state.error().code();
    if (code != Code::kBlobNotFound && code != Code::kPathNotFound) {
      co_return Fail(std::move(state.error()));
    }
    if (fingerprint.deleted) {
      out.verdict = Verdict::kOurs;
    } else if (fingerprint.before.empty()) {
      out.verdict = Verdict::kUntouched;
    }
    co_return out;
  }
  out.state = std::move(*state);
  const ETag etag = out.state->etag();
  if (!fingerprint.before.empty() && etag == fingerprint.before) {
    out.verdict = Verdict::kUntouched;
    co_return out;
  }
  if (fingerprint.deleted || !SameState(fingerprint, *out.state)) co_return out;
  if (fingerprint.blocks) {
    FB_CO_ASSIGN_OR_RETURN(const BlockLists blocks, co_await lake.GetBlockList(call, name));
    // A list of another ETag belongs to a blob that was replaced in between.
    if (blocks.etag != etag || !SameBlocks(*fingerprint.blocks, blocks)) co_return out;
  }
  out.verdict = Verdict::kOurs;
  co_return out;
}

}  // namespace forebay::lake
