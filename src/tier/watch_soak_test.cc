// Everything at once: writers and readers here, somebody else in the lake, a link that comes and
// goes, evictions, and processes that die; held against a reference. What must hold:
//  - a read shows whole bytes that somebody wrote under that name, or says why it cannot;
//  - what was acknowledged here is in the lake in the end, unless a later write here or a write
//    there that came after it took its place;
//  - in the end both sides have the same names and bytes, and every conflict is listed.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <shared_mutex>

#include "tier/site_fixture.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {
namespace {

constexpr std::uint64_t kNames = 6;

class Reference {
 public:
  // New bytes of a name, never seen before.
  std::string Make(const std::string& name, std::mt19937_64& random) {
    std::lock_guard lock(mutex_);
    // Small ones, ones of several pages, and ones that are no whole page.
    const std::size_t sizes[] = {1 + random() % 100, 64 << 10, 150'000 + random() % 1000};
    std::string bytes = name + "#" + std::to_string(++count_) + "#";
    bytes += Pattern(sizes[random() % 3], count_);
    written_[name].insert(bytes);
    return bytes;
  }
  void Acknowledged(const std::string& name, std::optional<std::string> bytes) {
    std::lock_guard lock(mutex_);
    last_[name] = std::move(bytes);
  }
  // Somebody in the lake took this away, knowing what it was.
  void TakenThere(std::optional<std::string> bytes) {
    std::lock_guard lock(mutex_);
    if (bytes) taken_.insert(std::move(*bytes));
  }
  bool Known(const std::string& name, const std::string& bytes) {
    std::lock_guard lock(mutex_);
    const auto it = written_.find(name);
    return it != written_.end() && it->second.contains(bytes);
  }
  bool KnownAnywhere(const std::string& bytes) {
    std::lock_guard lock(mutex_);
    for (const auto& [name, all] : written_) {
      if (all.contains(bytes)) return true;
    }
    return false;
  }
  // Names whose last acknowledged bytes are nowhere.
  std::vector<std::string> Lost(const std::set<std::string>& in_lake) {
    std::lock_guard lock(mutex_);
    std::vector<std::string> lost;
    for (const auto& [name, bytes] : last_) {
      if (bytes && !in_lake.contains(*bytes) && !taken_.contains(*bytes)) lost.push_back(name);
    }
    return lost;
  }

 private:
  std::mutex mutex_;
  std::uint64_t count_ = 0;
  std::map<std::string, std::set<std::string>> written_;
  std::map<std::string, std::optional<std::string>> last_;
  std::set<std::string> taken_;
};

class WatchSoakTest : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  static std::string NameOf(std::uint64_t n) { return "n" + std::to_string(n % kNames); }

  // A client here: writes, deletes and reads.
  void Client(std::uint64_t seed, const std::stop_token& stop, bool writes) {
    std::mt19937_64 random(seed);
    while (!stop.stop_requested()) {
      const std::string name = NameOf(random());
      std::shared_lock alive(site_mutex_);
      if (writes && random() % 3 != 0) {
        Write(name, random);
      } else {
        const auto got = site_->engine().Read(name);
        if (got && !reference_.Known(name, *got)) ++wrong_;
        if (got) ++reads_;
      }
      alive.unlock();
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 3000));
    }
  }
  void Write(const std::string& name, std::mt19937_64& random) {
    if (random() % 5 == 0) {
      if (site_->engine().Delete(name)) reference_.Acknowledged(name, std::nullopt);
      return;
    }
    std::string bytes = reference_.Make(name, random);
    if (site_->engine().Put(name, bytes)) reference_.Acknowledged(name, std::move(bytes));
  }
  // Somebody else in the lake, the link, and the end of processes.
  void Trouble(std::mt19937_64& random) {
    const std::string name = NameOf(random());
    switch (random() % 10) {
      case 0:
      case 1:
        Outsider(name, reference_.Make(name, random));
        break;
      case 2:
        Outsider(name, std::nullopt);
        break;
      case 3:
        site_->link().SetLink(lake::LinkState::kDown);
        break;
      case 4:
        site_->link().SetRandom({.seed = random(),
                                 .error = 0.1,
                                 .lost_answer = 0.1,
                                 .short_body = 0.1,
                                 .max_latency = std::chrono::milliseconds(2)});
        break;
      case 5: {
        const std::unique_lock alone(site_mutex_);
        site_->Restart();
        break;
      }
      case 6: {
        const auto evicted = site_->engine().Run(
            site_->tier().placement().EvictNow({}, site_->engine().Container(), "**"));
        if (evicted) evicted_ += evicted->evicted_bytes;
        break;
      }
      default:
        site_->link().Heal();
        break;
    }
  }
  // Replaces or removes exactly what it has seen, so that what is taken away is known.
  void Outsider(const std::string& name, const std::optional<std::string>& bytes) {
    for (bool done = false; !done;) {
      const auto state = lake_.State(name);
      const auto before = lake_.Bytes(name);
      lake::LakeConditions seen;
      if (state) {
        seen.match = state->etag();
      } else {
        seen.absent = true;
      }
      if (bytes) {
        lake::PutRequest put;
        put.name = lake::BlobName(name);
        put.content = lake::TextContent(*bytes);
        put.conditions = seen;
        done = RunSync(lake_.Put({}, std::move(put))).has_value();
      } else {
        done =
            !state || RunSync(lake_.Delete({}, {.name = lake::BlobName(name), .conditions = seen}))
                          .has_value();
      }
      if (done && state) reference_.TakenThere(before);
    }
  }

  lake::MemoryLake lake_;
  Reference reference_;
  std::optional<Site> site_;
  std::shared_mutex site_mutex_;
  std::atomic<int> wrong_{0}, reads_{0};
  std::uint64_t evicted_ = 0;
};

TEST_P(WatchSoakTest, NothingIsLostStaleOrMixed) {
  std::mt19937_64 random(GetParam());
  for (std::uint64_t i = 0; i < kNames; ++i) {
    lake_.Plant(NameOf(i), reference_.Make(NameOf(i), random));
  }
  site_.emplace(lake_, SiteOptions{.walks = std::chrono::milliseconds(20)});
  {
    // One client writes a name at a time, so that the last acknowledged write is known.
    std::jthread writer([&](const std::stop_token& stop) { Client(random() | 1, stop, true); });
    std::jthread reader([&](const std::stop_token& stop) { Client(random() | 1, stop, false); });
    std::mt19937_64 trouble(GetParam() + 17);
    for (int step = 0; step < 150; ++step) {
      Trouble(trouble);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  site_->link().Heal();
  for (int i = 0; i < 3; ++i) {
    const auto synced = site_->Sync();
    ASSERT_TRUE(synced) << synced.error().ToString();
    const auto walked = site_->Walk();
    ASSERT_TRUE(walked) << walked.error().ToString();
  }
  EXPECT_EQ(wrong_, 0);
  EXPECT_GT(reads_, 20);
  EXPECT_GT(evicted_, 0u);
  ASSERT_EQ(*site_->Names(), lake_.Names());
  std::set<std::string> in_lake;
  for (const std::string& name : lake_.Names()) {
    const std::string bytes = *lake_.Bytes(name);
    EXPECT_TRUE(site_->Read(name) == bytes) << name;
    EXPECT_TRUE(reference_.KnownAnywhere(bytes)) << name;
    in_lake.insert(bytes);
  }
  EXPECT_EQ(reference_.Lost(in_lake), std::vector<std::string>());
  // What is kept beside a name is in the list.
  std::set<std::string> kept;
  for (const ListedConflict& listed : site_->Conflicts()) kept.insert(listed.record.kept_as);
  for (const std::string& name : lake_.Names()) {
    if (name.find("(conflict ") != std::string::npos) EXPECT_TRUE(kept.contains(name)) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, WatchSoakTest, ::testing::Values(1, 2, 3));

}  // namespace
}  // namespace forebay::tier
