#include "azure/conditions.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

using Fields = std::vector<HeaderField>;

const WallTime kModified =
    ParseHttpDate("Wed, 01 Jan 2025 10:00:00 GMT").value() + std::chrono::milliseconds(700);
constexpr const char* kSame = "Wed, 01 Jan 2025 10:00:00 GMT";
constexpr const char* kBefore = "Wed, 01 Jan 2025 09:59:59 GMT";
constexpr const char* kAfter = "Wed, 01 Jan 2025 10:00:01 GMT";
const Tags kTags = {{"a", "1"}};

ConditionSubject Subject() { return {ETag("0x1"), kModified, &kTags}; }

Code Read(const Fields& headers) {
  auto checked = CheckRead(ConditionsFrom(headers).value(), Subject());
  return checked ? Code{} : checked.error().code();
}
Code Write(const Fields& headers, bool exists = true) {
  ConditionSubject subject = Subject();
  auto checked = CheckWrite(ConditionsFrom(headers).value(), exists ? &subject : nullptr);
  return checked ? Code{} : checked.error().code();
}
constexpr Code kOk{};

TEST(Conditions, Reads) {
  EXPECT_EQ(Read({}), kOk);
  EXPECT_EQ(Read({{"If-Match", "\"0x1\""}}), kOk);
  EXPECT_EQ(Read({{"If-Match", "0x1"}}), kOk);
  EXPECT_EQ(Read({{"If-Match", "*"}}), kOk);
  EXPECT_EQ(Read({{"If-Match", "\"0x2\", \"0x1\""}}), kOk);
  EXPECT_EQ(Read({{"If-Match", "\"0x2\""}}), Code::kConditionNotMet);
  EXPECT_EQ(Read({{"If-None-Match", "\"0x1\""}}), Code::kNotModified);
  EXPECT_EQ(Read({{"If-None-Match", "\"0x3\",W/\"0x1\""}}), Code::kNotModified);
  EXPECT_EQ(Read({{"If-None-Match", "\"0x2\""}}), kOk);
  EXPECT_EQ(Read({{"If-None-Match", "*"}}), Code::kUnsatisfiableCondition);
  EXPECT_EQ(Read({{"If-Match", "\"0x2\""}, {"If-None-Match", "*"}}), Code::kUnsatisfiableCondition);
  EXPECT_EQ(Read({{"If-Modified-Since", kSame}}), Code::kNotModified);
  EXPECT_EQ(Read({{"If-Modified-Since", kAfter}}), Code::kNotModified);
  EXPECT_EQ(Read({{"If-Modified-Since", kBefore}}), kOk);
  EXPECT_EQ(Read({{"If-Unmodified-Since", kSame}}), kOk);
  EXPECT_EQ(Read({{"If-Unmodified-Since", kAfter}}), kOk);
  EXPECT_EQ(Read({{"If-Unmodified-Since", kBefore}}), Code::kConditionNotMet);
}

// If-Match && If-Unmodified-Since && (If-None-Match || If-Modified-Since)
TEST(Conditions, CombinedReads) {
  EXPECT_EQ(Read({{"If-None-Match", "\"0x1\""}, {"If-Modified-Since", kBefore}}), kOk);
  EXPECT_EQ(Read({{"If-None-Match", "\"0x1\""}, {"If-Modified-Since", kAfter}}),
            Code::kNotModified);
  EXPECT_EQ(Read({{"If-Match", "\"0x1\""}, {"If-Unmodified-Since", kBefore}}),
            Code::kConditionNotMet);
  EXPECT_EQ(Read({{"If-Match", "\"0x9\""}, {"If-None-Match", "\"0x1\""}}), Code::kConditionNotMet);
}

TEST(Conditions, Writes) {
  EXPECT_EQ(Write({{"If-None-Match", "*"}}), Code::kBlobAlreadyExists);
  EXPECT_EQ(Write({{"If-None-Match", "*"}}, false), kOk);
  EXPECT_EQ(Write({{"If-Match", "*"}}), kOk);
  EXPECT_EQ(Write({{"If-Match", "*"}}, false), Code::kConditionNotMet);
  EXPECT_EQ(Write({{"If-Match", "\"0x1\""}}, false), Code::kConditionNotMet);
  EXPECT_EQ(Write({{"If-Match", "\"0x2\""}}), Code::kConditionNotMet);
  EXPECT_EQ(Write({{"If-None-Match", "\"0x1\""}}), Code::kConditionNotMet);
  EXPECT_EQ(Write({{"If-None-Match", "\"0x2\""}}), kOk);
  EXPECT_EQ(Write({{"If-Modified-Since", kAfter}}), Code::kConditionNotMet);
  EXPECT_EQ(Write({{"If-Unmodified-Since", kBefore}}), Code::kConditionNotMet);
  EXPECT_EQ(Write({{"If-Unmodified-Since", kBefore}}, false), kOk);
}

TEST(Conditions, Tags) {
  EXPECT_EQ(Read({{"x-ms-if-tags", "\"a\" = '1'"}}), kOk);
  EXPECT_EQ(Read({{"x-ms-if-tags", "\"a\" = '2'"}}), Code::kConditionNotMet);
  EXPECT_EQ(Write({{"x-ms-if-tags", "\"a\" = '2'"}}), Code::kConditionNotMet);
  EXPECT_EQ(Write({{"x-ms-if-tags", "\"a\" = '1'"}}, false), Code::kConditionNotMet);
  ConditionSubject untagged{ETag("0x1"), kModified, nullptr};
  EXPECT_FALSE(CheckRead(*ConditionsFrom(Fields{{"x-ms-if-tags", "a='1'"}}), untagged));
}

TEST(Conditions, SourcesHaveTheirOwnHeadersAndCode) {
  Fields headers = {{"x-ms-source-if-match", "\"0x2\""}, {"If-Match", "\"0x1\""}};
  auto source = SourceConditionsFrom(headers).value();
  auto checked = CheckSource(source, Subject());
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code(), Code::kSourceConditionNotMet);
  EXPECT_TRUE(CheckSource(*SourceConditionsFrom(Fields{{"x-ms-source-if-unmodified-since", kSame}}),
                          Subject()));
  EXPECT_FALSE(CheckSource(*SourceConditionsFrom(Fields{{"x-ms-source-if-modified-since", kSame}}),
                           Subject()));
}

TEST(Conditions, MalformedOnesAreRefused) {
  for (const Fields& headers :
       {Fields{{"If-Match", ""}}, Fields{{"If-Match", "\"a"}}, Fields{{"If-Match", "a,,b"}},
        Fields{{"If-Modified-Since", "yesterday"}}, Fields{{"If-Unmodified-Since", ""}},
        Fields{{"x-ms-if-tags", "nonsense"}}, Fields{{"If-None-Match", "\"a\"b\""}}}) {
    auto parsed = ConditionsFrom(headers);
    ASSERT_FALSE(parsed) << headers[0].first << ": " << headers[0].second;
    EXPECT_EQ(parsed.error().code(), Code::kInvalidHeaderValue);
  }
}

TEST(Conditions, OnAWriteTheETagDecidesOverItsDate) {
  // Reads ask for both, or for either; a write looks at the ETag alone.
  EXPECT_EQ(Write({{"If-Match", "\"0x1\""}, {"If-Unmodified-Since", kBefore}}), kOk);
  EXPECT_EQ(Read({{"If-Match", "\"0x1\""}, {"If-Unmodified-Since", kBefore}}),
            Code::kConditionNotMet);
  EXPECT_EQ(Write({{"If-Match", "\"0x2\""}, {"If-Unmodified-Since", kAfter}}),
            Code::kConditionNotMet);
  EXPECT_EQ(Write({{"If-None-Match", "\"0x1\""}, {"If-Modified-Since", kBefore}}),
            Code::kConditionNotMet);
  EXPECT_EQ(Read({{"If-None-Match", "\"0x1\""}, {"If-Modified-Since", kBefore}}), kOk);
  EXPECT_EQ(Write({{"If-None-Match", "\"0x2\""}, {"If-Modified-Since", kAfter}}), kOk);
}

TEST(Conditions, WriteCombinations) {
  auto check = [](const Fields& headers) {
    return CheckWriteCombination(ConditionsFrom(headers).value()).has_value();
  };
  EXPECT_TRUE(check({}));
  EXPECT_TRUE(check({{"If-Match", "a"}}));
  EXPECT_TRUE(check({{"If-Match", "a"}, {"If-Unmodified-Since", kSame}}));
  EXPECT_TRUE(check({{"If-None-Match", "a"}, {"If-Modified-Since", kSame}}));
  EXPECT_FALSE(check({{"If-Match", "a"}, {"If-None-Match", "b"}}));
  EXPECT_FALSE(check({{"If-Match", "a"}, {"If-Modified-Since", kSame}}));
  // One ETag a header, while a read may name several.
  EXPECT_FALSE(check({{"If-Match", "a,b"}}));
  EXPECT_FALSE(check({{"If-None-Match", "a, *"}}));
  EXPECT_TRUE(check({{"If-None-Match", "*"}}));
  EXPECT_TRUE(check({{"If-None-Match", "\"*\""}}));
  EXPECT_TRUE(ConditionsFrom(Fields{{"x-ms-lease-id", "l"}})->empty());
}

}  // namespace
}  // namespace forebay::azure
