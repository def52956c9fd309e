// The operations on what was decided about lakes' bytes.
//
//   GET  /v1/lakes/events              ?container=…[&after=CURSOR][&limit=N]: ascending
//   GET  /v1/lakes/conflicts           ?container=…[&after=ID][&limit=N]: those not dismissed
//   POST /v1/lakes/conflicts/resolve   keeps one side, or takes it off the list as it is
//   POST /v1/lakes/check               compares a container with its lake now
//   POST /v1/lakes/azure-events        the webhook of an Event Grid subscription, and its handshake
//                                      (Azure itself is better let in by admin/webhook_service.h)
#pragma once

#include "admin/control_api.h"
#include "admin/lake_api.h"

namespace forebay::admin {

// References must outlive the API.
void AddEventOperations(ControlApi& api, LakeParts parts);

}  // namespace forebay::admin
