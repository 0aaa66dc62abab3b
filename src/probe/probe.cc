#include "probe/probe.h"

#include <algorithm>
#include <array>

#include "probe/questions/questions.h"

namespace anemone::probe {

std::vector<Finding> Probe::run(Device& device, Precision precision) const {
  Inquiry inquiry(device, precision);
  inquiry.part(std::string(name), [&] { return ask(inquiry); });
  return inquiry.findings();
}

std::span<const Probe> probes() {
  static const std::array kProbes{rmsnorm_bwd(), weight_reload(), weight_patch(), perf_stats(),
                                  qos_sweep(),   ane_advanced(),  api()};
  return kProbes;
}

const Probe* find_probe(std::string_view name) {
  constexpr std::string_view kPrefix = "test_";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  const auto found = std::ranges::find(probes(), name, &Probe::name);
  return found == probes().end() ? nullptr : &*found;
}

}  // namespace anemone::probe
