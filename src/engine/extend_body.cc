#include "engine/extend_body.h"

#include "base/codec.h"
#include "engine/prepare.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

}  // namespace

Result<bool> CanExtend(const kv::Reader& reader, const meta::BlobRecord& record) {
  if (record.body.id.value() == 0 || record.body.in_lake) return false;
  // A list of blocks says what the whole body is made of; that of a longer one has none.
  if (record.body.has_block_list) return false;
  const std::string prefix = keys::BodyRefsOf(record.body.id);
  const auto it = reader.Scan(prefix, PrefixEnd(prefix));
  if (it->Valid()) return false;
  FB_RETURN_IF_ERROR(it->status());
  return true;
}

Result<> ExtendBody(kv::Transaction& txn, meta::BlobRecord& record,
                    const std::vector<meta::Extent>& more) {
  meta::ExtentPage last;
  if (record.body.paged) {
    // The last page is keyed by the body's end; it grows, and its key with it.
    const std::string key = keys::ExtentPage(record.body.id, record.length);
    FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
    if (!stored) return Fail(Code::kCorruption, "The last page of a body is missing.");
    FB_ASSIGN_OR_RETURN(last, meta::DecodeExtentPage(*stored));
    txn.Erase(key);
  } else {
    last.extents = record.body.direct;
  }
  last.extents.insert(last.extents.end(), more.begin(), more.end());
  for (const meta::Extent& extent : more) record.length += extent.length;
  if (!record.body.paged && last.extents.size() <= meta::kMaxDirectExtents) {
    record.body.direct = std::move(last.extents);
    return {};
  }
  for (const auto& [key, value] : ExtentPages(record.body.id, last.extents, last.start)) {
    txn.Put(key, value);
  }
  record.body.paged = true;
  record.body.direct.clear();
  return {};
}

}  // namespace forebay::engine
