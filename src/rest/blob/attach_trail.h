// The question of a server that wants to attach a container of its own to the one that a request is
// about (azure/attach_trail.h). Called once the caller may do what the request asks for.
#pragma once

#include <optional>

#include "async/task.h"
#include "http/message.h"
#include "rest/blob/call.h"

namespace forebay::rest {

// The answer where the container leads back to them, or nobody can tell. nullopt: it does not, or
// they do not ask; the request is answered as usual.
Task<std::optional<http::Response>> AnswerAttachTrail(const Call& call);

}  // namespace forebay::rest
