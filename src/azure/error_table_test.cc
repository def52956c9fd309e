#include "azure/error_table.h"

#include <gtest/gtest.h>

#include <set>

namespace forebay::azure {
namespace {

// Every number that CodeName knows is a Code.
std::vector<Code> AllCodes() {
  std::vector<Code> out;
  for (unsigned n = 1; n < 400; ++n) {
    auto code = static_cast<Code>(n);
    if (CodeName(code) != CodeName(static_cast<Code>(399)) || n == 399) out.push_back(code);
  }
  out.pop_back();
  return out;
}

TEST(ErrorTable, EveryCodeHasItsOwnEntry) {
  auto codes = AllCodes();
  ASSERT_GT(codes.size(), 100u);
  for (Code code : codes) {
    const WireError& wire = WireErrorOf(code);
    EXPECT_EQ(wire.code, code) << CodeName(code) << " is not in the table";
    EXPECT_FALSE(wire.name.empty());
    EXPECT_FALSE(wire.message.empty());
    EXPECT_TRUE(wire.status == 304 || (wire.status >= 400 && wire.status < 600)) << CodeName(code);
  }
}

TEST(ErrorTable, TheInverseGivesTheCodeBack) {
  for (Code code : AllCodes()) {
    if (static_cast<unsigned>(code) < 100) continue;
    const WireError& wire = WireErrorOf(code);
    // Two limits of Azure's have one name between them; the inverse knows the first.
    const bool shared = code == Code::kUncommittedBlockCountExceedsLimit;
    EXPECT_EQ(CodeFromWire(wire.status, wire.name), shared ? Code::kBlockCountExceedsLimit : code)
        << CodeName(code);
  }
  EXPECT_EQ(CodeFromWire(404, "FilesystemNotFound"), Code::kContainerNotFound);
  EXPECT_EQ(CodeFromWire(404, ""), Code::kResourceNotFound);
  EXPECT_EQ(CodeFromWire(404, "NeverHeardOf"), Code::kResourceNotFound);
  EXPECT_EQ(CodeFromWire(304, ""), Code::kNotModified);
  EXPECT_EQ(CodeFromWire(503, "Whatever"), Code::kServerBusy);
  EXPECT_EQ(CodeFromWire(429, ""), Code::kServerBusy);
}

}  // namespace
}  // namespace forebay::azure
