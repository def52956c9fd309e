// How the engine's operations name things, and what most of them answer. Value types.
#pragma once

#include "azure/conditions.h"
#include "azure/names.h"
#include "azure/properties.h"
#include "base/clock.h"
#include "meta/records.h"

namespace forebay::engine {

// An account as the engine needs it: its name, and the layout that new containers get.
struct Account {
  azure::AccountName name;
  bool hierarchical = false;
};

struct ContainerTarget {
  Account account;
  azure::ContainerName container;
};

struct BlobTarget {
  Account account;
  azure::ContainerName container;
  azure::BlobName blob;
};

// After a change: what the client needs to make its next request conditional.
struct Changed {
  azure::ETag etag;
  WallTime last_modified;
};

// What conditions on a container are checked against (a blob's: engine/commit.h).
azure::ConditionSubject SubjectOf(const meta::ContainerRecord& record);

// A record as the protocol layer prints it (listing or headers).
// `now` decides what state a lease is in.
azure::BlobProperties PropertiesOf(const meta::BlobRecord& record, bool hierarchical,
                                   WallTime now = {});

}  // namespace forebay::engine
