#include "vfs/lacking.h"

#include <gtest/gtest.h>

#include "vfs/memory_remote.h"

namespace forebay::vfs {
namespace {

TEST(Lacking, NamesWhatIsMissing) {
  RemoteTraits traits = EverythingTraits();
  EXPECT_EQ(Lacking(traits), "");
  traits.hard_links = false;
  traits.locks = false;
  EXPECT_EQ(Lacking(traits), "hard links, locks between clients");
  traits.read_only = true;
  EXPECT_EQ(Lacking(traits), "") << "nobody asks for these who only reads";
  const std::string plain = Lacking(PlainTraits());
  EXPECT_TRUE(plain.contains("owners, times that are set, symbolic links, hard links")) << plain;
}

}  // namespace
}  // namespace forebay::vfs
