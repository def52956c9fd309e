// The contract over the server in memory, with all extensions and with none.
#include "vfs/contract_copies.h"
#include "vfs/contract_suite.h"
#include "vfs/memory_remote.h"

namespace forebay::vfs {
namespace {

VfsMaker MemoryMaker(std::string name, const RemoteTraits& traits) {
  const auto server = std::make_shared<std::unique_ptr<MemoryServer>>();
  VfsMaker out;
  out.name = std::move(name);
  out.reset = [server, traits] { *server = std::make_unique<MemoryServer>(traits); };
  out.make = [server] { return std::make_unique<MemoryRemote>(**server); };
  return out;
}

INSTANTIATE_TEST_SUITE_P(Memory, VfsContract,
                         testing::Values(MemoryMaker("Everything", EverythingTraits()),
                                         MemoryMaker("Plain", PlainTraits())),
                         VfsMakerName);

}  // namespace
}  // namespace forebay::vfs
