// Whether an account of the configuration fits what is stored of it. The layout of names, flat or
// hierarchical, is in the keys of every blob (meta/keys.h), so an account keeps the one with which
// its containers were made, also when it was taken out of the configuration for a while. One
// without containers may change.
#pragma once

#include "base/result.h"
#include "engine/target.h"
#include "kv/store.h"

namespace forebay::engine {

// kInvalidConfig: its containers have the other layout. Costs one record; blocks.
Result<> CheckAccountLayout(const kv::Store& store, const Account& account);

}  // namespace forebay::engine
