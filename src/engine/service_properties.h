// Get and Set Blob Service Properties: one XML document an account, kept as the parsed value's
// canonical XML so that this layer need not know its fields. Absent until set.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "async/context.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

Task<std::optional<std::string>> GetServiceProperties(Services& services, OpContext context,
                                                      azure::AccountName account);
// `merge` gets the stored document (or nullopt) and returns the one to store; it has no side
// effects, as it may run again.
Task<> SetServiceProperties(Services& services, OpContext context, azure::AccountName account,
                            std::function<Result<std::string>(std::optional<std::string>)> merge);

}  // namespace forebay::engine
