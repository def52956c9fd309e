#include "metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <limits>
#include <list>
#include <mutex>
#include <optional>
#include <utility>

#include "base/log.h"

namespace forebay::metrics {
namespace {

enum class Kind { kCounter, kGauge, kHistogram };

class CounterImpl final : public Counter {
 public:
  explicit CounterImpl(prometheus::Counter& inner) : inner_(inner) {}
  void Add(double amount) override { inner_.Increment(amount); }
  double Value() const override { return inner_.Value(); }

 private:
  prometheus::Counter& inner_;
};

class GaugeImpl final : public Gauge {
 public:
  explicit GaugeImpl(prometheus::Gauge& inner) : inner_(inner) {}
  void Set(double value) override { inner_.Set(value); }
  void Add(double amount) override { inner_.Increment(amount); }
  double Value() const override { return inner_.Value(); }

 private:
  prometheus::Gauge& inner_;
};

class HistogramImpl final : public Histogram {
 public:
  explicit HistogramImpl(prometheus::Histogram& inner) : inner_(inner) {}
  void Observe(double value) override { inner_.Observe(value); }

 private:
  prometheus::Histogram& inner_;
};

bool IsGoodName(const std::string& name) {
  return name.starts_with("forebay_") && std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

using Key = std::pair<std::string, Labels>;

}  // namespace

struct Registry::Impl {
  prometheus::Registry registry;
  mutable std::mutex mutex;  // guards what follows; never held while a collector runs
  std::map<std::string, Kind> kinds;
  std::map<Key, std::unique_ptr<Counter>> counters;
  std::map<Key, std::unique_ptr<Gauge>> gauges;
  std::map<Key, std::unique_ptr<Histogram>> histograms;

  // Held while collectors run, so that one that was released runs no more. Taken before `mutex`.
  mutable std::mutex collect_mutex;
  std::list<std::function<void(Samples&)>> collectors;  // guarded by collect_mutex

  void CheckName(const Description& description, Kind kind) {
    const std::string& name = description.name;
    if (!IsGoodName(name)) Panic("metric name \"" + name + "\" is not forebay_… in lower case");
    if ((kind == Kind::kCounter) != name.ends_with("_total")) {
      Panic("metric \"" + name + "\": counters, and only they, end in _total");
    }
    std::lock_guard lock(mutex);
    auto [at, fresh] = kinds.emplace(name, kind);
    if (!fresh && at->second != kind) Panic("metric \"" + name + "\" has two kinds");
  }

  class Collected;
};

// Samples as the families that the serializer takes.
class Registry::Impl::Collected final : public Samples {
 public:
  Collected(Impl& impl, std::vector<prometheus::MetricFamily>& families)
      : impl_(impl), families_(families) {}

  void AddCounter(const Description& description, const Labels& labels, double value) override {
    auto& metric = Add(description, labels, Kind::kCounter, prometheus::MetricType::Counter);
    metric.counter.value = value;
  }
  void AddGauge(const Description& description, const Labels& labels, double value) override {
    auto& metric = Add(description, labels, Kind::kGauge, prometheus::MetricType::Gauge);
    metric.gauge.value = value;
  }
  void AddHistogram(const Description& description, const Labels& labels,
                    const HistogramData& data) override {
    auto& metric = Add(description, labels, Kind::kHistogram, prometheus::MetricType::Histogram);
    metric.histogram.sample_count = data.count();
    metric.histogram.sample_sum = data.sum;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < data.counts.size(); ++i) {
      below += data.counts[i];
      const double bound =
          i < data.bounds.size() ? data.bounds[i] : std::numeric_limits<double>::infinity();
      metric.histogram.bucket.push_back({.cumulative_count = below, .upper_bound = bound});
    }
  }

 private:
  prometheus::ClientMetric& Add(const Description& description, const Labels& labels, Kind kind,
                                prometheus::MetricType type) {
    impl_.CheckName(description, kind);
    auto at = std::ranges::find(families_, description.name, &prometheus::MetricFamily::name);
    if (at == families_.end()) {
      prometheus::MetricFamily family;
      family.name = description.name;
      family.help = description.help;
      family.type = type;
      at = families_.insert(families_.end(), std::move(family));
    }
    auto& metric = at->metric.emplace_back();
    for (const auto& [name, value] : labels) metric.label.push_back({name, value});
    return metric;
  }

  Impl& impl_;
  std::vector<prometheus::MetricFamily>& families_;
};

Registry::CallbackHandle& Registry::CallbackHandle::operator=(CallbackHandle&& other) noexcept {
  if (this != &other) {
    Release();
    release_ = std::exchange(other.release_, nullptr);
  }
  return *this;
}

void Registry::CallbackHandle::Release() {
  if (auto release = std::exchange(release_, nullptr)) release();
}

Registry::Registry() : impl_(std::make_shared<Impl>()) {}
Registry::~Registry() = default;

Counter& Registry::GetCounter(const Description& description, const Labels& labels) {
  impl_->CheckName(description, Kind::kCounter);
  std::lock_guard lock(impl_->mutex);
  auto& slot = impl_->counters[{description.name, labels}];
  if (!slot) {
    auto& family = prometheus::BuildCounter()
                       .Name(description.name)
                       .Help(description.help)
                       .Register(impl_->registry);
    slot = std::make_unique<CounterImpl>(family.Add(labels));
  }
  return *slot;
}

Gauge& Registry::GetGauge(const Description& description, const Labels& labels) {
  impl_->CheckName(description, Kind::kGauge);
  std::lock_guard lock(impl_->mutex);
  auto& slot = impl_->gauges[{description.name, labels}];
  if (!slot) {
    auto& family = prometheus::BuildGauge()
                       .Name(description.name)
                       .Help(description.help)
                       .Register(impl_->registry);
    slot = std::make_unique<GaugeImpl>(family.Add(labels));
  }
  return *slot;
}

Histogram& Registry::GetHistogram(const Description& description, const Labels& labels,
                                  const std::vector<double>& bounds) {
  impl_->CheckName(description, Kind::kHistogram);
  std::lock_guard lock(impl_->mutex);
  auto& slot = impl_->histograms[{description.name, labels}];
  if (!slot) {
    auto& family = prometheus::BuildHistogram()
                       .Name(description.name)
                       .Help(description.help)
                       .Register(impl_->registry);
    slot = std::make_unique<HistogramImpl>(family.Add(labels, bounds));
  }
  return *slot;
}

Registry::CallbackHandle Registry::AddCollector(std::function<void(Samples&)> collect) {
  std::lock_guard lock(impl_->collect_mutex);
  impl_->collectors.push_back(std::move(collect));
  auto at = std::prev(impl_->collectors.end());
  return CallbackHandle([weak = std::weak_ptr(impl_), at] {
    if (auto alive = weak.lock()) {
      std::lock_guard erase_lock(alive->collect_mutex);
      alive->collectors.erase(at);
    }
  });
}

std::string Registry::Expose() const {
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  {
    std::lock_guard lock(impl_->collect_mutex);
    Impl::Collected samples(*impl_, families);
    for (const auto& collect : impl_->collectors) collect(samples);
  }
  std::ranges::sort(families, {}, &prometheus::MetricFamily::name);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace forebay::metrics
