// The service properties of an account as requests need them: CORS rules and the default version.
#pragma once

#include "async/context.h"
#include "async/task.h"
#include "azure/xml_documents.h"
#include "engine/services.h"

namespace forebay::rest {

// Those that were set, or the defaults. Reads one record.
Task<azure::ServiceProperties> LoadServiceProperties(engine::Services& services, OpContext context,
                                                     azure::AccountName account);

}  // namespace forebay::rest
