#include "tier/overflow_metrics.h"

namespace forebay::tier {

metrics::Registry::CallbackHandle CollectOverflow(metrics::Registry& registry,
                                                  const LakeTier& tier) {
  return registry.AddCollector([&tier](metrics::Samples& out) {
    for (const auto& [lake, status] : tier.Overflows()) {
      const metrics::Labels labels{{"lake", lake}};
      const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
      out.AddGauge({"forebay_overflow_bodies",
                    "Bodies of the container that lie in the lake that is room for it."},
                   labels, number(status.bodies));
      out.AddGauge({"forebay_overflow_bytes", "Bytes of those."}, labels, number(status.bytes));
      out.AddGauge({"forebay_overflow_to_delete_objects",
                    "Objects there that nothing needs any more; counted up to 10,000."},
                   labels, number(status.to_delete));
      out.AddGauge(
          {"forebay_overflow_stuck_objects",
           "Objects there that nothing needs, and that the lake did not let go when it was "
           "asked last."},
          labels, number(status.stuck));
      out.AddCounter({"forebay_overflow_sent_bodies_total", "Bodies that were sent there."}, labels,
                     number(status.sent.bodies));
      out.AddCounter({"forebay_overflow_sent_bytes_total", "Bytes of those."}, labels,
                     number(status.sent.bytes));
      out.AddCounter(
          {"forebay_overflow_failures_total", "Bodies that were to be sent there and did not go."},
          labels, number(status.sent.failures));
    }
  });
}

}  // namespace forebay::tier
