// Prefixes that only the lake has names behind yet, merged into what a page of a listing shows.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/staged_names.h"

namespace forebay::engine {

// `prefixes` end with the delimiter and are sorted. For flat containers: bytes are the order. Since
// each folds under the delimiter, none is ever shown as an uncommitted blob.
std::unique_ptr<StagedNames> WithLakePrefixes(std::unique_ptr<StagedNames> staged,
                                              std::vector<std::string> prefixes);

}  // namespace forebay::engine
