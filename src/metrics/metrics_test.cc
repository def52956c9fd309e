#include "metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace forebay::metrics {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, ExposesEveryKind) {
  Registry registry;
  Counter& puts =
      registry.GetCounter({"forebay_requests_total", "Requests."}, {{"operation", "PutBlob"}});
  puts.Add();
  puts.Add(2);
  registry.GetCounter({"forebay_requests_total", "Requests."}, {{"operation", "GetBlob"}});
  registry.GetGauge({"forebay_connections", "Open."}).Set(7);
  Histogram& latency =
      registry.GetHistogram({"forebay_request_duration_seconds", "Time."}, {}, {0.1, 1});
  latency.Observe(0.05);
  latency.Observe(0.5);
  latency.Observe(5);
  EXPECT_EQ(puts.Value(), 3);
  std::string text = registry.Expose();
  EXPECT_THAT(
      text,
      HasSubstr(
          "# HELP forebay_requests_total Requests.\n# TYPE forebay_requests_total counter\n"));
  EXPECT_THAT(text, HasSubstr("forebay_requests_total{operation=\"PutBlob\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("forebay_requests_total{operation=\"GetBlob\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("forebay_connections 7\n"));
  EXPECT_THAT(text, HasSubstr("forebay_request_duration_seconds_bucket{le=\"0.1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("forebay_request_duration_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("forebay_request_duration_seconds_count 3\n"));
}

TEST(Metrics, SameNameAndLabelsAreOneObject) {
  Registry registry;
  Description d{"forebay_things_total", "Things."};
  EXPECT_EQ(&registry.GetCounter(d, {{"a", "1"}}), &registry.GetCounter(d, {{"a", "1"}}));
  EXPECT_NE(&registry.GetCounter(d, {{"a", "1"}}), &registry.GetCounter(d, {{"a", "2"}}));
}

TEST(Metrics, InFlightCountsItsOwnLifetime) {
  Registry registry;
  Gauge& gauge = registry.GetGauge({"forebay_requests_in_flight", "Now."});
  {
    InFlight one(gauge);
    InFlight two(gauge);
    EXPECT_EQ(gauge.Value(), 2);
  }
  EXPECT_EQ(gauge.Value(), 0);
}

TEST(Metrics, CollectorsAreReadWhenScrapedAndEndWithTheirHandle) {
  Registry registry;
  double bytes = 10;
  auto one = registry.AddCollector([&bytes](Samples& samples) {
    samples.AddGauge({"forebay_disk_bytes", "Disk."}, {{"dir", "a"}}, bytes);
  });
  auto two = registry.AddCollector([](Samples& samples) {
    samples.AddGauge({"forebay_disk_bytes", "Disk."}, {{"dir", "b"}}, 4);
  });
  auto total = registry.AddCollector(
      [](Samples& samples) { samples.AddCounter({"forebay_syncs_total", "Syncs."}, {}, 5); });
  bytes = 11;
  std::string text = registry.Expose();
  EXPECT_THAT(text,
              HasSubstr("forebay_disk_bytes{dir=\"a\"} 11\nforebay_disk_bytes{dir=\"b\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE forebay_syncs_total counter\nforebay_syncs_total 5\n"));
  two = std::move(one);  // ends b
  text = registry.Expose();
  EXPECT_THAT(text, HasSubstr("dir=\"a\""));
  EXPECT_THAT(text, Not(HasSubstr("dir=\"b\"")));
  two.Release();
  EXPECT_THAT(registry.Expose(), Not(HasSubstr("forebay_disk_bytes")));
}

TEST(Metrics, CollectorsReportWhatComesAndGoes) {
  Registry registry;
  LocalHistogram groups(CountBuckets());
  for (double value : {1, 2, 2, 3, 5000}) groups.Observe(value);
  std::vector<std::string> volumes = {"a", "b"};
  auto handle = registry.AddCollector([&](Samples& samples) {
    for (const std::string& volume : volumes) {
      samples.AddGauge({"forebay_volume_bytes", "Room."}, {{"volume", volume}}, 7);
    }
    samples.AddCounter({"forebay_moves_total", "Moves."}, {}, 3);
    samples.AddHistogram({"forebay_group_size", "Groups."}, {}, groups.Read());
  });
  std::string text = registry.Expose();
  EXPECT_THAT(text, HasSubstr("forebay_volume_bytes{volume=\"a\"} 7\n"
                              "forebay_volume_bytes{volume=\"b\"} 7\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE forebay_group_size histogram\n"
                              "forebay_group_size_count 5\nforebay_group_size_sum 5008\n"
                              "forebay_group_size_bucket{le=\"1\"} 1\n"
                              "forebay_group_size_bucket{le=\"2\"} 3\n"
                              "forebay_group_size_bucket{le=\"4\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("forebay_group_size_bucket{le=\"1024\"} 4\n"
                              "forebay_group_size_bucket{le=\"+Inf\"} 5\n"));
  volumes = {"b"};
  EXPECT_THAT(registry.Expose(), Not(HasSubstr("volume=\"a\"")));
  handle.Release();
  EXPECT_THAT(registry.Expose(), Not(HasSubstr("forebay_moves_total")));
}

TEST(Metrics, ACollectorMayBlockWhileOthersRegister) {
  Registry registry;
  std::atomic<bool> collecting = false, go_on = false;
  auto handle = registry.AddCollector([&](Samples&) {
    collecting = true;
    while (!go_on) std::this_thread::yield();
  });
  std::jthread scraper([&] { (void)registry.Expose(); });
  while (!collecting) std::this_thread::yield();
  registry.GetCounter({"forebay_new_total", "New."}).Add();
  go_on = true;
}

TEST(Metrics, AHandleMayOutliveTheRegistry) {
  Registry::CallbackHandle handle;
  {
    Registry registry;
    handle = registry.AddCollector([](Samples&) {});
  }
  handle.Release();
}

TEST(Metrics, CountsFromManyThreadsWhileScraped) {
  Registry registry;
  Counter& counter = registry.GetCounter({"forebay_hits_total", "Hits."});
  std::atomic<bool> done = false;
  {
    std::jthread scraper([&] {
      while (!done) (void)registry.Expose();
    });
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 10'000; ++i) counter.Add();
      });
    }
    threads.clear();
    done = true;
  }
  EXPECT_EQ(counter.Value(), 40'000);
}

TEST(MetricsDeathTest, RefusesBadNames) {
  Registry registry;
  registry.GetGauge({"forebay_both", "B."});
  EXPECT_DEATH(registry.GetGauge({"requests", "R."}), "forebay_");
  EXPECT_DEATH(registry.GetCounter({"forebay_requests", "R."}), "_total");
  EXPECT_DEATH(registry.GetHistogram({"forebay_both", "B."}, {}, {1}), "two kinds");
  auto handle = registry.AddCollector(
      [](Samples& samples) { samples.AddCounter({"forebay_both_total_not", "B."}, {}, 1); });
  EXPECT_DEATH((void)registry.Expose(), "_total");
}

TEST(Metrics, BucketsAscend) {
  auto ascend = [](const std::vector<double>& b) {
    return std::ranges::is_sorted(b) && b.size() < 24;
  };
  EXPECT_TRUE(ascend(LatencyBuckets()));
  EXPECT_TRUE(ascend(CountBuckets()));
}

}  // namespace
}  // namespace forebay::metrics
