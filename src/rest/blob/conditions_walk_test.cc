// Walks the operations that the REST reference gives conditional headers, and holds each of them to
// each of its headers: one that does not hold is refused, one that holds changes nothing.
#include <gtest/gtest.h>

#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

constexpr char kLease[] = "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a";
constexpr char kSource[] = "http://127.0.0.1:10000/devstoreaccount1/box/source";

// Which headers an operation takes.
enum Takes : unsigned {
  kDates = 1,
  kETags = 2,
  kTags = 4,
  kAll = kDates | kETags | kTags,
  kSourceDatesAndETags = 8,
  kSourceTags = 16,
  kAllOfSource = kSourceDatesAndETags | kSourceTags,
  kTierDates = 32,
};

struct Sample {
  std::string method;
  std::string target;
  unsigned takes;
  HeaderList headers = {};
  std::string body = {};
  bool leased = false;
  std::string prefix = {};  // of the names of dates and ETags
};

HeaderList LeaseHeaders(const std::string& action) {
  HeaderList out = {{"x-ms-lease-action", action}};
  if (action == "acquire") return {out[0], {"x-ms-lease-duration", "15"}};
  if (action == "change") {
    out.emplace_back("x-ms-proposed-lease-id", "00000000-3f0a-4c53-9d55-0f1e2d3c4b5a");
  }
  if (action != "break") out.emplace_back("x-ms-lease-id", kLease);
  return out;
}

std::vector<Sample> Samples() {
  const std::string copy = "x-ms-copy-source";
  const std::string list = "<BlockList></BlockList>";
  const std::string tags = "<Tags><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tags>";
  std::vector<Sample> out = {
      {"GET", "/box/blob", kAll},
      {"HEAD", "/box/blob", kAll},
      {"GET", "/box/blob?comp=metadata", kAll},
      {"HEAD", "/box/blob?comp=metadata", kAll},
      {"GET", "/box/blob?comp=tags", kAll, {}, {}, false, "x-ms-blob-"},
      {"GET", "/box/blob?comp=blocklist", kTags},
      {"PUT", "/box/blob", kAll, {{"x-ms-blob-type", "BlockBlob"}, {"x-ms-tags", "k=v"}}, "new"},
      {"PUT", "/box/blob?comp=blocklist", kAll, {{"x-ms-tags", "k=v"}}, list},
      {"PUT", "/box/blob?comp=properties", kAll},
      {"PUT", "/box/blob?comp=metadata", kAll, {{"x-ms-meta-a", "b"}}},
      {"PUT", "/box/blob?comp=tags", kAll, {}, tags, false, "x-ms-blob-"},
      {"PUT", "/box/blob?comp=tier", kTags, {{"x-ms-access-tier", "Cool"}}},
      {"PUT", "/box/blob", kAll | kAllOfSource, {{copy, kSource}}},
      {"PUT",
       "/box/blob",
       kAll | kSourceDatesAndETags,
       {{copy, kSource}, {"x-ms-requires-sync", "true"}}},
      {"PUT", "/box/blob", kAll | kAllOfSource, {{copy, kSource}, {"x-ms-blob-type", "BlockBlob"}}},
      {"PUT", "/box/blob?comp=block&blockid=MDAx", kSourceDatesAndETags, {{copy, kSource}}},
      {"DELETE", "/box/blob", kAll | kTierDates},
      {"PUT", "/box?restype=container&comp=metadata", kDates},
      {"PUT", "/box?restype=container&comp=acl", kDates},
      {"DELETE", "/box?restype=container", kDates},
  };
  for (const char* action : {"acquire", "renew", "change", "release", "break"}) {
    const bool leased = std::string_view(action) != "acquire";
    out.push_back({"PUT", "/box/blob?comp=lease", kAll, LeaseHeaders(action), "", leased});
    out.push_back(
        {"PUT", "/box?restype=container&comp=lease", kDates, LeaseHeaders(action), "", leased});
  }
  return out;
}

struct Condition {
  std::string name;
  std::string holds;
  std::string fails;
  unsigned status;  // where it fails
};

class World {
 public:
  explicit World(const Sample& sample) : sample_(sample) {
    f_.MakeContainer();
    const HeaderList headers = {{"x-ms-tags", "k=v"}, {"x-ms-access-tier", "Hot"}};
    f_.PutBlob("/box/source", "source", headers);
    f_.PutBlob("/box/blob", "content", headers);
    if (!sample.leased) return;
    const std::string target = sample.target;
    EXPECT_EQ(f_.Put(target, {{"x-ms-lease-action", "acquire"},
                              {"x-ms-lease-duration", "-1"},
                              {"x-ms-proposed-lease-id", kLease}})
                  .status,
              201u);
  }

  std::vector<Condition> Conditions() {
    std::vector<Condition> out;
    const bool reads = sample_.method != "PUT" && sample_.method != "DELETE";
    const unsigned unchanged = reads ? 304 : 412;
    if ((sample_.takes & kDates) != 0) AddDates(sample_.prefix, unchanged, out);
    if ((sample_.takes & kETags) != 0) AddETags(sample_.prefix, "/box/blob", unchanged, out);
    if ((sample_.takes & kTags) != 0) AddTags("x-ms-if-tags", out);
    if ((sample_.takes & kSourceDatesAndETags) != 0) {
      AddDates("x-ms-source-", 412, out);
      AddETags("x-ms-source-", "/box/source", 412, out);
    }
    if ((sample_.takes & kSourceTags) != 0) AddTags("x-ms-source-if-tags", out);
    if ((sample_.takes & kTierDates) != 0) AddDates("x-ms-access-tier-", 412, out);
    return out;
  }

  Reply Send(const std::string& name, const std::string& value) {
    HeaderList headers = sample_.headers;
    headers.emplace_back(name, value);
    return f_.Send(sample_.method, sample_.target, std::move(headers), sample_.body);
  }

 private:
  void AddDates(const std::string& prefix, unsigned unchanged, std::vector<Condition>& out) {
    const WallTime now = f_.engine().clock().Now();
    const std::string past = azure::FormatHttpDate(now - std::chrono::hours(1));
    const std::string future = azure::FormatHttpDate(now + std::chrono::hours(1));
    out.push_back({prefix + "if-modified-since", past, future, unchanged});
    out.push_back({prefix + "if-unmodified-since", future, past, 412});
  }
  void AddETags(const std::string& prefix, const std::string& of, unsigned unchanged,
                std::vector<Condition>& out) {
    const std::string etag = f_.Send("HEAD", of).Header("ETag");
    out.push_back({prefix + "if-match", etag, "\"0x1\"", 412});
    out.push_back({prefix + "if-none-match", "\"0x1\"", etag, unchanged});
  }
  static void AddTags(const std::string& name, std::vector<Condition>& out) {
    out.push_back({name, "\"k\" = 'v'", "\"k\" = 'w'", 412});
  }

  const Sample& sample_;
  ServiceFixture f_;
};

TEST(ConditionsWalkTest, EveryHeaderOfTheReferenceHolds) {
  for (const Sample& sample : Samples()) {
    const std::size_t count = World(sample).Conditions().size();
    ASSERT_GT(count, 0u);
    for (std::size_t i = 0; i < count; ++i) {
      // One that fails leaves everything as it was, so the same world takes the one that holds.
      World world(sample);
      const Condition condition = world.Conditions()[i];
      SCOPED_TRACE(sample.method + " " + sample.target + " " + condition.name);
      const Reply refused = world.Send(condition.name, condition.fails);
      EXPECT_EQ(refused.status, condition.status);
      const bool of_source = condition.name.starts_with("x-ms-source-");
      EXPECT_EQ(refused.ErrorCode(), of_source ? "SourceConditionNotMet" : "ConditionNotMet");
      EXPECT_LT(world.Send(condition.name, condition.holds).status, 300u);
    }
  }
}

TEST(ConditionsWalkTest, TagsTakeTheStandardNamesToo) {
  ServiceFixture f;
  f.MakeContainer();
  const std::string etag = f.PutBlob("/box/blob", "x").Header("ETag");
  EXPECT_EQ(f.Get("/box/blob?comp=tags", {{"If-Match", "\"0x1\""}}).status, 412u);
  EXPECT_EQ(
      f.Get("/box/blob?comp=tags", {{"If-Match", "\"0x1\""}, {"x-ms-blob-if-match", etag}}).status,
      200u);
  EXPECT_EQ(f.Put("/box/blob?comp=tags", {{"x-ms-blob-if-match", "\"0x1\", \"0x2\""}},
                  "<Tags><TagSet></TagSet></Tags>")
                .ErrorCode(),
            "MultipleConditionHeadersNotSupported");
}

TEST(ConditionsWalkTest, TheTimeOfATierThatNobodySetIsTheBlobs) {
  ServiceFixture f;
  f.MakeContainer();
  const auto since = [&f](const std::string& which, std::chrono::seconds ago) {
    const std::string date = azure::FormatHttpDate(f.engine().clock().Now() - ago);
    return HeaderList{{"x-ms-access-tier-if-" + which, date}};
  };
  f.PutBlob("/box/blob", "x");
  f.engine().clock().Advance(std::chrono::hours(2));
  const std::chrono::hours hour(1);
  EXPECT_EQ(f.Send("DELETE", "/box/blob", since("modified-since", hour)).status, 412u);
  // Another condition's time is not the tier's.
  f.Put("/box/blob?comp=metadata", {{"x-ms-meta-a", "b"}});
  EXPECT_EQ(f.Send("DELETE", "/box/blob", since("modified-since", hour)).status, 412u);
  f.Put("/box/blob?comp=tier", {{"x-ms-access-tier", "Cool"}});
  EXPECT_EQ(f.Send("DELETE", "/box/blob", since("unmodified-since", hour)).status, 412u);
  HeaderList both = since("modified-since", hour);
  both.push_back(since("unmodified-since", hour)[0]);
  EXPECT_EQ(f.Send("DELETE", "/box/blob", both).ErrorCode(),
            "MultipleConditionHeadersNotSupported");
  EXPECT_EQ(
      f.Send("DELETE", "/box/blob", {{"x-ms-access-tier-if-modified-since", "now"}}).ErrorCode(),
      "InvalidHeaderValue");
  EXPECT_EQ(f.Send("DELETE", "/box/blob", since("modified-since", hour)).status, 202u);
}

}  // namespace
}  // namespace forebay::rest
