// The credential of an attachment, which outlives files that are missing for a while and secrets
// that rotate.
//
// Thread safe. It is made without looking at anything, so that a server starts whatever state its
// secrets are in; what is wrong is the answer of each request until it is mended: kInvalidConfig,
// naming the file or variable, never a secret. Files are looked at once a second and after every
// refusal.
#pragma once

#include <memory>
#include <string>

#include "lake/credential.h"

namespace forebay::lake {

// `reference` as MakeCredential takes it.
std::unique_ptr<Credential> MakeStoredCredential(const LakeEndpoint& endpoint,
                                                 std::string reference);

}  // namespace forebay::lake
