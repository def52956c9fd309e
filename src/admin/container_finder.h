// Which container somebody means who writes "training" or "account/training".
//
// A bare name means the one account that has such a container; where none has, the account in which
// one would be made: the only one, or the only flat one. Thread safe; references must outlive it.
#pragma once

#include <string>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "engine/target.h"
#include "rest/blob/accounts.h"

namespace forebay::admin {

struct FoundContainer {
  engine::ContainerTarget target;
  bool exists = false;
};

class ContainerFinder {
 public:
  ContainerFinder(engine::Services& services, const rest::AccountRegistry& accounts)
      : services_(services), accounts_(accounts) {}

  // kNotFound (no such account; no such container and no telling in which account it would be),
  // kInvalidInput (no name of a container, or one that several accounts have). Each says what to
  // write instead.
  Task<FoundContainer> Find(OpContext context, std::string name) const;
  // The same where only a container that exists will do.
  Task<engine::ContainerTarget> Require(OpContext context, std::string name) const;

 private:
  Task<bool> Exists(OpContext context, engine::ContainerTarget target) const;

  engine::Services& services_;
  const rest::AccountRegistry& accounts_;
};

}  // namespace forebay::admin
