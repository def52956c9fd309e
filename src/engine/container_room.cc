#include "engine/container_room.h"

#include <utility>

#include "engine/lake_side.h"

namespace forebay::engine {
namespace {

Error Explained(Services& services, const ContainerTarget& container, Error error) {
  if (error.code() != Code::kNoSpace || services.lake == nullptr) return error;
  return services.lake->NoRoom(container, std::move(error));
}

}  // namespace

Task<> AwaitRoomIn(Services& services, OpContext context, ContainerTarget container) {
  auto room = co_await services.AwaitRoom(Growth::kRecords, std::move(context));
  if (room) co_return room;
  co_return Fail(Explained(services, container, std::move(room.error())));
}

Task<StoredBody> StoreBodyIn(Services& services, OpContext context, ContainerTarget container,
                             BodyReader* body, StoreBodyOptions options) {
  if (services.lake != nullptr) {
    FB_CO_RETURN_IF_ERROR(services.lake->AdmitBytes(container));
  }
  auto stored = co_await StoreBody(services, std::move(context), body, std::move(options));
  if (stored) co_return stored;
  co_return Fail(Explained(services, container, std::move(stored.error())));
}

}  // namespace forebay::engine
