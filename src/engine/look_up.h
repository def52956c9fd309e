// Names that have no record while an import runs: found out about in the lake, then the step that
// asked for them runs again.
//
// FindPlace fails with kNameUnknown for such a name; ReadMeta (engine/read_gate.h) and
// TransactNamed do the look-up and repeat.
#pragma once

#include <string>
#include <utility>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "kv/store.h"
#include "meta/records.h"

namespace forebay::engine {

// Whether the absence of `name` is known for sure: kNameUnknown when the lake must be asked.
Result<> CheckAbsenceIsKnown(const kv::Reader& reader, const meta::ContainerRecord& container,
                             const std::string& name);

// Has the name of a kNameUnknown looked up. kOffline without a LakeSide.
Task<> LookUpName(Services& services, OpContext context, Error unknown);

// More than one name may be unknown to a step (a copy has two); more than this is a bug.
inline constexpr int kMaxLookUps = 8;

// store.Transact, for functions that find places. `fn` is copied for each try.
template <class Fn>
Task<> TransactNamed(Services& services, OpContext context, Fn fn,
                     kv::Durability durability = kv::Durability::kSync) {
  for (int attempt = 0;; ++attempt) {
    auto done = co_await services.store.Transact(fn, durability);
    if (done || done.error().code() != Code::kNameUnknown || attempt == kMaxLookUps) co_return done;
    FB_CO_RETURN_IF_ERROR(co_await LookUpName(services, context, std::move(done.error())));
  }
}

}  // namespace forebay::engine
