// The contract over the server in memory, with all extensions and with none.
#include "vfs/contract_copies.h"
#include "vfs/contract_kinds.h"
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

std::vector<VfsMaker> MemoryMakers() {
  return {MemoryMaker("Everything", EverythingTraits()), MemoryMaker("Plain", PlainTraits())};
}

INSTANTIATE_TEST_SUITE_P(Memory, VfsContract, testing::ValuesIn(MemoryMakers()), VfsMakerName);
INSTANTIATE_TEST_SUITE_P(Memory, HierarchicalVfsContract, testing::ValuesIn(MemoryMakers()),
                         VfsMakerName);
// It is no flat account; one is held to it over the wire (tests/vfs_contract).
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(FlatVfsContract);

}  // namespace
}  // namespace forebay::vfs
