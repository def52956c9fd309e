// Counters, gauges and histograms, and their exposition as Prometheus text.
//
//   metrics::Counter& puts = registry.GetCounter({.name = "forebay_requests_total", .help = "…"},
//                                                {{"operation", "PutBlob"}});
//   puts.Add();                                          // hot path: one atomic operation, no
//   lookup
//
// Names start with forebay_, use base units (seconds, bytes) as the last word, and counters end in
// _total. Resolve a label set once, at start-up, and keep the reference: it lives as long as the
// registry. Label values must come from a small fixed set, never from a request (no blob names).
// Everything is thread safe. A bad name, or one name used for two kinds, is a bug and ends the
// process.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "metrics/histogram.h"

namespace forebay::metrics {

using Labels = std::map<std::string, std::string>;

struct Description {
  std::string name;
  std::string help;
};

// Only goes up.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual void Add(double amount = 1) = 0;
  virtual double Value() const = 0;
};

class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void Set(double value) = 0;
  virtual void Add(double amount) = 0;  // negative to take away
  virtual double Value() const = 0;
};

class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void Observe(double value) = 0;
};

// Adds one to a gauge for its own lifetime: requests in flight, open connections.
class InFlight {
 public:
  explicit InFlight(Gauge& gauge) : gauge_(&gauge) { gauge_->Add(1); }
  ~InFlight() { gauge_->Add(-1); }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;

 private:
  Gauge* gauge_;
};

// Takes what a collector reports.
class Samples {
 public:
  virtual ~Samples() = default;
  virtual void AddCounter(const Description& description, const Labels& labels, double value) = 0;
  virtual void AddGauge(const Description& description, const Labels& labels, double value) = 0;
  virtual void AddHistogram(const Description& description, const Labels& labels,
                            const HistogramData& data) = 0;
};

class Registry {
 public:
  // Ends a collector when it dies; hold it beside what the collector reads. After Release (or the
  // destructor) returned, the collector does not run and will not. May outlive the registry.
  class [[nodiscard]] CallbackHandle {
   public:
    CallbackHandle() = default;
    explicit CallbackHandle(std::function<void()> release) : release_(std::move(release)) {}
    CallbackHandle(CallbackHandle&& other) noexcept
        : release_(std::exchange(other.release_, nullptr)) {}
    CallbackHandle& operator=(CallbackHandle&& other) noexcept;
    ~CallbackHandle() { Release(); }
    void Release();

   private:
    std::function<void()> release_;
  };

  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // The same name and labels give the same object.
  Counter& GetCounter(const Description& description, const Labels& labels = {});
  Gauge& GetGauge(const Description& description, const Labels& labels = {});
  // `bounds` ascending; the first call for a name and labels decides them.
  Histogram& GetHistogram(const Description& description, const Labels& labels,
                          const std::vector<double>& bounds);

  // Everything below is read when the registry is scraped, one reader at a time, on the scraping
  // thread. It may block where whoever calls Expose may, and must not call this registry.

  // Many at once, from one look at what they describe; their labels may come and go (volumes).
  CallbackHandle AddCollector(std::function<void(Samples&)> collect);

  // Everything in the text format 0.0.4 (Content-Type: text/plain; version=0.0.4; charset=utf-8).
  std::string Expose() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace forebay::metrics
