#include "engine/target.h"

namespace forebay::engine {

azure::ConditionSubject SubjectOf(const meta::ContainerRecord& record) {
  return {.etag = azure::MakeETag(record.etag.value()),
          .last_modified = record.modified,
          .tags = nullptr};
}

azure::BlobProperties PropertiesOf(const meta::BlobRecord& record, bool hierarchical,
                                   WallTime now) {
  azure::BlobProperties properties;
  properties.type = azure::BlobType::kBlock;
  properties.created = record.created;
  properties.last_modified = record.modified;
  properties.etag = azure::MakeETag(record.etag.value());
  properties.length = record.length;
  properties.http = record.http;
  properties.tier = record.tier;
  properties.tier_inferred = record.tier_inferred;
  properties.tier_changed = record.tier_changed;
  properties.rehydrating_to = record.rehydrating_to;
  properties.rehydrate_priority = record.rehydrate_priority;
  properties.copy = record.copy;
  properties.lease = record.lease.StateAt(now);
  properties.lease_infinite = record.lease.infinite();
  properties.expires = record.expires;
  properties.tag_count = record.tags.size();
  if (hierarchical) properties.resource_type = record.directory ? "directory" : "file";
  return properties;
}

}  // namespace forebay::engine
