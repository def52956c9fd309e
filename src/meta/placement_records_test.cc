// The records of what is kept here: their bytes, and that damage is noticed.
#include "meta/placement_records.h"

#include <gtest/gtest.h>

#include <map>

#include "meta/keys.h"

namespace forebay::meta {
namespace {

BodyHomeRecord FullHome() { return {.container = ContainerId(300), .name = "a/b"}; }
EvictionHintsRecord FullHints() { return {.hints = std::string("\x05\0\x07\0\0", 5)}; }
PinsRecord FullPins() {
  return {.pins = {{.pattern = "a/**", .since = {10}, .hydrate = true},
                   {.pattern = "x", .since = {11}, .hydrate = false}}};
}
PrefetchRecord FullPrefetch() {
  return {.id = 9,
          .pattern = "a/**",
          .state = PrefetchState::kNoRoom,
          .position = "a/c",
          .created = {10},
          .finished = {20},
          .matched = 5,
          .done = 3,
          .failed = 1,
          .bytes = 300,
          .fetched = 200,
          .last_error = "full"};
}

LakeObjectRecord FullObject() {
  return {.container = ContainerId(300), .length = 500, .lost = true};
}

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(c);
    hex += kDigits[value >> 4];
    hex += kDigits[value & 15];
  }
  return hex;
}

// What stores hold. Never edit a line.
const std::map<std::string, std::string> kGolden = {
    {"hints", "0103050007"},
    {"home", "01ac0203612f62"},
    {"object", "01ac02f40301"},
    {"pins", "010204612f2a2a140101781600"},
    {"prefetch", "010904612f2a2a0403612f631428050301ac02c8010466756c6c"},
};

std::map<std::string, std::string> Encodings() {
  return {{"home", Encode(FullHome())},
          {"hints", Encode(FullHints())},
          {"object", Encode(FullObject())},
          {"pins", Encode(FullPins())},
          {"prefetch", Encode(FullPrefetch())}};
}

bool Decodes(const std::string& name, std::string_view bytes) {
  if (name == "home") return DecodeBodyHome(bytes).has_value();
  if (name == "hints") return DecodeEvictionHints(bytes).has_value();
  if (name == "object") return DecodeLakeObject(bytes).has_value();
  if (name == "pins") return DecodePins(bytes).has_value();
  return DecodePrefetch(bytes).has_value();
}

TEST(PlacementRecordsTest, AreWrittenAsDocumented) {
  for (const auto& [name, bytes] : Encodings()) EXPECT_EQ(Hex(bytes), kGolden.at(name)) << name;
}

TEST(PlacementRecordsTest, ComeBack) {
  const auto home = DecodeBodyHome(Encode(FullHome()));
  ASSERT_TRUE(home);
  EXPECT_EQ(home->container, ContainerId(300));
  EXPECT_EQ(home->name, "a/b");
  const auto object = DecodeLakeObject(Encode(FullObject()));
  ASSERT_TRUE(object);
  EXPECT_EQ(object->container, ContainerId(300));
  EXPECT_EQ(object->length, 500u);
  EXPECT_TRUE(object->lost);
  const auto hints = DecodeEvictionHints(Encode(FullHints()));
  ASSERT_TRUE(hints);
  EXPECT_EQ(hints->hints, std::string("\x05\0\x07", 3));
  const auto pins = DecodePins(Encode(FullPins()));
  ASSERT_TRUE(pins);
  ASSERT_EQ(pins->pins.size(), 2u);
  EXPECT_EQ(pins->pins[0].pattern, "a/**");
  EXPECT_EQ(pins->pins[0].since, WallTime{10});
  EXPECT_TRUE(pins->pins[0].hydrate);
  EXPECT_FALSE(pins->pins[1].hydrate);
  const auto job = DecodePrefetch(Encode(FullPrefetch()));
  ASSERT_TRUE(job);
  EXPECT_EQ(job->id, 9u);
  EXPECT_EQ(job->pattern, "a/**");
  EXPECT_EQ(job->state, PrefetchState::kNoRoom);
  EXPECT_EQ(job->position, "a/c");
  EXPECT_EQ(job->finished, WallTime{20});
  EXPECT_EQ(job->matched, 5u);
  EXPECT_EQ(job->done, 3u);
  EXPECT_EQ(job->failed, 1u);
  EXPECT_EQ(job->bytes, 300u);
  EXPECT_EQ(job->fetched, 200u);
  EXPECT_EQ(job->last_error, "full");
}

TEST(PlacementRecordsTest, ShortBytesAndStrangeValuesAreCorruption) {
  for (const auto& [name, bytes] : Encodings()) {
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(Decodes(name, std::string_view(bytes).substr(0, length))) << name << length;
    }
    EXPECT_FALSE(Decodes(name, "\x02" + bytes.substr(1))) << name;
  }
  PrefetchRecord strange = FullPrefetch();
  strange.state = static_cast<PrefetchState>(6);
  EXPECT_FALSE(DecodePrefetch(Encode(strange)));
  EvictionHintsRecord long_page;
  long_page.hints.assign(kEvictionHintsPerPage + 1, 'x');
  EXPECT_FALSE(DecodeEvictionHints(Encode(long_page)));
}

TEST(PlacementRecordsTest, KeysAreAsDocumented) {
  const std::string id("\x01\x02\x03\x04\x05\x06\x07\x08", 8);
  const ContainerId container(0x0102030405060708);
  const BodyId body(container.value());
  EXPECT_EQ(keys::BodyHome(body), "k" + id + "h");
  EXPECT_EQ(keys::EvictionHints(body, 258), "k" + id + "e" + std::string("\0\0\x01\x02", 4));
  EXPECT_TRUE(keys::EvictionHints(body, 1).starts_with(keys::EvictionHintsOf(body)));
  EXPECT_EQ(keys::Pins(container), "c" + id + "p");
  EXPECT_EQ(keys::PrefetchJob(container, 1), "c" + id + "q" + std::string("\0\0\0\0\0\0\0\x01", 8));
  EXPECT_EQ(keys::ContainerOfAttachmentKey(keys::PrefetchJob(container, 'a')), std::nullopt);
}

}  // namespace
}  // namespace forebay::meta
