#include "metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
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

struct Callback {
  Kind kind;
  Description description;
  Labels labels;
  std::function<double()> read;
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
  mutable std::mutex mutex;  // guards what follows; Expose holds it while callbacks run
  std::map<std::string, Kind> kinds;
  std::map<Key, std::unique_ptr<Counter>> counters;
  std::map<Key, std::unique_ptr<Gauge>> gauges;
  std::map<Key, std::unique_ptr<Histogram>> histograms;
  std::list<Callback> callbacks;

  void CheckName(const Description& description, Kind kind) {
    const std::string& name = description.name;
    if (!IsGoodName(name)) Panic("metric name \"" + name + "\" is not forebay_… in lower case");
    if ((kind == Kind::kCounter) != name.ends_with("_total")) {
      Panic("metric \"" + name + "\": counters, and only they, end in _total");
    }
    auto [at, fresh] = kinds.emplace(name, kind);
    if (!fresh && at->second != kind) Panic("metric \"" + name + "\" has two kinds");
  }
};

namespace {

void AppendCallback(std::vector<prometheus::MetricFamily>& families, const Callback& callback) {
  auto at = std::ranges::find(families, callback.description.name, &prometheus::MetricFamily::name);
  if (at == families.end()) {
    prometheus::MetricFamily family;
    family.name = callback.description.name;
    family.help = callback.description.help;
    family.type = callback.kind == Kind::kCounter ? prometheus::MetricType::Counter
                                                  : prometheus::MetricType::Gauge;
    at = families.insert(families.end(), std::move(family));
  }
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : callback.labels) metric.label.push_back({name, value});
  double value = callback.read();
  if (callback.kind == Kind::kCounter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  at->metric.push_back(std::move(metric));
}

}  // namespace

std::vector<double> LatencyBuckets() {
  return {50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3,
          0.1,   0.25,   0.5,    1,      2.5,  5,      10,   30,    60};
}

std::vector<double> SizeBuckets() {
  std::vector<double> bounds;
  for (double bound = 1024; bound <= 4.0 * (1 << 30); bound *= 4) bounds.push_back(bound);
  return bounds;
}

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
  std::lock_guard lock(impl_->mutex);
  impl_->CheckName(description, Kind::kCounter);
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
  std::lock_guard lock(impl_->mutex);
  impl_->CheckName(description, Kind::kGauge);
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
                                  std::vector<double> bounds) {
  std::lock_guard lock(impl_->mutex);
  impl_->CheckName(description, Kind::kHistogram);
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

namespace {

template <class Impl>
Registry::CallbackHandle AddCallback(const std::shared_ptr<Impl>& impl, Callback callback) {
  std::lock_guard lock(impl->mutex);
  impl->CheckName(callback.description, callback.kind);
  impl->callbacks.push_back(std::move(callback));
  auto at = std::prev(impl->callbacks.end());
  return Registry::CallbackHandle([weak = std::weak_ptr(impl), at] {
    if (auto alive = weak.lock()) {
      std::lock_guard erase_lock(alive->mutex);
      alive->callbacks.erase(at);
    }
  });
}

}  // namespace

Registry::CallbackHandle Registry::AddGaugeCallback(const Description& description,
                                                    const Labels& labels,
                                                    std::function<double()> read) {
  return AddCallback(impl_, {Kind::kGauge, description, labels, std::move(read)});
}

Registry::CallbackHandle Registry::AddCounterCallback(const Description& description,
                                                      const Labels& labels,
                                                      std::function<double()> read) {
  return AddCallback(impl_, {Kind::kCounter, description, labels, std::move(read)});
}

std::string Registry::Expose() const {
  std::vector<prometheus::MetricFamily> families = impl_->registry.Collect();
  {
    std::lock_guard lock(impl_->mutex);
    for (const Callback& callback : impl_->callbacks) AppendCallback(families, callback);
  }
  std::ranges::sort(families, {}, &prometheus::MetricFamily::name);
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace forebay::metrics
