// What a failed call of a lake means to the person who looks after it: one or two sentences with
// what to do, for `lake status`, refusals of an attach, and events. Pure; shows no secret.
#pragma once

#include <string>

#include "base/error.h"

namespace forebay::lake {

std::string Advise(const Error& error);

}  // namespace forebay::lake
