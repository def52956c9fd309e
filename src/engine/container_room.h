// Room for what a request adds to a container, where a lake has a say besides the disk
// (engine/disk_room.h): a container whose changes travel takes no more bytes while those that wait
// for its lake fill the disks, or are more than may wait. Its clients hear kServerBusy and come
// again; everybody else goes on until the disk's reserve, and hears kNoSpace then.
//
// Thread safe.
#pragma once

#include "async/context.h"
#include "async/task.h"
#include "engine/body_writer.h"
#include "engine/disk_room.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

inline ContainerTarget ContainerOf(const BlobTarget& target) {
  return {target.account, target.container};
}

// Before a request adds records (DiskRoom::Await). kNoSpace, or kServerBusy where that will pass.
Task<> AwaitRoomIn(Services& services, OpContext context, ContainerTarget container);

// StoreBody (engine/body_writer.h) of bytes that are to lie in the container.
Task<StoredBody> StoreBodyIn(Services& services, OpContext context, ContainerTarget container,
                             BodyReader* body, StoreBodyOptions options);

}  // namespace forebay::engine
